"""Two venues, two gateways and three NATS servers under fire: nothing acknowledged is lost or doubled, every book is
right afterwards, and nobody was shown an old one without being told.
"""

from __future__ import annotations

import asyncio
import random
import shutil
import time
from collections.abc import Awaitable, Callable
from itertools import combinations, pairwise, product
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.rig import Networks, Rig, rig, told_of
from tests.store.test_kills import Account, Truth

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("process")]

READERS = 20
HEALING_SECONDS = 5.0
STALE_SECONDS = 3.0
TOLD_SECONDS = 1.5
"""A reader is told within so long before or after its gateway says that it is not ready."""


async def fire(rig: Rig, *faults: Callable[[Rig], Awaitable[None]]) -> list[dict[str, Any]]:
    """Trades on both gateways while things break; what the clients met. Everything is checked."""
    for number, name in enumerate(("g1", "g2")):
        await rig.load(name, number, READERS)
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
    """The venue that is one now."""
    lines = {name: [*rig.children[name].lines] for name in ("v1", "v2")}
    running = [name for name in lines if rig.children[name].pid]
    return next(name for name in running if any("polyfeed is ready" in line for line in lines[name]))


def book_of(truth: Truth) -> dict[str, list[list[str]]]:
    """The ten best levels of the market as the journal has them, in Kraken's numbers."""
    state = truth.replica.market.by_symbol("kraken", "XBT/USD")
    assert state is not None
    sides = {"a": state.book.asks, "b": state.book.bids}
    return {
        name: [[f"{one.price / 1e5:.5f}", f"{one.size / 1e8:.8f}"] for one in side.top(10)]
        for name, side in sides.items()
    }


async def test_gateway_killed(tmp_path: Path) -> None:
    async def kill(rig: Rig) -> None:
        await rig.kill("g1")
        await asyncio.sleep(1.0)
        await rig.start("g1")
        print(f"g1 was back after {await rig.until_ready('g1'):.1f} s")

    async with rig(tmp_path) as one:
        await fire(one, kill)


async def test_nats_server_killed(tmp_path: Path) -> None:
    def kill(name: str) -> Callable[[Rig], Awaitable[None]]:
        async def fault(rig: Rig) -> None:
            await rig.kill(name)
            await asyncio.sleep(3.0)
            await rig.start(name)
            await rig.nats.until_ready()

        return fault

    async with rig(tmp_path) as one:
        await fire(one, kill("n1"), kill("n2"), kill("n3"))


async def test_venue_killed(tmp_path: Path) -> None:
    async def kill(rig: Rig) -> None:
        await rig.kill("v1")
        print(f"v2 was the venue after {await rig.until_ready('v2'):.1f} s")
        await rig.start("v1")

    async with rig(tmp_path) as one:
        await fire(one, kill)


async def test_rolling_restart(tmp_path: Path) -> None:
    """Every process is replaced, one after the other, each in its orderly way."""

    async def restart(rig: Rig) -> None:
        for name in ("g1", "g2"):
            await rig.stop(name)
            await rig.start(name)
            await rig.until_ready(name)
        for name in ("n1", "n2", "n3"):
            await rig.stop(name)
            await rig.start(name)
            await rig.nats.until_ready()
        await rig.stop("v1")
        print(f"v2 was the venue after {await rig.until_ready('v2'):.1f} s")
        await rig.start("v1")
        await asyncio.sleep(2.0)
        await rig.stop("v2")
        print(f"v1 was the venue after {await rig.until_ready('v1'):.1f} s")
        await rig.start("v2")

    async with rig(tmp_path) as one:
        await fire(one, restart)


async def test_corruption(tmp_path: Path) -> None:
    """Bits flip in the blocks of one NATS server, another one loses its whole directory, while neither runs."""

    async def flip(rig: Rig) -> None:
        await rig.stop("n1")
        dice = random.Random(1)
        blocks = [*rig.servers["n1"].store.rglob("*polyfeed-batches/msgs/*.blk")]
        assert blocks
        for block in blocks:
            data = bytearray(block.read_bytes())
            for _ in range(20):
                data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
            block.write_bytes(data)
        await rig.start("n1")
        await rig.nats.until_ready()

    async def delete(rig: Rig) -> None:
        await rig.kill("n2")
        shutil.rmtree(rig.servers["n2"].store)
        await rig.start("n2")
        await rig.nats.until_ready()

    async with rig(tmp_path) as one:
        await fire(one, flip, delete)


@pytest.mark.parametrize(
    ("name", "other", "both"),
    [("g1", "n", True), ("n", "g1", False), ("v1", "n", True), ("v1", "n", False), ("n1", "n2", True)],
)
async def test_partition(tmp_path: Path, name: str, other: str, both: bool) -> None:
    """`n` is all NATS servers. What is cut heals after twice the time in which a gateway is stale."""
    print(await partition(tmp_path, name, other, both=both, seconds=2 * STALE_SECONDS))


PAIRS = [*combinations(("n1", "n2", "n3"), 2), *product(("v1", "g1"), ("n1", "n2", "n3", "n"))]


@pytest.mark.soak
@pytest.mark.parametrize("way", ["both", "there", "back"])
@pytest.mark.parametrize(("name", "other"), PAIRS)
async def test_long_partition(tmp_path: Path, name: str, other: str, way: str) -> None:
    """Half a minute, between each pair that talks, one way, the other way and both."""
    pair = (other, name) if way == "back" else (name, other)
    print(await partition(tmp_path, *pair, both=way == "both", seconds=30.0))


async def partition(directory: Path, name: str, other: str, *, both: bool, seconds: float) -> str:
    """Cuts links under load, and heals them. What was seen, for people."""
    healed = 0.0

    async def cut(rig: Rig) -> None:
        nonlocal healed
        assert rig.networks is not None
        links = [(a, b) for a in names(name) for b in names(other)]
        links += [(b, a) for a, b in links] if both else []
        for link in links:
            rig.networks.cut(*link)
        await asyncio.sleep(seconds)
        for link in links:
            rig.networks.heal(*link)
        healed = time.time()
        await asyncio.sleep(HEALING_SECONDS)

    with Networks() as nets:
        async with rig(directory, nets) as one:
            began = time.time()
            reports = await fire(one, cut)
    for report in reports:
        check_told(report)
    whole = max(whole_after(reader["events"], healed) for report in reports for reader in report["readers"])
    return f"{told_when(reports, began)}\nevery reader had its book {whole:.1f} s after the links were whole"


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


def whole_after(events: list[tuple[float, str]], healed: float) -> float:
    """Seconds from a time until a reader last got its book back; 0 for one that kept it."""
    return max((at - healed for at, what in events if what == "book" and at > healed), default=0.0)


def names(name: str) -> list[str]:
    return ["n1", "n2", "n3"] if name == "n" else [name]


def told_when(reports: list[dict[str, Any]], began: float) -> str:
    """When gateways were not ready and what their first readers were told, for people."""
    lines = []
    for name, report in zip(("g1", "g2"), reports, strict=True):
        ready = ", ".join(f"{'ready' if on else 'not ready'} {at - began:.1f}" for at, on in report["ready"])
        told = ", ".join(f"{what} {at - began:.1f}" for at, what in report["readers"][0]["events"])
        lines.append(f"{name}: {ready}; {told}")
    return "\n".join(lines)
