"""Clients of our own: told how far they have heard, replayed what they missed, or told honestly why not."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from polyfeed.dialects._base.effects import FeedKey, Join, Leave, Send, Snapshot
from polyfeed.gateway import replays as module
from polyfeed.gateway.replays import Replays, ReplayTerms
from polyfeed.gateway.returning import Wish, wish_in
from polyfeed.model.batches import Batch
from tests.gateway.fakes import FakeOutlet, Stage

A, B, S = FeedKey("a", 0), FeedKey("a", 1), FeedKey("s", 0)
BEGIN = [Send("ack"), Join(A), Snapshot(A)]


class Kept:
    """A fan-out that keeps feeds, with a market of which only the count of batches and two names are asked."""

    def __init__(self, terms: ReplayTerms | None = None, lag_bytes: int = 1 << 20) -> None:
        self.stage = stage = Stage(lag_bytes)
        self.told: list[FeedKey] = []
        self.timers: list[Any] = []
        names = [SimpleNamespace(instrument=SimpleNamespace(name=name)) for name in ("BTC-USD", "ETH-USD")]
        market: Any = SimpleNamespace(seen={1: 40}, instruments=names)
        self.market = market
        stage.seq = 40
        self.replays = stage.fan.replays = Replays(
            "ab",
            terms or ReplayTerms(10, 1 << 20, 100),
            market,
            stage.fan,
            self.told.extend,
            lambda _, call: self.timers.append(call),
            lambda: stage.time,
        )

    def connect(self, value: str = "1", effects: list[Any] | None = None) -> tuple[Any, FakeOutlet]:
        connection, outlet = self.stage.connect()
        wish = wish_in(f"/?polyfeed_resume={value}")[1]
        assert wish is not None
        self.stage.fan.follow(connection, wish)
        self.stage.fan.carry_out(connection, [] if effects is None else effects)
        return connection, outlet

    def trade(self, price: int, instrument: int = 0) -> None:
        self.market.seen[1] += 1
        self.stage.trade(price, instrument)

    def pass_time(self, seconds: float) -> None:
        self.stage.time += int(seconds * 1e6)
        timers, self.timers[:] = list(self.timers), []
        for call in timers:
            call()

    def texts(self, outlet: FakeOutlet) -> list[str]:
        """What was written; our own messages in short."""
        self.stage.run()
        return [short(text) for text in outlet.texts()]


def short(text: str) -> str:
    if not text.startswith('{"polyfeed"'):
        return text
    said = json.loads(text)["polyfeed"]
    if "offset" in said:
        return f"{said['epoch']}.{said['offset']}"
    if "epoch" in said:
        return str(said["epoch"])
    where = f"{said['channel']} {said['instrument']} " if "channel" in said else ""
    return f"{where}from {said['from']}" if said["resumed"] else f"{where}no: {said['reason']}"


def test_offsets_come_first_after_subscriptions_and_behind_each_batch_that_brought_anything() -> None:
    kept = Kept()
    _, outlet = kept.connect(effects=BEGIN)
    plain, other = kept.stage.connect()
    kept.stage.fan.carry_out(plain, BEGIN)
    kept.trade(7)
    kept.trade(5, instrument=1)
    kept.trade(8)
    assert kept.texts(outlet) == ["ab", "ack", "a0#0", "ab.40", "a0:7", "ab.41", "a0:8", "ab.43"]
    assert kept.texts(other) == ["ack", "a0#0", "a0:7", "a0:8"], "who did not ask sees nothing of it"


def test_who_comes_back_is_replayed_what_was_missed_in_the_place_of_the_snapshot() -> None:
    kept = Kept()
    one, outlet = kept.connect(effects=BEGIN)
    kept.trade(7)
    assert kept.texts(outlet)[-1] == "ab.41"
    kept.stage.fan.exit(one)
    kept.trade(8)
    kept.trade(9)
    _, again = kept.connect("ab.41", BEGIN)
    kept.trade(10)
    expected = ["ack", "a BTC-USD from 41", "a0:8", "a0:9", "ab.43", "a0:10", "ab.44"]
    assert kept.texts(again) == expected


def test_a_feed_without_a_snapshot_is_replayed_behind_its_join() -> None:
    kept = Kept()
    one, _ = kept.connect(effects=BEGIN)
    kept.stage.fan.exit(one)
    kept.trade(8)
    _, again = kept.connect("ab.40", [Join(A), Send("ack")])
    assert kept.texts(again) == ["a BTC-USD from 40", "a0:8", "ack", "ab.41"]


def test_nothing_missed_is_said_so_too() -> None:
    kept = Kept()
    kept.connect(effects=BEGIN)
    _, again = kept.connect("ab.40", BEGIN)
    assert kept.texts(again) == ["ack", "a BTC-USD from 40", "ab.40"]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("", "malformed"),
        ("2", "malformed"),
        ("ab", "malformed"),
        ("ab.", "malformed"),
        ("ab.-1", "malformed"),
        ("ab.041", "malformed"),
        ("AB.41", "malformed"),
        ("ab.41x", "malformed"),
        ("ab." + "9" * 30, "malformed"),
        ("ab%2E41", "malformed"),
        ("ac.40", "epoch"),
        ("ab.41", "future"),
        ("ab.999999999999999999", "future"),
    ],
)
def test_what_cannot_be_is_said_at_once_and_the_connection_begins_anew(value: str, reason: str) -> None:
    kept = Kept()
    kept.connect(effects=BEGIN)
    _, outlet = kept.connect(value, BEGIN)
    assert kept.texts(outlet) == [f"no: {reason}", "ab", "ack", "a0#0", "ab.40"]


def test_a_gateway_that_keeps_nothing_says_so() -> None:
    kept = Kept()
    kept.stage.fan.replays = None
    _, outlet = kept.connect("ab.40", BEGIN)
    kept.trade(7)
    assert kept.texts(outlet) == ["no: off", "ack", "a0#0", "a0:7"]


def test_what_is_older_than_the_window_is_gone() -> None:
    kept = Kept()
    kept.connect(effects=BEGIN)
    kept.trade(1)
    kept.stage.time += 9_000_000
    kept.trade(2)
    kept.stage.time += 2_000_000
    kept.trade(3)
    _, late = kept.connect("ab.40", BEGIN)
    assert kept.texts(late) == ["ack", "a BTC-USD no: window", "a0#3", "ab.43"]
    _, soon = kept.connect("ab.41", BEGIN)
    assert kept.texts(soon) == ["ack", "a BTC-USD from 41", "a0:2", "a0:3", "ab.43"]


def test_what_does_not_fit_into_the_bytes_that_are_kept_is_gone() -> None:
    kept = Kept(ReplayTerms(10, 12, 100))
    kept.connect(effects=BEGIN)
    for price in (1, 2, 3, 4):
        kept.trade(price)
    assert kept.texts(kept.connect("ab.40", BEGIN)[1])[1] == "a BTC-USD no: window"
    assert kept.texts(kept.connect("ab.41", BEGIN)[1])[1:5] == ["a BTC-USD from 41", "a0:2", "a0:3", "a0:4"]


def test_more_than_a_reader_may_have_waiting_is_not_replayed() -> None:
    kept = Kept(lag_bytes=100)
    kept.connect(effects=BEGIN)
    for price in range(30):
        kept.trade(price)
    _, again = kept.connect("ab.40", BEGIN)
    assert kept.texts(again) == ["ack", "a BTC-USD no: bytes", "a0#30", "ab.70"]
    _, near = kept.connect("ab.68", BEGIN)
    assert kept.texts(near) == ["ack", "a BTC-USD from 68", "a0:28", "a0:29", "ab.70"]


def test_a_storm_of_returns_is_replayed_so_much_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RATE", 60)
    kept = Kept()
    kept.connect(effects=BEGIN)
    for price in range(1, 6):
        kept.trade(price)
    outlets = [kept.connect("ab.40", BEGIN)[1] for _ in range(4)]
    said = [kept.texts(outlet)[1] for outlet in outlets]
    assert said == ["a BTC-USD from 40"] * 2 + ["a BTC-USD no: busy"] * 2
    kept.stage.time += 1_000_000
    assert kept.texts(kept.connect("ab.40", BEGIN)[1])[1] == "a BTC-USD from 40"


def test_each_feed_is_replayed_once_and_only_soon_after_the_connection_came() -> None:
    kept = Kept()
    kept.connect(effects=[Join(A), Join(B)])
    kept.trade(1)
    one, outlet = kept.connect("ab.40", BEGIN)
    kept.stage.fan.carry_out(one, [Leave(A)])
    kept.stage.fan.carry_out(one, BEGIN)
    assert kept.texts(outlet) == ["ack", "a BTC-USD from 40", "a0:1", "ab.41", "ab.41", "ack", "a0#1", "ab.41"]
    kept.stage.time += 10_000_001
    kept.stage.fan.carry_out(one, [Join(B), Snapshot(B)])
    assert kept.texts(outlet)[-2:] == ["a1#0", "ab.41"]


def test_a_kept_feed_lives_without_listeners_until_nobody_has_named_it_for_twice_the_window() -> None:
    kept = Kept()
    one, _ = kept.connect(effects=BEGIN)
    assert kept.told == [A]
    kept.pass_time(3.4)
    assert kept.told == [A, A], "it is named again while it is heard"
    kept.stage.fan.exit(one)
    for _ in range(5):
        kept.pass_time(3.4)
    assert A in kept.stage.fan.listeners()
    assert kept.told == [A, A]
    kept.pass_time(3.4)
    kept.pass_time(3.4)
    assert kept.stage.fan.idle()
    assert not kept.timers


def test_another_gateway_that_was_told_replays_the_same() -> None:
    first, second = Kept(), Kept()
    _, outlet = first.connect(effects=BEGIN)
    second.replays.hear(first.told)
    for price in (1, 2, 3):
        first.trade(price)
        second.trade(price)
    heard = outlet.texts() if first.stage.run() is None else []
    _, again = second.connect("ab.41", BEGIN)
    second.stage.run()
    assert again.texts()[2:4] == [text for text in heard if text.startswith("a0:")][1:]


def test_no_more_feeds_are_kept_than_there_is_room_for() -> None:
    kept = Kept(ReplayTerms(10, 1 << 20, 1))
    one, _ = kept.connect(effects=[Join(A), Join(B)])
    kept.trade(1, instrument=1)
    assert kept.told == [A]
    kept.stage.fan.exit(one)
    assert list(kept.stage.fan.listeners()) == [A]
    _, again = kept.connect("ab.40", [Join(B)])
    assert kept.texts(again) == ["a ETH-USD no: window", "ab.41"]


def test_a_feed_that_this_version_does_not_know_is_passed_over(caplog: pytest.LogCaptureFixture) -> None:
    kept = Kept()

    def unknown(key: FeedKey) -> Any:
        raise KeyError(key.channel)

    kept.stage.dialect.feed = unknown  # type: ignore[method-assign]
    kept.replays.hear([A])
    assert "cannot be kept" in caplog.text
    assert A not in kept.replays


def test_nothing_is_replayed_over_a_hole_in_the_batches() -> None:
    kept = Kept()
    kept.connect(effects=BEGIN)
    kept.trade(1)
    kept.market.seen[1] += 3
    kept.trade(2)
    _, again = kept.connect("ab.41", BEGIN)
    assert kept.texts(again) == ["ack", "a BTC-USD no: window", "a0#2", "ab.45"]
    kept.trade(3)
    assert kept.texts(kept.connect("ab.45", BEGIN)[1]) == ["ack", "a BTC-USD from 45", "a0:3", "ab.46"]


def test_a_feed_that_failed_is_kept_no_longer() -> None:
    kept = Kept()
    one, outlet = kept.connect(effects=BEGIN)
    feed = kept.stage.fan._lines[A].feed

    def fail(change: Any) -> None:
        raise ValueError

    feed.fold = fail  # type: ignore[method-assign]
    kept.trade(1)
    kept.stage.run()
    assert outlet.closed is not None
    assert A not in kept.replays
    kept.stage.fan.exit(one)
    assert kept.stage.fan.idle()


def test_a_reader_that_lost_frames_is_told_of_its_place_behind_what_heals_it() -> None:
    kept = Kept(lag_bytes=40)
    one, outlet = kept.connect(effects=BEGIN)
    kept.stage.run()
    outlet.room = 1
    for price in range(30):
        kept.trade(price)
    kept.stage.run()
    outlet.paused, outlet.room = False, 1 << 60
    kept.stage.fan.resume(one)
    assert kept.texts(outlet)[-2:] == ["a0#30", "ab.70"]


def test_the_parameter_is_taken_out_of_the_query_which_is_left_as_it_came() -> None:
    assert wish_in("/a?polyfeed_resume=1") == ("/a", Wish())
    assert wish_in("/?x=%20&polyfeed_resume=ab.7&stream=a,b") == ("/?x=%20&stream=a,b", Wish(True, "ab", 7))
    assert wish_in("/?polyfeed_resume=1&polyfeed_resume=ab.7") == ("/", Wish())
    assert wish_in("/?polyfeed_resume") == ("/", Wish(malformed=True))
    assert wish_in("/?xpolyfeed_resume=1") == ("/?xpolyfeed_resume=1", None)
    assert wish_in("/?") == ("/?", None)


def test_a_batch_that_says_nothing_moves_the_offset_alone() -> None:
    kept = Kept()
    _, outlet = kept.connect(effects=BEGIN)
    kept.market.seen[1] += 1
    kept.stage.fan.flush(Batch(1, 41, 41))
    kept.trade(2)
    assert kept.texts(outlet) == ["ab", "ack", "a0#0", "ab.40", "a0:2", "ab.42"]


def test_a_state_that_was_replaced_is_begun_anew() -> None:
    kept = Kept()
    one, outlet = kept.connect(effects=BEGIN)
    kept.trade(1)
    kept.stage.run()
    kept.market.seen[1] += 5
    kept.stage.fan.resync()
    kept.stage.run()
    kept.trade(2)
    assert kept.texts(outlet)[-4:] == ["a0#0", "ab.46", "a0:2", "ab.47"]
    assert kept.texts(kept.connect("ab.41", BEGIN)[1])[1] == "a BTC-USD no: window"
    assert kept.texts(kept.connect("ab.46", BEGIN)[1])[1:3] == ["a BTC-USD from 46", "a0:2"]
    kept.stage.fan.exit(one)


def test_a_strict_feed_that_nobody_hears_ends_when_the_state_is_replaced() -> None:
    kept = Kept()
    kept.replays.hear([S, A])
    kept.stage.fan.resync()
    assert kept.stage.fan.idle()
    assert not kept.replays.active
