"""Turns that are longer than a slice: what happens between two slices of one walk through a cohort."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from polyfeed.dialects._base.effects import FeedKey, Join, Leave, Send
from polyfeed.gateway.connection import Connection
from polyfeed.gateway.fanout import SLICE
from tests.gateway.fakes import FakeOutlet, Stage, texts_of

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
    one.fd = into
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
