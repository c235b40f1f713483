"""How many gateways and machines so many sockets take, from measured costs: the tables of docs/operations.md.

`python -m bench.capacity` prints them; `--measure` measures again what `bench.reading` measures, on this machine, and
says how far that is from the figures here.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from math import ceil
from typing import NamedTuple

from bench import reading
from polyfeed.bus.nats.terms import CONSUMERS


class Input(NamedTuple):
    """A figure, what it is of, and where it comes from."""

    value: float
    unit: str
    what: str
    source: str


MEASURED = {
    "write": Input(5.7, "µs", "CPU of a gateway for one write to one socket", "`make bench ARGS=fanout`"),
    "book": Input(6.35, "KiB", "memory of a gateway for a client with a book", "`make bench ARGS=memory`"),
    "process": Input(105, "MiB", "memory of a gateway without clients, demo markets", "`polyfeed cluster up`, ps"),
    "parcel": Input(13, "µs", "CPU of a gateway to read a parcel from NATS", "`bench/reading.py`"),
    "batch": Input(60, "µs", "CPU of a gateway to fold a batch, five dialects", "`bench/reading.py`"),
    "arrival": Input(
        900, "µs", "CPU of a gateway for a client that connects and subscribes a book", "`bench/reading.py`"
    ),
    "nats": Input(4.5, "µs", "CPU of a NATS server for each parcel that it sends to a gateway", "`bench/reading.py`"),
    "size": Input(333, "bytes", "a parcel of two batches", "`bench/reading.py`"),
    "consumers": Input(CONSUMERS, "", "readers that the stream allows", "`src/polyfeed/bus/nats/terms.py`"),
}
ASSUMED = {
    "rate": Input(10, "/s", "writes to a client: a busy book, one write for each turn with news", ""),
    "batches": Input(1000, "/s", "what the venue decides, in parcels of two", ""),
    "frame": Input(200, "bytes", "a frame; TCP, IP and Ethernet add 90", ""),
    "busy": Input(0.6, "", "of a core, a network card or a NATS server that is used at most", ""),
    "cores": Input(16, "", "cores of a gateway machine, one left to the kernel's own work", ""),
    "card": Input(10, "Gbit/s", "its network card", ""),
    "kernel": Input(10, "KiB", "what the kernel keeps for a socket that is read in time", ""),
    "limit": Input(50_000, "", "`gateway.connections`, of each gateway", ""),
    "nats_cores": Input(24, "", "cores of the three NATS servers together", ""),
    "call": Input(50, "µs", "CPU of the venue for a gateway's word that it lives, once a second", ""),
}
SOCKETS = (10**4, 10**6, 10**8)
HEADERS = 90
"""Bytes of a small segment beside its content: Ethernet with preamble and gap 38, IPv4 20, TCP with timestamps 32."""

FIGURE = {name: one.value for name, one in (MEASURED | ASSUMED).items()}


class Plan(NamedTuple):
    """What so many sockets take. `shares` are of what there is at most, by name, 1.0 being all of it."""

    sockets: int
    each: int
    gateways: int
    machines: int
    gib: float
    gbit: float
    copies: float
    storm: float
    shares: dict[str, float]


def each_gateway(rate: float) -> int:
    """Sockets that one gateway, which is one core, serves at `rate` writes a second to each."""
    batches = FIGURE["batches"]
    following = batches / reading.IN_PARCEL * FIGURE["parcel"] + batches * FIGURE["batch"]
    left = FIGURE["busy"] * 1e6 - following
    return min(int(FIGURE["limit"]), int(left / (rate * FIGURE["write"])))


def plan(sockets: int) -> Plan:
    """The gateways, with enough of them to lose a machine of, and what they use."""
    rate, each = FIGURE["rate"], each_gateway(FIGURE["rate"])
    seats = int(FIGURE["cores"]) - 1
    needed = ceil(sockets / each)
    machines = max(2, ceil(needed / seats) + 1)
    gateways = max(2, needed + min(seats, needed))
    on_machine = min(sockets, seats * each)
    copies = gateways * FIGURE["batches"] / reading.IN_PARCEL
    gbit = on_machine * rate * (FIGURE["frame"] + HEADERS) * 8 / 1e9
    gib = (seats * FIGURE["process"] + on_machine * (FIGURE["book"] + FIGURE["kernel"]) / 1024) / 1024
    lost = min(on_machine, sockets / 2)
    storm = lost * FIGURE["arrival"] / ((1 - FIGURE["busy"]) * 1e6 * max(1, gateways - min(seats, needed)))
    shares = {
        "NATS's cores": copies * FIGURE["nats"] / 1e6 / (FIGURE["nats_cores"] * FIGURE["busy"]),
        "readers that the stream allows": gateways / FIGURE["consumers"],
        "the venue's core, by gateways that say they live": gateways * FIGURE["call"] / 1e6 / FIGURE["busy"],
        "a gateway machine's network card": gbit / (FIGURE["card"] * FIGURE["busy"]),
        "NATS's network cards": copies * FIGURE["size"] * 8 / 1e9 / (3 * FIGURE["card"] * FIGURE["busy"]),
    }
    return Plan(sockets, each, gateways, machines, gib, gbit, copies, storm, shares)


def tables() -> str:
    """The tables, as Markdown."""
    return "\n".join([*_inputs(), "", *_rates(), "", *_plans(), "", *_limits()]) + "\n"


def _inputs() -> Iterator[str]:
    yield "| measured | | where |"
    yield "|---|---|---|"
    for one in MEASURED.values():
        yield f"| {one.what} | {one.value:g} {one.unit}".rstrip() + f" | {one.source} |"
    yield ""
    yield "| assumed | |"
    yield "|---|---|"
    for one in ASSUMED.values():
        yield f"| {one.what} | {one.value:g} {one.unit}".rstrip() + " |"


def _rates() -> Iterator[str]:
    yield "| writes a second to each client | clients of one gateway |"
    yield "|---|---|"
    for rate in (0.2, 1, 5, 10, 20, 50, 100):
        yield f"| {rate:g} | {each_gateway(rate):,} |"


def _plans() -> Iterator[str]:
    plans = [plan(sockets) for sockets in SOCKETS]
    yield "| sockets | " + " | ".join(f"{one.sockets:,}" for one in plans) + " |"
    yield "|---|" + "---|" * len(plans)
    rows = {
        "gateways, a machine's worth of them to spare": [f"{one.gateways:,}" for one in plans],
        "machines": [f"{one.machines:,}" for one in plans],
        "memory of a full machine, GiB": [f"{one.gib:.1f}" for one in plans],
        "traffic of a full machine, Gbit/s": [f"{one.gbit:.1f}" for one in plans],
        "parcels that NATS sends, a second": [f"{one.copies:,.0f}" for one in plans],
        "a machine is lost: seconds until its clients are back": [f"{one.storm:.1f}" for one in plans],
    }
    for name, values in rows.items():
        yield f"| {name} | " + " | ".join(values) + " |"


def _limits() -> Iterator[str]:
    plans = [plan(sockets) for sockets in SOCKETS]
    yield "| share of what there is | " + " | ".join(f"{one.sockets:,}" for one in plans) + " |"
    yield "|---|" + "---|" * len(plans)
    for name in plans[-1].shares:
        yield f"| {name} | " + " | ".join(_share(one.shares[name]) for one in plans) + " |"
    first = [max(one.shares, key=lambda name: one.shares[name]) for one in plans]
    yield "| **nearest to its limit, or beyond** | " + " | ".join(first) + " |"


def _share(value: float) -> str:
    text = f"{value:.1%}" if value < 0.1 else f"{value:.0%}" if value < 10 else f"{value:,.0f} times"
    return f"**{text}**" if value > 1 else text


def main() -> None:
    """Prints the tables, or measures."""
    options = argparse.ArgumentParser(prog="python -m bench.capacity", description=__doc__)
    options.add_argument("--measure", action="store_true", help="measure the costs on this machine")
    if not options.parse_args().measure:
        print(tables(), end="")
        return
    costs = reading.measure(5000, 4, 1000)
    if costs is None:
        print("not measured: the recording is not installed (make install)")
        return
    names = {"parcel": costs.parcel_us, "batch": costs.batch_us, "arrival": costs.arrival_us, "nats": costs.nats_us}
    for name, value in {**names, "size": costs.parcel_bytes}.items():
        one = MEASURED[name]
        print(f"{one.what}: {value:.1f} {one.unit} (in the model: {one.value:g})")


if __name__ == "__main__":
    main()
