"""When it cannot be vouched for what is known: who is told what, what becomes of commands, and how it begins anew."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from polyfeed.accounts.accounts import Accounts
from polyfeed.dialects._base.closes import BEHIND, LOST
from polyfeed.dialects._base.effects import Effect, FeedKey, Join, Leave, Send, Snapshot, Submit
from polyfeed.dialects._base.feeds import Feed
from polyfeed.dialects._base.projection import Projection
from polyfeed.dialects._base.session import Session
from polyfeed.gateway.connection import Connection
from polyfeed.gateway.gateway import Gateway
from polyfeed.gateway.requests import Requests
from polyfeed.market.market import Market
from polyfeed.model.batches import Batch, Outcome
from polyfeed.model.commands import AnyCommand, CancelAll, Clock, Origin
from polyfeed.model.enums import Detail, Refusal
from polyfeed.model.events import CurrencyDefined, InstrumentListed
from polyfeed.model.instruments import Currency, Instrument
from tests.gateway.fakes import EchoSession, FakeDialect, FakeOutlet, Stage

A, B, S = FeedKey("a", 0), FeedKey("a", 1), FeedKey("s", 0)


# --- the fan-out's part ---------------------------------------------------------------------------------------------


def listening(stage: Stage, *keys: FeedKey) -> tuple[Connection, FakeOutlet]:
    one, outlet = stage.connect()
    stage.fan.carry_out(one, [Join(key) for key in keys])
    return one, outlet


def test_feeds_are_made_anew_and_their_readers_get_snapshots() -> None:
    stage = Stage()
    ones = [listening(stage, A) for _ in range(3)]
    both = listening(stage, A, B)
    stage.trade(1)
    stage.run()
    before = list(stage.dialect.made)
    stage.fan.resync()
    stage.run()
    assert stage.dialect.made == [*before, A, B]
    for _, outlet in ones:
        assert outlet.texts() == ["a0:1", "a0#0"]
    assert both[1].texts() == ["a0:1", "a0#0", "a1#0"]
    stage.trade(2)
    stage.run()
    assert ones[0][1].texts() == ["a0:1", "a0#0", "a0:2"]


def test_what_was_told_before_comes_before_and_what_comes_later_after() -> None:
    stage = Stage()
    _, outlet = listening(stage, A)
    stage.trade(1)
    stage.fan.resync()
    stage.trade(2)
    stage.run()
    assert outlet.texts() == ["a0:1", "a0#1"], "the trade after the resync is in the snapshot"


def test_a_reader_that_does_not_read_gets_the_snapshot_of_when_it_reads_again() -> None:
    stage = Stage()
    one, outlet = listening(stage, A)
    outlet.paused = True
    stage.trade(1)
    stage.fan.resync()
    stage.fan.resync()
    stage.run()
    stage.trade(2)
    stage.run()
    assert outlet.writes == []
    outlet.paused = False
    stage.fan.resume(one)
    stage.trade(3)
    stage.run()
    assert outlet.texts() == ["a0:1", "a0#1", "a0:3"]


def test_where_nothing_may_be_lost_the_connection_is_closed() -> None:
    stage = Stage()
    one, outlet = listening(stage, A, S)
    other, kept = listening(stage, A)
    stage.fan.resync()
    stage.run()
    assert outlet.closed == (LOST.code, LOST.reason)
    assert one.closing
    assert not other.closing
    assert kept.texts() == ["a0#0"]
    assert stage.dialect.made.count(S) == 1, "no new feed for a channel that nobody hears any more"


def test_who_hears_nothing_has_lost_nothing() -> None:
    stage = Stage()
    _, outlet = stage.connect()
    stage.fan.resync()
    stage.run()
    assert outlet.writes == []


class Leaver(EchoSession):
    """Leaves what cannot be mended, and goes on."""

    def resynced(self, now: int, *, whole: bool) -> list[Effect]:
        return [] if whole else [Leave(S), Send("without")]


def test_a_session_may_have_a_way_of_its_own() -> None:
    stage, outlet = Stage(), FakeOutlet()
    one = stage.fan.enter(Leaver(), outlet)
    stage.fan.carry_out(one, [Join(A), Join(S)])
    stage.fan.resync()
    stage.run()
    assert outlet.texts() == ["without", "a0#0"]


class Stubborn(EchoSession):
    """Does not care."""

    def resynced(self, now: int, *, whole: bool) -> list[Effect]:
        return []


def test_no_session_can_go_on_with_a_hole() -> None:
    stage, outlet = Stage(), FakeOutlet()
    one = stage.fan.enter(Stubborn(), outlet)
    stage.fan.carry_out(one, [Join(S)])
    stage.fan.resync()
    assert outlet.closed == (LOST.code, LOST.reason)


class Forgetful(FakeDialect):
    """Cannot make its feeds a second time."""

    def feed(self, key: FeedKey) -> Feed:
        if key in self.made:
            raise KeyError(key)
        return super().feed(key)


def test_a_feed_that_cannot_be_made_anew_ends_with_those_who_hear_it() -> None:
    stage = Stage(dialect=Forgetful())
    _, outlet = listening(stage, A)
    stage.fan.resync()
    stage.run()
    assert outlet.closed is not None
    assert outlet.closed[0] == 1011
    assert stage.fan.idle()


def test_frames_of_many_listeners_stay_whole_over_a_resync() -> None:
    stage = Stage()
    ones = [listening(stage, A) for _ in range(600)]
    stage.trade(1)
    stage.calls.pop(0)()  # the first slice of the turn
    stage.fan.resync()
    stage.run()
    stage.trade(2)
    stage.run()
    for _, outlet in ones:
        assert outlet.texts() == ["a0:1", "a0#0", "a0:2"]


# --- commands -------------------------------------------------------------------------------------------------------


class Asker(EchoSession):
    """Says what its commands came to; cancels everything when it goes."""

    def answer(self, now: int, request: int, outcome: Outcome) -> list[Effect]:
        return [Send(f"{request} {outcome.refusal}")]

    def leave(self, now: int) -> list[Effect]:
        return [Submit(CancelAll(7))]


def test_commands_are_refused_at_once_while_the_venue_is_away() -> None:
    stage, outlet = Stage(), FakeOutlet()
    one = stage.fan.enter(Asker(), outlet)
    stage.requests.away = True
    stage.fan.carry_out(one, [Send("before"), Submit(Clock(), 1), Send("after")])
    assert outlet.texts() == ["before", f"1 {Refusal.VENUE_AWAY}", "after"]
    assert stage.submitted == []
    stage.requests.back()
    stage.fan.carry_out(one, [Submit(Clock(), 2)])
    assert stage.submitted == [(Clock(), Origin(1, 1))], "no number was used"


def test_what_was_under_way_is_still_waited_for() -> None:
    stage, outlet = Stage(), FakeOutlet()
    one = stage.fan.enter(Asker(), outlet)
    stage.fan.carry_out(one, [Submit(Clock(), 1)])
    stage.requests.away = True
    stage.requests.on_batch(Batch(1, 1, 1, origin=Origin(1, 1)))
    assert outlet.texts() == ["1 None"]


def test_what_a_session_leaves_behind_is_carried_out_when_the_venue_is_back() -> None:
    stage = Stage()
    one = stage.fan.enter(Asker(), FakeOutlet())
    stage.requests.away = True
    stage.fan.exit(one)
    stage.run()
    assert stage.submitted == []
    stage.requests.back()
    assert [command for command, _ in stage.submitted] == [CancelAll(7)]


def test_outcomes_that_were_missed_are_not_known() -> None:
    stage, outlet = Stage(), FakeOutlet()
    one = stage.fan.enter(Asker(), outlet)
    stage.fan.carry_out(one, [Submit(Clock(), request) for request in (1, 2, 3)])
    stage.requests.skip(2)
    assert outlet.texts() == [f"1 {Refusal.OUTCOME_UNKNOWN}", f"2 {Refusal.OUTCOME_UNKNOWN}"]
    stage.requests.settle(Origin(1, 3), Outcome())
    assert outlet.texts()[2:] == ["3 None"]
    stage.requests.skip(9)
    stage.fan.carry_out(one, [Submit(Clock(), 4)])
    assert stage.submitted[-1][1] == Origin(1, 10), "numbers go on after the last that the venue knows"


# --- the gateway's part ---------------------------------------------------------------------------------------------


class Speaker(EchoSession):
    """Has words for everything."""

    def open(self, now: int) -> list[Effect]:
        return [Send("old" if self.stale else "new"), Join(A), Snapshot(A)]

    def stalled(self, now: int) -> list[Effect]:
        return [Send("behind")]

    def recovered(self, now: int) -> list[Effect]:
        return [Send("back")]


class Hall:
    """A gateway of the fake dialect over an empty market."""

    def __init__(self) -> None:
        self.submitted: list[tuple[AnyCommand, Origin]] = []
        self.market = Market()
        self.accounts = Accounts()
        self.dialect = FakeDialect()
        requests = Requests(1, lambda command, origin: self.submitted.append((command, origin)))
        self.gateway = Gateway(self.market, self.accounts, [self.dialect], requests, lambda: 0, 1 << 20)
        self.fan = self.gateway.fans["fake"]

    def enter(self, session: Session) -> FakeOutlet:
        outlet = FakeOutlet()
        connection = self.fan.enter(session, outlet)
        self.fan.ask(connection, lambda session, now: session.open(now))
        return outlet


async def test_everybody_is_told_once_and_those_without_words_are_closed() -> None:
    hall = Hall()
    speaker, plain = hall.enter(Speaker()), hall.enter(EchoSession())
    hall.gateway.stall("no batch for 3 s")
    hall.gateway.stall("the bus is away")
    assert hall.gateway.stale == "the bus is away"
    assert speaker.texts() == ["new", "a0#0", "behind"]
    assert plain.closed == (BEHIND.code, BEHIND.reason)
    late = hall.enter(Speaker())
    assert late.texts() == ["old", "a0#0"]
    hall.gateway.recover()
    hall.gateway.recover()
    assert hall.gateway.stale == ""
    assert speaker.texts()[3:] == ["back"]
    assert late.texts()[2:] == ["back"]
    assert hall.enter(Speaker()).texts()[:1] == ["new"]
    hall.gateway.stop()


async def test_commands_are_taken_again_after_the_words() -> None:
    hall = Hall()
    hall.gateway.stall("the bus is away")
    heard: list[Outcome] = []
    hall.gateway.requests.submit(Clock(), heard.append)
    assert [one.refusal for one in heard] == [Refusal.VENUE_AWAY]
    hall.gateway.recover()
    hall.gateway.requests.submit(Clock(), heard.append)
    assert hall.submitted == [(Clock(), Origin(1, 1))]


async def test_a_gateway_that_ends_sends_nothing_any_more() -> None:
    hall = Hall()
    connection = hall.fan.enter(Asker(), FakeOutlet())
    hall.gateway.stall("the bus is away")
    hall.fan.exit(connection)
    hall.gateway.stop()
    hall.gateway.recover()
    assert hall.submitted == []


def instrument(number: int, name: str, **more: Any) -> Instrument:
    return Instrument(number, name, "A", "B", 2, 2, 1, 1, 1, detail=Detail.LEVELS, symbols={"fake": name}, **more)


def listing(*names: str, epoch: int = 1) -> Market:
    market = Market()
    events = [CurrencyDefined(Currency("A", 2)), CurrencyDefined(Currency("B", 2))]
    events += [InstrumentListed(instrument(number, name)) for number, name in enumerate(names)]
    list(market.apply(Batch(epoch, 1, 5, public=events)))
    return market


@pytest.mark.parametrize(
    ("names", "stays"),
    [
        pytest.param(["one", "two"], True, id="the same"),
        pytest.param(["one", "two", "three"], True, id="one more"),
        pytest.param(["one"], False, id="one has gone"),
        pytest.param(["two", "one"], False, id="others"),
    ],
)
async def test_clients_stay_where_the_instruments_are_the_same(names: list[str], stays: bool) -> None:
    hall = Hall()
    hall.market.become(listing("one", "two"))
    outlet = hall.enter(Speaker())
    relisted: list[None] = []
    hall.dialect.relisted = lambda: relisted.append(None)  # type: ignore[method-assign]
    image = listing(*names, epoch=2)
    wanted = image.state_hash()
    hall.gateway.resync(image, Accounts(), {}, 0)
    assert hall.market.state_hash() == wanted
    assert (outlet.closed is None) == stays
    assert bool(relisted) != stays
    if stays:
        async with asyncio.timeout(5):
            while outlet.texts() != ["new", "a0#0", "a0#0"]:
                await asyncio.sleep(0)


async def test_marks_of_a_history_that_went_back_are_told_again() -> None:
    hall = Hall()
    ticks: list[tuple[int, int]] = []
    hall.fan.tick = lambda epoch, ts: ticks.append((epoch, ts))  # type: ignore[method-assign]
    hall.gateway.on_batch(Batch(1, 1, 900_000))
    hall.gateway.on_batch(Batch(1, 2, 1_000_000))
    hall.gateway.resync(Market(), Accounts(), {}, 0)
    hall.gateway.on_batch(Batch(1, 1, 300_000))
    hall.gateway.on_batch(Batch(1, 2, 400_000))
    assert ticks == [(1, 1_000_000), (1, 400_000)]


async def test_an_image_without_a_dialects_numbers_changes_nothing() -> None:
    hall = Hall()
    before = hall.market.state_hash()
    hall.dialect.projection = cast("Projection", object())
    with pytest.raises(KeyError):
        hall.gateway.resync(listing("one"), Accounts(), {}, 0)
    assert hall.market.state_hash() == before
