"""Two venues, two gateways and three NATS servers under fire: nothing acknowledged is lost or doubled, every book is
right afterwards, and nobody was shown an old one without being told.
"""

from __future__ import annotations

import asyncio
import time
from itertools import combinations, pairwise, product
from pathlib import Path
from typing import Any

import pytest

from polyfeed.store.format import Mark
from polyfeed.store.segments import segments_from
from tests.cluster.faults import (
    HEALING_SECONDS,
    Cut,
    Fault,
    bits_flipped,
    directory_deleted,
    everything_restarted,
    gateway_killed,
    nats_servers_killed,
    venue_killed,
)
from tests.cluster.rig import Networks, Rig, rig, told_of
from tests.store.test_kills import Account, Truth

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("process")]

READERS = 20
FEW, MANY = 400, 2000
"""Requests in a second, beside other tests and where nothing else runs."""
STALE_SECONDS = 3.0
TOLD_SECONDS = 1.5
"""A reader is told within so long before or after its gateway says that it is not ready."""


async def fire(rig: Rig, *faults: Fault, rate: float = FEW) -> list[dict[str, Any]]:
    """Trades on both gateways while things break; what the clients met. Everything is checked."""
    for number, name in enumerate(("g1", "g2")):
        await rig.load(name, number, READERS, rate / 2)
    await asyncio.sleep(2.0)
    for fault in faults:
        await fault(rig)
        await asyncio.sleep(2.0)
    reports = await rig.reports()
    for name in ("g1", "g2"):
        await rig.stop(name)
    check(rig, reports)
    for name, report in zip(("g1", "g2"), reports, strict=True):
        told = told_of(report).values()
        requests, answers, orders, refused = (
            sum(one.requests for one in told),
            sum(one.answers for one in told),
            sum(len(one.orders) for one in told),
            sum(one.refused.total() for one in told),
        )
        print(f"{name}: {requests} requests, {answers} answers, {refused} refused; {orders} orders")
    return reports


def check(rig: Rig, reports: list[dict[str, Any]]) -> None:
    """Holds what clients were told against the journal of the venue that was left."""
    truth = Truth()
    truth.read_on(rig.directory / leader(rig))
    for report in reports:  # the same users listen on both gateways, and hear of the same fills
        for name, told in told_of(report).items():
            assert told.orders, (name, told.refused)
            Account(name).check(told, truth)
    tops = [reader["top"] for report in reports for reader in report["readers"]]
    assert all(reader["wrong"] == "" for report in reports for reader in report["readers"])
    assert tops
    assert all(top == tops[0] for top in tops), "every reader of every gateway has the same book"
    assert tops[0] == book_of(truth)


def leader(rig: Rig) -> str:
    """The venue that is one now, or the other one if that has as much."""
    return max(("v1", "v2"), key=lambda name: records(rig.directory / name))


def records(directory: Path) -> int:
    """How many a journal has."""
    *_, last = segments_from(directory, Mark())
    return last.header.start.records + sum(1 for _ in last.records())


def book_of(truth: Truth) -> dict[str, list[list[str]]]:
    """The ten best levels of the market as the journal has them, in Kraken's numbers."""
    state = truth.replica.market.by_symbol("kraken", "XBT/USD")
    assert state is not None
    sides = {"a": state.book.asks, "b": state.book.bids}
    return {
        name: [[f"{one.price / 1e5:.5f}", f"{one.size / 1e8:.8f}"] for one in side.top(10)]
        for name, side in sides.items()
    }


async def test_what_is_killed_and_damaged(tmp_path: Path) -> None:
    async with rig(tmp_path) as one:
        await fire(one, gateway_killed, bits_flipped, directory_deleted, nats_servers_killed, venue_killed)
        await one.until_whole()


async def test_a_rolling_restart(tmp_path: Path) -> None:
    async with rig(tmp_path) as one:
        await fire(one, everything_restarted)


async def test_what_is_cut(tmp_path: Path) -> None:
    """Each for twice the time in which a gateway is stale."""
    ends = [("g1", "n", True), ("n", "g1", False), ("n1", "n2", True), ("v", "n", True), ("v", "n", False)]
    cuts = [Cut(name, other, 2 * STALE_SECONDS, both=both) for name, other, both in ends]
    await partition(tmp_path, *cuts, rate=FEW)


FAULTS = [
    gateway_killed,
    nats_servers_killed,
    venue_killed,
    everything_restarted,
    bits_flipped,
    directory_deleted,
]


@pytest.mark.soak
@pytest.mark.parametrize("fault", FAULTS)
async def test_one_thing_alone(tmp_path: Path, fault: Fault) -> None:
    async with rig(tmp_path) as one:
        await fire(one, fault, rate=MANY)


PAIRS = [*combinations(("n1", "n2", "n3"), 2), *product(("v", "g1"), ("n1", "n2", "n3", "n"))]


@pytest.mark.soak
@pytest.mark.parametrize("way", ["both", "there", "back"])
async def test_long_cuts(tmp_path: Path, way: str) -> None:
    """Half a minute, between each pair that talks, one way, the other way and both."""
    pairs = [(other, name) if way == "back" else (name, other) for name, other in PAIRS]
    await partition(tmp_path, *(Cut(*pair, 30.0, both=way == "both") for pair in pairs), rate=MANY)


async def partition(directory: Path, *cuts: Cut, rate: float) -> None:
    """Cuts links under load, one after the other, and heals them."""
    with Networks() as nets:
        async with rig(directory, nets) as one:
            began = time.time()
            reports = await fire(one, *cuts, rate=rate)
    for report in reports:
        check_told(report)
    print(told_when(reports, began))
    for cut in cuts:
        whole = max(whole_after(reader["events"], cut) for report in reports for reader in report["readers"])
        print(f"{cut.label}: every reader had its book {whole:.1f} s after the links were whole")


def check_told(report: dict[str, Any]) -> None:
    """While a gateway was not ready, each reader that was there knew it: by Kraken's own word, or by having to leave."""
    states = report["ready"]
    for (since, ready), (until, _) in pairwise(states):
        if ready or until - since < TOLD_SECONDS:
            continue
        for reader in report["readers"]:
            before = [what for at, what in reader["events"] if at < since - TOLD_SECONDS]
            known = [what for at, what in reader["events"] if since - TOLD_SECONDS <= at <= since + TOLD_SECONDS]
            assert (
                not before or before[-1] != "book" or {"maintenance", "left"} & {one.partition(":")[0] for one in known}
            )


def whole_after(events: list[tuple[float, str]], cut: Cut) -> float:
    """Seconds from the healing of a cut until a reader last got its book back; 0 for one that kept it."""
    back = [at - cut.healed for at, what in events if what == "book" and cut.healed < at <= cut.over]
    known = [what for at, what in events if cut.cut <= at <= cut.over]
    assert not known or known[-1] == "book", f"no book {HEALING_SECONDS:g} s after {cut.label} was whole: {known}"
    return max(back, default=0.0)


def told_when(reports: list[dict[str, Any]], began: float) -> str:
    """When gateways were not ready and what their first readers were told, for people."""
    lines = []
    for name, report in zip(("g1", "g2"), reports, strict=True):
        ready = ", ".join(f"{'ready' if on else 'not ready'} {at - began:.1f}" for at, on in report["ready"])
        told = ", ".join(f"{what} {at - began:.1f}" for at, what in report["readers"][0]["events"])
        lines.append(f"{name}: {ready}; {told}")
    return "\n".join(lines)
