"""The brokers of a server: an upstream Peatio's that it listens to, and one that it publishes to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from polyfeed.app.config import Config
from polyfeed.app.gateway_role import Memory
from polyfeed.app.publish import PublishRole
from polyfeed.app.relay import RelayRole
from polyfeed.bus.memory import MemoryBus


class Brokers:
    """What the configuration asks for: a relay, a publication, both or none."""

    def __init__(self, config: Config, bus: MemoryBus, memory: Memory, now: Callable[[], int]) -> None:
        self._relay = RelayRole(config, bus, memory.market, now) if config.relay.url else None
        self._publish = PublishRole(config, bus, memory) if config.publish.url else None

    def tasks(self) -> list[asyncio.Task[None]]:
        """Starts them."""
        return [asyncio.create_task(role.run()) for role in (self._relay, self._publish) if role is not None]

    def metrics(self) -> list[str]:
        """Whether they are connected, and what was lost."""
        lines: list[str] = []
        if self._relay is not None:
            relay, consumer = self._relay.relay, self._relay.consumer
            lines += [
                "# TYPE polyfeed_relay_connected gauge",
                f"polyfeed_relay_connected {int(consumer.connected)}",
                "# TYPE polyfeed_relay_connections_total counter",
                f"polyfeed_relay_connections_total {consumer.connections}",
                "# TYPE polyfeed_relay_lag_seconds gauge",
                f"polyfeed_relay_lag_seconds {consumer.lag:.3f}",
                "# TYPE polyfeed_relay_messages_total counter",
                f"polyfeed_relay_messages_total {relay.passed}",
                "# TYPE polyfeed_relay_dropped_total counter",
                *(f'polyfeed_relay_dropped_total{{reason="{why}"}} {count}' for why, count in relay.dropped.items()),
            ]
        if self._publish is not None:
            publisher = self._publish.publisher
            lines += [
                "# TYPE polyfeed_publish_connected gauge",
                f"polyfeed_publish_connected {int(publisher.connected)}",
                "# TYPE polyfeed_publish_dropped_total counter",
                f"polyfeed_publish_dropped_total {publisher.dropped}",
            ]
        return lines
