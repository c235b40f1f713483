"""Heads of requests that are too large or are none: each is answered with its status, counted, and not worth a line."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from polyfeed.gateway.door import DoorLimits
from tests.e2e.raw import Raw, upgrade
from tests.gateway.test_entrance import opened
from tests.gateway.test_sockets import House, until

GET = b"GET / HTTP/1.1\r\nHost: x\r\n"


def fields(count: int, size: int) -> bytes:
    return b"".join(b"X-%02d: %s\r\n" % (number, b"x" * (size - 8)) for number in range(count))


async def answer(house: House, *pieces: bytes) -> bytes:
    """The status line that a request gets, each piece of which is sent when the one before has been taken in."""
    raw = await Raw.connect(house.number, b"")
    await until(lambda: bool(house.http_connections()))
    (call,) = house.listener._state.connections
    conn: Any = call.conn  # type: ignore[union-attr]
    sent = 0
    for piece in pieces:
        raw.writer.write(piece)
        sent += len(piece)
        if piece is not pieces[-1]:
            await until(lambda sent=sent: len(conn.trailing_data[0]) == sent)  # type: ignore[misc]
    head = await raw.head()
    raw.end()
    await until(lambda: not house.http_connections() and not house.port.sockets)
    return head.partition(b"\r\n")[0].split(b" ")[1]


@pytest.mark.parametrize(
    "pieces",
    [
        [GET + fields(1, 20_000) + b"\r\n"],
        [GET + fields(50, 400) + b"\r\n"],
        [GET + fields(1, 10_000), fields(1, 10_000) + b"\r\n"],
        [GET + b"X-Long: " + b"x" * 10_000, b"x" * 10_000],
        [b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n"],
        [b"HEAD / HTTP/1.1\r\nHost: x\r\n" + fields(50, 400) + b"\r\n"],
        [upgrade(extra=fields(50, 400).decode())],
        [upgrade(extra="X-Long: " + "x" * 20_000 + "\r\n")],
    ],
)
async def test_a_head_that_is_too_large_is_answered_with_431(pieces: list[bytes]) -> None:
    async with opened(DoorLimits()) as house:
        assert await answer(house, *pieces) == b"431"
        assert house.fan.meter.refused == {431: 1}
        assert house.dialect.calls == []
        assert house.dialect.peers == []


@pytest.mark.parametrize(
    "pieces", [[GET + fields(40, 400) + b"\r\n"], [GET + fields(20, 400), fields(20, 400) + b"\r\n"]]
)
async def test_a_head_that_is_nearly_too_large_is_answered(pieces: list[bytes]) -> None:
    async with opened(DoorLimits()) as house:
        assert await answer(house, *pieces) == b"200"


async def test_a_body_may_be_longer_than_a_head() -> None:
    async with opened(DoorLimits()) as house:
        body = b"x" * 40_000
        assert await answer(house, GET + b"Content-Length: 40000\r\n\r\n" + body) == b"200"
        assert house.dialect.calls[0].body == body


async def test_requests_that_are_none_are_counted_and_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with opened(DoorLimits()) as house:
        for junk in (b"BLAH\r\n\r\n", b"\x16\x03\x01\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", GET + b"A b: c\r\n\r\n"):
            assert await answer(house, junk) == b"400"
        assert house.fan.meter.refused == {400: 4}
    assert caplog.records == []


async def test_a_request_that_is_none_behind_one_that_is_comes_after_its_answer() -> None:
    async with opened(DoorLimits()) as house:
        raw = await Raw.connect(house.number, GET + b"\r\nBLAH\r\n\r\n")
        assert b" 200 " in await raw.head()
        assert await raw.reader.readexactly(5) == b"hello"
        assert b" 400 " in await raw.head()
        assert await raw.ended()
        raw.end()


async def test_a_body_that_breaks_off_into_nonsense_is_answered_once(caplog: pytest.LogCaptureFixture) -> None:
    async with opened(DoorLimits()) as house:
        chunked = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        raw = await Raw.connect(house.number, chunked + b"zz\r\n" + b"zz\r\n")
        assert b" 400 " in await raw.head()
        assert await raw.ended()
        raw.end()
    assert caplog.records == []
