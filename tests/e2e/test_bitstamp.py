"""Bitstamp's clients on real sockets: two gateways, a client that is asked to reconnect, frames that are too large."""

from __future__ import annotations

import asyncio
import itertools
import json
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.dialects.bitstamp.naive import DiffClient
from tests.e2e.world import World, world

PUBLIC = (
    "live_trades_btcusd",
    "live_orders_btcusd",
    "order_book_btcusd",
    "detail_order_book_btcusd",
    "diff_order_book_btcusd",
)


class Client:
    """Everything that a connection was sent; acknowledgements apart."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.frames: list[str] = []
        self.acknowledged = 0
        self.closed: tuple[int, str] | None = None
        self._task = asyncio.create_task(self._read())

    async def _read(self) -> None:
        try:
            async for message in self.connection:
                if "subscription_succeeded" in message:
                    self.acknowledged += 1
                else:
                    self.frames.append(str(message))
        except ConnectionClosed:
            pass
        self.closed = (self.connection.close_code or 0, self.connection.close_reason or "")

    async def subscribe(self, *channels: str) -> None:
        for channel in channels:
            await self.connection.send(json.dumps({"event": "bts:subscribe", "data": {"channel": channel}}))
        await until(lambda: self.acknowledged >= len(channels))


async def until(condition: Any) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.005)


async def client(port: int, *channels: str) -> Client:
    one = Client(await connect(f"ws://127.0.0.1:{port}/"))
    await one.subscribe(*channels)
    return one


async def caught_up(one: World, clients: list[Client]) -> None:
    """Waits until nothing more comes."""
    seen = -1
    while seen != sum(len(each.frames) for each in clients):
        seen = sum(len(each.frames) for each in clients)
        await asyncio.sleep(0.1)


@pytest.mark.slow
@pytest.mark.usefixtures("either_bus")
async def test_two_gateways_say_the_same() -> None:
    async with world("flow.agents=20") as one:
        await one.pass_time(1.0)
        second = await one.another_gateway()
        ports = one.first.ports["bitstamp"], second.ports["bitstamp"]
        clients = [await client(port, *PUBLIC) for port in ports]
        await one.pass_time(3.0)
        await caught_up(one, clients)
        assert len(clients[0].frames) > 100
        for channel in PUBLIC:
            told = [[text for text in each.frames if f'"channel":"{channel}"' in text] for each in clients]
            assert told[0] == told[1] != [], channel
        for each in clients:
            await each.connection.close()


@pytest.mark.slow
@pytest.mark.usefixtures("either_bus")
async def test_the_official_reconciliation_over_sockets() -> None:
    """REST from one gateway, socket from the other."""
    async with world("flow.agents=20") as one:
        await one.pass_time(1.0)
        second = await one.another_gateway()
        reader, each = DiffClient(), await client(one.first.ports["bitstamp"], "diff_order_book_btcusd")
        await one.pass_time(0.55)
        body = await get(second.ports["bitstamp"], "/api/v2/order_book/btcusd/?group=1")
        await one.pass_time(2.0)
        await caught_up(one, [each])
        for number, text in enumerate(each.frames):
            reader.receive(text)
            if number == 2:
                reader.snapshot(body)
        assert reader.unknown == reader.crossed == []
        last = json.loads(await get(second.ports["bitstamp"], "/api/v2/order_book/btcusd"))
        assert int(last["microtimestamp"]) == reader.last
        assert reader.top(10_000) == (last["bids"], last["asks"])
        await each.connection.close()


async def get(port: int, path: str) -> bytes:
    """The body of an HTTP response."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
    response = await reader.read()
    writer.close()
    head, _, body = response.partition(b"\r\n\r\n")
    assert b" 200 " in head.splitlines()[0]
    return body


@pytest.mark.slow
@pytest.mark.usefixtures("either_bus")
async def test_clients_are_asked_to_reconnect_and_miss_nothing() -> None:
    """A gateway stops while the other goes on: old and new socket overlap, together they have every order event."""
    async with world("flow.agents=20", "bitstamp.reconnect_seconds=8.0") as one:
        await one.pass_time(1.0)
        second = await one.another_gateway()
        witness = await client(second.ports["bitstamp"], "live_orders_btcusd")
        old = await client(one.first.ports["bitstamp"], "live_orders_btcusd")
        await one.pass_time(0.5)
        stopping = asyncio.create_task(one.first.close(20.0))
        await until(lambda: any("request_reconnect" in text for text in old.frames))
        await one.pass_time(0.3)
        new = await client(second.ports["bitstamp"], "live_orders_btcusd")
        await one.pass_time(0.3)
        await until(lambda: old.closed is not None)
        assert old.closed == (1001, "reconnect")
        await stopping
        await one.pass_time(0.5)
        await caught_up(one, [witness, new])
        union = dict.fromkeys(text for text in (*old.frames, *new.frames) if "request_reconnect" not in text)
        assert list(union) == witness.frames[len(witness.frames) - len(union) :]
        chain = [json.loads(text) for text in union]
        for before, frame in itertools.pairwise(chain):
            assert frame["pre_event_id"] == before["event_id"]
        for each in (witness, new):
            await each.connection.close()
        one.gateways.remove(one.first)


async def test_a_frame_that_is_too_large() -> None:
    async with world() as one:
        each = await client(one.first.ports["bitstamp"])
        await each.connection.send("x" * 600)
        await until(lambda: each.closed is not None)
        assert each.closed == (1009, "read limited at 513 bytes")
