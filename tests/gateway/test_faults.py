"""Faults of our own: a session or a feed that raises ends with its connections, and nobody else notices."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

import pytest

from polyfeed.dialects._base.effects import Effect, FeedKey, Join, Send, Snapshot, Submit
from polyfeed.dialects._base.feeds import Feed
from polyfeed.gateway.fanout import LONGEST_WATCH_US
from polyfeed.market.changes import InstrumentChange
from polyfeed.model.batches import Batch, Outcome
from polyfeed.model.commands import Clock
from tests.gateway.fakes import CountFeed, EchoSession, FakeDialect, FakeOutlet, Stage

A, B = FeedKey("a", 0), FeedKey("b", 0)


class Faulty(EchoSession):
    """Raises whatever it is asked."""

    def answer(self, now: int, request: int, outcome: Outcome) -> list[Effect]:
        raise RuntimeError("answer")

    def expire(self, now: int) -> list[Effect]:
        raise RuntimeError("expire")

    def leave(self, now: int) -> list[Effect]:
        raise RuntimeError("leave")


class FaultyFeed(CountFeed):
    """Raises in the hook that `fault` names."""

    fault = ""

    def fold(self, change: InstrumentChange) -> None:
        if self.fault == "fold":
            raise RuntimeError("fold")
        super().fold(change)

    def flush(self, batch: Batch) -> Sequence[str]:
        if self.fault == "flush":
            raise RuntimeError("flush")
        return ["\ud800"] if self.fault == "text" else super().flush(batch)

    def snapshot(self) -> Sequence[str]:
        if self.fault == "snapshot":
            raise RuntimeError("snapshot")
        return super().snapshot()


class FaultyDialect(FakeDialect):
    def feed(self, key: FeedKey) -> Feed:
        return FaultyFeed(key) if key.channel == "b" else super().feed(key)


def expired(stage: Stage, session: EchoSession) -> None:
    (one,) = (one for one in stage.fan.connections if one.session is session)
    one.deadline = session.deadline = 1
    stage.fan.expire(one, 1)


def answered(stage: Stage, session: EchoSession) -> None:
    (one,) = (one for one in stage.fan.connections if one.session is session)
    stage.fan.carry_out(one, [Submit(Clock(), 1)])
    stage.requests.on_batch(Batch(1, 1, 1, origin=stage.submitted[-1][1]))


@pytest.mark.parametrize("fault", [expired, answered])
def test_a_session_that_fails_is_closed(
    fault: Callable[[Stage, EchoSession], None], caplog: pytest.LogCaptureFixture
) -> None:
    stage, outlet, session = Stage(), FakeOutlet(), Faulty()
    one = stage.fan.enter(session, outlet)
    fault(stage, session)
    assert outlet.texts() == ["close 1011"]
    stage.fan.exit(one)
    assert not stage.fan.connections
    assert [record.message for record in caplog.records] == ["a session failed", "a session failed"]
    assert all(record.levelno == logging.ERROR for record in caplog.records)


@pytest.mark.parametrize("fault", ["fold", "flush", "text"])
def test_a_feed_that_fails_ends_with_its_listeners_and_is_made_anew(fault: str) -> None:
    stage = Stage(dialect=FaultyDialect())
    (hears, outlet), (other, calm) = stage.connect(), stage.connect()
    stage.fan.carry_out(hears, [Join(A), Join(B)])
    stage.fan.carry_out(other, [Join(A)])
    stage.trade(1)
    FaultyFeed.fault = fault
    try:
        stage.trade(2)
    finally:
        FaultyFeed.fault = ""
    stage.trade(3)
    stage.run()
    assert outlet.texts() == ["a0:1", "b0:1", "a0:2", "close 1011"]
    assert calm.texts() == ["a0:1", "a0:2", "a0:3"]
    stage.fan.carry_out(other, [Join(B), Snapshot(B)])
    stage.trade(4)
    stage.run()
    assert calm.texts()[3:] == ["b0#0", "a0:4", "b0:4"]


def test_a_feed_that_cannot_heal_a_gap_closes_its_reader() -> None:
    stage = Stage(lag_bytes=200, dialect=FaultyDialect())
    one, outlet = stage.connect()
    stage.fan.carry_out(one, [Join(B)])
    outlet.paused = True
    for price in range(100, 200):
        stage.trade(price)
        stage.run()
    FaultyFeed.fault = "snapshot"
    try:
        outlet.paused = False
        stage.trade(200)
        stage.run()
    finally:
        FaultyFeed.fault = ""
    assert outlet.texts()[-1] == "close 1011"
    assert not stage.fan.turns.turning


def test_who_has_begun_to_close_hears_nothing_more_whoever_wants_to_close_it_too() -> None:
    stage = Stage()
    one, outlet = stage.connect()
    stage.fan.carry_out(one, [Join(A)])
    outlet.paused = True
    stage.fan.carry_out(one, [Send("queued")])
    stage.trade(1)
    stage.fan.retire(one)
    stage.fan.close(one, 1001, "bye")
    outlet.paused = False
    stage.fan.resume(one)
    stage.trade(2)
    stage.run()
    assert outlet.texts() == []
    assert outlet.closed is None
    stage.fan.exit(one)
    assert stage.fan.idle()


def test_a_deadline_that_moves_to_and_fro_is_watched_once() -> None:
    stage = Stage()
    one, _ = stage.connect()
    for _ in range(100):
        one.session.deadline = 2000
        stage.fan.carry_out(one, [])
        one.session.deadline = 1000
        stage.fan.carry_out(one, [])
    one.session.deadline = 5000
    pending = list(stage.watched)
    assert len(pending) == 2
    for deadline in (1000, 2000, 3000, 4000):
        for entry in [entry for entry in pending if entry[1] <= deadline]:
            pending.remove(entry)
            before = len(stage.watched)
            stage.fan.expire(one, deadline)
            pending += stage.watched[before:]
    assert pending == [(one, 5000)]


def test_a_far_deadline_does_not_keep_a_connection_that_has_gone() -> None:
    stage = Stage()
    one, _ = stage.connect()
    session = one.session
    assert isinstance(session, EchoSession)
    far = session.deadline = 3 * LONGEST_WATCH_US
    stage.fan.carry_out(one, [])
    assert stage.watched == [(one, LONGEST_WATCH_US)]
    stage.time = LONGEST_WATCH_US
    stage.fan.expire(one, stage.time)
    assert stage.watched[1:] == [(one, 2 * LONGEST_WATCH_US)]
    stage.time = 2 * LONGEST_WATCH_US
    stage.fan.expire(one, stage.time)
    stage.time = far
    stage.fan.expire(one, far)
    assert session.expired == [far]
