"""Whoever asks for more than a connection may have hears the dialect's own error, so many times and no more, and then
the close that docs/closes.md lists; a dialect that has no word for it closes at once.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest

from polyfeed.dialects.registry import DIALECTS
from tests.e2e.rails_client import token_of
from tests.e2e.raw import Raw, frame, upgrade
from tests.e2e.world import World, world

pytestmark = pytest.mark.slow

PUT_UP_WITH = 100
"""Errors, before the close."""

TOO_MANY = (1008, "too many messages")

QUIET = ["flow.capture=off", "flow.agents=0", "gateway.close_seconds=0.2"]


@pytest.fixture
async def one() -> AsyncIterator[World]:
    async with world(*QUIET, "kraken.message_rate=20") as made:
        yield made


async def websocket(one: World, name: str) -> Raw:
    port = one.first.ports[name]
    path, extra = {"ekiden": ("/ws/public", ""), "rails": ("/?market=BTC-USD&subscriptions=orders", "")}.get(
        name, ("/", "")
    )
    if name == "rails":
        extra = f"Sec-WebSocket-Protocol: authorization#{await token_of(port, 'demo')}\r\n"
    raw = await Raw.connect(port, upgrade(path, extra))
    assert b" 101 " in await raw.head()
    return raw


async def errors_and_close(raw: Raw, error: str) -> tuple[int, tuple[int, str]]:
    """How many messages said the error, and what the close said."""
    count = 0
    while True:
        opcode, payload = await raw.frame()
        if opcode == 8:
            assert await raw.ended()
            raw.end()
            return count, (int.from_bytes(payload[:2], "big"), payload[2:].decode())
        count += error in payload.decode()


FLOODS = {
    "kraken": ('{"event":"ping"}', 300, "Exceeded msg rate", PUT_UP_WITH, (1008, "message rate exceeded")),
    "bitstamp": ('{"event":"bts:heartbeat"}', 5000, "bts:error", 0, TOO_MANY),
    "peatio": ("ping", 5000, "error", 0, TOO_MANY),
    "rails": (
        '{"message":"cancelOrder","content":{"clientRequestId":"1b4e28ba-2fa1-41d2-883f-0016d3cca427","orderId":"?"}}',
        500,
        '"statusCode":429',
        PUT_UP_WITH,
        (1008, "rate limit exceeded"),
    ),
    "ekiden": ('{"op":"ping"}', 300, "RATE_LIMIT_EXCEEDED", PUT_UP_WITH, (1008, "rate limit exceeded persistently")),
}


@pytest.mark.parametrize("name", DIALECTS)
async def test_who_sends_too_many_messages(one: World, name: str) -> None:
    message, count, error, put_up_with, close = FLOODS[name]
    raw = await websocket(one, name)
    raw.writer.write(frame(1, message.encode()) * count)
    assert await errors_and_close(raw, error) == (put_up_with, close)


async def test_who_slows_down_when_told_stays(one: World) -> None:
    """A client that subscribes to everything at once, and is told a hundred times that this is too fast."""
    raw = await websocket(one, "kraken")
    raw.writer.write(frame(1, b'{"event":"ping"}') * 130)
    answers = [(await raw.frame())[1] for _ in range(131)]
    assert sum(b"Exceeded" in one for one in answers) <= PUT_UP_WITH
    connection = next(iter(one.first.gateway.fans["kraken"].connections))
    assert not connection.closing
    raw.end()


def subscribes(name: str) -> tuple[list[str], list[str]]:
    """Requests that fill a connection, and one over the cap, as often as it takes."""
    match name:
        case "bitstamp":
            channels = [f"live_trades_x{number}" for number in range(51)]
            wishes = [json.dumps({"event": "bts:subscribe", "data": {"channel": channel}}) for channel in channels]
            return wishes[:50], wishes[50:]
        case "peatio":
            wish = json.dumps({"event": "subscribe", "streams": [f"a{number}.b" for number in range(1001)]})
            return [], [wish] * 101
    topics = [f"orderbook.{depth}.BTC-USD" for depth in range(1, 202)]
    wishes = [json.dumps({"op": "subscribe", "args": args}) for args in (topics[:100], topics[100:200], topics[200:])]
    return wishes[:2], wishes[2:] * 101


CAPS = {
    "bitstamp": ("bts:error", 0, (1001, "too many channels")),
    "peatio": ("Too many streams", PUT_UP_WITH, (1008, "too many streams")),
    # The last error and the close come together: other topics of the same request may have been good.
    "ekiden": ("TOO_MANY_TOPICS", PUT_UP_WITH + 1, (1008, "rate limit exceeded persistently")),
}


@pytest.mark.parametrize("name", CAPS)
async def test_who_wants_too_many_channels(name: str) -> None:
    async with world(*QUIET, "ekiden.message_rate=0", "bitstamp.max_channels=50") as one:
        raw = await websocket(one, name)
        error, put_up_with, close = CAPS[name]
        good, bad = subscribes(name)
        for message in good + bad:
            raw.writer.write(frame(1, message.encode()))
        assert await errors_and_close(raw, error) == (put_up_with, close)


SIZES = {"bitstamp": (513, "read limited at 513 bytes")} | dict.fromkeys(
    ("kraken", "peatio", "rails", "ekiden"), (65_537, "message is too big")
)


@pytest.mark.parametrize("name", DIALECTS)
async def test_who_sends_too_large_a_message(one: World, name: str) -> None:
    size, reason = SIZES[name]
    raw = await websocket(one, name)
    raw.writer.write(frame(1, b"x" * size))
    assert await errors_and_close(raw, "rror") == (0, (1009, reason))
