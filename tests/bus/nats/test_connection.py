"""A connection to NATS: what is said of servers has no passwords and no tokens in it; one that is lost is left at once."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlparse, urlsplit

import pytest
from nats.aio.client import Server
from nats.aio.msg import Msg

from polyfeed.app.doctor.servers import look
from polyfeed.app.nats_server import NatsServer
from polyfeed.bus.nats import connection
from polyfeed.bus.nats.connection import (
    RETRY_LATER_SECONDS,
    RETRY_SECONDS,
    _Choice,
    close,
    connect,
    place_of,
    servers_of,
)

PATIENCE = 60.0


@pytest.mark.parametrize("user", ["me:xyzzy", "xyzzy"])
async def test_a_server_that_is_not_there(user: str) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{nobody.getsockname()[1]}"
        (url,) = servers_of(f"nats://{user}@{place}")
        assert place_of(urlsplit(url)) == place
        _, findings = await look([url], ["http://127.0.0.1:1"])
    assert any(place in str(one) for one in findings)
    assert "xyzzy" not in str(findings)


@pytest.mark.parametrize("user", ["me:xyzzy", "xyzzy"])
async def test_a_server_that_says_nothing_at_first(user: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "FIRST_SECONDS", 0.1)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        place = f"127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(OSError, match=place) as raised:
            await connect(f"nats://{user}@{place}", "a test")
    assert "xyzzy" not in str(raised.value)


def test_attempts_are_spread_over_servers_and_time() -> None:
    servers = [Server(urlparse(f"nats://n{number}:4222"), reconnects) for number, reconnects in enumerate((2, 0, 0, 1))]
    chosen: Counter[str] = Counter()
    waits = []
    for _ in range(200):
        choice = _Choice()
        server, wait = choice(servers, {})
        chosen[server.uri.netloc] += 1
        waits.append(wait)
    assert set(chosen) == {"n1:4222", "n2:4222"}
    assert RETRY_SECONDS / 2 <= min(waits) < max(waits) <= RETRY_SECONDS
    later = [choice(servers, {})[1] for _ in range(200)][10:]
    assert RETRY_LATER_SECONDS / 2 <= min(later) < max(later) <= RETRY_LATER_SECONDS
    choice.connected()
    assert choice(servers, {})[1] <= RETRY_SECONDS


@asynccontextmanager
async def servers(directory: Path, count: int) -> AsyncIterator[list[NatsServer]]:
    """Servers that know nothing of each other."""
    several = [NatsServer(directory / f"n{number}", f"n{number}") for number in range(count)]
    try:
        for server in several:
            await server.start()
        for server in several:
            await server.until_ready()
        yield several
    finally:
        for server in several:
            server.signal(signal.SIGCONT)
            await server.stop()


@pytest.mark.slow
@pytest.mark.xdist_group("nats")
async def test_a_server_that_stops_in_mid_sentence_is_left_and_what_it_did_not_take_is_dropped(tmp_path: Path) -> None:
    heard: list[bytes] = []

    async def hear(message: Msg) -> None:
        heard.append(message.data)

    async with servers(tmp_path, 2) as (first, second):
        client = await connect(first.url, "a test")
        client.set_server_pool([first.url, second.url])
        other = await connect(second.url, "another")
        await other.subscribe("word", cb=hear)
        await other.flush()
        first.signal(signal.SIGSTOP)
        async with asyncio.timeout(PATIENCE):
            while client.is_connected and client.connected_url.port == first.port:
                await client.publish("word", b"old" * 100_000)  # more than the sockets of both hold
                await asyncio.sleep(0)
                if client.pending_data_size > 32 << 20:
                    await asyncio.sleep(0.01)
            while not (client.is_connected and client.connected_url.port == second.port):
                await asyncio.sleep(0.01)
            await client.publish("word", b"new")
            while not heard:
                await asyncio.sleep(0.01)
        assert heard == [b"new"]
        await close(client)
        await close(other)


@pytest.mark.slow
@pytest.mark.xdist_group("nats")
async def test_a_goodbye_to_a_server_that_stands_still_takes_no_longer_than_it_may(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "CLOSE_SECONDS", 0.1)
    async with servers(tmp_path, 1) as (server,):
        client = await connect(server.url, "a test")
        server.signal(signal.SIGSTOP)
        for _ in range(100):
            await client.publish("word", b"old" * 100_000)
        async with asyncio.timeout(PATIENCE):
            await close(client)


@pytest.mark.slow
@pytest.mark.xdist_group("nats")
async def test_what_a_subscriber_raises_is_in_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def fault(_: Msg) -> None:
        raise ValueError("a fault of ours")

    async with servers(tmp_path, 1) as (server,):
        client = await connect(server.url, "a test")
        await client.subscribe("word", cb=fault)
        await client.publish("word", b"")
        async with asyncio.timeout(PATIENCE):
            while "a fault of ours" not in caplog.text:
                await asyncio.sleep(0.01)
        await close(client)
