"""A venue goes on from its snapshot as if nothing had been: at any moment, in the middle of decisions too."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from random import Random

import msgspec
import pytest

from polyfeed.model.batches import Batch, encode_batch
from polyfeed.model.commands import SetKey, Stamped
from polyfeed.venue import Venue
from tests.venue import flows as spot
from tests.venue.perpetuals import flows as perpetual
from tests.venue.runs import run

PACE = 0.03
"""How often the venue is put away and taken out again."""


def perpetuals(venue: Venue, mix: perpetual.Mix, seed: int, count: int) -> Iterator[tuple[Stamped, Batch]]:
    """As `run`, in the markets whose index jumps about."""
    flow, seq = perpetual.Flow(mix, seed), 0
    while seq < count or flow.more:
        seq += 1
        command = flow.next()
        stamped = Stamped(seq, perpetual.START + seq * mix.step_us // 10, command)
        batch = venue.apply(stamped)
        flow.hear(command, batch)
        yield stamped, batch


def follow(flow: Iterator[tuple[Stamped, Batch]], original: Venue, seed: int) -> Counter[str]:
    """Sends what `original` gets through a venue that is restored again and again; says which work was cut through."""
    random, cut = Random(seed), Counter[str]()
    other = Venue(batch_limit=original.batch_limit)
    for stamped, batch in flow:
        assert encode_batch(other.apply(stamped)) == encode_batch(batch), stamped
        if random.random() < (PACE * 5 if batch.more else PACE):
            data = original.snapshot()
            other = Venue.restore(data)
            assert other.snapshot() == data
            assert other.state_hash() == original.state_hash()
            assert other.deadline() == original.deadline()
            cut.update(type(item).__name__ for item in original._state.work)
            cut["deferred"] += original._state.deferred is not None
            cut["all"] += 1
    assert other.snapshot() == original.snapshot(), "the same with as without"
    return cut


@pytest.mark.parametrize("batch_limit", [40, 1000])
@pytest.mark.parametrize("mix", spot.MIXES, ids=lambda mix: mix.name)
def test_spot(mix: spot.Mix, batch_limit: int) -> None:
    venue = Venue(batch_limit=batch_limit)
    assert follow(run(venue, mix, 31, 1_500), venue, 1)["all"] > 30


@pytest.mark.parametrize("batch_limit", [60, 1000])
@pytest.mark.parametrize("mix", perpetual.MIXES, ids=lambda mix: mix.name)
def test_perpetuals(mix: perpetual.Mix, batch_limit: int) -> None:
    venue = Venue(batch_limit=batch_limit)
    assert follow(perpetuals(venue, mix, 32, 1_000), venue, 2)["all"] > 20


def test_every_kind_of_work_is_cut_through() -> None:
    cut: Counter[str] = Counter()
    for seed in (1, 2):
        for mix in spot.MIXES:
            venue = Venue(batch_limit=17)
            cut += follow(run(venue, mix, seed, 1_500), venue, seed)
        for hard in perpetual.MIXES:
            venue = Venue(batch_limit=30)
            cut += follow(perpetuals(venue, hard, seed, 1_500), venue, seed)
    kinds = ("Sweep", "Withdrawal", "Activation", "Payment", "Revaluation", "Trim", "Unwinding", "Liquidation")
    assert {kind: cut[kind] > 0 for kind in (*kinds, "deferred")} == dict.fromkeys((*kinds, "deferred"), True), cut


@pytest.mark.slow
@pytest.mark.parametrize("seed", [41, 42])
@pytest.mark.parametrize("mix", [*spot.MIXES, *perpetual.MIXES], ids=lambda mix: mix.name)
def test_long(mix: spot.Mix | perpetual.Mix, seed: int) -> None:
    venue = Venue(batch_limit=40)
    make: Callable[..., Iterator[tuple[Stamped, Batch]]] = run if isinstance(mix, spot.Mix) else perpetuals
    assert follow(make(venue, mix, seed, 8_000), venue, seed)["all"] > 100


def test_what_has_no_order_is_in_the_order_of_its_names() -> None:
    def venue_with(keys: tuple[str, ...]) -> Venue:
        venue = Venue()
        for stamped, _ in run(venue, spot.MIXES[0], 1, 12):
            last = stamped
        for number, key in enumerate(keys, last.seq + 1):
            venue.apply(Stamped(number, last.ts + number, SetKey(1, key, "plain", b"v")))
        return venue

    assert venue_with(("b", "a", "c")).state_hash() == venue_with(("c", "a", "b")).state_hash()
    assert venue_with(("b", "a")).state_hash() != venue_with(("b", "c")).state_hash()


def test_another_form_is_refused() -> None:
    values = msgspec.msgpack.decode(Venue().snapshot())
    values[0] += 1
    with pytest.raises(ValueError, match="has form 3, this version reads 2"):
        Venue.restore(msgspec.msgpack.encode(values))


@pytest.mark.parametrize("data", [b"", b"\x00", b"\x91\x01", b"\x91"])
def test_anything_else_is_refused(data: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        Venue.restore(data)


def test_an_image_that_does_not_hold_together_is_refused() -> None:
    venue = Venue()
    for _ in run(venue, spot.MIXES[0], 3, 400):
        pass
    values = msgspec.msgpack.decode(venue.snapshot())
    accounts = values[11]
    next(account for account in accounts if account[6])[6].append(77)
    with pytest.raises(ValueError, match="names 77"):
        Venue.restore(msgspec.msgpack.encode(values))
