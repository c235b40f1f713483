"""What recording costs: commands per second, and how much later a command is decided, for each way to sync.

The venue and sequencer alone, on the disk of the directory for temporary files; nobody listens. Also, as a script of
its own, how long a start takes: `python -m bench.journal RECORDS [DIRECTORY]`.
"""

from __future__ import annotations

import asyncio
import gc
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

from bench.scene import INSTRUMENT, MID, UNIT
from bench.traders import Traders, opening
from polyfeed.app.clock import SteadyClock
from polyfeed.app.config import Config, load
from polyfeed.app.recovery import recover
from polyfeed.app.replica import Replica
from polyfeed.app.snapshots import make_snapshot
from polyfeed.bus.memory import MemoryBus
from polyfeed.model.batches import Batch
from polyfeed.model.commands import (
    AnyCommand,
    CancelAll,
    DefineCurrency,
    Deposit,
    ListInstrument,
    OpenAccount,
    Origin,
    PlaceOrder,
)
from polyfeed.model.enums import OrderKind, Side
from polyfeed.model.instruments import Currency
from polyfeed.sequencer.history import History
from polyfeed.sequencer.sequencer import Sequencer
from polyfeed.store.file_journal import FileJournal, Terms
from polyfeed.store.format import Mark
from polyfeed.store.journal import Journal, NullJournal
from polyfeed.store.segments import header_of, paths_in
from polyfeed.venue.venue import Venue
from polyfeed.venue.version import ENGINE

Way = Literal["always", "interval", "off", "none"]
WAYS: tuple[Way, ...] = ("always", "interval", "off", "none")
USERS = range(10, 20)
PATIENCE = 60.0
"""Seconds: what is to be measured is not to be refused."""
BURST = 200
"""Commands that come at once where speed is measured."""


class JournalResult(NamedTuple):
    """One way to sync: commands per second when there are always more, and milliseconds from a command's arrival to its
    batch at `rate`; `syncs` is how often the disk was asked in all.
    """

    way: Way
    commands_per_second: float
    rate: float
    p50: float
    p99: float
    syncs: int


def setup() -> list[AnyCommand]:
    """A market and users with money."""
    return [
        DefineCurrency(Currency("BTC", 8)),
        DefineCurrency(Currency("USD", 8)),
        ListInstrument(INSTRUMENT),
        *(OpenAccount(user, f"user-{user}") for user in USERS),
        *(Deposit(user, code, 10**9 * UNIT) for user in USERS for code in ("BTC", "USD")),
    ]


def orders(seed: int) -> Iterator[AnyCommand]:
    """Limit orders around one price, most of which rest; what rests is taken out now and then."""
    dice = random.Random(seed)
    while True:
        user, side = dice.choice(USERS), dice.choice((Side.BUY, Side.SELL))
        if dice.random() < 0.02:
            yield CancelAll(user)
        away = dice.randint(-3, 20) * INSTRUMENT.tick
        price = MID - away if side is Side.BUY else MID + away
        yield PlaceOrder(user, 0, side, OrderKind.LIMIT, dice.randint(1, UNIT), price)


