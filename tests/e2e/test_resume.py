"""Coming back over real sockets: every dialect's port, another gateway, private channels, the example's client."""

from __future__ import annotations

import asyncio
import importlib.util
import json
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from polyfeed.app.gateway_role import GatewayRole
from polyfeed.dialects.registry import DIALECTS
from polyfeed.model.commands import PlaceOrder
from polyfeed.model.enums import OrderKind, Side
from tests.e2e import ekiden_client
from tests.e2e.resuming import PLACES, Heard
from tests.e2e.world import HISTORY, world

pytestmark = pytest.mark.slow

ALICE = 1001
EXAMPLE = Path(__file__).parents[2] / "examples" / "resume" / "without_gaps.py"


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_who_is_cut_misses_nothing_on_another_gateway(dialect: str) -> None:
    others = [f"{name}.enabled=false" for name in DIALECTS if name != dialect]
    async with world("flow.agents=5", *others) as one:
        await one.pass_time(1)
        second = await one.another_gateway()
        steady = await Heard.open(dialect, one.first.ports[dialect])
        client = await Heard.open(dialect, one.first.ports[dialect], "1")
        await client.until_offset()
        assert client.ours()[0] == {"epoch": HISTORY}
        fan = one.first.gateway.fans[dialect]
        while sum(fan.listeners().values()) < 2:
            await asyncio.sleep(0.001)
        heard: list[str] = []
        for role in (second, one.first, second):
            await one.pass_time(0.7)
            heard += await client.cut()
            await one.pass_time(0.7)
            client = await Heard.open(dialect, role.ports[dialect], client.place())
            await client.until_offset()
            first = client.ours()[0]
            assert (first["resumed"], first["instrument"]) == (True, "BTC-USD")
        await one.pass_time(0.7)
        heard += await client.cut()
        assert len(heard) > 30
        await steady.until(lambda: len(steady.events()) >= len(heard))
        assert heard == steady.events()[: len(heard)]
        assert "polyfeed" not in "".join(steady.messages)
        await steady.close()


async def test_a_gateway_that_came_later_says_that_it_cannot() -> None:
    async with world("flow.agents=5") as one:
        await one.pass_time(1)
        client = await Heard.open("kraken", one.first.ports["kraken"], "1")
        await client.until_offset()
        place = client.place()
        await one.pass_time(0.5)
        late = await one.another_gateway()
        again = await Heard.open("kraken", late.ports["kraken"], place)
        await again.until_offset()
        refused = {"resumed": False, "channel": "book", "instrument": "BTC-USD", "reason": "window"}
        assert again.ours()[0] == refused
        assert '"as"' in again.events()[0], "what follows is the snapshot"
        for other in (client, again):
            await other.close()


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_what_no_gateway_gave_is_answered_on_every_port(dialect: str) -> None:
    async with world("flow.agents=0", "flow.capture=off") as one:
        for value, reason in (("x", "malformed"), ("abcd.5", "epoch"), (f"{HISTORY}.99999999", "future")):
            client = await Heard.open(dialect, one.first.ports[dialect], value)
            await client.until_offset()
            assert client.ours()[:2] == [{"resumed": False, "reason": reason}, {"epoch": HISTORY}]
            await client.close()


async def own_orders(role: GatewayRole, key: Any, place: str) -> ekiden_client.Client:
    """A client of its account's orders."""
    port = role.ports["ekiden"]
    bearer = await ekiden_client.Api(port, key).log_in(place)
    client = await ekiden_client.Client.open(port, f"/ws/private?polyfeed_resume={place}")
    await client.say(op="auth", bearer=bearer)
    await client.say(op="subscribe", args=["order"])
    await client.until_text('"offset"')
    return client


async def test_what_is_somebodys_own_is_replayed_to_nobody_else() -> None:
    async with world("flow.agents=0", "flow.capture=off") as one:
        second = await one.another_gateway()
        alice = await own_orders(one.first, ekiden_client.ALICE, "1")
        place = "{epoch}.{offset}".format(**json.loads(alice.messages[-1])["polyfeed"])
        await alice.close()
        order = PlaceOrder(ALICE, 0, Side.BUY, OrderKind.LIMIT, 10_000_000, 10_000_00000)
        for _ in range(3):
            await one.command(order)
        bob = await own_orders(second, ekiden_client.BOB, place)
        assert '"reason":"window"' in "".join(bob.messages), "nobody kept Bob's"
        assert bob.of("order") == []
        back = await own_orders(second, ekiden_client.ALICE, place)
        assert '"resumed":true,"channel":"order","instrument":null' in "".join(back.messages)
        assert len(back.of("order")) >= 3
        for client in (bob, back):
            await client.close()


def example() -> Any:
    spec = importlib.util.spec_from_file_location("without_gaps", EXAMPLE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


async def test_the_example_hears_each_message_once_through_cuts() -> None:
    async with world("flow.agents=5") as one:
        await one.pass_time(1)
        roles = [one.first, await one.another_gateway()]
        fans = [role.gateway.fans["kraken"] for role in roles]
        urls = [f"ws://127.0.0.1:{role.ports['kraken']}" for role in roles]
        heard: list[str | None] = []

        async def read() -> None:
            async with aclosing(example().messages(urls, PLACES["kraken"][1])) as messages:
                async for message in messages:
                    heard.append(message)  # noqa: PERF401 (it is read while this goes on)

        reader = asyncio.create_task(read())
        steady = await Heard.open("kraken", one.first.ports["kraken"])
        await steady.until(steady.events)
        for fan in (*fans, *fans):
            while not (listening := [each for each in fan.connections if each.offsets]):
                await asyncio.sleep(0.001)
            await one.pass_time(0.5)
            listening[0].outlet.abort()
            await one.pass_time(0.5)
        while heard.count(steady.events()[-1]) == 0:
            await asyncio.sleep(0.001)
        reader.cancel()
        await asyncio.gather(reader, return_exceptions=True)
        said = [text for text in heard if text is not None and PLACES["kraken"][2] in text]
        assert None not in heard
        assert len(said) > 100
        assert said == steady.events()[: len(said)]
        await steady.close()
