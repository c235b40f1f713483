"""Rails on two gateways on a bus that encodes and decodes; the second starts later, from a snapshot."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest
from websockets.exceptions import ConnectionClosedError

from polyfeed.dialects.registry import DIALECTS
from polyfeed.model.commands import CancelAll, PlaceOrder
from polyfeed.model.enums import OrderKind, Side
from tests.e2e.rails_client import Book, Client, call, token_of
from tests.e2e.world import World, world

T = TypeVar("T")

ALICE, BOB = 1001, 1002
ALONE = ["rails.limits=false", *(f"{name}.enabled=false" for name in DIALECTS if name != "rails")]


async def during(one: World, work: Coroutine[Any, Any, T]) -> T:
    """Does something while venue time passes."""
    task = asyncio.create_task(work)
    while not task.done():
        await one.pass_time(0.02)
    return task.result()


async def mark(one: World, *clients: Client) -> str:
    """Has an order of Alice's accepted, and waits until the clients have heard it."""
    name = str(uuid.uuid4())
    await one.command(PlaceOrder(ALICE, 0, Side.BUY, OrderKind.LIMIT, 10_000_000, 10_000_00000, client_id=name))
    await asyncio.gather(*(client.until_text(name) for client in clients))
    return name


def events(client: Client, start: str, end: str) -> list[str]:
    """What the client was told between two marks, replies left out."""
    places = [place for place, text in enumerate(client.messages) if start in text or end in text]
    between = client.messages[places[0] : places[-1]]
    return [text for text in between if is_event(text)]


def is_event(text: str) -> bool:
    message = json.loads(text)
    if message["resultType"].endswith("Delta"):
        return True
    said = "order" in message["data"] or message["resultType"] == "updateLeverage"
    return said and message["data"]["statusCode"] != 202


def book_of(client: Client, market: str) -> dict[str, dict[str, str]]:
    """The book that a client keeps."""
    book = Book()
    for text in client.messages:
        message = json.loads(text)
        if message.get("market") == market and message["resultType"].startswith("publicOrderBook"):
            book.apply(message)
    assert book.begun
    return book.sides


@pytest.mark.slow
@pytest.mark.usefixtures("either_bus")
async def test_both_gateways_say_the_same_bytes() -> None:
    async with world("flow.agents=5", *ALONE) as one:
        await one.pass_time(1)
        early = await Client.open(one.first.ports["rails"], market="ALL")
        await one.pass_time(1)
        second = await one.another_gateway()
        late = await Client.open(second.ports["rails"], market="ALL")
        single = await Client.open(second.ports["rails"], market="BTC-USD")
        start = await mark(one, early, late, single)
        order = await during(
            one,
            early.ask(
                "createOrder", market="BTC-USD", orderType="buy", tradeType="limit", price="10000", quantity="0.5"
            ),
        )
        number = order["data"]["order"]["orderId"]
        modified = await during(one, late.ask("modifyOrder", market="BTC-USD", orderId=number, price="10001"))
        assert modified["data"]["body"] == "original order modified"
        await during(one, late.ask("updateLeverage", leverage="3"))
        await during(
            one, early.ask("createOrder", market="BTC-USD", orderType="sell", tradeType="market", quantity="0.01")
        )
        await during(one, late.ask("emitPublicOrderBook", market="BTC-USD"))
        await during(one, single.ask("emitPublicOrderBook"))
        await during(one, early.ask("emitPublicOrderBook", market="BTC-USD"))
        await one.pass_time(3)
        end = await mark(one, early, late, single)
        said = events(early, start, end)
        assert said == events(late, start, end)
        assert len(said) > 200
        kinds = {json.loads(text)["resultType"] for text in said}
        assert kinds >= {
            "createOrder",
            "modifyOrder",
            "updateLeverage",
            "fillOrder",
            "completedOrdersDelta",
            "publicCompletedOrdersDelta",
            "publicOrderBookDelta",
        }
        own = [text for text in said if json.loads(text).get("market", "BTC-USD") == "BTC-USD"]
        assert own == events(single, start, end)
        assert book_of(early, "BTC-USD") == book_of(late, "BTC-USD") == book_of(single, "BTC-USD")
        assert one.first.gateway.accounts.state_hash() == second.gateway.accounts.state_hash()

        # Its feeds end and are made anew; it goes on saying the same.
        for client in (late, single):
            await client.close()
        while not second.gateway.fans["rails"].idle():
            await asyncio.sleep(0.001)
        again = await Client.open(second.ports["rails"], market="ALL")
        start = await mark(one, early, again)
        await one.pass_time(2)
        end = await mark(one, early, again)
        assert events(early, start, end) == events(again, start, end) != []
        for client in (early, again):
            await client.close()


@pytest.mark.usefixtures("either_bus")
async def test_an_order_of_another_way_is_seen_and_cancelled_in_bulk() -> None:
    """An order that no Rails client entered is one of the user's orders like any other."""
    async with world("flow.agents=0", "flow.capture=off", *ALONE) as one:
        port = one.first.ports["rails"]
        alice = await Client.open(port, market="BTC-USD", subscriptions="orders")
        bob = await Client.open(port, key="demo2", market="ALL")
        await one.command(PlaceOrder(ALICE, 0, Side.BUY, OrderKind.LIMIT, 10_000_000, 10_000_00000))
        await alice.until(lambda: any('"order accepted"' in text for text in alice.messages))
        await bob.until(lambda: any("publicOrderBookDelta" in text for text in bob.messages))
        assert not any("orderId" in text for text in bob.messages)
        token = await token_of(port, "demo")
        number = str(uuid.uuid4())
        path = f"/api/v1/orders?market=all&clientRequestId={number}"
        done = await during(one, asyncio.to_thread(call, port, "DELETE", path, Authorization=f"Bearer {token}"))
        assert done == {"message": "Cancelling 1 order for all markets without any errors"}
        await alice.until(lambda: any(f"{number}#0" in text for text in alice.messages))
        for client in (alice, bob):
            await client.close()


async def test_a_connection_that_is_cut_cancels_its_orders_where_it_asked_for_that() -> None:
    async with world("flow.agents=0", "flow.capture=off", *ALONE) as one:
        port = one.first.ports["rails"]
        watcher = await Client.open(port, subscriptions="orders")
        client = await Client.open(port, cancelOnDisconnect="true")
        await during(one, client.ask("createOrder", orderType="buy", tradeType="limit", price="9000", quantity="0.5"))
        client.socket.transport.abort()
        async with asyncio.timeout(10):
            while not any('"order cancelled"' in text for text in watcher.messages):
                await one.pass_time(0.02)
        await one.command(CancelAll(BOB))
        await watcher.close()


async def test_frames_of_64_kib_and_more() -> None:
    async with world("flow.agents=0", "flow.capture=off", *ALONE) as one:
        client = await Client.open(one.first.ports["rails"])
        text = json.dumps({"message": "ping", "content": {}})
        await client.socket.send(text + " " * (65_536 - len(text)))
        await client.until_text('"pong"')
        await client.socket.send(text + " " * (65_537 - len(text)))
        with pytest.raises(ConnectionClosedError):
            await client.close()
        assert client.socket.close_code == 1009


async def test_the_document_of_the_dialect_is_served() -> None:
    async with world("flow.agents=0", "flow.capture=off", *ALONE) as one:
        found = await asyncio.to_thread(call, one.first.ports["rails"], "GET", "/asyncapi.json")
        assert found["asyncapi"] == "3.0.0"
        assert "createOrder" in found["operations"]
