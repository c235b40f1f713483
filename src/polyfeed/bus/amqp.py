"""RabbitMQ, where Peatio is spoken: a connection that is kept, and its exchange to read from or to publish to.

A connection that ends, however it ends, is said in the log and made anew at once, for as long as it takes. What was
published meanwhile is lost (the exchange keeps nothing), so whoever uses this is told of every new connection. A
broker that falls silent is noticed after three heartbeats, by a consumer after a pulse that nothing answers.
"""

from __future__ import annotations

import asyncio
import logging
import random
from abc import ABC, abstractmethod
from contextlib import suppress
from urllib.parse import urlsplit

import aio_pika
from aio_pika.abc import AbstractConnection
from aio_pika.exceptions import AMQPError
from aiormq.abc import AbstractChannel

log = logging.getLogger("polyfeed.amqp")
for library in ("aio_pika", "aiormq"):
    logging.getLogger(library).setLevel(logging.CRITICAL)  # what they would say at each attempt is said here, once

HEARTBEAT_SECONDS = 5
"""Asked of the broker, which drops us after two of them; we drop it after three."""

CONNECT_SECONDS = 5.0
"""The most that an attempt may take, from the first packet until messages flow."""

CLOSE_SECONDS = 1.0
"""The most that a goodbye may take: a broker that is gone hears none."""

RETRY_SECONDS, RETRY_LATER_SECONDS = 0.05, 0.5
"""Waits before each attempt to connect again, each shortened by up to a half, by chance, so that not all servers come
at the same moment. Whoever is back before the publisher misses none of its first words; an attempt costs a few packets.
"""

QUICK_SECONDS = 60.0
"""An outage for so long is a restart; after that there is no hurry."""

CLOSED = "it was closed"

FAILURES = (AMQPError, OSError, EOFError, TimeoutError, ConnectionError, asyncio.InvalidStateError)


class Broker(ABC):
    """A connection to one exchange (topic, not durable: Peatio's own declaration) that `run` keeps up.

    `connected` says whether it stands, `connections` how often it was made.
    """

    def __init__(self, url: str, exchange: str) -> None:
        self.connected = False
        self.connections = 0
        self.exchange = exchange
        self._url = url

    @property
    def place(self) -> str:
        """Where the broker is, for people: the URL without user and password."""
        parts = urlsplit(self._url)
        return f"{parts.hostname}:{parts.port or 5672}"

    async def run(self) -> None:
        """Works until cancelled."""
        clock = asyncio.get_running_loop().time
        since, told = clock(), ""
        while True:
            before, why = self.connections, CLOSED
            try:
                await self._live()
            except FAILURES as error:
                why = reason(error)
            except asyncio.CancelledError:
                # The library ends what waits for a closed channel in this way too.
                task = asyncio.current_task()
                if task is None or task.cancelling():
                    raise
            if self.connections > before:
                since, told = clock(), ""
                log.warning("the connection to RabbitMQ at %s was lost: %s", self.place, why)
            elif why != told:
                told = why
                log.warning("no connection to RabbitMQ at %s: %s; trying again", self.place, why)
            wait = RETRY_SECONDS if clock() - since < QUICK_SECONDS else RETRY_LATER_SECONDS
            await asyncio.sleep(wait * random.uniform(0.5, 1.0))

    async def _live(self) -> None:
        """Lives through one connection. Raises one of FAILURES at its end."""
        async with asyncio.timeout(CONNECT_SECONDS):
            connection = await aio_pika.connect(
                self._url, heartbeat=HEARTBEAT_SECONDS, client_properties={"connection_name": "polyfeed"}
            )
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                channel = await (await connection.channel(publisher_confirms=False)).get_underlay_channel()
                await self.declare(channel)
            self.connected = True
            self.connections += 1
            log.info("connected to RabbitMQ at %s, exchange %s", self.place, self.exchange)
            await self.work(channel)
        finally:
            self.connected = False
            await _leave(connection)

    async def declare(self, channel: AbstractChannel) -> None:
        """Declares what `work` needs: the exchange."""
        await channel.exchange_declare(self.exchange, exchange_type="topic", durable=False)

    @abstractmethod
    async def work(self, channel: AbstractChannel) -> None:
        """Uses the channel until it ends; raises one of FAILURES then."""


async def _leave(connection: AbstractConnection) -> None:
    """Says goodbye, where there is somebody to hear it."""
    with suppress(*FAILURES):
        async with asyncio.timeout(CLOSE_SECONDS):
            await connection.close()


def end_of(done: asyncio.Future[None]) -> str:
    """Why it ended."""
    error = None if done.cancelled() else done.exception()
    return CLOSED if error is None else reason(error)


def reason(error: BaseException) -> str:
    """An error in words, for those that have none."""
    return str(error) or type(error).__name__
