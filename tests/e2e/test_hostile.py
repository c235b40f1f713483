"""Malformed, oversized, binary and hostile clients: each gets its answer, and the neighbour notices nothing."""

from __future__ import annotations

import asyncio
import json
import random
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed

from polyfeed.app.gateway_role import LAST_SECONDS
from tests.e2e.kraken_client import Book, Client
from tests.e2e.raw import KEY, Raw, frame, upgrade
from tests.e2e.world import World, world

pytestmark = pytest.mark.slow


@pytest.fixture
def handshake_seconds() -> float:
    """The default. Who waits for it to be over has a shorter one: a busy machine may be slow with a handshake."""
    return 10.0


@pytest.fixture
async def one(handshake_seconds: float) -> AsyncIterator[World]:
    async with world(
        "gateway.handshake_rate=0",
        "flow.agents=3",
        f"gateway.handshake_seconds={handshake_seconds}",
        "gateway.close_seconds=0.5",
        "gateway.max_fragments=100",
    ) as running:
        await running.pass_time(1)
        yield running


@pytest.fixture
async def neighbour(one: World) -> AsyncIterator[Client]:
    """A polite client whose book must stay whole, with a message for every change, whatever the others do."""
    client = await Client.open(one.first.ports["kraken"])
    await client.subscribe(["XBT/USD"], name="book", depth=25)
    yield client
    await one.pass_time(1)
    count = len(client.messages)
    await client.say({"event": "ping", "reqid": 4711})
    await client.until_text('"reqid":4711')
    book = Book(25)
    for text in client.data():
        book.apply(text)
    assert book.checked > 20
    assert len(client.messages) > count
    await client.close()


async def websocket(port: int) -> Raw:
    raw = await Raw.connect(port, upgrade())
    assert b" 101 " in await raw.head()
    assert "systemStatus" in (await raw.frame())[1].decode()
    return raw


Attack = Callable[[Raw], Awaitable[None]]


async def oversized(raw: Raw) -> None:
    raw.writer.write(frame(1, b"x" * 70_000))
    assert await raw.close_code() == (1009, "message is too big")


async def oversized_in_fragments(raw: Raw) -> None:
    raw.writer.write(frame(1, b"x" * 40_000, fin=False) + frame(0, b"x" * 40_000))
    assert await raw.close_code() == (1009, "message is too big")


async def announced_as_huge(raw: Raw) -> None:
    raw.writer.write(bytes([0x81, 0xFF]) + struct.pack(">Q", 1 << 62) + b"\0\0\0\0")
    assert await raw.close_code() == (1009, "message is too big")


async def not_utf8(raw: Raw) -> None:
    raw.writer.write(frame(1, b"\xff\xfe"))
    assert await raw.close_code() == (1007, "text is not UTF-8")


async def unmasked(raw: Raw) -> None:
    raw.writer.write(frame(1, b"{}", masked=False))
    assert await raw.close_code() == (1002, "protocol error")


async def reserved_opcode(raw: Raw) -> None:
    raw.writer.write(frame(3, b""))
    assert await raw.close_code() == (1002, "protocol error")


async def continuation_of_nothing(raw: Raw) -> None:
    raw.writer.write(frame(0, b"{}"))
    assert await raw.close_code() == (1002, "protocol error")


async def long_ping(raw: Raw) -> None:
    raw.writer.write(frame(9, b"x" * 126))
    assert await raw.close_code() == (1002, "protocol error")


async def close_with_a_bad_code(raw: Raw) -> None:
    raw.writer.write(frame(8, struct.pack(">H", 1005)))
    assert await raw.close_code() == (1002, "protocol error")


async def not_utf8_in_a_close_reason(raw: Raw) -> None:
    raw.writer.write(frame(8, struct.pack(">H", 1000) + b"\xff"))
    assert await raw.close_code() == (1007, "text is not UTF-8")


async def floods(raw: Raw) -> None:
    raw.writer.write(frame(9, b"") * 5000)
    assert await raw.close_code() == (1008, "too many messages")


async def crumbles(raw: Raw) -> None:
    raw.writer.write(frame(1, b"x", fin=False) + frame(0, b"x", fin=False) * 200)
    assert await raw.close_code() == (1009, "message is too big")


