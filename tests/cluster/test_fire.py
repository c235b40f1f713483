"""Two venues, two gateways and three NATS servers under fire: nothing acknowledged is lost or doubled, every book is
right afterwards, and nobody was shown an old one without being told.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from decimal import Decimal
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
    Timed,
    bits_flipped,
    directory_deleted,
    everything_restarted,
    gateway_killed,
    nats_servers_killed,
    venue_killed,
)
from tests.cluster.readers import DIALECTS, MARKETS, TOLD, plain
from tests.cluster.rig import Networks, Rig, rig, told_of
from tests.store.test_kills import Account, Truth

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("process"), pytest.mark.timeout(900)]

READERS = 4
"""Of each dialect, on each gateway."""
FEW, MANY = 400, 2000
"""Requests in a second, beside other tests and where nothing else runs."""
CLIENTS_NICENESS = 5
"""Many requests fill a machine. Clients are on other ones in life: here they take less of it than the exchange does."""
STALE_SECONDS = 3.0
TOLD_SECONDS = 1.5
"""A reader is told within so long before or after its gateway says that it is not ready."""


async def fire(rig: Rig, *faults: Fault, rate: float = FEW, readers: int = READERS) -> list[dict[str, Any]]:
    """Trades on both gateways while things break; what the clients met. Everything is checked."""
    niceness = CLIENTS_NICENESS if rate >= MANY else 0
    loads = (rig.load(name, number, readers, rate / 2, niceness) for number, name in enumerate(("g1", "g2")))
    await asyncio.gather(*loads)
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
        rates = ", ".join(f"{rate:.0f} {what}" for what, rate in report["rates"].items())
        print(f"{name}: {len(report['readers'])} readers; a second {rates}")
    return reports


def check(rig: Rig, reports: list[dict[str, Any]]) -> None:
    """Holds what clients were told against the journal of the venue that was left."""
    truth = Truth()
    truth.read_on(rig.directory / leader(rig))
    for report in reports:  # the same users listen on both gateways, and hear of the same fills
        for name, told in told_of(report).items():
            assert told.orders, (name, told.refused)
            Account(name).check(told, truth)
    books = {place: book_of(truth, *place) for place in product(DIALECTS, MARKETS)}
    for report in reports:
        for reader in report["readers"]:
            assert reader["wrong"] == ""
            assert reader["events"][-1][1] == "book"
            assert reader["book"] == books[reader["dialect"], reader["market"]], "the venue's book"


def leader(rig: Rig) -> str:
    """The venue that is one now, or the other one if that has as much."""
    return max(("v1", "v2"), key=lambda name: records(rig.directory / name))


def records(directory: Path) -> int:
    """How many a journal has."""
    *_, last = segments_from(directory, Mark())
    return last.header.start.records + sum(1 for _ in last.records())


def book_of(truth: Truth, dialect: str, market: str) -> list[list[list[str]]]:
    """Asks and bids of a market as the journal has them, as deep as a dialect's readers know them."""
    state = truth.replica.market.by_symbol(dialect, MARKETS[market][dialect])
    assert state is not None
    scales = state.instrument.price_scale, state.instrument.size_scale
    return [
        [
            list(level)
            for level in plain(
                [
                    (Decimal(one.price).scaleb(-scales[0]), Decimal(one.size).scaleb(-scales[1]))
                    for one in side.top(DIALECTS[dialect].depth)
                ]
            )
        ]
        for side in (state.book.asks, state.book.bids)
    ]


async def test_what_is_killed_and_damaged(tmp_path: Path) -> None:
    async with rig(tmp_path) as one:
        await fire(one, gateway_killed, bits_flipped, directory_deleted, nats_servers_killed, venue_killed)
        await one.until_whole()


async def test_a_rolling_restart(tmp_path: Path) -> None:
    async with rig(tmp_path) as one:
        await fire(one, everything_restarted)


async def test_what_is_cut(tmp_path: Path) -> None:
    """Each for twice the time in which a gateway is stale. All processes and their clients have two cores, and other
    tests take one of them or both: there is four times as long to heal as where nothing else runs.
    """
    ends = [("g1", "n", True), ("n", "g1", False), ("n1", "n2", True), ("v", "n", True), ("v", "n", False)]
    cuts = [Cut(name, other, 2 * STALE_SECONDS, both=both) for name, other, both in ends]
    await partition(tmp_path, *cuts, rate=FEW, within=2 * HEALING_SECONDS)


