"""Compression: once for all, whoever negotiated what; inflated by an inflater of the test's own."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator

import pytest

from polyfeed.dialects._base.effects import FeedKey, Join
from polyfeed.gateway import fanout
from polyfeed.gateway.deflate import LARGE, PLAIN, SMALL, framed
from polyfeed.gateway.port import PortLimits
from tests.e2e.raw import Raw, upgrade
from tests.gateway.fakes import EchoSession, FakeDialect, FakeOutlet, Stage
from tests.gateway.test_sockets import House, until

TEXT = '{"price":"1.0","size":"2.0"}' * 20


def body(frame: bytes) -> tuple[int, bytes]:
    """First byte and payload of one frame."""
    size, start = frame[1], 2
    if size == 126:
        size, start = int.from_bytes(frame[2:4], "big"), 4
    assert len(frame) == start + size
    return frame[0], frame[start:]


def inflated(payload: bytes, bits: int) -> bytes:
    """As RFC 7692 7.2.2 says, without any context."""
    one = zlib.decompressobj(-bits)
    return one.decompress(payload + b"\x00\x00\xff\xff")


@pytest.mark.parametrize("bits", [SMALL, LARGE])
def test_messages_do_not_lean_on_each_other(bits: int) -> None:
    for text in (TEXT, TEXT, TEXT[::-1], "é" * 40_000):
        first, payload = body(framed(text.encode(), bits)) if len(text) < 1000 else big(framed(text.encode(), bits))
        assert first == 0xC1
        assert inflated(payload, bits) == text.encode()


def big(frame: bytes) -> tuple[int, bytes]:
    return body(frame) if frame[1] < 127 else (frame[0], frame[10:])


def test_short_messages_are_sent_as_they_are() -> None:
    assert framed(b"x" * 63, LARGE) == framed(b"x" * 63, PLAIN) == b"\x81\x3f" + b"x" * 63


class Wordy(FakeDialect):
    """Its trades are long enough to be compressed."""

    def feed(self, key: FeedKey) -> object:  # type: ignore[override]
        feed = super().feed(key)
        say = feed.flush
        feed.flush = lambda batch: [TEXT + text for text in say(batch)]  # type: ignore[method-assign]
        return feed


def test_many_listeners_of_three_kinds_are_three_cohorts(monkeypatch: pytest.MonkeyPatch) -> None:
    framings: list[int] = []
    monkeypatch.setattr(fanout, "framed", lambda payload, bits: framings.append(bits) or framed(payload, bits))
    stage = Stage(dialect=Wordy())
    made = []
    for number in range(30):
        outlet = FakeOutlet()
        window = (PLAIN, SMALL, LARGE)[number % 3]
        one = stage.fan.enter(EchoSession(), outlet, window)
        stage.fan.carry_out(one, [Join(FeedKey("a", 0))])
        made.append((window, outlet))
    stage.trade(7)
    stage.trade(8)
    stage.run()
    for window in (PLAIN, SMALL, LARGE):
        writes = [outlet.writes for bits, outlet in made if bits == window]
        assert all(len(one) == 1 and one[0] is writes[0][0] for one in writes), "one write of the same bytes"
        joined = writes[0][0]
        assert (joined[0] == 0x81) == (window == PLAIN)
    assert sorted(framings) == [PLAIN, PLAIN, SMALL, SMALL, LARGE, LARGE], "each message once for all of a kind"
    for one in tuple(stage.fan.connections):
        stage.fan.exit(one)
    assert stage.fan.idle()


# --- over sockets -------------------------------------------------------------------------------------------------------

LIMITS = PortLimits(close_seconds=0.4, compression=True)


@pytest.fixture
async def house() -> AsyncIterator[House]:
    one = House(LIMITS)
    await one.open()
    yield one
    await one.listener.drain(2.0)
    await until(lambda: not one.port.sockets)


async def negotiate(house: House, offer: str) -> tuple[bytes, Raw]:
    raw = await Raw.connect(house.number, upgrade(extra=f"Sec-WebSocket-Extensions: {offer}\r\n"))
    head = await raw.head()
    lines = [line for line in head.split(b"\r\n") if line.lower().startswith(b"sec-websocket-extensions")]
    return (lines[0].partition(b": ")[2] if lines else b""), raw


@pytest.mark.parametrize(
    ("offer", "answer"),
    [
        ("permessage-deflate", b"permessage-deflate; server_no_context_takeover; client_no_context_takeover"),
        (
            "permessage-deflate; server_max_window_bits=10; client_max_window_bits",
            b"permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=10",
        ),
        ("permessage-deflate; server_max_window_bits=8", b""),
        ("permessage-deflate; nonsense=1", b""),
        ("x-webkit-deflate-frame", b""),
    ],
)
async def test_what_is_negotiated(house: House, offer: str, answer: bytes) -> None:
    said, raw = await negotiate(house, offer)
    assert said == answer
    raw.end()


async def test_nothing_is_negotiated_where_it_is_off() -> None:
    house = House(PortLimits())
    await house.open()
    said, raw = await negotiate(house, "permessage-deflate")
    assert said == b""
    raw.end()
    await house.listener.drain(2.0)


def packed(text: bytes) -> bytes:
    one = zlib.compressobj(9, zlib.DEFLATED, -15)
    return (one.compress(text) + one.flush(zlib.Z_SYNC_FLUSH)).removesuffix(b"\x00\x00\xff\xff")


def compressed_frame(payload: bytes, *, fin: bool = True, first: bool = True) -> bytes:
    """Masked with nothing."""
    head = bytes([(0x80 if fin else 0) | (0x41 if first else 0)])
    size = len(payload)
    length = bytes([0x80 | size]) if size < 126 else bytes([0xFE]) + size.to_bytes(2, "big")
    return head + length + bytes(4) + payload


@pytest.mark.parametrize("size", [65_537, 1_000_000, 50_000_000])
async def test_a_bomb_is_defused(house: House, size: int) -> None:
    """What a few hundred bytes say they are is not inflated beyond the limit of a message."""
    _, raw = await negotiate(house, "permessage-deflate")
    bomb = packed(b"0" * size)
    raw.writer.write(compressed_frame(bomb[:60_000]))
    assert await raw.close_code() == (1009, "message is too big")
    assert await raw.ended()
    raw.end()


async def test_a_bomb_in_pieces_is_defused(house: House) -> None:
    _, raw = await negotiate(house, "permessage-deflate")
    bomb = packed(b"0" * 1_000_000)
    cut = len(bomb) // 2
    raw.writer.write(compressed_frame(bomb[:cut], fin=False) + compressed_frame(bomb[cut:], first=False))
    assert await raw.close_code() == (1009, "message is too big")
    raw.end()


async def test_a_message_just_within_the_limit_is_heard(house: House) -> None:
    _, raw = await negotiate(house, "permessage-deflate")
    raw.writer.write(compressed_frame(packed(b"0" * 65_536)))
    opcode, payload = await raw.frame()
    assert opcode == 1
    assert inflated(payload, LARGE) == b"echo '" + b"0" * 65_536 + b"'"
    raw.end()


@pytest.mark.parametrize("payload", [b"\xff" * 40, b"", b"\x00"])
async def test_what_cannot_be_inflated_is_a_protocol_error_or_nothing(house: House, payload: bytes) -> None:
    _, raw = await negotiate(house, "permessage-deflate")
    raw.writer.write(compressed_frame(payload) + b"\x88\x80" + bytes(4))
    async with asyncio.timeout(5):
        while (answer := await raw.frame())[0] != 8:
            assert answer == (1, b"echo ''")
    assert answer[1][:2] in (b"\x03\xea", b"")
    raw.end()
