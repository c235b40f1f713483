"""`polyfeed serve` and `polyfeed replay`: a server from its start to its orderly end."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from polyfeed.app.clock import SteadyClock
from polyfeed.app.config import Config
from polyfeed.app.flow import Flow, demo_flow, recorded_flow
from polyfeed.app.server import Server
from polyfeed.market.market import Market

log = logging.getLogger("polyfeed")


async def serve(config: Config) -> int:
    """Runs the venue until SIGINT or SIGTERM."""
    market = Market()
    flow = demo_flow(config.flow, market) if config.flow.demo else Flow(())
    if not config.flow.demo and not config.relay.url:
        log.warning("no market is listed: start with --demo for demo markets and flow")
    return await run(config, market, flow)


async def replay(config: Config, dialect: str, files: Sequence[Path], *, loop: bool) -> int:
    """Serves a recording until SIGINT or SIGTERM."""
    with Console(stderr=True).status("reading the recording"):
        try:
            flow = recorded_flow(dialect, files, config.flow.speed, loop=loop)
        except ValueError as error:
            raise OSError(f"the recording cannot be played: {error}") from error
    return await run(config, Market(), flow)


async def run(config: Config, market: Market, flow: Flow) -> int:
    """Starts a server, says where everything is, waits for a signal, ends."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    server = Server(config, SteadyClock(), market, flow)
    try:
        await server.start()
        print(f"polyfeed is ready\n{server.directory()}", flush=True)
        stopped = asyncio.create_task(stop.wait())
        failed = asyncio.create_task(server.failed())
        done, _ = await asyncio.wait({stopped, failed}, return_when=asyncio.FIRST_COMPLETED)
        for task in (stopped, failed):
            task.cancel()
        if failed in done:
            return 1
        # A second signal does not wait for anybody.
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
        log.info("stopping: saying goodbye to every client")
    finally:
        await server.stop()
    return 0
