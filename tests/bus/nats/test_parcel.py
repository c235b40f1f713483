"""Parcels: what was sent, or nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyfeed.bus.nats.parcel import Corrupt, Parcel, decode_parcel, encode_parcel

BODIES = st.lists(st.binary(max_size=40), max_size=5)


@given(st.text(max_size=40), st.integers(0, 2**53), st.integers(0, 2**53), BODIES)
def test_a_parcel_is_read_as_it_was_written(history: str, term: int, first: int, bodies: list[bytes]) -> None:
    data = encode_parcel(history, term, first, bodies)
    assert decode_parcel(data) == Parcel(history, term, first, tuple(bodies))


@given(BODIES, st.data())
def test_no_flipped_bit_and_no_cut_is_read(bodies: list[bytes], data: st.DataObject) -> None:
    parcel = encode_parcel("h", 1, 1, bodies)
    bit = data.draw(st.integers(0, len(parcel) * 8 - 1))
    flipped = bytearray(parcel)
    flipped[bit // 8] ^= 1 << bit % 8
    for broken in (bytes(flipped), parcel[: bit // 8]):
        with pytest.raises(Corrupt):
            decode_parcel(broken)


def test_the_id_tells_parcels_apart() -> None:
    parcels = [Parcel("h", 1, 0), Parcel("h", 2, 0), Parcel("h", 1, 1), Parcel("h", 1, 0, (b"",)), Parcel("i", 1, 0)]
    assert len({one.id for one in parcels}) == len(parcels)
