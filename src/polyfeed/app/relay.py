"""`polyfeed serve --relay amqp://…`: a running Peatio's messages in, batches out."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from polyfeed.app.config import Config
from polyfeed.bus.amqp_consumer import Consumer
from polyfeed.bus.memory import MemoryBus
from polyfeed.dialects._base.feeds import GRID_US
from polyfeed.dialects.peatio import spec
from polyfeed.market.market import Market
from polyfeed.model.batches import Batch
from polyfeed.sources.relay import Relay
from polyfeed.sources.relay_terms import Terms

log = logging.getLogger("polyfeed.relay")

RELAY_EPOCH = 3
"""The history of an upstream; the venue's own is 1, a recording's 2."""


class RelayRole:
    """Consumes the upstream's exchange and publishes batches on the bus; `now` is microseconds since the epoch."""

    def __init__(self, config: Config, bus: MemoryBus, market: Market, now: Callable[[], int]) -> None:
        section = config.relay
        ruby = spec.PROFILES[config.peatio.profile].claims == "ruby"
        self.relay = Relay(
            RELAY_EPOCH, lambda: len(market.instruments), Terms.read(section.markets), two_parts=not ruby
        )
        self.consumer = Consumer(section.url, section.exchange, self.take, self.reconnected)
        self._bus = bus
        self._now = now

    async def run(self) -> None:
        """Works until cancelled."""
        for batch in self.relay.listing(self._now()):
            self._publish(batch)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.consumer.run())
            tasks.create_task(self._keep_time())

    async def _keep_time(self) -> None:
        """Has time pass for the upstream's markets when no message does."""
        while True:
            await asyncio.sleep(GRID_US / 1e6)
            self._publish(self.relay.clock(self._now()))

    def take(self, routing_key: str, body: bytes) -> None:
        """Takes in a message. One that we fail to read is a fault of ours, and ends nothing."""
        try:
            batch = self.relay.message(self._now(), routing_key, body)
        except Exception:
            self.relay.dropped["failed"] += 1
            log.exception("a message of %s could not be read", routing_key)
            return
        self._publish(batch)

    def reconnected(self, again: bool) -> None:
        """There is a connection; `again` says that there was another one, after which messages may be missing."""
        if again:
            self._publish(self.relay.interrupted(self._now()))

    def _publish(self, batch: Batch | None) -> None:
        if batch is not None:
            self._bus.publish(batch)
