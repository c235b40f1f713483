"""The writer keeps up, or makes up for it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from random import Random

import msgspec
import pytest

from polyfeed.model.batches import Batch
from polyfeed.store.history import writer as module
from polyfeed.store.history.database import Database, DatabaseError
from polyfeed.store.history.history import History, opener
from polyfeed.store.history.standing import Standing
from polyfeed.store.history.writer import HistoryWriter
from tests.store.history.contract import flows, queries
from tests.store.history.naive import Naive, standing

SECONDS = 20.0


class Rig:
    """A venue's past as a list, a journal that has it from `kept` on, and a database that can be out of reach."""

    def __init__(self, directory: Path) -> None:
        self.batches = flows()[2]
        self.open = opener("sqlite", directory)
        self.kept = 1
        self.replayed: list[tuple[int, int]] = []
        self.broken = 0
        self.venue = "aa"
        self.went_back: list[int] = []

    def replay(self, first: int, until: int) -> Iterator[Batch]:
        self.replayed.append((first, until))
        return iter([one for one in self.batches if max(first, self.kept) <= one.seq <= until])

    def reach(self) -> Database:
        if self.broken:
            self.broken -= 1
            raise DatabaseError("out of reach")
        return self.open()

    def writer(self) -> HistoryWriter:
        return HistoryWriter(self.reach, self.replay, self.standing_at, venue=self.venue)

    def standing_at(self, seq: int) -> Standing:
        self.went_back.append(seq)
        return standing(self.batches[:seq])

    def check(self) -> None:
        """Whether all that happened is there, once."""
        naive, history = Naive(self.batches), History(self.open())
        assert history.seq == self.batches[-1].seq
        for query in queries(Random(2), naive):
            assert list(history.ask(query)) == naive.ask(query), query
        history.close()


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path)


def run(writer: HistoryWriter, batches: list[Batch]) -> None:
    writer.start()
    for batch in batches:
        writer.publish(batch)
    assert writer.wait_for(batches[-1].seq, SECONDS)
    writer.stop(SECONDS)


def test_it_writes_what_it_is_given(rig: Rig) -> None:
    writer = rig.writer()
    run(writer, [*rig.batches, Batch(2, 1, 5)])
    assert (writer.seq, writer.dropped, writer.failures, rig.replayed) == (700, 0, 0, [])
    rig.check()


def test_a_full_queue_never_holds_up_the_flow_and_loses_nothing(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "QUEUE", 10)
    writer = rig.writer()
    gate = threading.Event()
    reach = rig.open

    def later() -> Database:
        gate.wait(SECONDS)
        return reach()

    rig.open = later
    writer.start()
    for batch in rig.batches[:-1]:
        writer.publish(batch)
    assert writer.dropped > 600
    gate.set()
    assert writer.wait_for(10, SECONDS)
    while not writer.wait_for(rig.batches[-1].seq, 0.05):
        writer.publish(rig.batches[-1])
    writer.stop(SECONDS)
    assert rig.replayed
    rig.open = reach
    rig.check()


def test_it_goes_on_where_it_stopped(rig: Rig) -> None:
    run(rig.writer(), rig.batches[:300])
    run(rig.writer(), rig.batches[300:400])
    assert rig.replayed == []
    run(rig.writer(), rig.batches[500:])
    assert rig.replayed == [(400, 500)]
    rig.check()


def test_missing_history_is_made_again_from_the_journal(rig: Rig) -> None:
    run(rig.writer(), rig.batches[600:])
    assert rig.replayed == [(1, 600)]
    rig.check()


def test_history_of_another_journal_is_written_anew(rig: Rig) -> None:
    mine = rig.batches
    rig.batches = [msgspec.structs.replace(batch, ts=batch.ts + 1) for batch in mine]
    run(rig.writer(), rig.batches)
    rig.batches = mine
    run(rig.writer(), mine[:20])
    run(rig.writer(), mine[20:])
    rig.check()


def lose(rig: Rig, end: int) -> None:
    """The journal loses its end behind a batch, and something else happens."""
    rig.batches = [
        batch if batch.seq <= end else msgspec.structs.replace(batch, ts=batch.ts + 1) for batch in rig.batches
    ]


def test_history_ahead_of_its_journal_loses_its_end_only(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    run(rig.writer(), rig.batches)
    lose(rig, 350)
    mine = rig.batches
    rig.kept = 250
    rig.batches = mine[:360]
    run(rig.writer(), rig.batches[350:])
    assert rig.went_back == [300]
    assert "the journal lost what history has behind batch 300" in caplog.text
    rig.check()
    rig.batches = mine
    run(rig.writer(), rig.batches[600:])
    rig.check()


def test_a_journal_that_lost_its_end_twice_while_the_database_was_away(rig: Rig) -> None:
    run(rig.writer(), rig.batches[:500])
    lose(rig, 420)
    lose(rig, 460)
    run(rig.writer(), rig.batches[600:])
    assert rig.went_back == [400]
    rig.check()


def test_nothing_is_lost_where_no_batch_can_be_compared(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    run(rig.writer(), rig.batches[:500])
    lose(rig, 420)
    rig.kept = 480
    run(rig.writer(), rig.batches[480:])
    assert rig.went_back == []
    assert "are named aside1_" in caplog.text
    database = rig.open()
    assert database.query('SELECT "seq" FROM "aside1_progress"') == [(500,)]
    database.close()


def test_a_database_of_another_venue_is_not_touched(rig: Rig) -> None:
    run(rig.writer(), rig.batches[:500])
    rig.venue = "bb"
    writer = rig.writer()
    writer.start()
    writer.publish(rig.batches[0])
    assert not writer.wait_for(1, SECONDS)
    assert "history of venue aa" in writer.trouble
    writer.publish(rig.batches[1])
    writer.stop(SECONDS)
    rig.batches = rig.batches[:500]
    rig.check()


def test_a_thread_that_dies_says_so(rig: Rig) -> None:
    news = threading.Event()
    writer = HistoryWriter(lambda: 1 // 0, rig.replay, rig.standing_at, told=news.set)  # type: ignore[arg-type, return-value]
    writer.start()
    writer.publish(rig.batches[0])
    assert news.wait(SECONDS)
    assert writer.trouble.startswith("ZeroDivisionError")
    assert not writer.wait_for(1, SECONDS)


def test_what_the_journal_no_longer_has_is_passed_over(rig: Rig) -> None:
    rig.kept = 200
    run(rig.writer(), rig.batches[600:])
    history = History(rig.open())
    assert history.seq == 700
    ((first,),) = history._database.query('SELECT MIN("ts") FROM "trades"')
    assert first >= rig.batches[199].ts
    history.close()


def test_a_database_out_of_reach_is_tried_again(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.001)
    rig.broken = 3
    writer = rig.writer()
    run(writer, rig.batches)
    assert writer.failures == 3
    rig.check()


def test_whoever_waits_is_told_when_it_stops(rig: Rig) -> None:
    rig.broken = 1_000_000
    writer = rig.writer()
    writer.start()
    writer.publish(rig.batches[0])
    assert not writer.wait_for(1, 0.01)
    writer.stop(SECONDS)
    assert not writer.wait_for(1, SECONDS)
