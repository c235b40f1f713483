"""The flow's own time, and the driver that goes by it."""

from __future__ import annotations

import asyncio

from polyfeed.app.driver import Driver
from polyfeed.app.flow_clock import FlowClock
from polyfeed.bus.memory import MemoryBus
from polyfeed.model.batches import Batch
from polyfeed.model.commands import AnyCommand
from polyfeed.sequencer.history import History
from polyfeed.sequencer.sequencer import Sequencer
from polyfeed.sources.source import Source
from polyfeed.store.journal import NullJournal
from polyfeed.venue.venue import Venue

START = 1_800_000_000_000_000


class Wall:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> int:
        return self.now


def test_it_agrees_with_the_wall_until_somebody_changes_it_and_never_jumps() -> None:
    wall = Wall()
    clock = FlowClock(wall)
    wall.now += 123
    assert clock() == wall.now
    clock.set(2.5, paused=False)
    assert clock() == START + 123
    wall.now += 100
    assert clock() == START + 123 + 250
    clock.set(2.5, paused=True)
    wall.now += 1_000_000
    assert clock() == START + 373
    clock.step(7)
    assert clock() == START + 380
    clock.set(0.5, paused=False)
    wall.now += 10
    assert clock() == START + 385


def test_how_long_to_wait_is_said_in_the_walls_time() -> None:
    wall = Wall()
    clock = FlowClock(wall)
    assert clock.seconds_until(START + 2_000_000) == 2.0
    clock.set(4.0, paused=False)
    assert clock.seconds_until(START + 2_000_000) == 0.5
    assert clock.seconds_until(START - 5) == 0
    clock.set(4.0, paused=True)
    assert clock.seconds_until(START) is None


class Ticker(Source):
    """Is due every second of the flow's time, and remembers when it was asked."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.heard = asyncio.Event()

    @property
    def due(self) -> int | None:
        return START + (len(self.asked) + 1) * 1_000_000

    def step(self, now: int) -> list[AnyCommand]:
        self.asked.append(now)
        self.heard.set()
        return []

    def hear(self, batch: Batch) -> None:
        """Does not listen."""


async def test_a_flow_that_stands_still_moves_only_when_it_is_stepped() -> None:
    wall, source, bus = Wall(), Ticker(), MemoryBus()
    driver = Driver([source], [], Sequencer(History(Venue()), NullJournal(), bus, wall), bus, wall)
    driver.control(1.0, paused=True)
    task = asyncio.create_task(driver.run())
    wall.now += 60_000_000
    for _ in range(5):
        await asyncio.sleep(0)
    assert source.asked == []
    driver.advance(999_999)
    for _ in range(5):
        await asyncio.sleep(0)
    assert source.asked == []
    driver.advance(1)
    await asyncio.wait_for(source.heard.wait(), 5)
    assert source.asked == [START + 1_000_000]
    source.heard.clear()
    driver.control(100.0, paused=False)
    wall.now += 10_000
    driver.control(100.0, paused=False)
    await asyncio.wait_for(source.heard.wait(), 5)
    assert source.asked[1] == START + 2_000_000
    assert (driver.speed, driver.paused, driver.sources) == (100.0, False, 1)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