async def vanishes(raw: Raw) -> None:
    raw.writer.write(frame(1, b'{"event":"subscribe","pair":["XBT/USD"],"subscription":{"name":"*"}}'))
    raw.end()


@pytest.mark.parametrize(
    "attack",
    [
        oversized,
        oversized_in_fragments,
        announced_as_huge,
        not_utf8,
        unmasked,
        reserved_opcode,
        continuation_of_nothing,
        long_ping,
        close_with_a_bad_code,
        not_utf8_in_a_close_reason,
        floods,
        crumbles,
        vanishes,
    ],
)
async def test_who_breaks_the_protocol_is_closed_with_a_code(one: World, neighbour: Client, attack: Attack) -> None:
    raw = await websocket(one.first.ports["kraken"])
    await attack(raw)
    if attack is not vanishes:
        assert await raw.ended()
        raw.end()


@pytest.mark.parametrize(
    ("opcode", "payload"),
    [(1, b"hello"), (1, b"[]"), (2, b"\x00\x01\x02"), (1, b"\x00"), (1, b"[" * 60_000), (1, b'{"event":"subscribe"')],
)
async def test_malformed_messages_get_the_dialects_error(
    one: World, neighbour: Client, opcode: int, payload: bytes
) -> None:
    raw = await websocket(one.first.ports["kraken"])
    raw.writer.write(frame(opcode, payload))
    _, answer = await raw.frame()
    assert json.loads(answer)["errorMessage"] == "Malformed request"
    raw.writer.write(frame(1, b'{"event":"ping"}'))
    assert (await raw.frame())[1] == b'{"event":"pong"}'
    raw.end()


async def test_fragments_with_a_ping_between_them_are_one_message(one: World) -> None:
    raw = await websocket(one.first.ports["kraken"])
    raw.writer.write(
        frame(1, b'{"event":', fin=False) + frame(9, b"abc") + frame(0, b"", fin=False) + frame(0, b'"ping"}')
    )
    assert {await raw.frame(), await raw.frame()} == {(10, b"abc"), (1, b'{"event":"pong"}')}
    raw.end()


@pytest.mark.parametrize("handshake_seconds", [1.0])
@pytest.mark.parametrize(
    "first",
    [
        b"",
        b"GET / HTTP/1.1\r\nHost: x\r\n",
        upgrade()[:60],
    ],
)
async def test_half_open_handshakes_are_ended(one: World, neighbour: Client, first: bytes) -> None:
    raw = await Raw.connect(one.first.ports["kraken"], first)
    assert await raw.ended()
    raw.end()


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (upgrade("/v2"), b"404"),
        (upgrade().replace(b"Version: 13", b"Version: 8"), b"400"),
        (upgrade().replace(KEY.encode(), b"short"), b"400"),
        (upgrade(extra="X-Long: " + "x" * 20_000 + "\r\n"), b"431"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"x" * 50 + b"\r\n\r\n", b"400"),
        (b"BLAH\r\n\r\n", b"400"),
    ],
)
async def test_bad_handshakes_are_refused_with_a_status(
    one: World, neighbour: Client, request_bytes: bytes, status: bytes
) -> None:
    raw = await Raw.connect(one.first.ports["kraken"], request_bytes)
    head = await raw.head()
    assert head.split(b" ")[1] == status
    raw.end()


async def test_a_request_sent_with_the_handshake_is_answered(one: World) -> None:
    raw = await Raw.connect(one.first.ports["kraken"], upgrade() + frame(1, b'{"event":"ping","reqid":1}'))
    assert b" 101 " in await raw.head()
    await raw.frame()
    assert (await raw.frame())[1] == b'{"event":"pong","reqid":1}'
    raw.end()


