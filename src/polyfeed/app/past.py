"""History that people query, as a part of a server: written behind the venue, asked by REST calls."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from polyfeed.app.recovery import EngineChanged
from polyfeed.app.replica import decode_image
from polyfeed.model.batches import Batch
from polyfeed.model.history import HistoryUnavailable, Query
from polyfeed.sequencer.history import History as Replayed
from polyfeed.store.history.asking import ask
from polyfeed.store.history.database import Database, DatabaseError
from polyfeed.store.history.writer import HistoryWriter
from polyfeed.store.segments import paths_in, segments_from
from polyfeed.store.snapshots import first_of, read_snapshot, snapshots_in
from polyfeed.venue.venue import Venue
from polyfeed.venue.version import ENGINE

ANSWER_SECONDS = 2.0
"""What a question waits for history to come up with the venue."""

STOP_SECONDS = 1.0
"""What a stop waits for the last batches; those that it does not wait for are written at the next start."""

READERS = 2


class Past:
    """History of one venue, whose journal is in a directory. `epoch` is the venue's."""

    def __init__(self, open_database: Callable[[], Database], journal: Path, epoch: int) -> None:
        self.epoch = epoch
        self._open = open_database
        self._writer = HistoryWriter(open_database, lambda first, until: replay(journal, first, until), epoch)
        self._readers = ThreadPoolExecutor(READERS, "history-reader")
        self._idle: list[Database] = []

    def start(self) -> None:
        """Begins to write what `publish` is given."""
        self._writer.start()

    def publish(self, batch: Batch) -> None:
        """Takes in a batch that was published, and returns at once."""
        self._writer.publish(batch)

    async def ask(self, query: Query, seq: int) -> Sequence[Any]:
        """The rows that answer a query, as of a batch or a later one. Raises HistoryUnavailable."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._answer, query, seq)

    async def stop(self) -> None:
        """Writes what is still to be written, then ends."""
        await asyncio.to_thread(self._writer.stop, STOP_SECONDS)
        await asyncio.to_thread(self._readers.shutdown)
        for database in self._idle:
            database.close()

    def metrics(self) -> list[str]:
        """Lines in Prometheus's text format."""
        writer = self._writer
        return [
            "# TYPE polyfeed_history_batch gauge",
            f"polyfeed_history_batch {writer.seq}",
            "# TYPE polyfeed_history_dropped_total counter",
            f"polyfeed_history_dropped_total {writer.dropped}",
            "# TYPE polyfeed_history_failures_total counter",
            f"polyfeed_history_failures_total {writer.failures}",
        ]

    def _answer(self, query: Query, seq: int) -> Sequence[Any]:
        if not self._writer.wait_for(seq, ANSWER_SECONDS):
            raise HistoryUnavailable(f"history is at batch {self._writer.seq} and the venue at {seq}; ask again later")
        database = None
        try:
            database = self._idle.pop() if self._idle else self._open()
            rows = ask(database, query)
        except DatabaseError as error:
            if database is not None:
                database.close()
            raise HistoryUnavailable("history cannot be read now; ask again later") from error
        self._idle.append(database)
        return rows


def replay(journal: Path, first: int, until: int) -> Iterator[Batch]:
    """The batches from one number to another, both included, made again from a journal; from the first that can be made
    where what was before was dropped behind a snapshot. Raises ValueError and OSError when they cannot be.
    """
    snapshots = snapshots_in(journal)
    begun_before = [path for path in snapshots if first_of(path) <= first]
    complete = any(path.name.startswith(f"{1:020d}.") for path in paths_in(journal))
    found = begun_before[0] if begun_before else None
    if found is None and not complete and snapshots:
        found = snapshots[-1]
    history = Replayed(Venue())
    if found is not None:
        image = decode_image(read_snapshot(found))
        history = Replayed(Venue.restore(image.venue), image.mark)
    for segment in segments_from(journal, history.mark()):
        for record in segment.records():
            if segment.header.engine != ENGINE:
                raise EngineChanged(segment.path, segment.header.engine)
            for batch in history.carry_out(record):
                if batch.seq >= first:
                    yield batch
            if history.seq >= until:
                return
