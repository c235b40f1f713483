"""The one writer.

    submit -> queue -> group -> journal (durable) -> applied one by one -> bus

What came while one group was being made durable is the next group; one is written while the one before it is applied.
Nothing is visible that is not durable, and memory is never ahead of the disk. Venue time is the time in the stamps: it
strictly increases, and passes even when nobody trades because the sequencer adds `Clock` commands.

While the disk does not take records (full, read-only, failing), or takes longer than `patience`, new commands are
refused at once, and venue time stands; the disk is tried again and again, and entry opens by itself.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable

from polyfeed.bus.memory import MemoryBus
from polyfeed.model.batches import Outcome
from polyfeed.model.commands import AnyCommand, Clock, Origin, Record
from polyfeed.model.enums import Refusal
from polyfeed.sequencer.history import History
from polyfeed.store.journal import Journal

log = logging.getLogger("polyfeed.sequencer")

GROUP_LIMIT = 256
"""Commands applied before other tasks of the process get a turn: about 5 ms of work."""
WRITE_LIMIT = 4096
"""Commands made durable together at most."""

CHECK_RECORDS = 100
"""How many records there are at least between two running hashes in the journal."""

BUSY_TICK_US = 100_000
IDLE_TICK_US = 1_000_000
"""How often venue time passes by itself after something happened, and when nothing does."""

PATIENCE_SECONDS = 0.5
"""How long the disk may take before new commands are refused."""
PATIENCE_PARTS = 10
"""In which that is waited: a process that was not given the processor for a while wakes up once, and blames no disk."""
REFUSE_SECONDS = 0.1
"""How often what has come meanwhile is refused."""
RETRY_SECONDS = 0.25
"""Between attempts to write again."""


class Sequencer:
    """Owns the venue and its clock. `now` gives the wall clock in microseconds since the epoch.

    `trouble` says why commands are refused at present, empty while they are taken. `turned` is called whenever a new
    segment of the journal has begun.
    """

    def __init__(
        self,
        history: History,
        journal: Journal,
        bus: MemoryBus,
        now: Callable[[], int],
        patience: float = PATIENCE_SECONDS,
        turned: Callable[[], None] | None = None,
    ) -> None:
        self.history = history
        self.trouble = ""
        self.refused = 0
        self._journal = journal
        self._bus = bus
        self._now = now
        self._patience = patience
        self._turned = turned
        self._queue: deque[tuple[AnyCommand, Origin | None]] = deque()
        self._wake = asyncio.Event()
        self._busy = False
        self._checked = history.records
        self._failed = False
        self._ending = False

    @property
    def seq(self) -> int:
        """The number of the last batch."""
        return self.history.seq

    def submit(self, command: AnyCommand, origin: Origin | None = None) -> None:
        """Queues a command. Its answer is its batch on the bus, or a refusal there."""
        self._queue.append((command, origin))
        self._wake.set()

    async def open(self) -> None:
        """Begins a segment of the journal for this process. Raises OSError."""
        await self._turn()
        if self._failed:
            raise OSError(self.trouble)

    async def close(self) -> None:
        """Ends the last segment, once `run` has ended."""
        await self._turn()

    async def run(self) -> None:
        """Works until cancelled, or until `end` and all that was queued is carried out."""
        group: list[Record] = []
        while True:
            if not group:
                if self._failed:
                    if self._ending:
                        self._refuse_queued()
                        return
                    await self._retry()
                    continue
                if self._journal.full:
                    await self._turn()
                    continue
                if not self._queue:
                    if self._ending:
                        return
                    await self._wait()
                group = await self._recorded(self._take(idle=True))
            following = [] if self._failed or self._journal.full else self._take(idle=False)
            writing = asyncio.ensure_future(self._recorded(following)) if following else None
            if writing is not None:
                await asyncio.sleep(0)  # it begins
            await self._apply(group)
            await asyncio.sleep(0)
            group = [] if writing is None else await writing

    @property
    def idle(self) -> bool:
        """Whether nothing is queued and venue time has passed as far as the clock has."""
        return not self._queue and self._now() < self.next_tick()

    def look(self) -> None:
        """Has `run` look at the clock, which somebody has moved."""
        self._wake.set()

    def end(self) -> None:
        """Has `run` return when it has nothing left to do."""
        self._ending = True
        self._wake.set()

    async def drain(self) -> None:
        """Carries out all that is queued, while `run` does not."""
        while self._queue:
            await self.work_off()

    async def work_off(self) -> None:
        """Carries out one group of what is queued, or lets venue time pass if that is due and nothing is."""
        if self._failed or self._journal.full:
            await (self._retry() if self._failed else self._turn())
        await self._apply(await self._recorded(self._take(idle=True)))

    def next_tick(self) -> int:
        """The venue time at which a `Clock` is due if no command comes before."""
        tick = self.history.ts + (BUSY_TICK_US if self._busy else IDLE_TICK_US)
        deadline = self.history.venue.deadline()
        return tick if deadline is None else min(tick, deadline)

    # --- groups -----------------------------------------------------------------------------------------------------

    def _take(self, *, idle: bool) -> list[Record]:
        """What is queued, as records of now; where everything before is carried out, venue time when that is due."""
        now = self._now()
        if idle and not self._queue and not self._ending and now >= self.next_tick():
            self._queue.append((Clock(), None))
        return [Record(now, *self._queue.popleft()) for _ in range(min(WRITE_LIMIT, len(self._queue)))]

    async def _recorded(self, group: list[Record]) -> list[Record]:
        """Makes a group durable and gives it back; an empty one when that failed, and its commands are refused."""
        group = self._appended(group)
        if not group:
            return group
        if self.history.records - self._checked >= CHECK_RECORDS:
            self._checked = self.history.records
            self._journal.check(self.history.mark())
        try:
            waiting = self._journal.sync()
            if waiting is not None:
                await self._patiently(waiting)
        except OSError as error:
            self._fail(error)
            for record in group:
                self._refuse(record.origin)
            return []
        self.trouble = ""
        return group

    def _appended(self, group: list[Record]) -> list[Record]:
        """Hands the journal what can be written down, and gives that back; each other command is refused by itself."""
        taken = []
        for record in group:
            try:
                self._journal.append(record)
            except (ValueError, OverflowError) as error:
                log.warning("a %s cannot be written down and is refused: %s", type(record.command).__name__, error)
                self._refuse(record.origin, Outcome(Refusal.INVALID_TERMS, f"this cannot be written down: {error}"))
            else:
                taken.append(record)
        return taken

    async def _apply(self, group: list[Record]) -> None:
        for place, record in enumerate(group, 1):
            self._busy = not isinstance(record.command, Clock)
            for batch in self.history.carry_out(record):
                self._bus.publish(batch)
            if place % GROUP_LIMIT == 0:
                await asyncio.sleep(0)

    async def _turn(self) -> None:
        """Begins a new segment of the journal."""
        try:
            await self._patiently(self._journal.turn(self.history.mark()))
        except OSError as error:
            self._fail(error)
            return
        self.history.turn()
        self._checked = self.history.records
        self._failed = False
        self.trouble = ""
        if self._turned is not None:
            self._turned()

    # --- trouble ----------------------------------------------------------------------------------------------------

    async def _patiently(self, waiting: Awaitable[None]) -> None:
        """Waits for the disk, at last with everybody else being refused."""
        future = asyncio.ensure_future(waiting)
        done: set[asyncio.Future[None]] = set()
        for _part in range(PATIENCE_PARTS):
            done, _ = await asyncio.wait({future}, timeout=self._patience / PATIENCE_PARTS)
            if done:
                break
        slow = False
        while not done:
            if not self.trouble:
                log.error("%s is slow: orders are refused", self._journal.medium)
            self.trouble = self.trouble or f"{self._journal.medium} has not answered for {self._patience} s"
            self._refuse_queued()
            done, _ = await asyncio.wait({future}, timeout=REFUSE_SECONDS)
            slow = True
        future.result()
        if slow:
            log.warning("the journal is written again: orders are taken")

    def _fail(self, error: OSError) -> None:
        if not self._failed:
            log.error("the journal cannot be written: orders are refused until it can: %s", error)
        self._failed = True
        self.trouble = f"the journal cannot be written: {error.strerror or error}"

    async def _retry(self) -> None:
        """Refuses what comes, and tries whether the journal can be written again."""
        self._refuse_queued()
        await self._turn()
        if not self._failed:
            log.warning("the journal can be written again: orders are taken")
            return
        again = time.monotonic() + RETRY_SECONDS
        while (left := again - time.monotonic()) > 0:
            self._refuse_queued()
            await self._sleep(left)

    def _refuse_queued(self) -> None:
        while self._queue:
            self._refuse(self._queue.popleft()[1])

    def _refuse(self, origin: Origin | None, outcome: Outcome | None = None) -> None:
        self.refused += 1
        if origin is not None:
            self._bus.refuse(origin, outcome or Outcome(Refusal.STORE_UNAVAILABLE, self.trouble))

    # --- waiting ----------------------------------------------------------------------------------------------------

    async def _wait(self) -> None:
        """Returns when a command came or venue time has to pass."""
        await self._sleep(max(0, self.next_tick() - self._now()) / 1e6)

    async def _sleep(self, seconds: float) -> None:
        """Returns after so long, or when a command came."""
        self._wake.clear()
        timer = asyncio.get_running_loop().call_later(seconds, self._wake.set)
        try:
            await self._wake.wait()
        finally:
            timer.cancel()
