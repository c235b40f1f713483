"""Snapshots on their way to one reader: bytes that are shared, a bound of what waits, and nothing lost or out of place."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from polyfeed.dialects._base.effects import Effect, FeedKey, Join, Leave, Send, Snapshot
from polyfeed.dialects._base.feeds import Feed
from polyfeed.gateway.connection import Connection
from tests.gateway.fakes import CountFeed, FakeDialect, FakeOutlet, Stage, StrictFeed
from tests.gateway.test_replays import Kept

LAG = 2000
KEYS = [FeedKey("a", instrument) for instrument in range(50)]
PADDING = " " * 100
LONGEST = 130
"""Bytes of one snapshot's frame, at most."""


class WideFeed(CountFeed):
    """Its snapshots are long."""

    def snapshot(self) -> Sequence[str]:
        return [f"{text}{PADDING}" for text in super().snapshot()]


class WideStrictFeed(StrictFeed):
    """So are those of a feed whose messages may not be lost."""

    def snapshot(self) -> Sequence[str]:
        return [f"{text}{PADDING}" for text in super().snapshot()]


class WideDialect(FakeDialect):
    def feed(self, key: FeedKey) -> Feed:
        self.made.append(key)
        return WideStrictFeed(key) if key.channel == "s" else WideFeed(key)


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    """One whose readers take little at once."""
    monkeypatch.setattr("polyfeed.gateway.connection.CHUNK_BYTES", 200)
    return Stage(LAG, WideDialect())


def subscribe(keys: Sequence[FeedKey]) -> list[Effect]:
    """As dialects do: what is told of all, then the snapshots of all."""
    told: list[Effect] = []
    for key in keys:
        told += [Send(f"ack {key.instrument}"), Join(key)]
    return [*told, *map(Snapshot, keys)]


def heard(outlet: FakeOutlet) -> list[str]:
    return [text.rstrip() for text in outlet.texts()]


def read_on(stage: Stage, one: Connection, outlet: FakeOutlet, room: int = 1 << 60) -> None:
    """The reader reads so much."""
    outlet.room, outlet.paused = room, False
    stage.fan.resume(one)


def check_stream(texts: Sequence[str], key: FeedKey, total: int) -> None:
    """Each snapshot says how many trades there were; every one that comes after it is told, up to the last."""
    known = -1
    for text in texts:
        if text.startswith(f"a{key.instrument}#"):
            known = int(text.partition("#")[2])
        elif text.startswith(f"a{key.instrument}:"):
            assert known >= 0, "nothing comes before the first snapshot"
            known += 1
            assert int(text.partition(":")[2]) == known, "a trade's price is its number"
    assert known == total


def test_readers_of_the_same_snapshot_share_its_bytes(stage: Stage) -> None:
    outlets = []
    for _ in range(3):
        one, outlet = stage.connect()
        stage.fan.carry_out(one, [Join(KEYS[0]), Snapshot(KEYS[0])])
        outlets.append(outlet)
    assert len({id(outlet.writes[-1]) for outlet in outlets}) == 1
    stage.trade(1)
    one, outlet = stage.connect()
    stage.fan.carry_out(one, [Join(KEYS[0]), Snapshot(KEYS[0])])
    assert heard(outlet) == ["a0#1"]


def test_a_snapshot_is_framed_for_each_compression(stage: Stage) -> None:
    outlets = []
    for window in (0, 15, 0, 15):
        outlet = FakeOutlet()
        one = stage.fan.enter(stage.connect()[0].session, outlet, window)
        stage.fan.carry_out(one, [Join(KEYS[0]), Snapshot(KEYS[0])])
        outlets.append(outlet)
    plain, deflated, *again = [outlet.writes[-1] for outlet in outlets]
    assert (plain[0], deflated[0]) == (0x81, 0xC1)
    assert again == [plain, deflated]
    assert [id(one) for one in again] == [id(plain), id(deflated)]


def test_who_reads_is_sent_what_he_asked_for_in_its_order(stage: Stage) -> None:
    one, outlet = stage.connect()
    stage.fan.carry_out(one, subscribe(KEYS))
    stage.trade(1, instrument=49)
    stage.run()
    acks = [f"ack {key.instrument}" for key in KEYS]
    assert heard(outlet) == [*acks, *(f"a{key.instrument}#0" for key in KEYS), "a49:1"]
    assert one.owed is None


def test_who_does_not_read_has_no_more_snapshots_waiting_than_he_may(stage: Stage) -> None:
    one, outlet = stage.connect()
    outlet.paused = True
    stage.fan.carry_out(one, subscribe(KEYS))
    assert one.own_bytes <= LAG + LONGEST
    stage.trade(1, instrument=49)
    stage.trade(1, instrument=0)
    read_on(stage, one, outlet)
    stage.trade(2, instrument=49)
    stage.run()
    texts = heard(outlet)
    for key in KEYS:
        check_stream(texts, key, {0: 1, 49: 2}.get(key.instrument, 0))
    assert "a0:1" in texts
    assert "a49#1" in texts, "what was left out is shown as it has come to be"
    first = [text for text in texts if text.endswith("#0") or text == "a49#1"]
    assert first == [*(f"a{key.instrument}#0" for key in KEYS[:-1]), "a49#1"]


