"""Real sockets on a small dialect: the order of bytes, the closing handshake, and the ends of those who do not end."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec import structs

from polyfeed.app.tls import self_signed, server_context
from polyfeed.dialects._base.dialect import Peer
from polyfeed.dialects._base.effects import Close, Effect, FeedKey, Join, Send, Submit
from polyfeed.dialects._base.rest import RestAnswer, RestAsk, RestRequest, RestResponse, RestSubmit
from polyfeed.dialects._base.session import Session
from polyfeed.gateway import protocol
from polyfeed.gateway.door import Door, DoorLimits, networks
from polyfeed.gateway.fanout import FanOut
from polyfeed.gateway.listener import Listener
from polyfeed.gateway.port import Port, PortLimits
from polyfeed.gateway.requests import Requests
from polyfeed.gateway.rest import rest_app
from polyfeed.model.batches import Batch
from polyfeed.model.commands import AnyCommand, Clock, Origin
from polyfeed.model.enums import OrderKind, Side
from polyfeed.model.events import Trade
from polyfeed.model.history import CandlesOf, HistoryUnavailable, Query, RatesOf
from tests.e2e.raw import Raw, frame, upgrade
from tests.gateway.fakes import EchoSession, FakeDialect

NO_FRAME = b'{"not": "a frame"}'

BIG = 400_000
OPEN = DoorLimits()


class Talker(EchoSession):
    """Does what the message says."""

    def receive(self, now: int, data: str | bytes) -> list[Effect]:
        match data:
            case "join":
                return [Join(FeedKey("a", 0)), Send("joined")]
            case "big":
                return [Send("x" * 100_000)]
            case "close":
                return [Close(4000, "as you wish")]
            case "order":
                return [Submit(Clock(), 1)]
            case "fail":
                raise RuntimeError("fail")
        return [Send(f"echo {data!r}")]


def _told(rows: Sequence[Any]) -> RestResponse:
    return RestResponse(200, f"instrument {rows[0].instrument}".encode(), "text/plain")


class TalkDialect(FakeDialect):
    """Talkers on every path but /fail, and REST calls that say what they were given."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[RestRequest] = []
        self.peers: list[Peer] = []

    def connect(self, now: int, peer: Peer) -> Session | RestResponse:
        self.peers.append(peer)
        if peer.path == "/fail":
            raise RuntimeError("connect")
        return Talker()

    def rest(self, now: int, request: RestRequest) -> RestAnswer:
        self.calls.append(request)
        match request.path:
            case "/big":
                return RestResponse(200, b"B" * BIG, "text/plain")
            case "/order":
                return RestSubmit(Clock(), lambda _: RestResponse(200, b"done", "text/plain"))
            case "/past":
                return RestAsk(CandlesOf(instrument=3, interval=60), _told)
            case "/unknown":
                return RestAsk(RatesOf(instrument=3), _told)
            case "/fail":
                raise RuntimeError("rest")
        return RestResponse(200, b"hello", "text/plain")


async def recall(query: Query) -> Sequence[Any]:
    """Whoever asks about funding is told that nobody knows; about candles, after a turn, of one row."""
    await asyncio.sleep(0)
    if isinstance(query, RatesOf):
        raise HistoryUnavailable("nobody knows now; ask again later")
    return [query]


class House:
    """A listener on a free port."""

    def __init__(self, limits: PortLimits, doors: DoorLimits = OPEN, proxies: str = "") -> None:
        self.time = 0
        loop = asyncio.get_running_loop()
        self.dialect = TalkDialect()
        self.submitted: list[tuple[AnyCommand, Origin]] = []
        requests = Requests(1, lambda command, origin: self.submitted.append((command, origin)))
        self.requests = requests
        self.fan = FanOut(
            self.dialect, loop.call_soon, loop.call_later, lambda *_: None, requests, lambda: 0, lag_bytes=1 << 24
        )
        self.door = Door(doors, networks(proxies))
        self.port = Port(self.fan, requests, recall, limits, lambda: self.time, lambda: 1, self.door)
        self.listener = Listener(rest_app(self.port), limits, self.port)
        self.number = 0
        self.seq = 0

    async def open(self, tls: ssl.SSLContext | None = None) -> None:
        self.number = await self.listener.open("127.0.0.1", 0, tls)

    def trade(self, price: int) -> None:
        self.seq += 1
        event = Trade(0, self.seq, price, 1, Side.BUY, OrderKind.LIMIT)
        self.fan.fold(event)
        self.fan.flush(Batch(1, self.seq, self.seq, public=[event]))

    def http_connections(self) -> int:
        return len(self.listener._state.connections)

    async def websocket(self) -> Raw:
        raw = await Raw.connect(self.number, upgrade())
        assert b" 101 " in await raw.head()
        return raw


