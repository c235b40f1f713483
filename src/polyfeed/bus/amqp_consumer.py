"""Hears what is published on an exchange of RabbitMQ."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol
from uuid import uuid4

from aiormq.abc import AbstractChannel

from polyfeed.bus.amqp import Broker, end_of

PULSE_SECONDS = 2.0
"""A consumer asks for its queue so often. The answer comes behind all messages that wait for us, so its delay is how
far we are behind; it is missing when the queue, its node or the broker is no longer there.
"""

PULSE_TIMEOUT = 15.0
"""So far behind we begin anew, and what waited is dropped: it would grow in the broker's memory, for everybody."""


class Delivered(Protocol):
    """What is needed of a message."""

    @property
    def routing_key(self) -> str | None:
        """Where it was published to."""

    @property
    def body(self) -> bytes:
        """What was published."""


class Consumer(Broker):
    """Hears every message of the exchange through a queue of its own, which nobody else can use and which goes with it.

    `on_message` is given routing key and body, in order; what it raises ends `run`. `on_connection` is called before
    the first message of each connection, with whether there was another one before. `lag` is how many seconds ago what
    is received now was published, as of the last pulse.
    """

    def __init__(
        self,
        url: str,
        exchange: str,
        on_message: Callable[[str, bytes], None],
        on_connection: Callable[[bool], None],
    ) -> None:
        super().__init__(url, exchange)
        self.lag = 0.0
        self._on_message = on_message
        self._on_connection = on_connection
        self._queue = ""

    async def declare(self, channel: AbstractChannel) -> None:
        """Declares the exchange and the queue, and binds them."""
        await super().declare(channel)
        self._queue = f"polyfeed.relay.{uuid4().hex}"
        await channel.queue_declare(self._queue, durable=False, exclusive=True, auto_delete=True)
        await channel.queue_bind(self._queue, self.exchange, "#")

    async def work(self, channel: AbstractChannel) -> None:
        """Consumes. The plain channel is used because aio-pika's own message objects cost twice the time."""
        self._on_connection(self.connections > 1)
        ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def end(why: Exception) -> None:
            if not ended.done():
                ended.set_exception(why)

        async def received(message: Delivered) -> None:
            if ended.done():
                return
            try:
                self._on_message(message.routing_key or "", message.body)
            except Exception as fault:  # the library would only log it
                error = RuntimeError("a message could not be taken in")
                error.__cause__ = fault
                end(error)

        channel.closing.add_done_callback(lambda closing: end(ConnectionError(end_of(closing))))
        channel.on_consumer_cancel_callbacks.add(lambda _: end(ConnectionError("the queue was deleted")))
        await channel.basic_consume(self._queue, received, no_ack=True, exclusive=True)
        pulse = asyncio.create_task(self._feel_pulse(channel))
        pulse.add_done_callback(lambda done: end(ConnectionError(end_of(done))))
        try:
            await ended
        finally:
            pulse.cancel()

    async def _feel_pulse(self, channel: AbstractChannel) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            await asyncio.sleep(PULSE_SECONDS)
            asked = clock()
            try:
                async with asyncio.timeout(PULSE_TIMEOUT):
                    await channel.queue_declare(self._queue, passive=True)
            except TimeoutError:
                raise TimeoutError(f"nothing was answered for {PULSE_TIMEOUT:g} seconds") from None
            self.lag = clock() - asked
