"""The store of a server: its journal's directory, held and recovered, and what makes snapshots of it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_bytes

from polyfeed.app.config import Config
from polyfeed.app.past import Past
from polyfeed.app.recovery import Recovered, cut_torn_end, recover
from polyfeed.app.replica import Replica
from polyfeed.app.snapshots import Keeper
from polyfeed.app.streamed_journal import StreamedJournal
from polyfeed.store.disk import SNAPSHOT_LOCK, Locked, locked
from polyfeed.store.file_journal import FileJournal, Terms
from polyfeed.store.format import VENUE_BYTES, Damaged
from polyfeed.store.history.history import BESIDE, opener
from polyfeed.store.salvage import salvage
from polyfeed.store.segments import venue_in
from polyfeed.venue.version import ENGINE

log = logging.getLogger("polyfeed.store")


class Store:
    """What a server takes over: the state as it was, and the journal to go on with."""

    def __init__(self, config: Config, directory: Path, replica: Replica, now: Callable[[], int], venue: bytes) -> None:
        section = config.store
        terms = Terms(
            section.fsync,
            section.interval_seconds,
            section.segment_bytes,
            section.segment_records,
            section.segment_seconds,
        )
        self.directory = directory
        self.replica = replica
        self._terms = terms
        self._now = now
        self._history = section.history
        self.keeper = Keeper(config, directory) if section.snapshots else None
        self.adopt(venue)

    def adopt(self, venue: bytes) -> None:
        """Takes a venue's number over, before anything is written."""
        self.venue = venue
        self.file = FileJournal(self.directory, self._terms, ENGINE, self._now, venue)
        self.journal: FileJournal | StreamedJournal = self.file
        self.past = None
        if self._history != "off":
            database = opener(self._history, self.directory)
            self.past = Past(database, self.directory, self.replica.history.venue.epoch, venue.hex())

    @property
    def own_past(self) -> Past | None:
        """History that nobody but this process writes, None where there is none, or all venues of a bus share it."""
        return self.past if self._history in BESIDE else None

    async def close(self) -> None:
        """Ends what works beside a venue, of one that has never been one."""
        if self.keeper is not None:
            await self.keeper.finish(0)
        if self.past is not None:
            await self.past.stop()


def journal_directory(config: Config) -> Path | None:
    """Where the configuration has the journal, None for none."""
    section = config.store
    if section.journal == "off" or (section.journal == "auto" and config.flow.demo):
        return None
    if section.journal == "auto":
        return Path(config.server.state_dir).expanduser() / "journal"
    return Path(section.journal).expanduser()


@contextmanager
def opened(config: Config, directory: Path, now: Callable[[], int], *, rescue: bool = False) -> Iterator[Store]:
    """Holds the directory, and recovers what is in it. With `rescue`, what is before a damage is gone on with.

    Raises Locked, Damaged, EngineChanged, OSError.
    """
    with locked(directory):
        _clear(directory)
        began = time.monotonic()
        recovered = _recovered(config, directory, rescue=rescue)
        cut_torn_end(recovered)
        history = recovered.replica.history
        if history.records:
            seconds = time.monotonic() - began
            log.info("recovered %d records, up to batch %d, in %.1f s", history.records, history.seq, seconds)
        yield Store(config, directory, recovered.replica, now, venue_in(directory) or token_bytes(VENUE_BYTES))


def _clear(directory: Path) -> None:
    """Takes away what killed processes left half written. One that makes a snapshot may have outlived its venue."""
    snapshots = set(directory.glob("*.snapshot.*.tmp"))
    for left in set(directory.glob("*.tmp")) - snapshots:
        left.unlink(missing_ok=True)
    with suppress(Locked), locked(directory, SNAPSHOT_LOCK):
        for left in snapshots:
            left.unlink(missing_ok=True)


def _recovered(config: Config, directory: Path, *, rescue: bool) -> Recovered:
    while True:
        try:
            return recover(config, directory)
        except Damaged as damaged:
            if not rescue:
                words = f"--journal {directory} --salvage"
                damaged.add_note(f"start with {words} to go on with what is before the damage; the rest is put aside")
                raise
            log.error("%s", damaged)
            for line in salvage(directory, damaged):
                log.error("%s", line)
