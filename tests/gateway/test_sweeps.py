"""Turns: what waits for them, and what happens between two slices of one walk through a cohort."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from polyfeed.accounts.accounts import AccountChange
from polyfeed.dialects._base.effects import FeedKey, Join, Leave, Send
from polyfeed.dialects._base.feeds import Feed, Heard
from polyfeed.gateway.connection import Connection
from polyfeed.gateway.turns import SLICE
from polyfeed.model.batches import Batch
from polyfeed.model.events import KeyRevoked
from tests.gateway.fakes import CountFeed, FakeDialect, FakeOutlet, Stage, texts_of

A, B = FeedKey("a", 0), FeedKey("a", 1)


def crowd(stage: Stage, count: int) -> list[tuple[Connection, FakeOutlet]]:
    made = [stage.connect() for _ in range(count)]
    for one, _ in made:
        stage.fan.carry_out(one, [Join(A)])
    return made


@pytest.fixture
def pipes() -> Iterator[list[int]]:
    ends: list[int] = []
    yield ends
    for end in ends:
        os.close(end)


def piped(one: Connection, pipes: list[int]) -> int:
    """Has the connection written to directly; where what is written comes out."""
    out, into = os.pipe()
    os.set_blocking(out, False)
    pipes += [out, into]
    one.take(into)
    return out


def test_who_changes_its_feeds_between_two_slices_hears_only_the_new_ones(pipes: list[int]) -> None:
    stage = Stage()
    made = crowd(stage, SLICE + 20)
    outs = [piped(one, pipes) for one, _ in made[:20]]
    stage.trade(1)
    stage.calls.pop(0)()
    # A walk begins with the last to come, so the first twenty have not had their turn.
    for one, _ in made[:20:2]:
        stage.fan.carry_out(one, [Leave(A), Join(B)])
    for one, _ in made[1:20:2]:
        stage.fan.carry_out(one, [Send("own")])
    stage.trade(2)
    stage.trade(3, instrument=1)
    stage.run()
    for place, ((_, outlet), out) in enumerate(zip(made[:20], outs, strict=True)):
        heard = outlet.texts() + texts_of(os.read(out, 1000))
        assert heard == (["a0:1", "own", "a0:2"] if place % 2 else ["a0:1", "a1:3"]), place


def test_who_leaves_between_two_slices_does_not_end_the_walk_for_the_others() -> None:
    stage = Stage()
    made = crowd(stage, 3 * SLICE)
    stage.trade(1)
    stage.calls.pop(0)()
    for one, _ in made[SLICE:]:
        stage.fan.exit(one)
    stage.run()
    assert [outlet.texts() for _, outlet in made[:SLICE]] == [["a0:1"]] * SLICE
    for one, _ in made[:SLICE]:
        stage.fan.exit(one)
    stage.run()
    assert stage.fan.idle()


class OwnFeed(CountFeed):
    """Says that an account got a key."""

    wants = (KeyRevoked,)

    def fold(self, change: Heard) -> None:
        self.prices.append(0)


class OwnDialect(FakeDialect):
    def feed(self, key: FeedKey) -> Feed:
        return OwnFeed(key) if key.account else super().feed(key)


def test_only_what_is_somebodys_own_goes_at_once() -> None:
    stage = Stage(dialect=OwnDialect())
    (owner, outlet), (other, public) = stage.connect(), stage.connect()
    stage.fan.carry_out(owner, [Join(FeedKey("own", 0, account=5)), Join(A)])
    stage.fan.carry_out(other, [Join(A)])
    stage.trade(1)
    assert outlet.texts() == [], "a public frame waits for its turn, whoever hears it"
    stage.fan.fold_private(AccountChange(5, KeyRevoked("key"), None))
    stage.fan.flush(Batch(1, 2, 2))
    assert outlet.texts() == ["a0:1", "own0:0"]
    assert public.texts() == []
    stage.run()
    assert public.texts() == ["a0:1"]
    assert outlet.texts() == ["a0:1", "own0:0"]
    for one in (owner, other):
        stage.fan.exit(one)
    assert stage.fan.idle()
