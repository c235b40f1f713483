"""The thread that keeps history up with the venue.

The flow hands over each batch after it was published, and never waits: what the thread has not written yet stands in a
queue of at most QUEUE batches. A batch that finds it full is dropped. That is no loss, because the journal has what
made it: where a batch does not follow on what is written, those between are made again by `replay` (a replay of the
journal), and written first. The same heals everything else that can come between: history that is missing, or older
than the journal, at the start; a database that could not be reached for a while; a write that failed. A queue on disk
would be a second journal, and one without bounds would take the venue's memory when a database hangs.

A transaction takes all that stands in the queue, up to CHUNK, so the further the thread is behind the fewer of them
there are.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable
from itertools import islice

from polyfeed.model.batches import Batch
from polyfeed.store.history.database import Database, DatabaseError
from polyfeed.store.history.history import CHUNK, History, OtherHistory, rebuild

log = logging.getLogger("polyfeed.history")

QUEUE = 20_000
RETRY_SECONDS = 1.0

Replay = Callable[[int, int], Iterable[Batch]]
"""The batches from one number to another, both included, made again from the journal; from a later one on where the
journal no longer has the first."""


class HistoryWriter:
    """Writes what `publish` is given. `open_database` is called on the thread; so is `replay`.

    `seq` is the last batch that is written, `dropped` counts those that found the queue full, `failures` the writes and
    connections that failed. Batches of other epochs than `epoch` are no history of this venue, and are passed over.
    """

    def __init__(self, open_database: Callable[[], Database], replay: Replay, epoch: int = 1) -> None:
        self._open = open_database
        self._replay = replay
        self._epoch = epoch
        self._queue: deque[Batch] = deque()
        self._news = threading.Condition()
        self._stopping = False
        self._history: History | None = None
        self._anew = False
        self._thread = threading.Thread(target=self._run, name="history", daemon=True)
        self.seq = 0
        self.dropped = 0
        self.failures = 0

    def start(self) -> None:
        """Begins to write."""
        self._thread.start()

    def publish(self, batch: Batch) -> None:
        """Takes a batch, without waiting for anything that is not in memory."""
        if batch.epoch != self._epoch:
            return
        with self._news:
            if len(self._queue) >= QUEUE:
                self.dropped += 1
                return
            self._queue.append(batch)
            self._news.notify_all()

    def wait_for(self, seq: int, seconds: float) -> bool:
        """Waits until a batch is written, at most so long. Whether it is."""
        with self._news:
            return self._news.wait_for(lambda: self.seq >= seq or self._stopping, seconds) and self.seq >= seq

    def stop(self, seconds: float) -> None:
        """Writes what is in the queue, if that takes no longer, and ends the thread."""
        with self._news:
            self._stopping = True
            self._news.notify_all()
        if self._thread.ident is not None:
            self._thread.join(seconds)

    # --- on the thread ----------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while True:
            chunk = self._next()
            if not chunk:
                break
            while not self._written(chunk):
                with self._news:
                    if self._news.wait_for(lambda: self._stopping, RETRY_SECONDS):
                        return
        if self._history is not None:
            self._history.close()

    def _next(self) -> list[Batch]:
        """What stands in the queue; nothing at the end."""
        with self._news:
            self._news.wait_for(lambda: self._queue or self._stopping)
            return [self._queue.popleft() for _ in range(min(CHUNK, len(self._queue)))]

    def _written(self, chunk: list[Batch]) -> bool:
        """Writes batches, and what lies between history and them. False when that failed and must be tried again."""
        try:
            history = self._opened(chunk)
            part: list[Batch] = []
            for batch in chunk:
                if batch.seq > (part[-1].seq if part else history.seq) + 1:
                    self._write(history, part)
                    self._catch_up(history, batch.seq - 1)
                    part = []
                part.append(batch)
            self._write(history, part)
        except OtherHistory as error:
            log.warning("history is written anew: %s", error)
            self._anew = True
            self._close()
            return self._written(chunk)
        except (DatabaseError, OSError, ValueError) as error:
            self.failures += 1
            log.warning("history could not be written: %s", error)
            self._close()
            return False
        return True

    def _opened(self, chunk: list[Batch]) -> History:
        """History, ready for batches. Raises OtherHistory where it has what these do not fit to."""
        if self._history is None:
            database = self._open()
            self._history = rebuild(database, ()) if self._anew else History(database)
            self._anew = False
            self._check(self._history, chunk)
            self._tell(self._history)
        return self._history

    def _check(self, history: History, chunk: list[Batch]) -> None:
        """Whether history is at a batch that was, as far as can be seen from what comes now."""
        if history.epoch not in (0, self._epoch):
            raise OtherHistory(f"it is of epoch {history.epoch}")
        if history.seq >= chunk[0].seq and not any((one.seq, one.ts) == (history.seq, history.ts) for one in chunk):
            raise OtherHistory(f"it is at batch {history.seq}, and the venue at {chunk[0].seq}")

    def _catch_up(self, history: History, until: int) -> None:
        """Writes the batches after history, up to a number, as far as the journal has them."""
        log.info("history goes on from batch %d to %d by replay", history.seq + 1, until)
        batches = iter(self._replay(max(history.seq, 1), until))
        while part := list(islice(batches, CHUNK)):
            if part[0].seq == history.seq and part[0].ts != history.ts:
                raise OtherHistory(f"batch {history.seq} of the journal is another one")
            if part[0].seq > history.seq + 1:
                log.warning("the journal no longer has the batches from %d to %d", history.seq + 1, part[0].seq - 1)
                history.pass_over(part[0].seq - 1)
            self._write(history, part)
        if history.seq < until:
            raise ValueError(f"the journal ends at batch {history.seq}, not {until}")

    def _write(self, history: History, batches: list[Batch]) -> None:
        history.write(batches)
        self._tell(history)

    def _tell(self, history: History) -> None:
        with self._news:
            self.seq = history.seq
            self._news.notify_all()

    def _close(self) -> None:
        if self._history is not None:
            self._history.close()
            self._history = None
