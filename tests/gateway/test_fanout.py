"""The way of a frame from a feed to the sockets: order, sharing, lag, and the end of feeds nobody hears."""

from __future__ import annotations

import random

import pytest

from polyfeed.dialects._base.effects import ANY, Close, FeedKey, Join, Leave, Send, Snapshot
from polyfeed.gateway.deflate import framed
from tests.gateway.fakes import EchoSession, Stage

A, B, S = FeedKey("a", 0), FeedKey("a", 1), FeedKey("s", 0)


def test_ack_snapshot_and_frames_come_in_the_order_of_the_effects() -> None:
    stage = Stage()
    one, outlet = stage.connect()
    stage.fan.carry_out(one, [Send("ack"), Join(A), Snapshot(A)])
    stage.trade(7)
    stage.trade(8)
    stage.run()
    assert outlet.texts() == ["ack", "a0#0", "a0:7", "a0:8"]
    assert len(outlet.writes) == 2, "the frames of one turn are one write"


def test_frames_before_the_join_and_after_the_leave_are_not_heard() -> None:
    stage = Stage()
    one, outlet = stage.connect()
    two, _ = stage.connect()
    stage.fan.carry_out(two, [Join(A)])
    stage.trade(1)
    stage.fan.carry_out(one, [Join(A), Snapshot(A)])
    stage.trade(2)
    stage.fan.carry_out(one, [Leave(A), Send("left")])
    stage.trade(3)
    stage.run()
    assert outlet.texts() == ["a0#1", "a0:2", "left"]


def test_equal_subscriptions_share_one_joined_chunk() -> None:
    stage = Stage()
    outlets = []
    for _ in range(3):
        one, outlet = stage.connect()
        stage.fan.carry_out(one, [Join(A), Join(B)])
        outlets.append(outlet)
    stage.trade(1)
    stage.trade(2, instrument=1)
    stage.run()
    chunks = {id(outlet.writes[-1]) for outlet in outlets}
    assert len(chunks) == 1, "the bytes are made once, not once for each"
    assert outlets[0].texts() == ["a0:1", "a1:2"]


def test_a_feed_ends_with_its_last_listener_and_is_made_anew() -> None:
    stage = Stage()
    one, _ = stage.connect()
    two, _ = stage.connect()
    stage.fan.carry_out(one, [Join(A)])
    stage.fan.carry_out(two, [Join(A)])
    stage.fan.exit(one)
    stage.fan.carry_out(two, [Leave(A)])
    stage.fan.carry_out(two, [Join(A), Snapshot(A)])
    assert stage.dialect.made == [A, A]


def test_a_feed_of_all_instruments_hears_each_of_them_beside_their_own() -> None:
    stage = Stage()
    one, outlet = stage.connect()
    stage.fan.carry_out(one, [Join(A), Join(FeedKey("a", ANY))])
    stage.trade(1)
    stage.trade(2, instrument=5)
    stage.fan.carry_out(one, [Leave(A)])
    stage.trade(3)
    stage.fan.carry_out(one, [Leave(FeedKey("a", ANY)), Join(A)])
    stage.trade(4)
    stage.run()
    assert outlet.texts() == ["a-1:1", "a0:1", "a-1:2", "a-1:3", "a0:4"]
    stage.fan.exit(one)
    assert stage.fan.idle()


def test_a_message_that_is_no_text_ends_its_feed_and_no_other() -> None:
    stage = Stage()
    (one, broken), (other, whole) = stage.connect(), stage.connect()
    stage.fan.carry_out(one, [Join(A)])
    stage.fan.carry_out(other, [Join(B)])
    stage.fan._lines[A].feed.flush = lambda _: ["\ud800"]  # type: ignore[method-assign]
    stage.trade(1)
    stage.trade(2, instrument=1)
    stage.run()
    assert broken.texts() == ["close 1011"]
    assert whole.texts() == ["a1:2"]


def test_nothing_is_left_when_all_have_gone() -> None:
    stage = Stage()
    ones = [stage.connect()[0] for _ in range(20)]
    for number, one in enumerate(ones):
        stage.fan.carry_out(one, [Join(A), *([Join(B)] if number % 2 else []), *([Join(S)] if number % 3 else [])])
    stage.trade(1)
    for one in ones:
        stage.fan.exit(one)
    stage.run()
    assert stage.fan.idle()


def test_a_reader_that_catches_up_in_time_loses_nothing() -> None:
    stage = Stage()
    one, outlet = stage.connect()
    stage.fan.carry_out(one, [Join(S)])
    outlet.paused = True
    for price in range(50):
        stage.trade(price)
        stage.run()
    stage.fan.carry_out(one, [Send("own")])
    stage.trade(50)
    stage.run()
    outlet.paused = False
    stage.fan.resume(one)
    assert outlet.texts() == [*(f"s0:{price}" for price in range(50)), "own", "s0:50"]


def test_a_reader_that_lost_frames_gets_the_snapshot_instead() -> None:
    stage = Stage(lag_bytes=200)
    slow, slow_outlet = stage.connect()
    fast, fast_outlet = stage.connect()
    for one in (slow, fast):
        stage.fan.carry_out(one, [Join(A)])
    slow_outlet.paused = True
    for price in range(100, 200):
        stage.trade(price)
        stage.run()
    slow_outlet.paused = False
    stage.fan.resume(slow)
    stage.trade(200)
    stage.run()
    assert slow_outlet.texts() == ["a0#100", "a0:200"]
    assert fast_outlet.texts() == [f"a0:{price}" for price in range(100, 201)]


