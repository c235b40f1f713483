"""Autobahn's cases, by kosoku 0.1.0, which runs the suite's own case files: the gateway's sockets under a dialect that
says back what it hears.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.frames import Opcode

from polyfeed.dialects._base.dialect import Limits, Peer
from polyfeed.dialects._base.effects import Effect, Send
from polyfeed.dialects._base.session import Session
from polyfeed.gateway import deflate
from polyfeed.gateway.connection import Connection, Outlet
from polyfeed.gateway.door import Door, DoorLimits
from polyfeed.gateway.fanout import FanOut
from polyfeed.gateway.listener import Listener
from polyfeed.gateway.port import Port, PortLimits
from polyfeed.gateway.requests import Requests
from polyfeed.gateway.rest import rest_app
from polyfeed.model.history import Query
from tests.gateway.fakes import EchoSession, FakeDialect

from .environments import Say, environment

LARGEST = 1 << 25
"""Cases of group 9 send messages of 16 MiB."""

PROTOCOL = ["1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "10.*"]
COMPRESSED = [
    f"{text}.{case}"
    for text in (*(f"12.{number}" for number in range(1, 6)), *(f"13.{number}" for number in range(1, 8)))
    for case in (1, 5, 11)
]
"""Of each kind of text and each offer of parameters: a thousand messages of 16 bytes, of 4 KiB, and of 8 KiB in
fragments. The soak has all 216 cases, up to 128 KiB.
"""

SPEED_LIMITS = ["9.*"]


TEXT_TO_BINARY = Opcode.TEXT ^ Opcode.BINARY


class Back(EchoSession):
    """Says back every message. No exchange sends binary ones, so sessions cannot: those are pushed as they are."""

    connection: Connection

    def receive(self, now: int, data: str | bytes) -> list[Effect]:
        if isinstance(data, str):
            return [Send(data)]
        frame = deflate.framed(data, self.connection.window)
        self.connection.push(bytes([frame[0] ^ TEXT_TO_BINARY]) + frame[1:])
        return []


class BackDialect(FakeDialect):
    limits = Limits(LARGEST)

    def connect(self, now: int, peer: Peer) -> Session:
        return Back()


async def recall(query: Query) -> Sequence[Any]:
    """There is no history."""
    raise AssertionError(query)


class BackFan(FanOut):
    def enter(self, session: Session, outlet: Outlet, window: int = 0, number: int = 0) -> Connection:
        connection = super().enter(session, outlet, window, number)
        assert isinstance(session, Back)
        session.connection = connection
        return connection


@asynccontextmanager
async def echo_server(*, compression: bool) -> AsyncIterator[int]:
    """Where it listens."""
    loop = asyncio.get_running_loop()
    requests = Requests(1, lambda *_: None)
    fan = BackFan(
        BackDialect(), loop.call_soon, loop.call_later, lambda *_: None, requests, lambda: 0, lag_bytes=4 * LARGEST
    )
    limits = PortLimits(message_rate=0, max_fragments=1 << 20, compression=compression)
    unlimited = DoorLimits(address_connections=0, handshake_rate=0)
    port = Port(fan, requests, recall, limits, lambda: 0, lambda: 1, Door(unlimited))
    listener = Listener(rest_app(port), limits, port)
    yield await listener.open("127.0.0.1", 0)
    await listener.drain(5.0)
    assert fan.idle()


async def run(cases: list[str], reports: Path, say: Say, *, compression: bool = False) -> dict[str, dict[str, str]]:
    """What became of each case: `behavior` and `behaviorClose`, in Autobahn's words."""
    program, _ = environment("kosoku", say)
    async with echo_server(compression=compression) as port:
        arguments = [part for case in cases for part in ("--include", case)]
        process = await asyncio.create_subprocess_exec(
            str(program.with_name("kosoku")),
            f"127.0.0.1:{port}",
            *arguments,
            *("--outdir", str(reports)),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate()
    index = reports / "index.json"
    assert index.exists(), output.decode()[-3000:]
    (results,) = json.loads(index.read_text(encoding="utf-8")).values()
    return dict(results)


@pytest.fixture
def all_compressed(monkeypatch: pytest.MonkeyPatch) -> None:
    """kosoku 0.1.0 fails by itself ("Strings must be encoded before hashing") when an answer is not compressed, which
    RFC 7692 section 6 allows for any message; short ones of ours are not.
    """
    monkeypatch.setattr(deflate, "LEAST_BYTES", 0)


GOOD = {"OK", "NON-STRICT", "INFORMATIONAL"}


def failures(results: dict[str, dict[str, str]]) -> dict[str, tuple[str, str]]:
    return {
        case: (one["behavior"], one["behaviorClose"])
        for case, one in results.items()
        if not (one["behavior"] in GOOD and one["behaviorClose"] in GOOD)
    }


@pytest.mark.clients
@pytest.mark.slow
async def test_the_protocol(tmp_path: Path, say: Say) -> None:
    results = await run(PROTOCOL, tmp_path, say)
    assert failures(results) == {}
    assert len(results) == 247


@pytest.mark.clients
@pytest.mark.slow
@pytest.mark.usefixtures("all_compressed")
async def test_compression_in_short(tmp_path: Path, say: Say) -> None:
    results = await run(COMPRESSED, tmp_path, say, compression=True)
    assert failures(results) == {}
    assert len(results) == len(COMPRESSED)


@pytest.mark.soak
async def test_large_and_many_messages(tmp_path: Path, say: Say) -> None:
    results = await run(SPEED_LIMITS, tmp_path, say)
    assert failures(results) == {}
    assert len(results) == 54


@pytest.mark.soak
@pytest.mark.usefixtures("all_compressed")
async def test_compression(tmp_path: Path, say: Say) -> None:
    results = await run(["12.*", "13.*"], tmp_path, say, compression=True)
    assert failures(results) == {}
    assert len(results) == 216