def descriptors() -> int:
    """How many this process has."""
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_random_bytes_leave_the_server_as_it_was(one: World, neighbour: Client) -> None:
    dice = random.Random(1)
    fan = one.first.gateway.fans["kraken"]
    before = len(fan.connections)
    open_before = descriptors()
    for _ in range(100):
        raw = await websocket(one.first.ports["kraken"])
        raw.writer.write(dice.randbytes(dice.randrange(1, 2000)))
        if dice.random() < 0.5:
            raw.writer.write_eof()
        await asyncio.sleep(0)
        raw.end()
    async with asyncio.timeout(10):
        while len(fan.connections) > before:
            await asyncio.sleep(0.01)
    assert descriptors() < open_before + 20


async def test_a_reader_that_stops_is_ended_and_its_neighbour_hears_everything(neighbour: Client, one: World) -> None:
    port = one.first.ports["kraken"]
    raw = await websocket(port)
    raw.writer.transport.pause_reading()  # type: ignore[attr-defined]
    pairs = json.dumps(["XBT/USD", "ETH/EUR", "XBT/EUR"])
    for depth in (1000, 500, 100, 25):
        request = f'{{"event":"subscribe","pair":{pairs},"subscription":{{"name":"book","depth":{depth}}}}}'
        raw.writer.write(frame(1, request.encode()))
    await one.pass_time(3)
    fan = one.first.gateway.fans["kraken"]
    assert len(fan.connections) == 2
    kept = max(connection.own_bytes + connection.cohort.bytes for connection in fan.connections)
    assert kept < 1 << 20
    raw.end()


async def test_who_asks_for_every_book_and_does_not_read_has_few_of_them_waiting_and_later_all() -> None:
    settings = ("gateway.lag_bytes=65536", "gateway.send_buffer_bytes=4096", "flow.agents=10")
    async with world(*settings) as one:
        await one.pass_time(2)
        raw = await websocket(one.first.ports["kraken"])
        raw.writer.transport.pause_reading()  # type: ignore[attr-defined]
        markets = [state.instrument for state in one.first.gateway.market.instruments]
        pairs = [market.symbols["kraken"] for market in markets if "kraken" in market.symbols]
        wish = {"event": "subscribe", "pair": pairs, "subscription": {"name": "book", "depth": 1000}}
        raw.writer.write(frame(1, json.dumps(wish).encode()))
        (connection,) = one.first.gateway.fans["kraken"].connections
        async with asyncio.timeout(10):
            while not connection.owed:
                await asyncio.sleep(0.01)
        longest = 100_000
        assert connection.own_bytes < 65_536 + longest
        await one.pass_time(1)
        assert connection.own_bytes < 65_536 + longest
        raw.writer.transport.resume_reading()  # type: ignore[attr-defined]
        books = {pair: Book(1000) for pair in pairs}
        shown: set[str] = set()
        while shown < books.keys() or connection.owed:
            text = (await raw.frame())[1].decode()
            if text.startswith("["):
                pair = json.loads(text)[-1]
                assert pair in shown or '"as":' in text, "nothing comes before the first snapshot"
                shown.add(pair)
                books[pair].apply(text)
        await one.pass_time(1)
        raw.writer.write(frame(1, b'{"event":"ping","reqid":4711}'))
        while b"4711" not in (said := (await raw.frame())[1]):
            if said.startswith(b"["):
                books[json.loads(said)[-1]].apply(said.decode())
        assert sum(book.checked for book in books.values()) > 20
        raw.end()


async def test_a_stop_says_goodbye(one: World) -> None:
    client = await Client.open(one.first.ports["kraken"])
    await client.subscribe(["XBT/USD"], name="trade")
    await one.first.close(5.0)
    with pytest.raises(ConnectionClosed):
        await client.socket.recv()
    assert client.socket.close_code == 1001
    assert client.socket.close_reason == "server is shutting down"
    one.gateways.clear()


async def test_a_stop_is_bounded_on_all_ports_together() -> None:
    async with world("flow.capture=off", "flow.agents=0", "gateway.handshake_seconds=30") as one:
        half = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc"
        raws = [await Raw.connect(port, half) for port in one.first.ports.values()]
        await asyncio.sleep(0.1)
        began = asyncio.get_running_loop().time()
        await one.first.close(0.5)
        assert asyncio.get_running_loop().time() - began < len(raws) * LAST_SECONDS / 2
        for raw in raws:
            assert await raw.ended()
            raw.end()
        one.gateways.clear()
