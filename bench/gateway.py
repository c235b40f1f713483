"""The gateway measured from outside: a process of its own on one CPU, the compiled load client on another."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from bench.native import ROOT, Load, LoadOptions, hold, pin

SUBSCRIBE = '{"event":"subscribe","pair":["XBT/USD"],"subscription":{"name":"book","depth":10}}'


class Product:
    """A running `bench.product`."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.product"], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.pid = self._process.pid
        self.ports: dict[str, int] = self._answer()["ports"]
        self.port = self.ports["kraken"]

    def ask(self, what: str, **values: float | str) -> dict[str, Any]:
        """Has it do something and waits until that is done."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": what, **values}) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the measured process ended; its error is above")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        """Ends it."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()


@contextmanager
def product() -> Iterator[Product]:
    """A product on CPU 0."""
    running = Product()
    try:
        pin(running.pid, min(os.sched_getaffinity(0)))
        yield running
    finally:
        running.close()


def client_cpu() -> int:
    """Where the load client runs."""
    return max(os.sched_getaffinity(0))


class FanOutResult(NamedTuple):
    """Medians over the rounds, one frame per write; ratios are product to C, above 1 where the product is better."""

    connections: int
    frames_per_second: float
    c_frames_per_second: float
    ratio: float
    cpu_ratio: float
    saturated: float


def fan_out(connections: int, rounds: int, seconds: float) -> FanOutResult:
    """Product and C loop in turns, on the same sockets."""
    ours: list[dict[str, float]] = []
    saturated: list[float] = []
    limits: list[dict[str, float]] = []
    with product() as running:
        options = LoadOptions(port=running.port, connections=connections, send=(SUBSCRIBE,), ready_text='"as"')
        with hold(options, cpu=client_cpu()):
            for _ in range(rounds):
                ours.append(running.ask("flood", seconds=seconds))
                limits.append(running.ask("limit", seconds=seconds))
                saturated.append(running.ask("saturate", seconds=seconds)["frames_per_second"])
    return FanOutResult(
        connections,
        statistics.median(one["frames_per_second"] for one in ours),
        statistics.median(one["frames_per_second"] for one in limits),
        statistics.median(a["frames_per_second"] / b["frames_per_second"] for a, b in zip(ours, limits, strict=True)),
        statistics.median(b["cpu_us_per_frame"] / a["cpu_us_per_frame"] for a, b in zip(ours, limits, strict=True)),
        statistics.median(saturated),
    )


class LatencyResult(NamedTuple):
    """From the time at which an order should have come to its frame in the client, in milliseconds."""

    rate: float
    connections: int
    p50: float
    p99: float
    busy: float
    client_busy: float
    frames_per_second: float


def latency(rate: float, connections: int, seconds: float) -> LatencyResult:
    """A steady rate of orders, each a frame to every connection."""
    with product() as running:
        options = LoadOptions(
            port=running.port,
            connections=connections,
            send=(SUBSCRIBE,),
            ready_text='"as"',
            go=True,
            seconds=seconds + 5,
            latency="kraken-max",
            ignore="heartbeat",
        )
        with Load(options, cpu=client_cpu()) as load:
            load.wait_ready()
            running.ask("pace", rate=rate, seconds=1)
            load.go()
            paced = running.ask("pace", rate=rate, seconds=seconds)
            load.stop()
            result = load.result()
    assert result.latency is not None
    client_busy = (result.cpu_user + result.cpu_sys) / result.seconds
    p50, p99 = result.latency.p50_us / 1000, result.latency.p99_us / 1000
    return LatencyResult(rate, connections, p50, p99, paced["busy"], client_busy, result.frames_per_second)


class MemoryResult(NamedTuple):
    """KiB per connection, over all of them."""

    connections: int
    idle: float
    subscribed: float


def memory(connections: int) -> MemoryResult:
    """Connections that only stand there, then as many that have subscribed a book."""
    kibibytes = []
    for send in ((), (SUBSCRIBE,)):
        with product() as running:
            before = running.ask("memory")["bytes"]
            ready = '"as"' if send else "systemStatus"
            with hold(LoadOptions(port=running.port, connections=connections, send=send, ready_text=ready)):
                kibibytes.append((running.ask("memory")["bytes"] - before) / connections / 1024)
    return MemoryResult(connections, *kibibytes)
