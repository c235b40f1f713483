"""What the bus adds: order to answer through `serve`, through a venue and a gateway on NATS, and with a standby too;
and what a frame costs with more gateways. All are processes of the product, with a journal, on one machine.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import urllib.request
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from bench.native import Load, LoadOptions, Orders, OrdersOptions, cpu_seconds
from bench.native import OrdersResult as OrdersTimes
from bench.orders import ORDER, PATH, percentiles
from polyfeed.app.children import Child
from polyfeed.app.nats_server import NatsServer
from polyfeed.app.ports import free_ports
from polyfeed.dialects.registry import DIALECTS

KEYS = ("demo", "demo2")
QUIET = ("flow.capture=off", "flow.agents=0", "rails.limits=false", "gateway.message_rate=0", "log.level=warning")
FLOW = ("flow.agents=20", "log.level=warning")
SUBSCRIBE = '{"event":"subscribe","pair":["XBT/USD","ETH/USD"],"subscription":{"name":"book","depth":10}}'
WAYS = ("memory", "nats", "standby")
READY_SECONDS = 60.0


class BusResult(NamedTuple):
    """Milliseconds from the time at which an order should have been sent: p50, p99 and p99.9."""

    way: str
    rate: float
    acknowledged: tuple[float, float, float]
    accepted: tuple[float, float, float]
    orders: int
    refused: int
    unanswered: int


class FanOutResult(NamedTuple):
    """Frames of all gateways a second, and microseconds of each gateway's CPU for one."""

    gateways: int
    connections: int
    frames_per_second: float
    cpu_us: list[float]
    venue_busy: float
    nats_busy: float


class Process:
    """One of the product's, and its ports."""

    def __init__(self, verb: str, *words: str, settings: Sequence[str]) -> None:
        self.ports = dict(zip((*DIALECTS, "http"), free_ports(len(DIALECTS) + 1), strict=True))
        given = [*(f"{name}.port={number}" for name, number in self.ports.items()), *settings]
        sets = [word for one in given for word in ("--set", one)]
        self._ready = asyncio.Event()
        self.child = Child(verb, [sys.executable, "-m", "polyfeed", verb, *words, *sets], self._hear)

    def _hear(self, _: str, line: str) -> None:
        if "polyfeed is ready" in line:
            self._ready.set()

    async def start(self) -> None:
        await self.child.start()
        async with asyncio.timeout(READY_SECONDS):
            await self._ready.wait()


def order_latency(rate: float, connections: int, seconds: float) -> list[BusResult]:
    """The same load on each way."""
    return [asyncio.run(_order_latency(way, rate, connections, seconds)) for way in WAYS]


def fan_out(most: int, connections: int, seconds: float) -> list[FanOutResult]:
    """`connections` readers of two books on each of 1, 2, … gateways."""
    return [asyncio.run(_fan_out(count, connections, seconds)) for count in range(1, most + 1)]


@asynccontextmanager
async def _running(way: str, gateways: int, settings: Sequence[str]) -> AsyncIterator[tuple[list[Process], list[int]]]:
    """The processes that clients connect to, and the pids of the venue and of NATS, 0 for none."""
    with tempfile.TemporaryDirectory(prefix="polyfeed-bench-") as folder:
        journal = ("--demo", "--journal", str(Path(folder) / "journal"))
        if way == "memory":
            one = Process("serve", *journal, settings=settings)
            try:
                await one.start()
                yield [one], [one.child.pid, 0]
            finally:
                await one.child.stop(20.0)
            return
        server = NatsServer(Path(folder) / "nats")
        bus = ("--bus", server.url)
        venue = Process("venue", *bus, *journal, *(("--standby",) if way == "standby" else ()), settings=settings)
        processes = [Process("gateway", *bus, settings=settings) for _ in range(gateways)]
        try:
            await server.start()
            await server.until_ready()
            for process in (venue, *processes):
                await process.start()
            yield processes, [venue.child.pid, server.pid]
        finally:
            for process in (*processes, venue):
                await process.child.stop(20.0)
            await server.stop()


async def _order_latency(way: str, rate: float, connections: int, seconds: float) -> BusResult:
    async with _running(way, 1, QUIET) as (processes, _):
        ports = processes[0].ports
        with tempfile.NamedTemporaryFile("w", suffix=".headers") as headers:
            for key in KEYS:
                token = await asyncio.to_thread(_token, ports["rails"], key)
                headers.write(f"Sec-WebSocket-Protocol: authorization#{token}\n")
            headers.flush()
            options = OrdersOptions(
                port=ports["rails"],
                connections=connections,
                headers=Path(headers.name),
                path=PATH,
                order=ORDER,
                rate=rate,
                seconds=seconds,
            )
            result = await asyncio.to_thread(_orders, options)
    return BusResult(
        way,
        rate,
        percentiles(result.created),
        percentiles(result.accepted),
        result.orders,
        result.refused,
        result.unanswered,
    )


def _orders(options: OrdersOptions) -> OrdersTimes:
    with Orders(options) as client:
        client.wait_ready()
        return client.result(options.warmup_seconds + options.seconds + options.linger + 30)


def _token(port: int, key: str) -> str:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/api/v1/token", method="POST", headers={"X-Api-Key": key, "X-Api-Secret": key}
    )
    with urllib.request.urlopen(request, timeout=5) as answer:
        return str(json.loads(answer.read())["access_token"])


async def _fan_out(count: int, connections: int, seconds: float) -> FanOutResult:
    async with _running("nats", count, FLOW) as (processes, (venue, nats)):
        loads = [
            Load(
                LoadOptions(
                    port=one.ports["kraken"],
                    connections=connections,
                    send=(SUBSCRIBE,),
                    ready_text='"as"',
                    ready_count=2,
                    go=True,
                    seconds=seconds,
                )
            )
            for one in processes
        ]
        try:
            for load in loads:
                await asyncio.to_thread(load.wait_ready)
            pids = [venue, nats, *(one.child.pid for one in processes)]
            before = [cpu_seconds(pid) for pid in pids]
            for load in loads:
                load.go()
            results = [await asyncio.to_thread(load.result) for load in loads]
            used = [cpu_seconds(pid) - then for pid, then in zip(pids, before, strict=True)]
        finally:
            for load in loads:
                load.close()
    costs = [1e6 * cpu / max(1, one.frames) for cpu, one in zip(used[2:], results, strict=True)]
    total = sum(one.frames_per_second for one in results)
    return FanOutResult(count, connections, total, costs, used[0] / seconds, used[1] / seconds)
