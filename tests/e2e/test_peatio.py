"""The Peatio port on two gateways with a bus that encodes; the second one starts later, from a snapshot."""

from __future__ import annotations

import asyncio
import json
import time
from importlib.resources import files

import pytest
from websockets.asyncio.client import ClientConnection, connect

from polyfeed.app.gateway_role import GatewayRole
from polyfeed.app.peatio_keys import demo_private_key
from polyfeed.dialects.peatio.auth import mint
from polyfeed.model.commands import CancelAll, PlaceOrder
from polyfeed.model.enums import OrderKind, Side
from tests.e2e.world import World, world

ALICE = 1001
STREAMS = (
    "btcusd",
    "ethusd.ob-inc",
    "ethusd.trades",
    "ethusd.kline-1m",
    "global.tickers",
    "order",
    "trade",
    "balances",
)


class Client:
    """A connection that keeps every message it got."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.messages: list[str] = []
        self.reader = asyncio.create_task(self.read())

    async def read(self) -> None:
        async for message in self.socket:
            self.messages.append(str(message))

    async def mark(self) -> int:
        """Returns when all that was sent before has come: how many messages those are."""
        known = self.messages.count("pong")
        await self.socket.send("ping")
        async with asyncio.timeout(30):
            while self.messages.count("pong") == known:
                await asyncio.sleep(0.005)
        return len(self.messages)


async def client(role: GatewayRole, token: str) -> Client:
    query = "&".join(f"stream={name}" for name in STREAMS)
    url = f"ws://127.0.0.1:{role.ports['peatio']}/private?{query}"
    headers = {"Authorization": f"Bearer {token}"}
    return Client(await connect(url, additional_headers=headers, max_size=None, ping_interval=None))


def price(one: World, name: str) -> tuple[int, int]:
    """A market's number and its best bid."""
    state = one.first.gateway.market.by_symbol("peatio", name)
    assert state is not None
    best = state.book.bids.best()
    assert best is not None
    return state.instrument.id, best.price


async def trade(one: World) -> None:
    """Alice trades: an order that fills, one that rests and ends."""
    instrument, best = price(one, "btcusd")
    await one.command(PlaceOrder(ALICE, instrument, Side.SELL, OrderKind.LIMIT, 100_000, best))
    await one.command(PlaceOrder(ALICE, instrument, Side.BUY, OrderKind.LIMIT, 100_000, 1_000_000))
    await one.pass_time(0.5)
    await one.command(CancelAll(ALICE))


def names(messages: list[str]) -> set[str]:
    """The streams that spoke."""
    return {name for text in messages if text != "pong" for name in json.loads(text)}


@pytest.mark.slow
@pytest.mark.parametrize("profile", ["2.2", "3.x"])
@pytest.mark.usefixtures("either_bus")
async def test_both_gateways_say_the_same_bytes(profile: str) -> None:
    key = (files("polyfeed") / "data" / "peatio" / "demo-key.pub").read_text("ascii")
    token = mint(demo_private_key(), {"uid": "ID1001"}, int(time.time() * 1e6))
    async with world(f"peatio.profile={profile}", f"peatio.jwt_public_key={key}", "flow.agents=5") as one:
        await one.pass_time(2)
        early = await client(one.first, token)
        await early.mark()
        await one.pass_time(1)
        second = await one.another_gateway()
        late = await client(second, token)
        starts = [await early.mark(), await late.mark()]
        await one.pass_time(2)
        await trade(one)
        await one.pass_time(4)
        ends = [await early.mark(), await late.mark()]
        said, again = (
            [text for text in client.messages[start:end] if text != "pong"]
            for client, start, end in zip((early, late), starts, ends, strict=True)
        )
        assert said == again
        assert len(said) > 500
        wanted = {"btcusd.ob-inc", "btcusd.update", "ethusd.ob-inc", "global.tickers", "order", "trade", "balances"}
        assert wanted <= names(said)
        snapshots = (role.remember().projections["peatio"] for role in (one.first, second))
        assert len(set(snapshots)) == 1

        # The second gateway's feeds end and are made anew; a newcomer gets the same on both.
        await late.socket.close()
        while not second.gateway.fans["peatio"].idle():
            await asyncio.sleep(0.001)
        newcomers = [await client(role, token) for role in (one.first, second)]
        for newcomer in newcomers:
            await newcomer.mark()
        assert newcomers[0].messages == newcomers[1].messages
        for each in (early, *newcomers):
            await each.socket.close()
