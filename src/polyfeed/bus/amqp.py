"""RabbitMQ, where Peatio is spoken: a connection that is kept, and its exchange to read from or to publish to.

A lost connection is seen at the latest after two missed heartbeats, said in the log, and made anew for as long as it
takes. What was published meanwhile is lost (the exchange keeps nothing), so whoever uses this is told of every new
connection.
"""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from typing import Protocol
from urllib.parse import urlsplit

import aio_pika
from aio_pika.abc import AbstractConnection
from aio_pika.exceptions import AMQPError
from aiormq.abc import AbstractChannel

log = logging.getLogger("polyfeed.amqp")
for library in ("aio_pika", "aiormq"):
    logging.getLogger(library).setLevel(logging.CRITICAL)  # what they would say at each attempt is said here, once

HEARTBEAT_SECONDS = 5
CONNECT_SECONDS = 10.0
RETRY_SECONDS = (0.2, 0.5, 1.0, 2.0)
"""Waits before each attempt to connect again; the last one for good."""

QUEUED = 100_000
"""Messages to publish that wait for the socket at most; beyond it the oldest are dropped and counted."""

FAILURES = (AMQPError, OSError, EOFError, TimeoutError, ConnectionError, asyncio.InvalidStateError)


class Delivered(Protocol):
    """What is needed of a message."""

    @property
    def routing_key(self) -> str | None:
        """Where it was published to."""

    @property
    def body(self) -> bytes:
        """What was published."""


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
        failures = 0
        while True:
            try:
                async with asyncio.timeout(CONNECT_SECONDS):
                    connection = await aio_pika.connect(self._url, heartbeat=HEARTBEAT_SECONDS)
            except FAILURES as error:
                if failures == 0:
                    log.warning("no connection to RabbitMQ at %s: %s; trying again", self.place, reason(error))
                await asyncio.sleep(RETRY_SECONDS[min(failures, len(RETRY_SECONDS) - 1)])
                failures += 1
                continue
            failures = 0
            await self._use(connection)

    async def _use(self, connection: AbstractConnection) -> None:
        """Works with one connection until it ends."""
        closed = asyncio.Event()
        connection.close_callbacks.add(lambda *_: closed.set())
        try:
            channel = await (await connection.channel(publisher_confirms=False)).get_underlay_channel()
            await channel.exchange_declare(self.exchange, exchange_type="topic", durable=False)
            self.connected = True
            self.connections += 1
            log.info("connected to RabbitMQ at %s, exchange %s", self.place, self.exchange)
            await self.work(channel, closed)
        except FAILURES as error:
            log.warning("RabbitMQ at %s: %s", self.place, reason(error))
            await asyncio.sleep(RETRY_SECONDS[0])
        finally:
            was, self.connected = self.connected, False
            if not connection.is_closed:
                await connection.close()
        if was:
            log.warning("the connection to RabbitMQ at %s was lost", self.place)

    @abstractmethod
    async def work(self, channel: AbstractChannel, closed: asyncio.Event) -> None:
        """Uses the channel until `closed` is set."""


class Consumer(Broker):
    """Hears every message of the exchange through a queue of its own.

    `on_message` is given routing key and body, in order; `on_connection` is called when the queue is there, with
    whether there was another connection before.
    """

    def __init__(
        self,
        url: str,
        exchange: str,
        on_message: Callable[[str, bytes], None],
        on_connection: Callable[[bool], None],
    ) -> None:
        super().__init__(url, exchange)
        self._on_message = on_message
        self._on_connection = on_connection

    async def work(self, channel: AbstractChannel, closed: asyncio.Event) -> None:
        """Consumes. The plain channel is used because aio-pika's own message objects cost twice the time."""
        queue = await channel.queue_declare(durable=False, exclusive=True, auto_delete=True)
        name = str(queue.queue)
        await channel.queue_bind(name, self.exchange, "#")
        self._on_connection(self.connections > 1)
        faults: list[Exception] = []

        async def received(message: Delivered) -> None:
            try:
                self._on_message(message.routing_key or "", message.body)
            except Exception as fault:  # the library would only log it
                faults.append(fault)
                closed.set()

        await channel.basic_consume(name, received, no_ack=True, exclusive=True)
        await closed.wait()
        if faults:
            raise faults[0]


class Publisher(Broker):
    """Publishes in order, without waiting for the broker: what a broken connection has swallowed is gone.

    `on_connection` gives what is to be published first on every new connection.
    """

    def __init__(self, url: str, exchange: str, on_connection: Callable[[], list[tuple[str, bytes]]]) -> None:
        super().__init__(url, exchange)
        self.dropped = 0
        self._on_connection = on_connection
        self._queue: deque[tuple[str, bytes]] = deque()
        self._wake = asyncio.Event()

    def publish(self, routing_key: str, body: bytes) -> None:
        """Queues a message; while there is no connection it is dropped, as Peatio's own are."""
        if not self.connected or len(self._queue) >= QUEUED:
            self.dropped += 1
            return
        self._queue.append((routing_key, body))
        self._wake.set()

    async def work(self, channel: AbstractChannel, closed: asyncio.Event) -> None:
        """Publishes what is queued."""
        self._queue = deque(self._on_connection())
        self._wake.set()
        ended = asyncio.create_task(closed.wait())
        try:
            while not closed.is_set():
                while self._queue:
                    routing_key, body = self._queue.popleft()
                    await channel.basic_publish(body, exchange=self.exchange, routing_key=routing_key)
                self._wake.clear()
                woken = asyncio.create_task(self._wake.wait())
                await asyncio.wait({woken, ended}, return_when=asyncio.FIRST_COMPLETED)
                woken.cancel()
        finally:
            ended.cancel()


def reason(error: BaseException) -> str:
    """An error in words, for those that have none."""
    return str(error) or type(error).__name__
