"""The gateway measured from outside: a process of its own on one CPU, the compiled load client on another."""

from __future__ import annotations

import json
import os
import socket
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from bench.native import ROOT, Load, LoadOptions, LoadResult, hold, pin

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
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
    with product() as running, paced_load(running, connections, seconds) as load:
        paced, result = pace(running, load, rate, seconds)
    assert result.latency is not None
    client_busy = (result.cpu_user + result.cpu_sys) / result.seconds
    p50, p99 = result.latency.p50_us / 1000, result.latency.p99_us / 1000
    return LatencyResult(rate, connections, p50, p99, paced["busy"], client_busy, result.frames_per_second)


@contextmanager
def paced_load(running: Product, connections: int, seconds: float) -> Iterator[Load]:
    """So many readers of a book, who time its frames."""
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
        yield load


def pace(running: Product, load: Load, rate: float, seconds: float) -> tuple[dict[str, Any], LoadResult]:
    """One window of a steady rate, after a second of it; what the server and the client say."""
    running.ask("pace", rate=rate, seconds=1)
    load.go()
    paced = running.ask("pace", rate=rate, seconds=seconds)
    load.stop()
    return paced, load.result()


class StoppedResult(NamedTuple):
    """Medians over the rounds: p99 in milliseconds without and with one reader that has stopped, and their ratio; the
    most that waited for that one, in KiB.
    """

    rate: float
    connections: int
    p99: float
    p99_stopped: float
    ratio: float
    waiting: float


def stopped(rate: float, connections: int, seconds: float, rounds: int) -> StoppedResult:
    """The others' latency, in turns without and with one among them that takes no more bytes."""
    without: list[float] = []
    beside: list[float] = []
    waiting = 0.0
    with product() as running:
        for _ in range(rounds):
            with paced_load(running, connections, seconds) as load:
                without.append(p99_of(pace(running, load, rate, seconds)[1]))
            with paced_load(running, connections, seconds) as load, stopped_reader(running.port):
                running.ask("stop")
                beside.append(p99_of(pace(running, load, rate, seconds)[1]))
                waiting = max(waiting, running.ask("waiting")["bytes"] / 1024)
    ratios = [b / a for a, b in zip(without, beside, strict=True)]
    median = statistics.median
    return StoppedResult(rate, connections, median(without), median(beside), median(ratios), waiting)


def p99_of(result: LoadResult) -> float:
    """In milliseconds."""
    assert result.latency is not None
    return result.latency.p99_us / 1000


@contextmanager
def stopped_reader(port: int) -> Iterator[None]:
    """One more reader of the same book, who reads its first frames and then nothing."""
    with socket.socket() as reader:
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        reader.connect(("127.0.0.1", port))
        reader.sendall(
            f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        text = SUBSCRIBE.encode()  # masked with nothing
        reader.sendall(bytes([0x81, 0x80 | len(text)]) + bytes(4) + text)
        heard = b""
        while b'"as"' not in heard:
            heard += reader.recv(4096)
        yield


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
