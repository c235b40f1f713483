"""`polyfeed serve --publish amqp://…`: what Peatio would publish, from this venue's batches."""

from __future__ import annotations

from polyfeed.accounts.accounts import Accounts
from polyfeed.app.config import Config
from polyfeed.app.gateway_role import Memory
from polyfeed.bus.amqp_publisher import Publisher
from polyfeed.bus.memory import MemoryBus
from polyfeed.dialects.peatio.publication import Publication
from polyfeed.dialects.peatio.spec import NAME as PEATIO
from polyfeed.market.market import Market
from polyfeed.model.batches import Batch


class PublishRole:
    """Publishes from the batch after `memory` on. Whoever listens gets every book with each new connection."""

    def __init__(self, config: Config, bus: MemoryBus, memory: Memory) -> None:
        market, accounts = Market.restore(memory.market.snapshot()), Accounts.restore(memory.accounts.snapshot())
        self._publication = Publication(config.peatio.profile, market, accounts, memory.projections.get(PEATIO, b""))
        self.publisher = Publisher(config.publish.url, config.publish.exchange, self._publication.books)
        bus.subscribe(self._on_batch)

    async def run(self) -> None:
        """Works until cancelled."""
        await self.publisher.run()

    def _on_batch(self, batch: Batch) -> None:
        self.publisher.publish(self._publication.on_batch(batch))
