"""Every socket is counted from its first moment to its last, whatever it comes to be, on plain ports and with TLS."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from polyfeed.app.tls import self_signed, server_context
from polyfeed.gateway import door
from polyfeed.gateway.door import DoorLimits
from polyfeed.gateway.port import PortLimits
from tests.e2e.raw import Raw, frame, upgrade
from tests.gateway.test_sockets import LIMITS, House, until


@asynccontextmanager
async def opened(doors: DoorLimits, tls: Path | None = None, limits: PortLimits = LIMITS) -> AsyncIterator[House]:
    """A house that counts nobody any more at its end; with TLS where there is a directory for its certificate."""
    house = House(limits, doors)
    await house.open(None if tls is None else server_context(*self_signed(tls)))
    faults: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context))
    try:
        yield house
    finally:
        await house.listener.drain(0.5)
        await until(lambda: not house.port.sockets and not house.http_connections())
        assert house.door.opened == house.door.halls == 0
        assert house.door._halls == {}
        assert faults == []


def trusting(tls: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=self_signed(tls)[0])


async def silent(house: House, count: int) -> list[Raw]:
    """So many who say nothing, and are counted."""
    before = house.door.halls
    raws = [await Raw.connect(house.number, b"") for _ in range(count)]
    await until(lambda: house.door.halls == before + count)
    return raws


def end(*raws: Raw) -> None:
    for raw in raws:
        raw.end()


async def test_who_says_nothing_on_a_tls_port_counts_before_any_handshake(tmp_path: Path) -> None:
    async with opened(DoorLimits(address_connections=3), tmp_path) as house:
        crowd = await silent(house, 3)
        late = await Raw.connect(house.number, b"")
        assert await late.ended()
        assert house.door._halls == {"127.0.0.1": 3}
        assert house.fan.meter.refused == {429: 1}
        end(late, *crowd)
        await until(lambda: not house.door.halls)
        polite = await Raw.connect(house.number, upgrade() + frame(1, b"hi"), trusting(tmp_path))
        assert b" 101 " in await polite.head()
        assert (await polite.frame())[1] == b"echo 'hi'"
        assert (house.door.opened, house.door.halls) == (1, 0)
        end(polite)


@pytest.mark.parametrize("first", [b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x00\x05hello", b"\x16\x03\x01"])
async def test_a_tls_handshake_that_comes_to_nothing_gives_its_place_back(
    tmp_path: Path, first: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with opened(DoorLimits(address_connections=1), tmp_path) as house:
        for _ in range(3):
            (raw,) = await silent(house, 1)
            raw.writer.write(first)
            raw.writer.write_eof()
            assert await raw.ended()
            await until(lambda: not house.door.halls)
            end(raw)
    assert [record for record in caplog.records if record.name != "asyncio"] == []


async def test_a_tls_handshake_that_stands_still_has_a_deadline(tmp_path: Path) -> None:
    limits = PortLimits(handshake_seconds=0.2, stall_seconds=30, close_seconds=30)
    async with opened(DoorLimits(), tmp_path, limits) as house:
        raw = await Raw.connect(house.number, b"\x16\x03\x01")
        assert await raw.ended()
        await until(lambda: not house.door.halls)
        end(raw)


async def test_calls_and_sockets_share_a_tls_port(tmp_path: Path) -> None:
    async with opened(DoorLimits(), tmp_path) as house:
        raw = await Raw.connect(house.number, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" + upgrade(), trusting(tmp_path))
        assert b" 200 " in await raw.head()
        assert await raw.reader.readexactly(5) == b"hello"
        assert b" 101 " in await raw.head()
        end(raw)


async def test_a_stop_does_not_wait_for_tls_handshakes(tmp_path: Path) -> None:
    async with opened(DoorLimits(), tmp_path) as house:
        raws = await silent(house, 2)
        await house.listener.drain(30)
        assert not house.door.halls
        for raw in raws:
            assert await raw.ended()
        end(*raws)


async def test_a_refused_handshake_counts_until_its_socket_is_gone() -> None:
    async with opened(DoorLimits(address_connections=2, origins="app.example")) as house:
        strangers = []
        for _ in range(2):
            raw = await Raw.connect(house.number, upgrade(extra="Origin: https://evil.example\r\n"))
            assert b" 403 " in await raw.head()
            strangers.append(raw)
        assert house.door.halls == 2
        late = await Raw.connect(house.number, upgrade(extra="Origin: https://evil.example\r\n"))
        assert b" 429 " in await late.head()
        end(late, *strangers)
        await until(lambda: not house.door.halls)
        raw = await Raw.connect(house.number, upgrade(extra="Origin: https://app.example\r\n"))
        assert b" 101 " in await raw.head()
        assert (house.door.opened, house.door.halls) == (1, 0)
        end(raw)


async def test_all_sockets_together_have_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "SPARE", 2)
    async with opened(DoorLimits(connections=2, address_connections=0)) as house:
        inside = [await house.websocket() for _ in range(2)]
        crowd = await silent(house, 2)
        late = await Raw.connect(house.number, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        head = await late.head()
        assert b" 503 " in head
        assert b"Retry-After: 5" in head
        assert await late.ended()
        crowd[0].writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b" 200 " in await crowd[0].head()
        crowd[1].writer.write(upgrade())
        assert b" 503 " in await crowd[1].head()
        assert house.fan.meter.refused == {503: 2}
        end(late, *crowd, *inside)


async def test_who_finds_no_descriptors_left_is_let_in_when_there_are(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("polyfeed.gateway.entrance.REST_SECONDS", 0.01)
    async with opened(DoorLimits()) as house:
        accept = socket.socket.accept
        fails = iter([OSError(24, "Too many open files"), OSError(71, "Protocol error")])

        def failing(sock: socket.socket) -> tuple[socket.socket, object]:
            for error in fails:
                raise error
            return accept(sock)

        monkeypatch.setattr(socket.socket, "accept", failing)
        raw = await house.websocket()
        end(raw)
    assert [record.getMessage() for record in caplog.records] == [
        "no connection can be accepted: Too many open files (docs/operations.md: `polyfeed doctor` says how many it takes)"
    ]
