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
from polyfeed.store.history.history import CHUNK, History, OtherHistory, OtherVenue, rebuild
from polyfeed.store.history.standing import Standing

log = logging.getLogger("polyfeed.history")

QUEUE = 20_000
RETRY_SECONDS = 1.0

Replay = Callable[[int, int], Iterable[Batch]]
"""The batches from one number to another, both included, made again from the journal; from a later one on where the
journal no longer has the first."""


class Parted(Exception):
    """History is not what the journal says. `seq` is the last batch up to which it may be."""

    def __init__(self, seq: int) -> None:
        super().__init__(seq)
        self.seq = seq


StandingAt = Callable[[int], Standing]
"""How things stood after a batch, made again from the journal."""


class HistoryWriter:
    """Writes what `publish` is given. `open_database` is called on the thread; so are `replay` and `standing_at`.

    `venue` names the venue. `told` is called on the thread when there is news: more is written, or there is `trouble`,
    which says why nothing will be written any more (empty: it goes on). `seq` is the last batch that is written,
    `dropped` counts those that found the queue full, `failures` the writes and connections that failed. Batches of
    other epochs than `epoch` are no history of this venue, and are passed over.
    """

    def __init__(
        self,
        open_database: Callable[[], Database],
        replay: Replay,
        standing_at: StandingAt,
        epoch: int = 1,
        venue: str = "",
        told: Callable[[], None] = lambda: None,
    ) -> None:
        self._open = open_database
        self._replay = replay
        self._standing_at = standing_at
        self._epoch = epoch
        self._venue = venue
        self._told = told
        self._queue: deque[Batch] = deque()
        self._news = threading.Condition()
        self._stopping = False
        self._history: History | None = None
        self._anew = False
        self._thread = threading.Thread(target=self._run, name="history", daemon=True)
        self.trouble = ""
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
            if self.trouble or len(self._queue) >= QUEUE:
                self.dropped += 1
                return
            self._queue.append(batch)
            self._news.notify_all()

    def wait_for(self, seq: int, seconds: float) -> bool:
        """Waits until a batch is written, at most so long. Whether it is."""
        with self._news:
            return self._news.wait_for(lambda: self.seq >= seq or self._over, seconds) and self.seq >= seq

    @property
    def _over(self) -> bool:
        return self._stopping or bool(self.trouble)

    def stop(self, seconds: float) -> None:
        """Writes what is in the queue, if that takes no longer, and ends the thread."""
        with self._news:
            self._stopping = True
            self._news.notify_all()
        if self._thread.ident is not None:
            self._thread.join(seconds)

    # --- on the thread ----------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            self._work()
        except OtherVenue as error:
            self._give_up(str(error))
            log.error("history is not written: %s", error)
        except Exception as error:
            self._give_up(f"{type(error).__name__}: {error}")
            log.critical("history is not written any more", exc_info=error)
        self._close()

    def _give_up(self, why: str) -> None:
        with self._news:
            self.trouble = why
            self._queue.clear()
            self._news.notify_all()
        self._told()

    def _work(self) -> None:
        while True:
            chunk = self._next()
            if not chunk:
                break
            while not self._written(chunk):
                with self._news:
                    if self._news.wait_for(lambda: self._stopping, RETRY_SECONDS):
                        return

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
        except Parted as parted:
            return self._gone_back(parted.seq) and self._written(chunk)
        except OtherHistory as error:
            log.warning("history is written anew: %s", error)
            self._anew = True
            self._close()
            return self._written(chunk)
        except (DatabaseError, OSError, ValueError) as error:
            return self._failed(error)
        return True

    def _failed(self, error: Exception) -> bool:
        self.failures += 1
        log.warning("history could not be written: %s", error)
        self._close()
        return False

    def _gone_back(self, until: int) -> bool:
        """Takes away what history has and the journal lost, which has batches up to a number. False when that failed.

        Where no batch is known to be in both, history is put aside and written anew.
        """
        history = self._history
        assert history is not None
        try:
            seq = self._common([one for one in history.stamps() if one[0] <= until])
            if seq:
                log.warning(
                    "the journal lost what history has behind batch %d, the last that is surely in both: "
                    "its rows up to batch %d are deleted",
                    *(seq, history.seq),
                )
                history.go_back(self._standing_at(seq))
            else:
                log.warning("history is written anew: no batch of it is in the journal")
                self._anew = True
                self._close()
        except (DatabaseError, OSError, ValueError) as error:
            return self._failed(error)
        return True

    def _common(self, stamps: list[tuple[int, int]]) -> int:
        """The last batch of these that is the journal's; 0 for none. Once parted, they have no more in common."""
        low, high = 0, len(stamps)
        while low < high:
            middle = (low + high) // 2
            seq, ts = stamps[middle]
            batch = next(iter(self._replay(seq, seq)), None)
            if batch is None or batch.seq > seq or batch.ts == ts:
                low = middle + 1
            else:
                high = middle
        return stamps[low - 1][0] if low and self._is_there(*stamps[low - 1]) else 0

    def _is_there(self, seq: int, ts: int) -> bool:
        batch = next(iter(self._replay(seq, seq)), None)
        return batch is not None and (batch.seq, batch.ts) == (seq, ts)

    def _opened(self, chunk: list[Batch]) -> History:
        """History, ready for batches. Raises OtherHistory where it has what these do not fit to."""
        if self._history is None:
            database = self._open()
            try:
                if self._anew:
                    self._history = rebuild(database, (), self._venue)
                else:
                    self._history = History(database, self._venue)
            except Exception:
                database.close()
                raise
            self._anew = False
            self._check(self._history, chunk)
            self._tell(self._history)
        return self._history

    def _check(self, history: History, chunk: list[Batch]) -> None:
        """Whether history is at a batch that was, as far as can be seen from what comes now."""
        if history.epoch not in (0, self._epoch):
            raise OtherHistory(f"it is of epoch {history.epoch}")
        if history.seq >= chunk[0].seq and not any((one.seq, one.ts) == (history.seq, history.ts) for one in chunk):
            raise Parted(chunk[0].seq - 1)

    def _catch_up(self, history: History, until: int) -> None:
        """Writes the batches after history, up to a number, as far as the journal has them."""
        log.info("history goes on from batch %d to %d by replay", history.seq + 1, until)
        batches = iter(self._replay(max(history.seq, 1), until))
        while part := list(islice(batches, CHUNK)):
            if part[0].seq == history.seq and part[0].ts != history.ts:
                raise Parted(until)
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
        self._told()

    def _close(self) -> None:
        if self._history is not None:
            self._history.close()
            self._history = None
