"""A venue with a journal in a directory and a flow of orders, on a clock that is stepped."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from polyfeed.app.config import Config, load
from polyfeed.app.recovery import cut_torn_end, recover
from polyfeed.bus.memory import MemoryBus
from polyfeed.model.batches import Batch, Outcome
from polyfeed.model.commands import Origin
from polyfeed.sequencer.history import History
from polyfeed.sequencer.sequencer import Sequencer
from polyfeed.store.file_journal import FileJournal, Terms
from polyfeed.venue.venue import Venue
from polyfeed.venue.version import ENGINE
from tests.venue.flows import MIXES, Flow

CONFIG: Config = load(None, {}, [])


class Rig:
    """Commands go in by `feed`; `batches` and `refusals` are what came of them."""

    def __init__(self, directory: Path, terms: Terms, history: History, flow: Flow, patience: float) -> None:
        self.directory = directory
        self.flow = flow
        self.batches: list[Batch] = []
        self.refusals: list[tuple[Origin, Outcome]] = []
        self.journal = FileJournal(directory, terms, ENGINE, self.now)
        bus = MemoryBus()
        bus.subscribe(self.batches.append)
        bus.subscribe(flow.hear)
        bus.subscribe_refusals(lambda origin, outcome: self.refusals.append((origin, outcome)))
        self.sequencer = Sequencer(history, self.journal, bus, self.now, patience)

    def now(self) -> int:
        return self.flow.now

    async def feed(self, count: int) -> None:
        """So many commands, each a group of its own."""
        for _ in range(count):
            self.submit()
            await self.sequencer.drain()

    def submit(self) -> Origin:
        command = self.flow.next()
        origin = Origin(1, self.sequencer.history.numbers.get(1, 0) + 1)
        self.sequencer.submit(command, origin)
        return origin


@asynccontextmanager
async def rig(
    directory: Path,
    terms: Terms | None = None,
    *,
    history: History | None = None,
    flow: Flow | None = None,
    patience: float = 30.0,
    seal: bool = False,
) -> AsyncIterator[Rig]:
    """A venue that writes its journal; with `seal` it is stopped in order, otherwise it just ends."""
    directory.mkdir(exist_ok=True)
    history = history or History(Venue(), hashed=True)
    one = Rig(directory, terms or Terms(), history, flow or Flow(MIXES[0], 1), patience)
    await one.sequencer.open()
    try:
        yield one
        if seal:
            await one.sequencer.close()
    finally:
        await one.journal.close()


def recovered(directory: Path, *, snapshots: bool = True) -> History:
    """The history that the directory stands for, its torn end cut."""
    found = recover(CONFIG, directory, snapshots=snapshots)
    cut_torn_end(found)
    return found.replica.history


async def write(directory: Path, count: int, terms: Terms | None = None, *, seal: bool = False) -> Rig:
    """A journal of so many commands."""
    async with rig(directory, terms, seal=seal) as one:
        await one.feed(count)
    return one


def segment(directory: Path, place: int = -1) -> Path:
    return sorted(directory.glob("*.journal"))[place]


def equal(history: History, other: History) -> bool:
    """Whether two histories stand at the same place in the same state."""
    return (history.mark(), history.venue.state_hash()) == (other.mark(), other.venue.state_hash())
