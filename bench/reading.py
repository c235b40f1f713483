"""What it costs to be a gateway before there is a client: reading the stream, and folding every batch; and what each
copy of the stream costs the NATS server.

CPU time, not wall time: another load on the machine changes it little.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from nats.aio.client import Client

from bench.gateway import SUBSCRIBE, product
from bench.native import LoadOptions, cpu_seconds, hold
from polyfeed.accounts.accounts import Accounts
from polyfeed.app.config import Config
from polyfeed.app.demo_keys import DEMO_VAULT
from polyfeed.app.gateway_role import GatewayRole, Memory
from polyfeed.app.nats_server import NatsServer
from polyfeed.bus.memory import MemoryBus
from polyfeed.bus.nats.names import Names
from polyfeed.bus.nats.parcel import Parcel, encode_parcel
from polyfeed.bus.nats.reader import StreamReader
from polyfeed.bus.nats.terms import batches_config
from polyfeed.market.market import Market
from polyfeed.model.batches import decode_batch, encode_batch
from polyfeed.model.commands import Stamped
from polyfeed.sources import bitstamp_sample
from polyfeed.sources.order_log import commands_of
from polyfeed.sources.orders_csv import read_order_capture
from polyfeed.venue.venue import Venue

NAMES = Names("bench")
IN_PARCEL = 2
"""Batches that a turn of the venue's loop gives, at a thousand or two a second."""


class Costs(NamedTuple):
    """Microseconds of CPU: of a gateway for each parcel and each batch, of NATS for each parcel sent to a reader, of a
    gateway for each client that connects and subscribes; and a parcel's bytes.
    """

    parcel_us: float
    batch_us: float
    nats_us: float
    arrival_us: float
    parcel_bytes: float


def measure(parcels: int, readers: int, clients: int) -> Costs | None:
    """None where the recording is not installed."""
    bodies = recorded(parcels * IN_PARCEL)
    if bodies is None:
        return None
    data = [
        encode_parcel("bench", 1, first, bodies[first : first + IN_PARCEL])
        for first in range(0, len(bodies), IN_PARCEL)
    ]
    with tempfile.TemporaryDirectory() as folder:
        parcel_us, nats_us = asyncio.run(_read(Path(folder), data, readers))
    size = sum(map(len, data)) / len(data)
    return Costs(parcel_us, asyncio.run(_fold(bodies)), nats_us, _arrive(clients), size)


def recorded(count: int) -> list[bytes] | None:
    """The last batches of the recorded Bitstamp flow; None where it is not installed."""
    folder = bitstamp_sample.sample_folder()
    if folder is None:
        return None
    capture = read_order_capture(folder, bitstamp_sample.BTCUSD)
    log = commands_of(capture, bitstamp_sample.ACCOUNT, bitstamp_sample.BTCUSD, bitstamp_sample.STALE_SEEDS)
    commands = [*bitstamp_sample.setup(), *(record.command for record in log.records[:count])]
    venue, first = Venue(), log.records[0].ts
    return [encode_batch(venue.apply(Stamped(seq, first + seq, one))) for seq, one in enumerate(commands, 1)]


async def _fold(bodies: Sequence[bytes]) -> float:
    """Of a gateway with every dialect and no client, for a batch."""
    bus = MemoryBus()
    memory = Memory(Market(), Accounts())
    role = GatewayRole(Config(), 1, bus, memory, DEMO_VAULT, lambda *_: None, lambda: 0)
    before = time.process_time()
    for body in bodies:
        bus.publish(decode_batch(body))
    spent = time.process_time() - before
    role.gateway.stop()
    return spent / len(bodies) * 1e6


async def _read(folder: Path, data: Sequence[bytes], readers: int) -> tuple[float, float]:
    """Of a reader for a parcel, and of the server for each parcel that it sends to one."""
    server = NatsServer(folder)
    await server.start()
    await server.until_ready()
    client = Client()
    await client.connect(server.url)
    try:
        await client.jetstream().add_stream(batches_config(NAMES, 1))
        for one in data:
            await client.jetstream().publish(NAMES.batches, one)
        served, spent = cpu_seconds(server.pid), time.process_time()
        await asyncio.gather(*(_all(client, len(data)) for _ in range(readers)))
        spent, served = time.process_time() - spent, cpu_seconds(server.pid) - served
    finally:
        await client.close()
        await server.stop()
    return spent / readers / len(data) * 1e6, served / readers / len(data) * 1e6


async def _all(client: Client, count: int) -> None:
    """Reads the stream from its beginning to its end."""
    end = asyncio.Event()

    def hear(place: int, _: Parcel) -> None:
        if place == count:
            end.set()

    reading = asyncio.create_task(StreamReader(client, NAMES.batches_stream, 0, hear).run())
    ended = asyncio.create_task(end.wait())
    await asyncio.wait({reading, ended}, return_when=asyncio.FIRST_COMPLETED)
    if not ended.done():
        ended.cancel()
        reading.result()
    while not reading.done():
        # Before Python 3.12, wait_for may swallow a cancellation that comes together with its answer.
        reading.cancel()
        await asyncio.wait({reading}, timeout=0.1)


def _arrive(clients: int) -> float:
    """Of the gateway, for a client that connects and subscribes a book."""
    with product() as running:
        before = cpu_seconds(running.pid)
        with hold(LoadOptions(port=running.port, connections=clients, send=(SUBSCRIBE,), ready_text='"as"')):
            return (cpu_seconds(running.pid) - before) / clients * 1e6
