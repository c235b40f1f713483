"""`polyfeed serve` and `polyfeed replay`: a server from its start to its orderly end."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Protocol

from rich.console import Console

from polyfeed.app.clock import SteadyClock
from polyfeed.app.config import Config
from polyfeed.app.flow import Flow, flow_of, recorded_flow
from polyfeed.app.server import Server
from polyfeed.app.store import Store, journal_directory, opened
from polyfeed.bus.tasks import cancelled
from polyfeed.market.market import Market

log = logging.getLogger("polyfeed")


def serve(config: Config, *, salvage: bool = False) -> int:
    """Runs the venue until SIGINT or SIGTERM, on from where its journal ends.

    Raises Damaged, Locked, EngineChanged, OSError.
    """
    directory = journal_directory(config)
    if directory is None:
        return asyncio.run(_serve(config, Market(), None))
    with opened(config, directory, SteadyClock(), rescue=salvage) as store:
        return asyncio.run(_serve(config, store.replica.market, store))


async def _serve(config: Config, market: Market, store: Store | None) -> int:
    return await run(config, market, flow_of(config, market), store)


async def replay(config: Config, dialect: str, files: Sequence[Path], *, loop: bool) -> int:
    """Serves a recording until SIGINT or SIGTERM."""
    with Console(stderr=True).status("reading the recording"):
        try:
            flow = recorded_flow(dialect, files, config.flow.speed, loop=loop)
        except ValueError as error:
            raise OSError(f"the recording cannot be played: {error}") from error
    return await run(config, Market(), flow)


class Role(Protocol):
    """What a process does: `failed` returns when it cannot go on."""

    async def start(self) -> None:
        """Begins."""

    async def failed(self) -> None:
        """Waits for the worst."""

    async def stop(self) -> None:
        """Ends, in an orderly way."""

    def directory(self) -> str:
        """Where everything is, for people."""


async def run(config: Config, market: Market, flow: Flow, store: Store | None = None) -> int:
    """Runs a server until a signal."""
    return await until_signal(Server(config, SteadyClock(), market, flow, store))


async def until_signal(role: Role) -> int:
    """Starts a role, says where everything is, waits for a signal, ends."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    stopped = asyncio.create_task(stop.wait())
    try:
        if not await before(stopped, role.start()):
            return 0
        # What lives as long as the process is not looked at by every collection: those show as latency.
        gc.collect()
        gc.freeze()
        print(f"polyfeed is ready\n{role.directory()}\n  Ctrl-C ends it", flush=True)
        if await before(stopped, role.failed()):
            return 1
        log.info("stopping: saying goodbye to every client")
    finally:
        # A second signal does not wait for anybody.
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
        stopped.cancel()
        await role.stop()
    return 0


async def before(stopped: asyncio.Task[bool], work: Coroutine[None, None, None]) -> bool:
    """Whether the work was done before the stop came; else it is broken off. Raises what the work raises."""
    task = asyncio.create_task(work)
    await asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED)
    if not task.done():
        await cancelled([task])
        return False
    await task
    return True
