"""`polyfeed venue` and `polyfeed gateway`: the two halves of `serve`, on a bus."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from nats.aio.client import Client

from polyfeed.app.clock import SteadyClock
from polyfeed.app.config import BusSection, Config, ConfigError
from polyfeed.app.gateway_process import GatewayProcess
from polyfeed.app.serve import until_signal
from polyfeed.app.store import Store, journal_directory, opened
from polyfeed.app.venue_process import VenueProcess
from polyfeed.bus.again import until_done
from polyfeed.bus.nats.connection import close, connect
from polyfeed.bus.nats.lease import Lease
from polyfeed.bus.nats.names import Names

log = logging.getLogger("polyfeed")

RETRY_SECONDS = 1.0


def venue(config: Config, *, salvage: bool = False) -> int:
    """Runs the venue without ports, until SIGINT or SIGTERM. Raises as `serve` does, and ConfigError without a bus."""
    _check(config.bus)
    directory = journal_directory(config)
    if directory is None:
        return asyncio.run(_venue(config, None))
    with opened(config, directory, SteadyClock(), rescue=salvage) as store:
        return asyncio.run(_venue(config, store))


async def _venue(config: Config, store: Store | None) -> int:
    async with connected(config.bus, "venue") as client:
        lease = Lease(client, Names(config.bus.name).bucket, config.bus.replicas)
        return await until_signal(VenueProcess(config, client, lease, store))


def gateway(config: Config) -> int:
    """Runs one gateway until SIGINT or SIGTERM. Raises ConfigError without a bus, OSError."""
    _check(config.bus)
    return asyncio.run(_gateway(config))


async def _gateway(config: Config) -> int:
    async with connected(config.bus, "gateway") as client:
        return await until_signal(GatewayProcess(config, client, SteadyClock()))


def _check(section: BusSection) -> None:
    if not section.url:
        raise ConfigError("a venue and its gateways need a bus: --bus nats://HOST[,HOST…], or bus.url")


@asynccontextmanager
async def connected(section: BusSection, role: str) -> AsyncIterator[Client]:
    """A connection to the bus, made however long that takes."""
    attempt = partial(connect, section.url, f"polyfeed {role}", section.credentials)
    client = await until_done(attempt, (OSError,), RETRY_SECONDS, partial(log.warning, "%s; trying again"))
    try:
        yield client
    finally:
        await close(client)
