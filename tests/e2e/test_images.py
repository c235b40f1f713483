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
