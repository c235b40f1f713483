"""What a gateway takes in: every batch once and in order, whatever is repeated, lost or foreign."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyfeed.bus.nats.intake import Hole, Intake
from polyfeed.bus.nats.parcel import Parcel
from polyfeed.model.batches import Batch, encode_batch


def parcel(*numbers: int, history: str = "h", epoch: int = 1) -> Parcel:
    return Parcel(history, 1, 0, tuple(encode_batch(Batch(epoch, number, number)) for number in numbers))


def numbers(intake: Intake, one: Parcel) -> list[int]:
    return [batch.seq for batch in intake.take(one)]


def test_repeats_are_passed_over() -> None:
    intake = Intake("h", {1: 4})
    assert numbers(intake, parcel(3, 4, 5)) == [5]
    assert numbers(intake, parcel(5, 6)) == [6]
    assert intake.seen == {1: 6}


def test_each_epoch_counts_for_itself() -> None:
    intake = Intake("h", {1: 4})
    assert numbers(intake, parcel(1, 2, epoch=2)) == [1, 2]
    assert numbers(intake, parcel(5)) == [5]
    with pytest.raises(Hole, match="batches 1 to 6 of epoch 3 are missing"):
        numbers(intake, parcel(7, epoch=3))


def test_a_hole_is_never_passed_over() -> None:
    intake = Intake("h", {1: 4})
    taken = []
    with pytest.raises(Hole, match="batches 6 to 6 of epoch 1 are missing"):
        taken.extend(batch.seq for batch in intake.take(parcel(5, 7)))
    assert intake.seen == {1: 5}


def test_another_history_is_another_one() -> None:
    with pytest.raises(Hole, match="another history"):
        numbers(Intake("h", {1: 4}), parcel(5, history="i"))


def test_what_is_no_batch_is_a_hole() -> None:
    with pytest.raises(Hole, match="cannot be read"):
        list(Intake("h", {}).take(Parcel("h", 1, 0, (b"\x00",))))


@given(st.lists(st.lists(st.integers(1, 12), max_size=6), max_size=12))
def test_what_is_taken_counts_up_by_one(parcels: list[list[int]]) -> None:
    intake, taken = Intake("h", {}), []
    for one in parcels:
        try:
            taken.extend(batch.seq for batch in intake.take(parcel(*one)))
        except Hole:
            break
    assert taken == list(range(1, len(taken) + 1))
