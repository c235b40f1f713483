"""The one writer.

Commands of one moment form a group: recorded in the journal, made durable together, then applied one by one. Nothing is
visible that is not durable, and memory is never ahead of the disk. Venue time is the time in the stamps: it strictly
increases, and passes even when nobody trades because the sequencer adds `Clock` commands.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from polyfeed.bus.memory import MemoryBus
from polyfeed.model.batches import Batch
from polyfeed.model.commands import AnyCommand, Clock, Origin, Proceed, Record, Stamped
from polyfeed.store.journal import Journal
from polyfeed.venue.venue import Venue

GROUP_LIMIT = 256
"""Commands applied before other tasks of the process get a turn: about 5 ms of work."""

BUSY_TICK_US = 100_000
IDLE_TICK_US = 1_000_000
"""How often venue time passes by itself after something happened, and when nothing does."""


class Sequencer:
    """Owns the venue and its clock. `now` gives the wall clock in microseconds since the epoch."""

    def __init__(self, venue: Venue, journal: Journal, bus: MemoryBus, now: Callable[[], int]) -> None:
        self._venue = venue
        self._journal = journal
        self._bus = bus
        self._now = now
        self._queue: deque[tuple[AnyCommand, Origin | None]] = deque()
        self._wake = asyncio.Event()
        self._busy = False
        self.seq = 0
        self.ts = 0

    def submit(self, command: AnyCommand, origin: Origin | None = None) -> None:
        """Queues a command. Its answer is its batch on the bus."""
        self._queue.append((command, origin))
        self._wake.set()

    async def run(self) -> None:
        """Works until cancelled."""
        while True:
            if not self._queue:
                await self._wait()
            await self.work_off()
            await asyncio.sleep(0)

    async def drain(self) -> None:
        """Carries out all that is queued."""
        while self._queue:
            await self.work_off()

    async def work_off(self) -> None:
        """Carries out one group of what is queued, or lets venue time pass if that is due and nothing is."""
        if not self._queue and self._now() >= self.next_tick():
            self._queue.append((Clock(), None))
        now = self._now()
        group = [Record(now, *self._queue.popleft()) for _ in range(min(GROUP_LIMIT, len(self._queue)))]
        for record in group:
            self._journal.append(record)
        await self._journal.sync()
        for record in group:
            self._carry_out(record)

    def next_tick(self) -> int:
        """The venue time at which a `Clock` is due if no command comes before."""
        tick = self.ts + (BUSY_TICK_US if self._busy else IDLE_TICK_US)
        deadline = self._venue.deadline()
        return tick if deadline is None else min(tick, deadline)

    def _carry_out(self, record: Record) -> None:
        self._busy = not isinstance(record.command, Clock)
        batch = self._apply(record.ts, record.command, record.origin)
        while batch.more:
            batch = self._apply(batch.ts, Proceed(), record.origin)

    def _apply(self, ts: int, command: AnyCommand, origin: Origin | None) -> Batch:
        self.seq += 1
        self.ts = max(self.ts + 1, ts)
        batch = self._venue.apply(Stamped(self.seq, self.ts, command, origin))
        self._bus.publish(batch)
        return batch

    async def _wait(self) -> None:
        """Returns when a command came or venue time has to pass."""
        self._wake.clear()
        delay = max(0, self.next_tick() - self._now()) / 1e6
        timer = asyncio.get_running_loop().call_later(delay, self._wake.set)
        try:
            await self._wake.wait()
        finally:
            timer.cancel()
