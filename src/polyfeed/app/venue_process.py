"""`polyfeed venue`: a venue without the dialects' ports, once it has the lease."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from functools import partial

from nats.aio.client import Client

from polyfeed.app.clock import SteadyClock
from polyfeed.app.config import Config, ConfigError
from polyfeed.app.flow import flow_of
from polyfeed.app.health import Health
from polyfeed.app.operator_port import OperatorPort
from polyfeed.app.server import Server
from polyfeed.app.standby import Standby
from polyfeed.app.store import Store
from polyfeed.app.venue_bus import VenueBus
from polyfeed.bus.nats.lease import Lease
from polyfeed.bus.nats.writer import Fenced
from polyfeed.bus.tasks import before_any_ends, cancelled
from polyfeed.market.market import Market
from polyfeed.model.batches import Batch

log = logging.getLogger("polyfeed")

RETRY_SECONDS = 1.0


class VenueProcess:
    """Waits for the lease, as a standby where the configuration says so, and is the venue from then on.

    Its operator's port is open all the time: until it is the venue, that says why it is not.
    """

    def __init__(self, config: Config, client: Client, lease: Lease, store: Store | None) -> None:
        self._config = config
        self._client = client
        self._lease = lease
        self._store = store
        self._operator = OperatorPort(config)
        self._operator_port = 0
        self._standby: Standby | None = None
        self._server: Server | None = None
        self._tasks: list[asyncio.Task[None]] = []
        if config.bus.standby and store is None:
            raise ConfigError("a standby follows a journal: give --journal DIR")

    @property
    def operator_port(self) -> int:
        """The number of the operator's port."""
        return self._operator_port

    @property
    def trouble(self) -> str:
        """Why this is not the venue, empty when it is."""
        if self._server is not None:
            return self._server.trouble
        holder = self._lease.seen or "a venue that is not known"
        if self._standby is None:
            return f"waiting for the end of {holder}"
        behind = f"{self._standby.behind} messages behind it, at record {self._standby.records}"
        away = "" if self._client.is_connected else "; the bus cannot be reached"
        return f"standby of {holder}, {behind}{away}"

    def metrics(self) -> str:
        """Of a process that is not the venue, in Prometheus's text format."""
        lines = [
            "# TYPE polyfeed_venue gauge",
            "polyfeed_venue 0",
            "# TYPE polyfeed_bus_connected gauge",
            f"polyfeed_bus_connected {int(self._client.is_connected)}",
        ]
        if self._standby is not None:
            lines += [
                "# TYPE polyfeed_bus_behind_messages gauge",
                f"polyfeed_bus_behind_messages {self._standby.behind}",
                "# TYPE polyfeed_records_total counter",
                f"polyfeed_records_total {self._standby.records}",
            ]
        return "\n".join(lines) + "\n"

    def directory(self) -> str:
        """Where everything is, for people."""
        if self._server is not None:
            return self._server.directory()
        return f"  operator  http://{self._config.http.host}:{self._operator_port}/ (healthz, readyz, metrics)"

    async def start(self) -> None:
        """Returns when this is the venue. Raises as `Server.start` does, and NoStandby."""
        self._operator_port = await self._operator.serve(Health(self, "standby", self._config.http))
        term = 1
        recent: Sequence[Batch] = ()
        if self._config.bus.standby and self._store is not None:
            self._standby = standby = Standby(self._client, self._config.bus, self._store)
            term = await standby.until_venue(self._lease)
            self._store.journal, recent = standby.journal, standby.recent
            self._tasks.append(asyncio.create_task(standby.writer.run()))
        else:
            # Nobody follows anybody: the other venue has its own journal, or none.
            await self._lease.until_taken(RETRY_SECONDS, partial(log.warning, "%s: waiting"))
        market = Market() if self._store is None else self._store.replica.market
        flow = flow_of(self._config, market)
        now = SteadyClock()
        section, demo = self._config.bus, self._config.flow.demo
        make_link = partial(VenueBus, self._client, section, self._lease, now=now, demo=demo, term=term, recent=recent)
        self._server = Server(
            self._config, now, market, flow, self._store, make_link=make_link, operator=self._operator
        )
        try:
            await before_any_ends(self._tasks, self._server.start())
        except Fenced as error:
            raise OSError(f"this cannot become the venue: {error}") from error

    async def stop(self) -> None:
        """Ends, if it began."""
        if self._server is not None:
            await self._server.stop()
        elif self._store is not None:
            await self._store.close()
        await cancelled(self._tasks)
        await self._operator.drain(1.0)

    async def failed(self) -> None:
        """Returns when this cannot be the venue any more; the log says why."""
        assert self._server is not None
        failed = asyncio.create_task(self._server.failed())
        await asyncio.wait({failed, *self._tasks}, return_when=asyncio.FIRST_COMPLETED)
        await cancelled([failed])
        for task in self._tasks:
            if task.done() and not task.cancelled() and task.exception() is not None:
                log.critical("%s", task.exception())
