"""From a real RabbitMQ to clients: what a relay adds to a Peatio's messages."""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import aiormq

from bench.gateway import client_cpu, product
from bench.native import Load, LoadOptions, cpu_seconds
from tests.brokers.rabbitmq import SERVER, RabbitMQ

EXCHANGE = "peatio.events.ranger"
ROUTING_KEY = "public.ethusd.trades"
PATH = "/?stream=ethusd.trades"
BODY = (
    '{"trades":[{"tid":%d,"taker_type":"buy","date":1588000798,"price":"2011.5","amount":"0.125"}],'
    '"ns":%d,"from":"a benchmark"}'
)
"""About 130 bytes on the wire with the stream's name around it, as Rango's frames were when it was measured."""
LONGEST_WAIT = 20.0
"""For frames that are late. What has not come then is lost."""


class PeatioResult(NamedTuple):
    """Milliseconds from the publisher's write to the frame in the client; `busy` is the server's share of its CPU."""

    rate: float
    connections: int
    p50: float
    p99: float
    frames: int
    expected: int
    busy: float


def measure(rate: float, connections: int, seconds: float) -> PeatioResult | None:
    """`rate` messages a second of one stream that all connections hear; None where there is no RabbitMQ."""
    if not SERVER.exists():
        return None
    with tempfile.TemporaryDirectory(prefix="rabbitmq-") as folder:
        broker = RabbitMQ(Path(folder))
        try:
            broker.start()
            return _measure(broker.url, rate, connections, seconds)
        finally:
            broker.stop()


def _measure(url: str, rate: float, connections: int, seconds: float) -> PeatioResult:
    warm, expected = min(1.0, seconds), int(rate * seconds) * connections
    with product() as running:
        running.ask("relay", url=url)
        options = LoadOptions(
            port=running.ports["peatio"],
            connections=connections,
            path=PATH,
            ready_text='"subscribed"',
            go=True,
            seconds=seconds + 30,
            latency="ns",
        )
        with Load(options, cpu=client_cpu()) as load:
            load.wait_ready()
            asyncio.run(publish(url, rate, warm))
            until_heard(load, "wait", (1 + int(rate * warm)) * connections)  # one says that it is subscribed
            load.go()
            until_heard(load, "measure", 0)
            used = cpu_seconds(running.pid)
            asyncio.run(publish(url, rate, seconds))
            used = cpu_seconds(running.pid) - used
            until_heard(load, "measure", expected)
            load.stop()
            result = load.result()
    assert result.latency is not None
    p50, p99 = result.latency.p50_us / 1000, result.latency.p99_us / 1000
    return PeatioResult(rate, connections, p50, p99, result.frames, expected, used / seconds)


def until_heard(load: Load, phase: str, frames: int) -> None:
    """Returns when the client has said in this phase that it has so many frames, or has not for long. It tells each
    second.
    """
    deadline = time.monotonic() + LONGEST_WAIT
    while time.monotonic() < deadline:
        if any(told["phase"] == phase and told["frames"] >= frames for told in load.progress[-1:]):
            return
        time.sleep(0.05)


async def publish(url: str, rate: float, seconds: float) -> None:
    """Messages at times fixed beforehand, each with the time at which it was handed to the socket."""
    connection = await aiormq.connect(url)
    channel = await connection.channel(publisher_confirms=False)
    await channel.exchange_declare(EXCHANGE, exchange_type="topic", durable=False)
    start = time.monotonic()
    for number in range(int(rate * seconds)):
        left = start + number / rate - time.monotonic()
        if left > 0:
            await asyncio.sleep(left)
        body = BODY % (number, time.time_ns())
        await channel.basic_publish(body.encode(), exchange=EXCHANGE, routing_key=ROUTING_KEY)
    await asyncio.sleep(0.5)
    await connection.close()