LIMITS = PortLimits(handshake_seconds=30, stall_seconds=30, close_seconds=30, send_buffer_bytes=8192)
"""Nobody is ended for being late, on however busy a machine."""

HASTY = structs.replace(LIMITS, handshake_seconds=0.4, stall_seconds=0.4, close_seconds=0.4)
"""For those who are."""


@asynccontextmanager
async def opened(limits: PortLimits) -> AsyncIterator[House]:
    one = House(limits)
    await one.open()
    faults: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context))
    yield one
    await one.listener.drain(2.0)
    await until(lambda: not one.fan.connections and not one.port.sockets)
    assert one.fan.idle()
    assert one.door.opened == 0
    assert faults == []


@pytest.fixture
async def house() -> AsyncIterator[House]:
    """Nothing is left at the end, and nothing went wrong in the event loop."""
    async with opened(LIMITS) as one:
        yield one


@pytest.fixture
async def hasty() -> AsyncIterator[House]:
    """The same, for those who do not end by themselves."""
    async with opened(HASTY) as one:
        yield one


async def until(done: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not done():
            await asyncio.sleep(0.01)


def close_frame(code: int = 1000) -> bytes:
    return frame(8, struct.pack(">H", code))


async def narrow(port: int) -> Raw:
    """A client that has room for little."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
    reader, writer = await asyncio.open_connection(sock=sock, limit=4096)
    return Raw(reader, writer)


# --- the closing handshake ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("last", [frame(1, b"close"), frame(1, b"\xff"), frame(1, b"fail"), frame(1, b"hi")])
async def test_a_message_and_a_goodbye_in_one_piece(house: House, last: bytes) -> None:
    raw = await house.websocket()
    raw.writer.write(frame(1, b"first") + last + close_frame(1000))
    assert (await raw.frame())[1] == b"echo 'first'"
    assert (await raw.close_code())[0] == 1000
    assert await raw.ended()
    raw.end()


async def test_who_said_goodbye_and_stays_is_not_told_anything_nor_in_the_way_of_a_stop(hasty: House) -> None:
    raw = await hasty.websocket()
    raw.writer.write(frame(1, b"join"))
    await raw.frame()
    raw.writer.write(close_frame())
    assert (await raw.close_code())[0] == 1000
    assert hasty.fan.connections
    hasty.trade(1)
    for connection in hasty.fan.connections:
        hasty.fan.close(connection, 1001, "too late")
    await hasty.listener.drain(2.0)
    assert await raw.reader.read() == b""
    raw.end()


async def test_nothing_follows_the_answer_to_a_goodbye_of_a_slow_reader(house: House) -> None:
    raw = await narrow(house.number)
    raw.writer.write(upgrade())
    await raw.head()
    raw.writer.write(frame(1, b"join"))
    await raw.frame()
    transport = raw.writer.transport
    transport.pause_reading()  # type: ignore[attr-defined]
    raw.writer.write(frame(1, b"big") * 3 + close_frame())
    await until(lambda: bool(house.fan.connections) and all(one.outlet.paused for one in house.fan.connections))
    house.trade(1)
    house.trade(2)
    await until(house.fan.turns.idle)
    transport.resume_reading()  # type: ignore[attr-defined]
    heard = []
    while True:
        opcode, payload = await raw.frame()
        heard.append(payload[:5])
        if opcode == 8:
            break
    assert heard[-1] == struct.pack(">H", 1000)
    assert await raw.reader.read() == b""
    raw.end()


async def test_a_socket_that_fails_while_it_is_taken_up_again_ends_once(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = await narrow(house.number)
    raw.writer.write(upgrade())
    await raw.head()
    raw.writer.write(frame(1, b"join"))
    await raw.frame()
    transport = raw.writer.transport
    transport.pause_reading()  # type: ignore[attr-defined]
    raw.writer.write(frame(1, b"big") * 3)
    await until(lambda: bool(house.fan.connections) and all(one.outlet.paused for one in house.fan.connections))
    house.trade(1)

    def reset(*_: object) -> int:
        raise ConnectionResetError

    monkeypatch.setattr(protocol, "os", SimpleNamespace(write=reset))
    transport.resume_reading()  # type: ignore[attr-defined]
    while await raw.reader.read(65_536):
        pass
    await until(lambda: not house.port.sockets)
    raw.end()


async def test_half_closed_clients_get_their_answers_and_end(house: House) -> None:
    raw = await house.websocket()
    raw.writer.write(frame(1, b"hi"))
    raw.writer.write_eof()
    assert (await raw.frame())[1] == b"echo 'hi'"
    assert await raw.ended()
    await until(lambda: not house.fan.connections)
    raw.end()


async def test_messages_wait_while_their_answers_cannot_be_sent(house: House) -> None:
    raw = await narrow(house.number)
    raw.writer.write(upgrade())
    await raw.head()
    raw.writer.transport.pause_reading()  # type: ignore[attr-defined]
    raw.writer.write(frame(1, b"big") * 200)
    await until(lambda: any(one.outlet.paused for one in house.fan.connections))
    await asyncio.sleep(0.05)
    (connection,) = house.fan.connections
    assert connection.own_bytes < 1_000_000
    raw.writer.transport.resume_reading()  # type: ignore[attr-defined]
    for _ in range(200):
        assert len((await raw.frame())[1]) == 100_000
    raw.end()


# --- before the upgrade -------------------------------------------------------------------------------------------------


async def test_an_upgrade_behind_an_unread_response_comes_after_it(house: House) -> None:
    raw = await narrow(house.number)
    raw.writer.write(b"GET /big HTTP/1.1\r\nHost: x\r\n\r\n" + upgrade() + frame(1, b"hi"))
    await until(lambda: any(one.paused for one in house.port.sockets))
    assert b"content-length: 400000" in await raw.head()
    assert await raw.reader.readexactly(BIG) == b"B" * BIG
    assert b" 101 " in await raw.head()
    assert (await raw.frame())[1] == b"echo 'hi'"
    raw.end()


async def test_a_refusal_behind_an_unread_response_comes_after_it(house: House) -> None:
    raw = await narrow(house.number)
    raw.writer.write(b"GET /big HTTP/1.1\r\nHost: x\r\n\r\n" + upgrade("/fail") + NO_FRAME)
    await until(lambda: any(one.paused for one in house.port.sockets))
    await raw.head()
    await raw.reader.readexactly(BIG)
    assert b" 500 " in await raw.head()
    assert await raw.ended()
    raw.end()


async def test_what_follows_a_handshake_does_not_take_its_answer(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    """Whether it is let in or not, and though it is no frame, such as the body of a call."""
    raw = await Raw.connect(house.number, upgrade("/fail") + NO_FRAME)
    assert b" 500 " in await raw.head()
    assert await raw.ended()
    raw.end()
    raw = await Raw.connect(house.number, upgrade() + NO_FRAME)
    assert b" 101 " in await raw.head()
    assert (await raw.close_code())[0] == 1002
    raw.end()
    assert "Fatal error" not in caplog.text


async def test_several_requests_in_one_piece_are_answered_in_order(house: House) -> None:
    raw = await Raw.connect(
        house.number,
        b"POST /one HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"
        b"HEAD /two HTTP/1.1\r\nHost: x\r\n\r\n" + upgrade("/ws//x?a=1&b=%20"),
    )
    assert b"content-length: 5" in await raw.head()
    assert await raw.reader.readexactly(5) == b"hello"
    assert b"content-length: 5" in await raw.head()
    assert b" 101 " in await raw.head()
    assert [(call.method, call.body) for call in house.dialect.calls] == [("POST", b"abc"), ("HEAD", b"")]
    assert house.dialect.peers[0].path == "/ws//x"
    assert house.dialect.peers[0].query == {"a": ["1"], "b": [" "]}
    raw.end()


@pytest.mark.parametrize("path", ["//[", "//host/fail", "/x%00", "/" + "a" * 8000])
async def test_no_path_is_more_than_a_path(house: House, path: str) -> None:
    raw = await Raw.connect(house.number, upgrade(path))
    assert b" 101 " in await raw.head()
    assert house.dialect.peers[0].path == path
    raw.end()


async def test_a_dialect_that_fails_refuses_the_handshake(house: House) -> None:
    raw = await Raw.connect(house.number, upgrade("/fail"))
    assert b" 500 " in await raw.head()
    assert await raw.ended()
    raw.end()


@pytest.mark.parametrize(
    "request_bytes",
    [
        upgrade().replace(b"GET ", b"POST "),
        upgrade(extra="Content-Length: 5\r\n") + b"hello",
        upgrade(extra="Transfer-Encoding: chunked\r\n") + b"0\r\n\r\n",
        upgrade(extra="X-Long: " + "x" * 9000 + "\r\n"),
        upgrade("/" + "a" * 9000),
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost : x\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
    ],
)
async def test_requests_of_a_smugglers_shape_are_answered_once(house: House, request_bytes: bytes) -> None:
    raw = await Raw.connect(house.number, request_bytes)
    head = await raw.head()
    assert b" 101 " not in head
    raw.end()


# --- those who do not end -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "first",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\nG",
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" + upgrade()[:50],
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 70_000,
    ],
)
async def test_requests_that_never_become_whole_are_ended(hasty: House, first: bytes) -> None:
    raw = await Raw.connect(hasty.number, first)
    async with asyncio.timeout(2):
        assert await raw.ended()
    raw.end()


async def test_a_second_half_request_after_an_answer_is_ended(hasty: House) -> None:
    raw = await Raw.connect(hasty.number, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    await raw.head()
    await raw.reader.readexactly(5)
    raw.writer.write(b"G")
    async with asyncio.timeout(2):
        assert await raw.ended()
    raw.end()


async def test_a_call_whose_body_never_came_is_not_carried_out(house: House) -> None:
    raw = await Raw.connect(house.number, b"POST /order HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc")
    await asyncio.sleep(0.05)
    raw.end()
    await until(lambda: not house.http_connections())
    await asyncio.sleep(0.05)
    assert house.dialect.calls == []
    assert house.submitted == []


async def test_a_call_that_asks_history(house: House) -> None:
    raw = await Raw.connect(house.number, b"GET /past HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    head = await raw.head()
    assert b" 200 " in head
    raw.end()
    raw = await Raw.connect(house.number, b"GET /unknown HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    head = await raw.head()
    assert b" 503 " in head
    assert b"retry-after: 1" in head
    raw.end()


async def test_a_response_that_nobody_reads_is_not_kept(hasty: House) -> None:
    raw = await narrow(hasty.number)
    raw.writer.transport.pause_reading()  # type: ignore[attr-defined]
    raw.writer.write(b"GET /big HTTP/1.1\r\nHost: x\r\n\r\n")
    await until(lambda: bool(hasty.http_connections()))
    await until(lambda: not hasty.http_connections())
    raw.end()


async def test_a_call_that_waits_for_the_venue_does_not_hold_a_stop_up(house: House) -> None:
    raw = await Raw.connect(house.number, b"GET /order HTTP/1.1\r\nHost: x\r\n\r\n")
    await until(lambda: bool(house.submitted))
    async with asyncio.timeout(2):
        await house.listener.drain(0.2)
        assert await raw.ended()
    house.requests.on_batch(Batch(1, 1, 1, origin=house.submitted[0][1]))
    await asyncio.sleep(0.05)
    raw.end()


async def test_tls_handshakes_have_a_deadline_too(tmp_path: Path) -> None:
    house = House(HASTY)
    await house.open(server_context(*self_signed(tmp_path)))
    raw = await Raw.connect(house.number, b"\x16\x03\x01")
    async with asyncio.timeout(2):
        assert await raw.ended()
    raw.end()
    await house.listener.drain(1.0)


async def test_goodbyes_over_tls(tmp_path: Path) -> None:
    house = House(LIMITS)
    certificate, key = self_signed(tmp_path)
    await house.open(server_context(certificate, key))
    trusting = ssl.create_default_context(cafile=certificate)
    for last in (frame(1, b"close"), close_frame(1000)):
        raw = await Raw.connect(house.number, upgrade(), trusting)
        await raw.head()
        raw.writer.write(frame(1, b"hi") + last)
        assert (await raw.frame())[1] == b"echo 'hi'"
        assert (await raw.close_code())[0] in {4000, 1000}
        raw.end()
    await house.listener.drain(1.0)
    assert house.fan.idle()
