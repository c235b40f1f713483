"""SIGKILL of a worker, and of the venue: the orders of connections that asked for it are cancelled, all others live."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from polyfeed.app.clock import SteadyClock
from polyfeed.app.config import load
from polyfeed.app.flow import demo_flow
from polyfeed.app.server import Server
from polyfeed.app.store import opened
from polyfeed.dialects.registry import DIALECTS
from tests.e2e.desks import Desk, desks, open_orders, order_of, orders_of, until_open
from tests.store.server import PATIENT, QUIET
from tests.store.server import Server as Process

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("process")]


async def until(done: Callable[[], object]) -> None:
    async with asyncio.timeout(60):
        while not done():
            await asyncio.sleep(0.05)


@asynccontextmanager
async def process(directory: Path, *settings: str) -> AsyncIterator[dict[str, int]]:
    """The ports of a server that is killed at the end."""
    given = (f"server.state_dir={directory / 'state'}", *settings)
    one = await asyncio.to_thread(Process, directory / "journal", *given)
    try:
        yield one.ports
    finally:
        await asyncio.to_thread(one.kill)


@pytest.mark.parametrize("workers", [0, 2])
async def test_orders_end_with_the_venue_that_is_killed(tmp_path: Path, workers: int) -> None:
    setting = f"server.workers={workers}"
    async with process(tmp_path, setting) as ports:
        found = await desks(ports["rails"])
        for desk in found:
            await desk.place(triggerType="stopLoss", triggerPrice="90000", price="90001")
            await desk.modify(desk.orders[0])
        kept, lost = orders_of(found, bound=False), orders_of(found, bound=True)
        assert (len(kept), len(lost)) == (4, 4)
        await until_open(ports["rails"], kept | lost)
    for desk in found:
        await desk.ended()
    for _ in range(2):
        async with process(tmp_path, setting) as ports:
            assert await open_orders(ports["rails"]) == kept
            for desk in found:
                for order in desk.orders:
                    told = await order_of(ports["rails"], desk.key, order)
                    assert (told["orderStatus"] == "cancelled") is desk.bound, told


async def test_orders_of_a_client_that_comes_back_live_until_it_goes_again(tmp_path: Path) -> None:
    """The next process uses the same gateway's number; what it took since is its own."""
    for _ in range(3):
        async with process(tmp_path) as ports:
            assert await open_orders(ports["rails"]) == set()
            desk = await Desk.open(ports["rails"], "demo", bound=True)
            order = await desk.place()
            assert await open_orders(ports["rails"]) == {order}
        await desk.ended()


@asynccontextmanager
async def serving(tmp_path: Path, workers: int) -> AsyncIterator[Server]:
    settings = [f"{name}.port=0" for name in (*DIALECTS, "http")]
    settings += [*QUIET, PATIENT, "flow.demo=true"]
    settings += [f"server.workers={workers}", f"server.state_dir={tmp_path / 'state'}"]
    config = load(None, {}, [*settings, "server.drain_seconds=1", "store.snapshots=false"])
    with opened(config, tmp_path / "journal", SteadyClock()) as store:
        market = store.replica.market
        one = Server(config, SteadyClock(), market, demo_flow(config.flow, market), store)
        await one.start()
        try:
            yield one
        finally:
            await one.stop()


def pids(server: Server) -> list[int]:
    assert server.workers is not None
    return [pid for pid in server.workers.pids() if pid is not None]


async def killed(server: Server, pid: int) -> None:
    """Kills a worker and waits for the next one in its place."""
    workers, count = server.workers, server.config.server.workers
    assert workers is not None
    os.kill(pid, signal.SIGKILL)
    await until(lambda: pid not in pids(server) and len(pids(server)) == workers.alive() == count)


async def test_orders_end_with_the_worker_that_is_killed(tmp_path: Path) -> None:
    async with serving(tmp_path, workers=2) as server:
        port, found = server.ports["rails"], await desks(server.ports["rails"], each=10)
        before = await open_orders(port)
        assert len(before) == 40
        await killed(server, pids(server)[0])
        gone = [desk for desk in found if desk.gone()]
        there = [desk for desk in found if not desk.gone()]
        for desk in gone:
            await desk.ended()
        lost = orders_of(gone, bound=True)
        assert lost and orders_of(gone, bound=False) and orders_of(there, bound=True), "the kernel gave both some"
        await until_open(port, before - lost)
        for desk in there:  # the owner's own feed says so, on the worker that lives
            mine = {order for one in gone if one.bound and one.key == desk.key for order in one.orders}

            def heard(desk: Desk = desk, mine: set[str] = mine) -> bool:
                texts = [text for text in desk.client.messages if '"order cancelled"' in text]
                return all(any(order in text for text in texts) for order in mine)

            await desk.client.until(heard)
        for desk in there:
            await desk.client.close()
        await until_open(port, orders_of(found, bound=False))
        assert server.sequencer.history.venue.gateways() == [], "what was promised to the others is kept, too"


async def test_the_worker_that_comes_after_has_orders_of_its_own(tmp_path: Path) -> None:
    async with serving(tmp_path, workers=1) as server:
        port, numbers = server.ports["rails"], server.sequencer.history.numbers
        unbound = await Desk.open(port, "demo", bound=False)
        free = await unbound.place()
        for number in (2, 1, 1):
            desk = await Desk.open(port, "demo", bound=True)
            order = await desk.place()
            assert numbers[2] == number, "each counts its commands anew"
            assert await open_orders(port) == {free, order}
            await killed(server, pids(server)[0])
            await desk.ended()
            assert await open_orders(port) == {free}
            assert 2 not in numbers
        await unbound.ended()


@pytest.mark.parametrize("stopped", [False, True], ids=["the disk takes it again", "the venue is stopped"])
async def test_no_worker_takes_the_place_while_the_end_cannot_be_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stopped: bool
) -> None:
    full, real = [False], os.write

    def write(descriptor: int, data: bytes) -> int:
        if full[0] and str(Path(f"/proc/self/fd/{descriptor}").readlink()).endswith((".journal", ".tmp")):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(descriptor, data)

    monkeypatch.setattr(os, "write", write)
    async with serving(tmp_path, workers=1) as server:
        desk = await Desk.open(server.ports["rails"], "demo", bound=True)
        await desk.place()
        full[0] = True
        (pid,) = pids(server)
        os.kill(pid, signal.SIGKILL)
        await desk.ended()
        refused = server.sequencer.refused
        await until(lambda: server.sequencer.refused > refused + 2)
        assert pids(server) == []
        assert server.sequencer.history.venue.gateways() == [2]
        if not stopped:
            full[0] = False
            await until(lambda: server.workers is not None and server.workers.alive() == 1)
            assert server.sequencer.history.venue.gateways() == []
            assert await open_orders(server.ports["rails"]) == set()
    full[0] = False
    async with serving(tmp_path, workers=1) as server:
        assert await open_orders(server.ports["rails"]) == set()
