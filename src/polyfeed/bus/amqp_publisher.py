"""Publishes on an exchange of RabbitMQ."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable

from aiormq import spec
from aiormq.abc import AbstractChannel

from polyfeed.bus.amqp import Broker, end_of

log = logging.getLogger("polyfeed.amqp")

QUEUED_BYTES = 33_554_432
"""Bodies to publish that wait for the socket at most."""

Message = tuple[str, bytes]
"""Routing key and body."""


class Publisher(Broker):
    """Publishes in order, without waiting for the broker: what a broken connection has swallowed is gone.

    `anew` gives what is to be published first on every new connection, and instead of all that waits when it is too
    much: whoever listens has a beginning again.
    """

    def __init__(self, url: str, exchange: str, anew: Callable[[], Iterable[Message]]) -> None:
        super().__init__(url, exchange)
        self.dropped = 0
        self._anew = anew
        self._queue: deque[Message] = deque()
        self._bytes = 0
        self._wake = asyncio.Event()

    def publish(self, messages: list[Message]) -> None:
        """Queues all messages of a batch; while there is no connection they are dropped, as Peatio's own are."""
        if not self.connected:
            self.dropped += len(messages)
        elif self._bytes + sum(len(body) for _, body in messages) > QUEUED_BYTES:
            self.dropped += len(messages) + len(self._queue)
            log.warning("RabbitMQ at %s takes nothing: what waited is dropped, the books begin anew", self.place)
            self._begin()
        else:
            self._add(messages)

    def _begin(self) -> None:
        self._queue.clear()
        self._bytes = 0
        self._add(self._anew())

    def _add(self, messages: Iterable[Message]) -> None:
        for message in messages:
            self._queue.append(message)
            self._bytes += len(message[1])
        self._wake.set()

    async def work(self, channel: AbstractChannel) -> None:
        """Publishes what is queued."""
        self._begin()
        channel.closing.add_done_callback(lambda _: self._wake.set())
        properties = spec.Basic.Properties(content_type="application/json", delivery_mode=1)
        while not channel.is_closed:
            while self._queue:
                routing_key, body = self._queue.popleft()
                self._bytes -= len(body)
                await channel.basic_publish(
                    body, exchange=self.exchange, routing_key=routing_key, properties=properties
                )
            self._wake.clear()
            await self._wake.wait()
        raise ConnectionError(end_of(channel.closing))