class Bench:
    """A sequencer with one way to sync. Every command is numbered; `arrived` and `decided` are seconds by number."""

    def __init__(self, way: Way, directory: Path) -> None:
        self.clock = SteadyClock()
        self.journal: Journal = NullJournal() if way == "none" else file_journal(way, directory, self.clock)
        self.bus = MemoryBus()
        history = History(Venue(), hashed=way != "none")
        self.sequencer = Sequencer(history, self.journal, self.bus, self.clock, PATIENCE)
        self.arrived: dict[int, float] = {}
        self.waits: list[float] = []
        self.number = 0
        self.bus.subscribe(self._decided)

    def _decided(self, batch: Batch) -> None:
        # A decision of more than a thousand events comes in several batches.
        if batch.origin is not None and (arrived := self.arrived.pop(batch.origin.number, None)) is not None:
            self.waits.append(time.perf_counter() - arrived)

    def submit(self, command: AnyCommand) -> None:
        """One command arrives now."""
        self.number += 1
        self.arrived[self.number] = time.perf_counter()
        self.sequencer.submit(command, Origin(1, self.number))

    async def saturate(self, seconds: float, flow: Iterator[AnyCommand]) -> float:
        """Commands decided per second while BURST of them are always on their way."""
        start, before = time.perf_counter(), len(self.waits)
        while time.perf_counter() - start < seconds:
            while len(self.arrived) < BURST:
                self.submit(next(flow))
            await asyncio.sleep(0)
        return (len(self.waits) - before) / (time.perf_counter() - start)

    async def pace(self, rate: float, seconds: float, flow: Iterator[AnyCommand]) -> tuple[float, float]:
        """p50 and p99 of the wait, in milliseconds, at times fixed beforehand."""
        while self.arrived:  # noqa: ASYNC110 - what is still on its way from before is not counted
            await asyncio.sleep(0)
        self.waits.clear()
        start = time.perf_counter()
        for number in range(int(rate * seconds)):
            while (left := start + number / rate - time.perf_counter()) > 0:  # noqa: ASYNC110 - waits for a time
                await asyncio.sleep(left if left > 0.002 else 0)
            self.submit(next(flow))
        while self.arrived:  # noqa: ASYNC110 - until the last is decided
            await asyncio.sleep(0)
        waits = sorted(self.waits)
        return waits[len(waits) // 2] * 1000, waits[len(waits) * 99 // 100] * 1000


def file_journal(way: Literal["always", "interval", "off"], directory: Path, clock: SteadyClock) -> FileJournal:
    """A journal with one way to sync."""
    return FileJournal(directory, Terms(way), ENGINE, clock)


async def measure_way(way: Way, rate: float, seconds: float) -> JournalResult:
    """One way to sync, in a directory of its own."""
    with tempfile.TemporaryDirectory() as directory:
        bench = Bench(way, Path(directory))
        await bench.sequencer.open()
        for command in setup():
            bench.sequencer.submit(command)
        await bench.sequencer.drain()
        task, flow = asyncio.create_task(bench.sequencer.run()), orders(1)
        gc.collect()
        speed = await bench.saturate(seconds, flow)
        p50, p99 = await bench.pace(rate, seconds, flow)
        bench.sequencer.end()
        await task
        syncs = 0
        if isinstance(bench.journal, FileJournal):
            syncs = bench.journal.syncs
            await bench.journal.close()
    return JournalResult(way, speed, rate, p50, p99, syncs)


def measure(rate: float, seconds: float) -> list[JournalResult]:
    """All ways, one after the other."""
    return [asyncio.run(measure_way(way, rate, seconds)) for way in WAYS]


class Start(NamedTuple):
    """One way to come to the state at the end of a journal: seconds, and the records that were replayed for it."""

    seconds: float
    replayed: int


class StartResult(NamedTuple):
    """A journal of so many records, and how long it takes to come to its end.

    `whole` replays every record; `killed` begins at the newest of the snapshots that were made as segments were closed,
    the last segment being as good as full; `stopped` begins at the snapshot that a venue leaves at its orderly end.
    """

    records: int
    bytes: int
    snapshot_bytes: int
    whole: Start
    killed: Start
    stopped: Start


async def write(config: Config, directory: Path, records: int) -> None:
    """A journal of at least so many records of traders, with a snapshot for each segment, ended by a kill."""

    def turned() -> None:
        make_snapshot(config, directory)

    clock, traders, bus = SteadyClock(), Traders(1), MemoryBus()
    bus.subscribe(traders.hear)
    journal, history = file_journal("off", directory, clock), History(Venue(), hashed=True)
    sequencer = Sequencer(history, journal, bus, clock, PATIENCE, turned)
    await sequencer.open()
    for command in opening():
        sequencer.submit(command)
    await sequencer.drain()
    while history.records < records:
        for number in range(history.records, history.records + BURST):
            sequencer.submit(traders.next(), Origin(1, number))
        await sequencer.drain()
    await journal.close()


async def end(directory: Path, mark: Mark) -> None:
    """Closes the last segment, as an orderly stop does."""
    journal = file_journal("off", directory, SteadyClock())
    await journal.turn(mark)
    await journal.close()


def start(config: Config, directory: Path, before: int, *, snapshots: bool = True) -> tuple[Replica, Start]:
    """The state at the end, and how long it took, `before` records being in the newest snapshot."""
    gc.collect()
    began = time.perf_counter()
    replica = recover(config, directory, snapshots=snapshots).replica
    return replica, Start(time.perf_counter() - began, replica.history.records - before)


def measure_start(directory: Path, records: int) -> StartResult:
    """Writes a journal and starts from it in all ways; the states are compared."""
    config = load(None, {}, ["store.keep=all", "store.history=off"])
    asyncio.run(write(config, directory, records))
    size = sum(path.stat().st_size for path in paths_in(directory))
    killed, quick = start(config, directory, header_of(paths_in(directory)[-1]).start.records)
    whole, slow = start(config, directory, 0, snapshots=False)
    asyncio.run(end(directory, killed.history.mark()))
    path = make_snapshot(config, directory)
    assert path is not None
    stopped, none = start(config, directory, killed.history.records)
    if len({one.state_hash() for one in (whole, killed, stopped)}) > 1:
        raise RuntimeError("a start from a snapshot comes to another state")
    return StartResult(whole.history.records, size, path.stat().st_size, slow, quick, none)


def main() -> None:
    """Prints how long a start takes."""
    with tempfile.TemporaryDirectory() as temporary:
        directory = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(temporary)
        result = measure_start(directory, int(sys.argv[1]))
    whole, killed, stopped = result.whole, result.killed, result.stopped
    print(
        f"start     {result.records:,} records ({result.bytes / 1e6:.0f} MB), snapshots of "
        f"{result.snapshot_bytes / 1e6:.1f} MB: after a kill {killed.seconds:.2f} s ({killed.replayed:,} records "
        f"replayed), after a stop {stopped.seconds:.2f} s; every record again {whole.seconds:.1f} s "
        f"({whole.replayed / whole.seconds:,.0f}/s)"
    )


if __name__ == "__main__":
    main()
