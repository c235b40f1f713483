"""Drives the sources: calls each when it is due, and hands what it gives to the sequencer or the bus."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from polyfeed.bus.memory import MemoryBus
from polyfeed.model.batches import Batch
from polyfeed.sequencer.sequencer import Sequencer
from polyfeed.sources.source import BatchSource, Source

WARM_UP_STEP_US = 10_000

LONGEST_SLEEP_US = 1_000_000
"""Microseconds after which sources that are never due are looked at again."""


class Driver:
    """Runs command sources and batch sources on the process's clock."""

    def __init__(
        self,
        sources: Sequence[Source],
        recordings: Sequence[BatchSource],
        sequencer: Sequencer,
        bus: MemoryBus,
        now: Callable[[], int],
    ) -> None:
        self._sources = sources
        self._recordings = recordings
        self._sequencer = sequencer
        self._bus = bus
        self._now = now
        self._wake = asyncio.Event()
        self._until = 0

    def on_batch(self, batch: Batch) -> None:
        """Tells the command sources what happened."""
        for source in self._sources:
            source.hear(batch)
            if source.due is not None and source.due < self._until:
                self._wake.set()

    async def warm_up(self, seconds: float) -> None:
        """Lets the sources live through their first seconds at once, so that books stand before anybody looks."""
        now = self._now()
        for ahead in range(0, int(seconds * 1e6), WARM_UP_STEP_US):
            self.step(now + ahead)
            await self._sequencer.drain()
            await asyncio.sleep(0)

    def step(self, now: int) -> None:
        """Takes what is due from every source at a time."""
        for source in self._sources:
            if source.due is not None and source.due <= now:
                for command in source.step(now):
                    self._sequencer.submit(command)
        for recording in self._recordings:
            if recording.due is not None and recording.due <= now:
                for batch in recording.step(now):
                    self._bus.publish(batch)

    async def run(self) -> None:
        """Works until cancelled."""
        while True:
            self.step(self._now())
            dues = [*(source.due for source in self._sources), *(source.due for source in self._recordings)]
            self._until = min((due for due in dues if due is not None), default=self._now() + LONGEST_SLEEP_US)
            await self._sleep(max(0, self._until - self._now()) / 1e6)

    async def _sleep(self, seconds: float) -> None:
        """Returns after so long, or when a source has become due earlier because of what it heard."""
        self._wake.clear()
        timer = asyncio.get_running_loop().call_later(seconds, self._wake.set)
        try:
            await self._wake.wait()
        finally:
            timer.cancel()