FAULTS = [
    gateway_killed,
    nats_servers_killed,
    venue_killed,
    everything_restarted,
    bits_flipped,
    directory_deleted,
]


@pytest.mark.soak
@pytest.mark.timeout(0)
@pytest.mark.parametrize("fault", FAULTS)
async def test_one_thing_alone(tmp_path: Path, fault: Fault) -> None:
    async with rig(tmp_path) as one:
        await fire(one, fault, rate=MANY)


PAIRS = [*combinations(("n1", "n2", "n3"), 2), *product(("v", "g1"), ("n1", "n2", "n3", "n"))]


@pytest.mark.soak
@pytest.mark.timeout(0)
@pytest.mark.parametrize("way", ["both", "there", "back"])
async def test_long_cuts(tmp_path: Path, way: str) -> None:
    """Half a minute, between each pair that talks, one way, the other way and both."""
    pairs = [(other, name) if way == "back" else (name, other) for name, other in PAIRS]
    await partition(tmp_path, *(Cut(*pair, 30.0, both=way == "both") for pair in pairs), rate=MANY)


async def partition(
    directory: Path, *cuts: Cut, rate: float, readers: int = READERS, within: float = HEALING_SECONDS
) -> None:
    """Cuts links under load, one after the other, and heals them: books are whole `within` so many seconds."""
    with Networks() as nets:
        async with rig(directory, nets) as one:
            began = time.time()
            reports = await fire(one, *cuts, rate=rate, readers=readers)
    print(told_when(reports, began))
    for report in reports:
        check_told(report)
    check_whole(reports, cuts, within)


def check_told(report: dict[str, Any]) -> None:
    """While a gateway was not ready, each reader that was there knew it by its dialect's own means, or by having to
    leave; and nobody was given a book.
    """
    states = report["ready"]
    for (since, ready), (until, _) in pairwise(states):
        if ready or until - since < TOLD_SECONDS:
            continue
        for reader in report["readers"]:
            events = [(at, what.partition(":")[0]) for at, what in reader["events"]]
            before = [what for at, what in events if at < since - TOLD_SECONDS]
            known = {what for at, what in events if since - TOLD_SECONDS <= at <= since + TOLD_SECONDS}
            assert not before or before[-1] != "book" or TOLD & known, (reader["dialect"], reader["events"])
            late = [at for at, what in events if what == "book" and since + TOLD_SECONDS < at < until - TOLD_SECONDS]
            assert not late, (reader["dialect"], reader["events"])


def check_whole(reports: list[dict[str, Any]], faults: Sequence[Timed], within: float = HEALING_SECONDS) -> None:
    """Every reader had its book soon after each fault was over; when, by dialect, for people."""
    slowest = 0.0
    for fault in faults:
        last = dict.fromkeys(DIALECTS, 0.0)
        for report in reports:
            for reader in report["readers"]:
                last[reader["dialect"]] = max(last[reader["dialect"]], whole_after(reader["events"], fault))
        said = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in last.items())
        print(f"{fault.label}: every reader had its book again after {said}")
        slowest = max(slowest, *last.values())
    assert slowest <= within


def whole_after(events: list[tuple[float, str]], cut: Timed) -> float:
    """Seconds from the healing of a fault until a reader got its book back, the last time before the fault's effects
    had to be over, or the first time after; 0 for one that kept it.
    """
    before = [(at, what) for at, what in events if at <= cut.over]
    if before and before[-1][1] != "book":
        return next((at - cut.healed for at, what in events if at > cut.over and what == "book"), float("inf"))
    return max((at - cut.healed for at, what in before if what == "book" and at > cut.healed), default=0.0)


def told_when(reports: list[dict[str, Any]], began: float) -> str:
    """When gateways were not ready and what their first readers were told, for people."""
    lines = []
    for name, report in zip(("g1", "g2"), reports, strict=True):
        ready = ", ".join(f"{'ready' if on else 'not ready'} {at - began:.1f}" for at, on in report["ready"])
        told = ", ".join(f"{what} {at - began:.1f}" for at, what in report["readers"][0]["events"])
        lines.append(f"{name}: {ready}; {told}")
    return "\n".join(lines)
