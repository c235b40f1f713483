"""Gateways in processes of their own: one venue, the same bytes from each, and nobody missed who dies."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed

from polyfeed.app.clock import SteadyClock
from polyfeed.app.config import load
from polyfeed.app.flow import demo_flow
from polyfeed.app.server import Server
from polyfeed.dialects.registry import DIALECTS
from polyfeed.market.market import Market
from tests.e2e.kraken_client import Book, Client
from tests.e2e.rails_client import Client as RailsClient
from tests.e2e.resuming import Heard

pytestmark = pytest.mark.slow

WORKERS = 2


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    settings = [f"{name}.port=0" for name in (*DIALECTS, "http")]
    settings += ["flow.demo=true", "flow.agents=3", f"server.workers={WORKERS}", f"server.state_dir={tmp_path}"]
    settings += ["server.drain_seconds=2", "gateway.resume_seconds=120"]
    config, market = load(None, {}, settings), Market()
    one = Server(config, SteadyClock(), market, demo_flow(config.flow, market))
    await one.start()
    try:
        yield one
    finally:
        if one.ready:
            await one.stop()


def processes(server: Server) -> list[int]:
    assert server.workers is not None
    return [pid for pid in server.workers.pids() if pid is not None]


async def until(done: object) -> None:
    async with asyncio.timeout(30):
        while not done():  # type: ignore[operator]
            await asyncio.sleep(0.05)


def spread(server: Server) -> list[int]:
    """Kraken connections of each worker, as counted last."""
    assert server.workers is not None
    return [one["kraken"].connections if "kraken" in one else 0 for one in server.workers.counts()]


async def crowd(port: int, count: int) -> list[Client]:
    clients = [await Client.open(port) for _ in range(count)]
    for client in clients:
        await client.subscribe(["XBT/USD"], name="book", depth=10)
    return clients


async def test_all_workers_serve_and_say_the_same(server: Server) -> None:
    clients = await crowd(server.ports["kraken"], 24)
    await until(lambda: sum(spread(server)) == 24)
    assert all(spread(server)), "the kernel gives connections to every worker"
    books = [Book(10) for _ in clients]
    for client, book in zip(clients, books, strict=True):
        await client.until(lambda client=client: len(client.data()) > 30)
        for text in client.data():
            book.apply(text)
        assert book.checked > 20
    # Whoever heard an update heard the same bytes: later snapshots begin later, and end in the same sequence.
    longest = max((client.data()[1:] for client in clients), key=len)
    for client in clients:
        heard = client.data()[1:25]
        start = next((place for place in range(len(longest)) if longest[place : place + len(heard)] == heard), None)
        assert start is not None
    for client in clients:
        await client.close()
    await until(lambda: sum(spread(server)) == 0)


async def test_orders_of_any_worker_are_decided_once_and_heard_on_all(server: Server) -> None:
    port = server.ports["rails"]
    clients = [
        await RailsClient.open(port, market="BTC-USD", subscriptions="orders,trades") for _ in range(4)
    ]  # of five that one may have
    placed = []
    for client in clients:
        answer = await client.ask(
            "createOrder", market="BTC-USD", orderType="buy", tradeType="limit", price="10000", quantity="0.01"
        )
        placed.append(answer["data"]["order"]["orderId"])
    assert len(set(placed)) == len(clients)
    for client in clients:
        for order in placed:
            await client.until(lambda order=order, client=client: any(order in text for text in client.messages))
    for client in clients:
        await client.close()


async def test_a_worker_that_is_killed_is_replaced_and_the_others_do_not_notice(server: Server) -> None:
    clients = await crowd(server.ports["kraken"], 24)
    await until(lambda: sum(spread(server)) == 24)
    before = processes(server)
    os.kill(before[0], signal.SIGKILL)
    gone = [client for client in clients if await ended(client)]
    assert 0 < len(gone) < len(clients)
    await until(lambda: server.workers is not None and server.workers.alive() == WORKERS)
    assert before[1] in processes(server) and before[0] not in processes(server)
    again = await crowd(server.ports["kraken"], 24)
    await until(lambda: all(spread(server)))
    for client in [one for one in clients if one not in gone] + again:
        book, seen = Book(10), len(client.data())
        await client.until(lambda client=client, seen=seen: len(client.data()) > seen + 5)
        for text in client.data():
            book.apply(text)
    for client in again:
        await client.close()


async def test_a_stop_says_goodbye_on_every_worker(server: Server) -> None:
    clients = await crowd(server.ports["kraken"], 12)
    pids = processes(server)
    await server.stop()
    for client in clients:
        await asyncio.wait_for(client.socket.wait_closed(), 10)
        assert client.socket.close_code == 1001
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


async def ended(client: Client) -> bool:
    """Whether the connection has ended; those of a process that was killed are ended by the kernel at once."""
    try:
        async with asyncio.timeout(2):
            await (await client.socket.ping())
    except (ConnectionClosed, TimeoutError):
        return True
    return False


KNOWN = 100
"""Events after which every worker has heard that a feed is to be kept."""


async def test_whoever_comes_back_is_replayed_what_was_missed_by_every_worker(server: Server) -> None:
    """Workers tell each other through the venue's process which feeds are to be kept."""
    port = server.ports["kraken"]
    steady = await Heard.open("kraken", port)
    await steady.until(steady.events)
    client = await Heard.open("kraken", port, "1")
    heard: list[str] = []
    await client.until(lambda: len(client.events()) > KNOWN)
    for _ in range(5):
        await client.until(lambda client=client: len(client.events()) > 5)
        heard += await client.cut()
        count = len(steady.events())
        await steady.until(lambda count=count: len(steady.events()) > count + 3)
        client = await Heard.open("kraken", port, client.place())
        await client.until_offset()
        assert client.ours()[0]["resumed"] is True, client.ours()
    heard += await client.cut()
    await steady.until(lambda: heard[-1] in steady.events())
    said = steady.events()
    first = said.index(heard[1])
    assert heard[1:] == said[first : first + len(heard) - 1], "from the snapshot on"
    await steady.close()
