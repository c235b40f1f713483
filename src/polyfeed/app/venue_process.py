"""`polyfeed venue`: a venue without ports of its own, once it has the lease."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from functools import partial

from nats.aio.client import Client

from polyfeed.app.clock import SteadyClock
from polyfeed.app.config import Config, ConfigError
from polyfeed.app.flow import flow_of
from polyfeed.app.server import Server
from polyfeed.app.standby import Standby
from polyfeed.app.store import Store
from polyfeed.bus.tasks import cancelled
from polyfeed.app.venue_bus import VenueBus
from polyfeed.bus.nats.connection import FAILURES
from polyfeed.bus.nats.lease import Lease
from polyfeed.market.market import Market
from polyfeed.model.batches import Batch

log = logging.getLogger("polyfeed")

RETRY_SECONDS = 1.0


class VenueProcess:
    """Waits for the lease, as a standby where the configuration says so, and is the venue from then on."""

    def __init__(self, config: Config, client: Client, lease: Lease, store: Store | None) -> None:
        self._config = config
        self._client = client
        self._lease = lease
        self._store = store
        self._server: Server | None = None
        self._tasks: list[asyncio.Task[None]] = []
        if config.bus.standby and store is None:
            raise ConfigError("a standby follows a journal: give --journal DIR")

    def directory(self) -> str:
        """Where everything is, for people."""
        return "" if self._server is None else self._server.directory()

    async def start(self) -> None:
        """Returns when this is the venue. Raises as `Server.start` does, and NoStandby."""
        term = 1
        recent: Sequence[Batch] = ()
        if self._config.bus.standby and self._store is not None:
            standby = Standby(self._client, self._config.bus, self._store)
            term = await standby.until_venue(self._lease)
            self._store.journal, recent = standby.journal, standby.recent
            self._tasks.append(asyncio.create_task(standby.writer.run()))
        else:
            await self._wait()
        market = Market() if self._store is None else self._store.replica.market
        flow = flow_of(self._config, market)
        now = SteadyClock()
        section, demo = self._config.bus, self._config.flow.demo
        make_link = partial(VenueBus, self._client, section, self._lease, now=now, demo=demo, term=term, recent=recent)
        self._server = Server(self._config, now, market, flow, self._store, make_link=make_link)
        await self._server.start()

    async def stop(self) -> None:
        """Ends, if it began."""
        if self._server is not None:
            await self._server.stop()
        await cancelled(self._tasks)

    async def failed(self) -> None:
        """Returns when this cannot be the venue any more; the log says why."""
        assert self._server is not None
        failed = asyncio.create_task(self._server.failed())
        await asyncio.wait({failed, *self._tasks}, return_when=asyncio.FIRST_COMPLETED)
        failed.cancel()
        for task in self._tasks:
            if task.done() and not task.cancelled() and task.exception() is not None:
                log.critical("%s", task.exception())

    async def _wait(self) -> None:
        """Returns with the lease. Nobody follows anybody: the other venue has its own journal, or none."""
        said = ""
        while True:
            try:
                if await self._lease.take():
                    return
                news = f"the venue is {await self._lease.holder()}: waiting until it is gone"
            except FAILURES as error:
                news = f"the bus cannot give the venue's lease: {error}"
            if news != said:
                said = news
                log.warning("%s", news)
            await asyncio.sleep(RETRY_SECONDS)
