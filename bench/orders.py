"""Order to acknowledgement over Rails' WebSocket: as many users as connections, each entering and cancelling orders."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import NamedTuple

from bench.gateway import client_cpu, product
from bench.native import Latency, Orders, OrdersOptions, cpu_seconds

PATH = "/?market=BTC-USD&subscriptions=orders"
ORDER = '"orderType":"buy","tradeType":"limit","price":"58000","quantity":"0.01","postOnly":true'
"""Far from the touch: it rests until it is cancelled."""


class OrdersResult(NamedTuple):
    """Milliseconds from the time at which an order should have been sent; `busy` is the server's share of its CPU."""

    rate: float
    connections: int
    acknowledged: tuple[float, float, float]
    """p50, p99 and p99.9 until the 202."""
    accepted: tuple[float, float, float]
    """Until the 200 "order accepted"."""
    late: float
    """p99 of the client's own delay, which is part of the above."""
    busy: float
    client_busy: float
    orders: int
    refused: int
    unanswered: int


def measure(rate: float, connections: int, seconds: float, users: int | None = None) -> OrdersResult:
    """`rate` orders a second over all connections, and the cancellation of each; `users` is one for each connection."""
    warmup, linger = min(1.0, seconds), 5.0
    with product() as running, tempfile.TemporaryDirectory() as folder:
        tokens = running.ask("traders", count=users or connections)["tokens"]
        headers = Path(folder) / "headers"
        headers.write_text("".join(f"Sec-WebSocket-Protocol: authorization#{token}\n" for token in tokens))
        options = OrdersOptions(
            port=running.ports["rails"],
            connections=connections,
            headers=headers,
            path=PATH,
            order=ORDER,
            rate=rate,
            warmup_seconds=warmup,
            seconds=seconds,
            linger=linger,
        )
        with Orders(options, cpu=client_cpu()) as client:
            client.wait_ready()
            used = cpu_seconds(running.pid)
            result = client.result(warmup + seconds + linger + 30)
            used = cpu_seconds(running.pid) - used
    if result.refused:
        raise RuntimeError(f"{result.refused} requests were refused, the first one: {result.first_refusal}")
    return OrdersResult(
        rate,
        connections,
        percentiles(result.created),
        percentiles(result.accepted),
        result.late.p99_us / 1000,
        used / (warmup + seconds),
        (result.cpu_user + result.cpu_sys) / seconds,
        result.orders,
        result.refused,
        result.unanswered,
    )


def percentiles(latency: Latency) -> tuple[float, float, float]:
    """p50, p99 and p99.9 in milliseconds."""
    return latency.p50_us / 1000, latency.p99_us / 1000, latency.p99_9_us / 1000
