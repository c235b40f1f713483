"""A reader that starts from an image says what one says that was there from the start: state, numbers, every frame."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest

from polyfeed.model.batches import Batch
from tests.e2e.batches import DIALECTS, perpetual_batches, spot_batches
from tests.e2e.reader import Reader
from tests.venue import flows as spot
from tests.venue.perpetuals import flows as perpetual

OWNERS = (1, 2, 8)


def follow(batches: Iterator[Batch], seed: int, pace: float) -> Counter[str]:
    """One reader from the start, beside one that starts again and again from its image; how much each dialect said."""
    random = Random(seed)
    steady, other = Reader(OWNERS), Reader(OWNERS)
    said: Counter[str] = Counter()
    for number, batch in enumerate(batches):
        if number > 20 and random.random() < pace:
            image = steady.image()
            other = Reader(OWNERS, image)
            assert other.image() == image
            assert other.greetings() == steady.greetings(), "newcomers are given the same"
            said["images"] += 1
        steady.apply(batch)
        other.apply(batch)
        assert other.frames == steady.frames, batch
        assert other.hashes() == steady.hashes()
        said.update(dialect for dialect, _, _ in steady.frames)
    return said


def gaps(batches: Iterator[Batch], former: Iterator[Batch], seed: int) -> Counter[str]:
    """One reader from the start, beside one that has read another history, misses a part of this one now and then, and
    goes on from an image; how much each dialect said after that.
    """
    random = Random(seed)
    steady, other = Reader(OWNERS), Reader(OWNERS)
    said: Counter[str] = Counter()
    for batch in former:
        other.apply(batch)
    states = {state.instrument.id: state for state in other.market.instruments}
    missing = 40
    for batch in batches:
        steady.apply(batch)
        if missing:
            missing -= 1
            if missing:
                continue
            other.resync(steady.image())
            assert other.image() == steady.image()
            assert other.greetings() == steady.greetings(), "newcomers are given the same"
            assert all(
                states[one.instrument.id] is one for one in other.market.instruments if one.instrument.id in states
            )
            said["images"] += 1
            continue
        other.apply(batch)
        assert other.frames == steady.frames, batch
        assert other.hashes() == steady.hashes()
        said.update(dialect for dialect, _, _ in steady.frames)
        if random.random() < 0.08:
            missing = random.randrange(1, 9)
    return said


@pytest.mark.parametrize(("mix", "before"), [(0, 0), (4, 0), (0, 4)])
def test_gaps_of_spot(mix: int, before: int) -> None:
    """The history before has the same instruments, and another one's."""
    said = gaps(spot_batches(spot.MIXES[mix], 3, 250), spot_batches(spot.MIXES[before], 9, 90), 5)
    assert min(said[one] for one in (*DIALECTS, "images")) > 5, said


def test_gaps_of_perpetuals() -> None:
    mixes = perpetual.MIXES
    said = gaps(perpetual_batches(mixes[0], 3, 250), spot_batches(spot.MIXES[0], 9, 90), 6)
    assert min(said[one] for one in (*DIALECTS, "images")) > 5, said
    said = gaps(perpetual_batches(mixes[1], 3, 250), perpetual_batches(mixes[1], 9, 90), 6)
    assert min(said[one] for one in (*DIALECTS, "images")) > 5, said


@pytest.mark.parametrize("mix", spot.MIXES[::4], ids=lambda mix: mix.name)
def test_spot(mix: spot.Mix) -> None:
    said = follow(spot_batches(mix, 3, 250), 5, 0.1)
    assert min(said[one] for one in (*DIALECTS, "images")) > 10, said


@pytest.mark.parametrize("mix", perpetual.MIXES[:2], ids=lambda mix: mix.name)
def test_perpetuals(mix: perpetual.Mix) -> None:
    said = follow(perpetual_batches(mix, 3, 250), 6, 0.1)
    assert min(said[one] for one in (*DIALECTS, "images")) > 10, said


@pytest.mark.slow
@pytest.mark.parametrize("mix", [*spot.MIXES, *perpetual.MIXES], ids=lambda mix: mix.name)
def test_long(mix: spot.Mix | perpetual.Mix) -> None:
    make: Any = spot_batches if isinstance(mix, spot.Mix) else perpetual_batches
    said = follow(make(mix, 4, 400), 7, 0.05)
    assert min(said[one] for one in DIALECTS) > 20, said
    assert said["images"] > 8, said
