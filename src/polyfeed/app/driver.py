"""Drives the sources: calls each when it is due, and hands what it gives to the sequencer or the bus."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from polyfeed.app.flow_clock import FlowClock
from polyfeed.bus.memory import MemoryBus
from polyfeed.model.batches import Batch
from polyfeed.sequencer.sequencer import Sequencer
from polyfeed.sources.source import BatchSource, Source

WARM_UP_STEP_US = 10_000

LONGEST_SLEEP_US = 1_000_000
"""Microseconds after which sources that are never due are looked at again."""


class Driver:
    """Runs command sources and batch sources on a clock of theirs, which begins as `now`."""

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
        self._clock = FlowClock(now)
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
        now = self._clock()
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

    @property
    def sources(self) -> int:
        """How many sources make the flow."""
        return len(self._sources) + len(self._recordings)

    @property
    def speed(self) -> float:
        """How fast the flow's time passes, 1 as real time does."""
        return self._clock.speed

    @property
    def paused(self) -> bool:
        """Whether the flow's time stands still."""
        return self._clock.paused

    def control(self, speed: float, paused: bool) -> None:
        """Has the flow's time pass at this speed, or stand still."""
        self._clock.set(speed, paused)
        self._wake.set()

    def advance(self, microseconds: int) -> None:
        """Moves a flow that stands still."""
        self._clock.step(microseconds)
        self._wake.set()

    async def run(self) -> None:
        """Works until cancelled."""
        while True:
            self.step(self._clock())
            dues = [*(source.due for source in self._sources), *(source.due for source in self._recordings)]
            self._until = min((due for due in dues if due is not None), default=self._clock() + LONGEST_SLEEP_US)
            await self._sleep(self._clock.seconds_until(self._until))

    async def _sleep(self, seconds: float | None) -> None:
        """Returns after so long, or when a source has become due earlier because of what it heard, or the clock was
        changed.
        """
        self._wake.clear()
        timer = None if seconds is None else asyncio.get_running_loop().call_later(seconds, self._wake.set)
        try:
            await self._wake.wait()
        finally:
            if timer is not None:
                timer.cancel()
