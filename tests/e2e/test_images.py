"""A reader that starts from an image says what one says that was there from the start: state, numbers, every frame."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import msgspec
import pytest

from polyfeed.model.batches import Batch, decode_batch, encode_batch
from polyfeed.model.commands import AnyCommand, ListInstrument, Stamped
from polyfeed.venue import Venue
from tests.e2e.reader import Reader
from tests.venue import flows as spot
from tests.venue.perpetuals import flows as perpetual

DIALECTS = ("kraken", "bitstamp", "peatio", "rails", "ekiden")
OWNERS = (1, 2, 8)


def named(command: AnyCommand) -> AnyCommand:
    """A listing, in every dialect."""
    if not isinstance(command, ListInstrument):
        return command
    name = command.instrument.name
    symbols = dict.fromkeys(DIALECTS, name) | {one: name.lower().replace("-", "") for one in ("bitstamp", "peatio")}
    return ListInstrument(msgspec.structs.replace(command.instrument, symbols=symbols))


def batches_of(flow: Any, hear: Callable[[AnyCommand, Batch], None], count: int, step: int) -> Iterator[Batch]:
    """The batches of a flow, `step` microseconds apart, through a venue that makes small ones; encoded and decoded."""
    venue, ts = Venue(batch_limit=45), spot.START
    flow.opening = [named(command) for command in flow.opening]
    for seq in range(1, count + 1):
        command = flow.next()
        ts += step
        batch = venue.apply(Stamped(seq, ts, command))
        hear(command, batch)
        yield decode_batch(encode_batch(batch))


def spot_batches(mix: spot.Mix, seed: int, count: int) -> Iterator[Batch]:
    flow = spot.Flow(mix, seed)
    return batches_of(flow, lambda _, batch: flow.hear(batch), count, 1_700_000)


def perpetual_batches(mix: perpetual.Mix, seed: int, count: int) -> Iterator[Batch]:
    flow = perpetual.Flow(mix, seed)
    return batches_of(flow, flow.hear, count, 17_000_000)


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
    said = follow(make(mix, 4, 1500), 7, 0.03)
    assert min(said[one] for one in (*DIALECTS, "images")) > 20, said