def test_own_frames_of_a_lagging_reader_do_not_hide_the_gap() -> None:
    stage = Stage(lag_bytes=200)
    one, outlet = stage.connect()
    stage.fan.carry_out(one, [Join(A)])
    outlet.paused = True
    for price in range(100, 200):
        stage.trade(price)
        stage.run()
        if price % 10 == 0:
            stage.fan.carry_out(one, [Send("beat")])
    outlet.paused = False
    stage.fan.resume(one)
    texts = outlet.texts()
    assert texts[-1] == "a0#100"
    heard = [text for text in texts if text != "beat"]
    first_lost = len(heard) - 1
    assert heard[:-1] == [f"a0:{price}" for price in range(100, 100 + first_lost)], (
        "no frame after the gap but the snapshot"
    )


def test_no_more_becomes_a_readers_own_than_one_may_have_waiting() -> None:
    stage = Stage(lag_bytes=200)
    one, outlet = stage.connect()
    stage.fan.carry_out(one, [Join(A)])
    outlet.paused = True
    for price in range(100, 130):
        stage.trade(price)
        stage.run()
        stage.fan.carry_out(one, [Send("beat")])
    beats = 30 * len(framed(b"beat", 0))
    assert one.own_bytes <= 200 + beats
    outlet.paused = False
    stage.fan.resume(one)
    assert outlet.texts()[-1] == "a0#30"


def test_a_long_answer_of_its_own_takes_nothing_from_a_reader() -> None:
    stage = Stage(lag_bytes=200)
    one, outlet = stage.connect()
    stage.fan.carry_out(one, [Join(S)])
    outlet.paused = True
    answers = [Send(f"answer {number}") for number in range(50)]
    stage.fan.carry_out(one, [*answers])
    stage.fan.carry_out(one, [Send("last")])
    outlet.paused = False
    stage.fan.resume(one)
    assert outlet.closed is None
    assert outlet.texts()[-1] == "last"


def test_a_strict_channel_closes_a_reader_that_lost_frames() -> None:
    stage = Stage(lag_bytes=200)
    one, outlet = stage.connect()
    stage.fan.carry_out(one, [Join(A), Join(S)])
    outlet.paused = True
    for price in range(100, 200):
        stage.trade(price)
        stage.run()
    outlet.paused = False
    stage.fan.resume(one)
    assert outlet.closed is not None
    assert outlet.closed[0] == 1013
    assert outlet.texts()[-1] == "close 1013"
    stage.trade(1)
    stage.run()
    assert outlet.texts()[-1] == "close 1013", "nothing follows the close"


def test_close_comes_after_what_was_queued_and_nothing_comes_after_it() -> None:
    stage = Stage()
    one, outlet = stage.connect()
    stage.fan.carry_out(one, [Join(A)])
    stage.trade(1)
    stage.fan.carry_out(one, [Send("bye"), Close(1000, "done"), Send("never")])
    stage.trade(2)
    stage.run()
    assert outlet.texts() == ["a0:1", "bye", "close 1000"]


def test_deadlines_are_watched_once_and_looked_at_again_when_they_moved() -> None:
    stage = Stage()
    one, _ = stage.connect()
    session = one.session
    assert isinstance(session, EchoSession)
    session.deadline = 100
    stage.fan.carry_out(one, [])
    stage.fan.carry_out(one, [])
    assert stage.watched == [(one, 100)]
    session.deadline = 300
    stage.fan.expire(one, 100)
    assert session.expired == []
    assert stage.watched[-1] == (one, 300)
    stage.fan.expire(one, 300)
    assert session.expired == [300]


@pytest.mark.parametrize("seed", range(20))
def test_any_mix_of_joins_leaves_and_pauses_gives_everybody_exactly_their_own(seed: int) -> None:
    """Against a twin that keeps one list of expected texts for each connection."""
    dice = random.Random(seed)
    stage = Stage()
    connections = [stage.connect() for _ in range(6)]
    expected: list[list[str]] = [[] for _ in connections]
    totals: dict[FeedKey, int] = {}
    keys = [A, B, S]
    for step in range(400):
        place = dice.randrange(len(connections))
        one, outlet = connections[place]
        match dice.randrange(7):
            case 0 | 1:
                key = dice.choice(keys)
                if key not in one.feeds:
                    totals.setdefault(key, 0)
                    stage.fan.carry_out(one, [Send(f"ack{step}"), Join(key)])
                    expected[place].append(f"ack{step}")
            case 2:
                key = dice.choice(keys)
                stage.fan.carry_out(one, [Leave(key), Send(f"left{step}")])
                expected[place].append(f"left{step}")
            case 3:
                outlet.paused = not outlet.paused
                if not outlet.paused:
                    stage.fan.resume(one)
            case 4:
                stage.run()
            case _:
                instrument = dice.randrange(2)
                for (other, _), texts in zip(connections, expected, strict=True):
                    texts += [
                        f"{key.channel}{key.instrument}:{step}"
                        for key in sorted(other.feeds)
                        if key.instrument == instrument
                    ]
                stage.trade(step, instrument)
    for one, outlet in connections:
        outlet.paused = False
        stage.fan.resume(one)
    stage.run()
    assert [outlet.texts() for _, outlet in connections] == expected