def test_who_fell_behind_has_no_more_snapshots_waiting_than_he_may(stage: Stage) -> None:
    one, outlet = stage.connect()
    stage.fan.carry_out(one, subscribe(KEYS))
    outlet.paused = True
    totals = dict.fromkeys(KEYS, 0)
    for number in range(1, 10):
        for key in KEYS:
            stage.trade(number, key.instrument)
            totals[key] += 1
        stage.run()
    most = 0
    while True:
        read_on(stage, one, outlet, room=300)
        most = max(most, one.own_bytes)
        if not outlet.paused:
            break
    assert most <= LAG + LONGEST
    for key in KEYS:
        check_stream(heard(outlet), key, totals[key])


def test_who_reads_too_slowly_for_everything_is_shown_everything_in_turn(stage: Stage) -> None:
    """Before all have been shown he has fallen behind again: it goes on with those that were left out."""
    one, outlet = stage.connect()
    outlet.paused = True
    stage.fan.carry_out(one, subscribe(KEYS))
    for number in range(1, 300):
        for key in KEYS:
            stage.trade(number, key.instrument)
        stage.run()
        read_on(stage, one, outlet, room=300)
    texts = heard(outlet)
    assert {text.partition("#")[0] for text in texts if "#" in text} == {f"a{key.instrument}" for key in KEYS}


def test_a_channel_that_may_lose_nothing_is_not_put_off(stage: Stage) -> None:
    strict = FeedKey("s", 0)
    one, outlet = stage.connect()
    outlet.paused = True
    stage.fan.carry_out(one, subscribe([*KEYS, strict]))
    stage.trade(1)
    read_on(stage, one, outlet)
    stage.run()
    texts = heard(outlet)
    assert texts.index("s0#0") < texts.index("s0:1")


def test_what_is_left_before_it_was_shown_is_not_shown(stage: Stage) -> None:
    one, outlet = stage.connect()
    outlet.paused = True
    stage.fan.carry_out(one, subscribe(KEYS))
    stage.fan.carry_out(one, [Leave(KEYS[49]), Send("left")])
    read_on(stage, one, outlet)
    stage.trade(1, instrument=49)
    stage.run()
    assert [text for text in heard(outlet) if text.startswith("a49")] == []
    stage.fan.exit(one)
    assert stage.fan.idle()


def test_who_goes_while_something_is_owed_leaves_nothing_behind(stage: Stage) -> None:
    one, outlet = stage.connect()
    outlet.paused = True
    stage.fan.carry_out(one, subscribe(KEYS))
    stage.fan.close(one, 1000, "done")
    read_on(stage, one, outlet)
    assert heard(outlet)[-1] == "close 1000"
    stage.fan.exit(one)
    stage.run()
    assert stage.fan.idle()


def test_a_snapshot_that_fails_later_on_ends_its_connection(stage: Stage) -> None:
    one, outlet = stage.connect()
    outlet.paused = True
    stage.fan.carry_out(one, subscribe(KEYS))
    stage.fan._lines[KEYS[49]].feed.snapshot = lambda: 1 // 0  # type: ignore[method-assign]
    read_on(stage, one, outlet)
    assert heard(outlet)[-1] == "close 1011"
    stage.fan.exit(one)


def test_offsets_are_told_when_everything_has_been_shown() -> None:
    kept = Kept(lag_bytes=60)
    one, outlet = kept.connect()
    outlet.paused = True
    keys = KEYS[:2]
    kept.stage.fan.carry_out(one, [*[Send("x" * 30)] * 3, *subscribe(keys)])
    assert one.owed is not None
    for price in range(3):
        kept.trade(price)
    kept.stage.run()
    assert not any("offset" in text for text in outlet.texts())
    assert kept.stage.fan.heard() == set(keys), "it is told offsets when it has been shown all, and may come back"
    outlet.paused = False
    kept.stage.fan.resume(one)
    kept.trade(9)
    kept.stage.run()
    texts = outlet.texts()
    assert one.owed is None
    assert [text for text in texts if "offset" in text or text.startswith("a")][2:] == [
        "a0#3",
        "a1#0",
        '{"polyfeed":{"epoch":"ab","offset":43}}',
        "a0:9",
        '{"polyfeed":{"epoch":"ab","offset":44}}',
    ]


@pytest.mark.parametrize("seed", range(8))
def test_any_mix_of_readers_is_told_each_feed_without_a_gap(stage: Stage, seed: int) -> None:
    dice = random.Random(seed)
    ones = [stage.connect() for _ in range(4)]
    totals = dict.fromkeys(KEYS, 0)
    for _ in range(600):
        one, outlet = dice.choice(ones)
        match dice.randrange(8):
            case 0:
                new = [key for key in dice.sample(KEYS, dice.randrange(1, 30)) if key not in one.feeds]
                stage.fan.carry_out(one, subscribe(new))
            case 1:
                outlet.paused = True
            case 2:
                read_on(stage, one, outlet, room=dice.randrange(1, 4000))
            case 3:
                stage.run()
            case 4:
                stage.fan.carry_out(one, [Send("beat")])
            case _:
                for key in dice.sample(KEYS, 10):
                    if stage.fan._lines.get(key) is not None:
                        totals[key] += 1
                        stage.trade(totals[key], key.instrument)
        assert one.own_bytes <= LAG + LONGEST + 10_000
    for one, outlet in ones:
        read_on(stage, one, outlet)
    stage.run()
    for one, outlet in ones:
        for key in one.feeds:
            check_stream(heard(outlet), key, totals[key])
