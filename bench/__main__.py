"""`make bench`: what polyfeed does on this machine, beside the limit of plain C in the same run."""

from __future__ import annotations

import argparse
import os
import platform

from bench import bus, engine, gateway, journal, orders, peatio
from bench.peers import measure, report
from bench.peers.servers import SERVERS

PARTS = ("engine", "journal", "fanout", "latency", "stopped", "orders", "peatio", "bus", "memory", "peers")


def main() -> None:
    """Runs the parts that were asked for, all by default, and prints a line for each."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "parts", nargs="*", choices=[*PARTS, []], metavar="part", help=f"{', '.join(PARTS)} (all by default)"
    )
    parser.add_argument("--quick", action="store_true", help="short and small: only shows that it runs")
    options = parser.parse_args()
    parts = set(options.parts) or set(PARTS)
    quick = options.quick
    machine = f"{os.cpu_count()} CPUs (load {os.getloadavg()[0]:.1f})"
    print(f"Python {platform.python_version()}, {machine}: server on one, load client on another")
    if "engine" in parts:
        print_engine()
    if "journal" in parts:
        print_journal(journal.measure(200 if quick else 2000, 0.3 if quick else 5.0))
    if "fanout" in parts:
        print_fan_out(gateway.fan_out(100 if quick else 1000, 1 if quick else 5, 0.3 if quick else 3.0))
    if "latency" in parts:
        print_latency(gateway.latency(200 if quick else 1000, 50 if quick else 500, 1 if quick else 10))
    if "stopped" in parts:
        plan = (50.0, 50, 1.0, 1) if quick else (100.0, 1000, 5.0, 5)
        print_stopped(gateway.stopped(*plan))
    if "orders" in parts:
        print_orders(orders.measure(200 if quick else 1000, 20 if quick else 100, 1 if quick else 10))
    if "peatio" in parts:
        print_peatio(peatio.measure(50 if quick else 200, 20 if quick else 100, 1 if quick else 10))
    if "bus" in parts:
        print_bus(bus.order_latency(*((50, 4, 1) if quick else (500, 20, 10))))
        print_gateways(bus.fan_out(*((2, 20, 1) if quick else (3, 500, 10))))
    if "peers" in parts:
        whole, load = measure.QUICK if quick else measure.Plan(), os.getloadavg()[0]
        rows = measure.measure(whole, list(SERVERS))
        print(report.table(whole, rows))
        if not quick:
            report.write(whole, rows, load)
    if "memory" in parts:
        print_memory(gateway.memory(100 if quick else 5000))


def print_engine() -> None:
    """The engine's line."""
    result = engine.measure()
    if result is None:
        print("engine    not measured: the recording is not installed (make install)")
    else:
        print(
            f"engine    {result.commands_per_second:,.0f} commands/s on one core "
            f"({result.commands:,} recorded Bitstamp commands, {result.trades} trades)"
        )


def print_journal(results: list[journal.JournalResult]) -> None:
    """A line for each way to sync, beside a venue that records nothing."""
    bare = results[-1]
    for one in results:
        added = f" ({one.p50 - bare.p50:+.2f}, {one.p99 - bare.p99:+.2f}; {one.syncs:,} syncs)"
        print(
            f"journal   {one.way:<8} {one.commands_per_second:,.0f} commands/s; "
            f"arrival to decision at {one.rate:,.0f}/s: p50 {one.p50:.2f} ms, p99 {one.p99:.2f} ms"
            + ("" if one is bare else added)
        )


def print_fan_out(result: gateway.FanOutResult) -> None:
    """The fan-out's line."""
    print(
        f"fan-out   {result.frames_per_second:,.0f} frames/s to {result.connections:,} Kraken book-10 subscribers, "
        f"one frame a write; C send() loop on the same sockets {result.c_frames_per_second:,.0f}: "
        f"ratio {result.ratio:.2f}, CPU per frame {result.cpu_ratio:.2f}; "
        f"{result.saturated:,.0f} frames/s when batches come faster than writes"
    )


def print_latency(result: gateway.LatencyResult) -> None:
    """The latency's line."""
    print(
        f"latency   order in to frame out at {result.rate:,.0f} orders/s and {result.connections} clients: "
        f"p50 {result.p50:.2f} ms, p99 {result.p99:.2f} ms "
        f"({result.frames_per_second:,.0f} frames/s; server {result.busy:.0%}, client {result.client_busy:.0%} busy)"
    )


def print_stopped(result: gateway.StoppedResult) -> None:
    """The line of one reader who has stopped among many."""
    print(
        f"stopped   one of {result.connections + 1:,} readers takes nothing at {result.rate:,.0f} orders/s: "
        f"the others' p99 {result.p99_stopped:.2f} ms, without it {result.p99:.2f} ms, ratio {result.ratio:.2f}; "
        f"{result.waiting:.0f} KiB wait for it"
    )


def print_bus(results: list[bus.BusResult]) -> None:
    """A line for each way from an order to its answer."""
    for one in results:
        (a50, a99, a999), (b50, b99, b999) = one.acknowledged, one.accepted
        print(
            f"bus       {one.way:<8} {one.rate:,.0f} orders/s, journalled: to the 202 p50 {a50:.2f}, p99 {a99:.2f}, "
            f"p99.9 {a999:.2f} ms; to the 200 p50 {b50:.2f}, p99 {b99:.2f}, p99.9 {b999:.2f} ms "
            f"({one.orders:,} orders, {one.refused} refused, {one.unanswered} unanswered)"
        )


def print_gateways(results: list[bus.FanOutResult]) -> None:
    """A line for each number of gateways."""
    for one in results:
        costs = ", ".join(f"{cost:.1f}" for cost in one.cpu_us)
        print(
            f"bus       {one.gateways} gateways, {one.connections:,} readers each: "
            f"{one.frames_per_second:,.0f} frames/s; CPU per frame {costs} us; "
            f"venue {one.venue_busy:.0%}, NATS {one.nats_busy:.0%} busy"
        )


def print_orders(result: orders.OrdersResult) -> None:
    """The line of orders over the socket."""
    acknowledged, accepted = (
        f"p50 {p50:.2f} ms, p99 {p99:.2f} ms, p99.9 {p99_9:.2f} ms"
        for p50, p99, p99_9 in (result.acknowledged, result.accepted)
    )
    print(
        f"orders    Rails createOrder at {result.rate:,.0f}/s, each cancelled, over {result.connections} connections: "
        f"to the 202 {acknowledged}; to the 200 {accepted} "
        f"(server {result.busy:.0%}, client {result.client_busy:.0%} busy, client late p99 {result.late:.2f} ms"
        + (f", {result.unanswered} unanswered)" if result.unanswered else ")")
    )


def print_peatio(result: peatio.PeatioResult | None) -> None:
    """The line of the relay."""
    if result is None:
        print("peatio    not measured: RabbitMQ is not installed")
        return
    print(
        f"peatio    RabbitMQ to client at {result.rate:,.0f} messages/s and {result.connections} clients: "
        f"p50 {result.p50:.2f} ms, p99 {result.p99:.2f} ms ({result.frames:,} of {result.expected:,} frames; "
        f"server {result.busy:.0%} busy); Rango needed 1.7 and 7 ms elsewhere"
    )


def print_memory(result: gateway.MemoryResult) -> None:
    """The memory's line."""
    print(
        f"memory    {result.idle:.1f} KiB per idle connection, {result.subscribed:.1f} KiB with a book subscribed "
        f"({result.connections:,} connections)"
    )


if __name__ == "__main__":
    main()
