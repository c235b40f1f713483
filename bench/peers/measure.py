"""Servers measured one after the other, each beside the C loop of the same minute.

The server has one CPU, the load client the other. CPU per frame is what the server's processes used while the client
counted, by the frames that it counted; ratios are C's to the server's, so above 1 is better than C.
"""

from __future__ import annotations

import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct

from bench.native import Latency, Load, NativeError, c_limit, resident_bytes
from bench.peers.environments import Missing
from bench.peers.servers import SERVERS, Server

C = "C send() loop"


class Plan(Struct, frozen=True):
    """How much is measured: numbers of connections, seconds of each window, rounds."""

    sizes: tuple[int, ...] = (100, 1000, 5000)
    main: int = 1000
    topics: int = 1000
    join: int = 10
    seconds: float = 2.0
    rounds: int = 3
    rate: float = 100.0
    paced_seconds: float = 8.0


QUICK = Plan(sizes=(50, 100), main=100, topics=100, seconds=0.5, rounds=1, rate=50.0, paced_seconds=1.0)


class Rate(Struct, frozen=True):
    """Frames per second that came, and microseconds of the server's CPU for each."""

    frames_per_second: float
    cpu_us: float


class Row(Struct):
    """What one server did. By number of connections where nothing else is said; None is not measured."""

    name: str
    hot: dict[int, Rate] = {}
    hot_ratio: dict[int, float] = {}
    joined: float | None = None
    joined_ratio: float | None = None
    topics_ratio: float | None = None
    latency: Latency | None = None
    kibibytes: dict[int, float] = {}
    missing: str = ""


def say(text: str) -> None:
    """Progress."""
    print(text, file=sys.stderr, flush=True)


def measure(plan: Plan, names: list[str]) -> list[Row]:
    """The rows of a table, C first."""
    limit = Row(C)
    rows = [limit]
    for size in plan.sizes:
        limit.hot[size] = c_rate(plan, size, 1)
        limit.hot_ratio[size] = 1.0
    limit.joined = c_rate(plan, plan.main, plan.join).frames_per_second
    limit.joined_ratio = limit.topics_ratio = 1.0
    limit.latency = c_limit(
        plan.main, 200, rate=plan.rate, seconds=plan.paced_seconds, server_cpu=first_cpu(), client_cpu=last_cpu()
    ).load.latency
    for name in names:
        row = Row(name)
        rows.append(row)
        try:
            fill(row, plan, SERVERS[name])
        except (Missing, NativeError, OSError) as error:  # one that fails does not end the run for the others
            row.missing = " ".join(str(error).split()) or type(error).__name__
        say(f"{name}: {row.missing or 'measured'}")
    return rows


def fill(row: Row, plan: Plan, start: Callable[[], Server]) -> None:
    """Measures one server."""
    for size in plan.sizes:
        rates, ratios = [], []
        for _ in range(plan.rounds):
            with running(start) as server:
                row.kibibytes[size], rate = flooded(server, plan, size, 1, 1)
                rates.append(rate)
            ratios.append(c_rate(plan, size, 1).cpu_us / rates[-1].cpu_us)
        row.hot[size] = sorted(rates, key=lambda one: one.frames_per_second)[len(rates) // 2]
        row.hot_ratio[size] = middle(ratios)
    joined, joined_ratios, topic_ratios = [], [], []
    for _ in range(plan.rounds):
        with running(start) as server:
            _, ten = flooded(server, plan, plan.main, 1, plan.join)
        joined.append(ten.frames_per_second)
        joined_ratios.append(c_rate(plan, plan.main, plan.join).cpu_us / ten.cpu_us)
        with running(start) as server:
            if server.topics:
                _, spread = flooded(server, plan, plan.main, plan.topics, 1)
                topic_ratios.append(c_rate(plan, plan.main, 1).cpu_us / spread.cpu_us)
    row.joined, row.joined_ratio = middle(joined), middle(joined_ratios)
    row.topics_ratio = middle(topic_ratios) if topic_ratios else None
    with running(start) as server:
        row.latency = paced(server, plan)


def flooded(server: Server, plan: Plan, size: int, topics: int, join: int) -> tuple[float, Rate]:
    """KiB that each connection takes while it only stands there, then one window of as much as gets through."""
    before = resident(server)
    with tempfile.TemporaryDirectory() as folder:
        options = server.load(size, topics, Path(folder), seconds=plan.seconds, in_flight=256)
        with Load(options, cpu=last_cpu()) as load:
            load.wait_ready()
            idle = (resident(server) - before) / size / 1024
            sender = threading.Thread(target=server.flood, args=(plan.seconds + 0.8, topics, join))
            sender.start()
            time.sleep(0.4)
            used, begun = server.cpu(), time.monotonic()
            load.go()
            time.sleep(plan.seconds * 0.9)
            used, lasted = server.cpu() - used, time.monotonic() - begun
            counted = load.result()
        sender.join()
    return idle, Rate(counted.frames_per_second, used / lasted / max(1.0, counted.frames_per_second) * 1e6)


def paced(server: Server, plan: Plan) -> Latency | None:
    """What frames of a steady rate took, from the time that was meant for each."""
    with tempfile.TemporaryDirectory() as folder:
        options = server.load(plan.main, 1, Path(folder), seconds=plan.paced_seconds + 30, latency=server.stamp)
        with Load(options, cpu=last_cpu()) as load:
            load.wait_ready()
            server.pace(plan.rate, 1.0)
            load.go()
            server.pace(plan.rate, plan.paced_seconds)
            time.sleep(0.3)
            load.stop()
            return load.result().latency


def c_rate(plan: Plan, size: int, join: int) -> Rate:
    """The C loop in the same way."""
    done = c_limit(size, 200, join=join, seconds=plan.seconds, server_cpu=first_cpu(), client_cpu=last_cpu()).send
    return Rate(done.frames_per_second, done.cpu_us_per_frame)


@contextmanager
def running(start: Callable[[], Server]) -> Iterator[Server]:
    """A server, for as long as the block lasts."""
    server = start()
    try:
        yield server
    finally:
        server.close()


def resident(server: Server) -> int:
    """Bytes of memory of its processes."""
    return sum(resident_bytes(pid) for pid in server.pids())


def middle(values: list[float]) -> float:
    """The median."""
    return sorted(values)[len(values) // 2]


def first_cpu() -> int:
    """The servers' CPU."""
    return min(os.sched_getaffinity(0))


def last_cpu() -> int:
    """The load client's CPU."""
    return max(os.sched_getaffinity(0))
