"""The connection to a broker: every way in which it can end is noticed, and it is made anew."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import TypeVar

import aiormq
import pytest
from aiormq.abc import AbstractChannel

from polyfeed.bus import amqp_consumer, amqp_publisher
from polyfeed.bus.amqp import CLOSE_SECONDS, Broker
from polyfeed.bus.amqp_consumer import Consumer
from polyfeed.bus.amqp_publisher import Publisher
from tests.brokers.rabbitmq import RabbitMQ

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("rabbitmq"), pytest.mark.timeout(120)]

EXCHANGE = "polyfeed.test"
ENOUGH = 60.0
T = TypeVar("T")


class Listener(Consumer):
    """A consumer whose channel a test may misuse, and that can be waited for."""

    def __init__(self, url: str, exchange: str = EXCHANGE) -> None:
        super().__init__(url, exchange, self._hear, self._begin)
        self.heard: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue()
        self.begun: asyncio.Queue[bool] = asyncio.Queue()
        self.ended: asyncio.Queue[None] = asyncio.Queue()
        self.channel: AbstractChannel | None = None
        self.poison = b""

    async def work(self, channel: AbstractChannel) -> None:
        self.channel = channel
        try:
            await super().work(channel)
        finally:
            self.ended.put_nowait(None)

    def queue(self) -> str:
        return self._queue

    def _hear(self, routing_key: str, body: bytes) -> None:
        if body == self.poison:
            raise ConnectionError("poison")
        self.heard.put_nowait((routing_key, body))

    def _begin(self, again: bool) -> None:
        self.begun.put_nowait(again)


@asynccontextmanager
async def running(one: Broker) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(one.run())
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError, RuntimeError):
            async with asyncio.timeout(5):
                await task


@asynccontextmanager
async def listening(rabbitmq: RabbitMQ) -> AsyncIterator[Listener]:
    one = Listener(rabbitmq.url)
    async with running(one):
        assert await soon(one.begun) is False
        yield one


async def soon(queue: asyncio.Queue[T]) -> T:
    async with asyncio.timeout(ENOUGH):
        return await queue.get()


async def say(rabbitmq: RabbitMQ, key: str, body: bytes) -> None:
    connection = await aiormq.connect(rabbitmq.url)
    channel = await connection.channel()
    await channel.basic_publish(body, exchange=EXCHANGE, routing_key=key)
    await connection.close()


async def test_a_queue_of_its_own(rabbitmq: RabbitMQ) -> None:
    """Nobody else may read it, and it goes with its connection."""
    async with listening(rabbitmq) as one:
        await say(rabbitmq, "public.a.b", b"1")
        assert await soon(one.heard) == ("public.a.b", b"1")
        name = one.queue()
        assert name.startswith("polyfeed.relay.")
        stranger = await aiormq.connect(rabbitmq.url)
        with pytest.raises(aiormq.exceptions.ChannelLockedResource):
            await (await stranger.channel()).queue_declare(name, passive=True)
    with pytest.raises(aiormq.exceptions.ChannelNotFoundEntity):
        await (await stranger.channel()).queue_declare(name, passive=True)
    await stranger.close()


async def deleted(one: Listener) -> None:
    assert one.channel is not None
    await one.channel.queue_delete(one.queue())


async def channel_error(one: Listener) -> None:
    assert one.channel is not None
    with suppress(aiormq.exceptions.AMQPError):
        await one.channel.queue_declare("no such queue", passive=True)


async def closed(one: Listener) -> None:
    assert one.channel is not None
    await one.channel.connection.close()


@pytest.mark.parametrize("end", [deleted, channel_error, closed])
async def test_whatever_ends_it_begins_anew(rabbitmq: RabbitMQ, end: Callable[[Listener], object]) -> None:
    async with listening(rabbitmq) as one:
        await end(one)  # type: ignore[misc]
        assert await soon(one.begun) is True
        await say(rabbitmq, "public.a.b", b"2")
        assert await soon(one.heard) == ("public.a.b", b"2")
        assert (one.connected, one.connections) == (True, 2)


@asynccontextmanager
async def paused(rabbitmq: RabbitMQ) -> AsyncIterator[None]:
    """A broker that takes connections and packets, and does nothing."""
    os.killpg(rabbitmq.group, signal.SIGSTOP)
    try:
        yield
    finally:
        os.killpg(rabbitmq.group, signal.SIGCONT)


async def test_a_silent_broker_is_noticed(rabbitmq: RabbitMQ, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(amqp_consumer, "PULSE_SECONDS", 0.05)
    monkeypatch.setattr(amqp_consumer, "PULSE_TIMEOUT", 0.5)
    async with listening(rabbitmq) as one:
        async with paused(rabbitmq):
            await soon(one.ended)
        assert await soon(one.begun) is True


async def test_a_goodbye_to_a_silent_broker_is_short(rabbitmq: RabbitMQ) -> None:
    one = Listener(rabbitmq.url)
    task = asyncio.create_task(one.run())
    await soon(one.begun)
    async with paused(rabbitmq):
        task.cancel()
        async with asyncio.timeout(5 * CLOSE_SECONDS):
            with pytest.raises(asyncio.CancelledError):
                await task


async def test_a_fault_of_ours_is_no_fault_of_the_broker(rabbitmq: RabbitMQ) -> None:
    """An exception of the reader ends it, whatever its class: it is not tried again as if nothing had happened."""
    one = Listener(rabbitmq.url)
    one.poison = b"x"
    task = asyncio.create_task(one.run())
    await soon(one.begun)
    await say(rabbitmq, "public.a.b", b"x")
    with pytest.raises(RuntimeError, match="taken in"):
        async with asyncio.timeout(ENOUGH):
            await task


async def test_what_is_refused_is_said_once(rabbitmq: RabbitMQ, caplog: pytest.LogCaptureFixture) -> None:
    """An exchange that is there already, declared in another way."""
    connection = await aiormq.connect(rabbitmq.url)
    await (await connection.channel()).exchange_declare("polyfeed.other", exchange_type="fanout")
    one = Listener(rabbitmq.url, "polyfeed.other")
    attempts: asyncio.Queue[None] = asyncio.Queue()
    declare = one.declare

    async def counted(channel: AbstractChannel) -> None:
        attempts.put_nowait(None)
        await declare(channel)

    one.declare = counted  # type: ignore[method-assign]
    async with running(one):
        for _ in range(4):
            await soon(attempts)
    told = [record.getMessage() for record in caplog.records if record.name == "polyfeed.amqp"]
    assert len(told) == 1
    assert "PRECONDITION_FAILED" in told[0]
    await connection.close()


async def test_too_much_to_publish_becomes_a_new_beginning(rabbitmq: RabbitMQ, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(amqp_publisher, "QUEUED_BYTES", 100)
    one = Publisher(rabbitmq.url, EXCHANGE, lambda: [("public.a.ob-snap", b"book")])
    async with listening(rabbitmq) as ears, running(one):
        assert await soon(ears.heard) == ("public.a.ob-snap", b"book")
        one.publish([("public.a.b", b"1"), ("public.a.b", b"2")])
        one.publish([("public.a.b", b"x" * 101)])
        assert one.dropped == 3
        one.publish([("public.a.b", b"3")])
        assert await soon(ears.heard) == ("public.a.ob-snap", b"book")
        assert await soon(ears.heard) == ("public.a.b", b"3")
    one.publish([("public.a.b", b"4")])
    assert one.dropped == 4


class Hoarse(Publisher):
    """A publisher whose channel a test may close."""

    channel: AbstractChannel | None = None

    async def work(self, channel: AbstractChannel) -> None:
        self.channel = channel
        await super().work(channel)


async def test_a_publisher_begins_anew(rabbitmq: RabbitMQ) -> None:
    one = Hoarse(rabbitmq.url, EXCHANGE, lambda: [("public.a.ob-snap", b"book")])
    async with listening(rabbitmq) as ears, running(one):
        assert await soon(ears.heard) == ("public.a.ob-snap", b"book")
        for connections in (2, 3):
            assert one.channel is not None
            await one.channel.connection.close()
            assert await soon(ears.heard) == ("public.a.ob-snap", b"book")
            assert (one.connected, one.connections) == (True, connections)
        one.publish([("public.a.b", b"1")])
        assert await soon(ears.heard) == ("public.a.b", b"1")
