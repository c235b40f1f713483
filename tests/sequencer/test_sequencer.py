"""The one writer, with a stepped clock and a journal whose disk can be held up."""

from __future__ import annotations

import asyncio

from polyfeed.bus.memory import MemoryBus
from polyfeed.model.batches import Batch
from polyfeed.model.commands import (
    CancelAll,
    Clock,
    DefineCurrency,
    Deposit,
    ListInstrument,
    OpenAccount,
    Origin,
    PlaceOrder,
    Record,
    SetSystemStatus,
)
from polyfeed.model.enums import OrderKind, Side
from polyfeed.model.instruments import Currency, Instrument
from polyfeed.sequencer.history import History
from polyfeed.sequencer.sequencer import BUSY_TICK_US, IDLE_TICK_US, Sequencer
from polyfeed.store.format import Mark
from polyfeed.store.journal import Journal, NullJournal
from polyfeed.venue.venue import Venue

START = 1_700_000_000_000_000


class Clockwork:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.time = START

    def __call__(self) -> int:
        return self.time


class SlowJournal(Journal):
    """Makes nothing durable until it is told to."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.release = asyncio.Event()

    def append(self, record: Record) -> None:
        self.records.append(record)

    async def sync(self) -> None:
        await self.release.wait()

    async def turn(self, mark: Mark) -> None:
        """Has only one part."""


def build(journal: Journal | None = None, batch_limit: int = 1000) -> tuple[Sequencer, Clockwork, list[Batch]]:
    clock, bus, heard = Clockwork(), MemoryBus(), []
    bus.subscribe(heard.append)
    return Sequencer(History(Venue(batch_limit=batch_limit)), journal or NullJournal(), bus, clock), clock, heard


async def test_batches_are_numbered_from_one_and_their_times_strictly_increase_on_a_clock_that_stands() -> None:
    sequencer, _, heard = build()
    for text in ("a", "b", "c"):
        sequencer.submit(SetSystemStatus(text))
    await sequencer.drain()
    assert [batch.seq for batch in heard] == [1, 2, 3]
    assert [batch.ts for batch in heard] == [START, START + 1, START + 2]


async def test_the_answer_carries_its_origin() -> None:
    sequencer, _, heard = build()
    origin = Origin(gateway=3, number=9)
    sequencer.submit(CancelAll(77), origin)
    await sequencer.drain()
    assert heard[0].origin == origin
    assert not heard[0].outcome.accepted


async def test_what_no_journal_can_hold_is_refused_without_one_too() -> None:
    sequencer, _, heard = build()
    sequencer.submit(Deposit(1, "USD", 10**30), Origin(3, 9))
    sequencer.submit(SetSystemStatus("x"), Origin(3, 10))
    await sequencer.drain()
    assert [batch.origin for batch in heard] == [Origin(3, 10)]
    assert sequencer.refused == 1


async def test_nothing_is_visible_before_it_is_durable() -> None:
    journal = SlowJournal()
    sequencer, _, heard = build(journal)
    sequencer.submit(SetSystemStatus("x"))
    work = asyncio.create_task(sequencer.drain())
    await asyncio.sleep(0)
    assert len(journal.records) == 1
    assert heard == []
    journal.release.set()
    await work
    assert len(heard) == 1


async def test_a_group_is_written_while_the_one_before_it_is_applied() -> None:
    done: list[str] = []

    class Written(NullJournal):
        def sync(self) -> asyncio.Future[None]:
            done.append("written")
            answer = asyncio.get_running_loop().create_future()
            asyncio.get_running_loop().call_soon(answer.set_result, None)
            if len(done) == 1:
                sequencer.submit(SetSystemStatus("y"))
            return answer

    sequencer, _, heard = build(Written())
    sequencer._bus.subscribe(lambda _: done.append("applied"))
    sequencer.submit(SetSystemStatus("x"))
    sequencer.end()
    await asyncio.wait_for(sequencer.run(), 10)
    assert done == ["written", "written", "applied", "applied"]
    assert len(heard) == 2


async def test_venue_time_passes_by_itself_faster_while_busy() -> None:
    sequencer, clock, heard = build()
    sequencer.submit(SetSystemStatus("x"))
    await sequencer.drain()
    assert sequencer.next_tick() == START + BUSY_TICK_US
    clock.time = START + BUSY_TICK_US
    await sequencer.work_off()
    assert [batch.ts for batch in heard] == [START, START + BUSY_TICK_US]
    assert heard[1].public == []
    assert sequencer.next_tick() == START + BUSY_TICK_US + IDLE_TICK_US
    await sequencer.work_off()
    assert len(heard) == 2, "nothing before the tick"


async def test_a_huge_decision_goes_on_before_the_next_command_and_is_recorded_once() -> None:
    journal = SlowJournal()
    journal.release.set()
    sequencer, _, heard = build(journal, batch_limit=20)
    for command in (
        DefineCurrency(Currency("BTC", 8)),
        DefineCurrency(Currency("USD", 8)),
        ListInstrument(Instrument(0, "BTC-USD", "BTC", "USD", 5, 8, 1, 1, 1)),
        OpenAccount(1, "maker", house=True),
    ):
        sequencer.submit(command)
    for place in range(100):
        sequencer.submit(PlaceOrder(1, 0, Side.BUY, OrderKind.LIMIT, 100_000_000, 1000 + place))
    await sequencer.drain()
    records = len(journal.records)
    heard.clear()
    sequencer.submit(CancelAll(1))
    sequencer.submit(SetSystemStatus("after"))
    await sequencer.drain()
    assert len(journal.records) == records + 2
    assert len(heard) > 3
    assert [batch.more for batch in heard] == [True] * (len(heard) - 2) + [False, False]
    assert [batch.seq for batch in heard] == list(range(heard[0].seq, heard[0].seq + len(heard)))
    assert len(heard[-1].public) == 1


async def test_run_wakes_for_commands_and_for_the_clock() -> None:
    sequencer, clock, heard = build()
    done = asyncio.Event()
    task = asyncio.create_task(sequencer.run())
    sequencer.submit(SetSystemStatus("x"))
    while not heard:
        await asyncio.sleep(0)
    clock.time += IDLE_TICK_US
    sequencer.submit(Clock())
    while len(heard) < 2:
        await asyncio.sleep(0)
    done.set()
    task.cancel()
    assert len(heard) == 2


async def test_run_looks_at_a_clock_that_was_moved() -> None:
    sequencer, clock, heard = build()
    task = asyncio.create_task(sequencer.run())
    sequencer.submit(SetSystemStatus("x"))
    assert not sequencer.idle
    while not sequencer.idle:
        await asyncio.sleep(0)
    clock.time += IDLE_TICK_US
    assert not sequencer.idle
    sequencer.look()
    while not sequencer.idle:
        await asyncio.sleep(0)
    task.cancel()
    assert [batch.ts for batch in heard] == [heard[0].ts, clock.time]
