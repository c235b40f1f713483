"""Identifiers are reversible, sort as they should, and what was never given is nobody's."""

from __future__ import annotations

import re
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyfeed.dialects.rails import ids
from polyfeed.model.ids import next_order_id

ORDER_IDS = st.integers(1, (1 << 53) - 1)
NUMBERS = st.integers(0, (1 << 64) - 1)
PURPOSES = st.sampled_from((ids.USER, ids.MATCH, ids.MAKER_MATCH))


@given(ORDER_IDS)
def test_an_order_id_comes_back_from_its_ulid(order_id: int) -> None:
    ulid = ids.order_ulid(order_id)
    assert re.fullmatch("[0-7][0-9A-HJKMNP-TV-Z]{25}", ulid)
    assert ids.order_id_of(ulid) == order_id
    assert ids.order_id_of(ulid.lower()) == order_id


@given(ORDER_IDS, ORDER_IDS)
def test_ulids_sort_as_order_ids_do(one: int, other: int) -> None:
    assert (ids.order_ulid(one) < ids.order_ulid(other)) == (one < other)


def test_a_ulid_has_the_time_of_its_order() -> None:
    """The first ten characters are the millisecond, as in every ULID."""
    order_id = next_order_id(0, 1_772_576_154_169_000)
    value = 0
    for letter in ids.order_ulid(order_id)[:10]:
        value = value * 32 + "0123456789ABCDEFGHJKMNPQRSTVWXYZ".index(letter)
    assert value == 1_772_576_154_169


@given(ORDER_IDS, st.integers(0, 25), st.sampled_from("0123456789ABCDEFGHJKMNPQRSTVWXYZ"))
def test_a_changed_ulid_is_nobodys(order_id: int, place: int, letter: str) -> None:
    ulid = ids.order_ulid(order_id)
    changed = ulid[:place] + letter + ulid[place + 1 :]
    assert ids.order_id_of(changed) == (order_id if changed == ulid else None)


@pytest.mark.parametrize(
    "text", ["", "x", "8" + "Z" * 25, "0" * 26, "7" + "Z" * 25, "01KEBPHNM3ANS2K1ETHCPY37NB", 7, None]
)
def test_what_is_no_ulid_of_ours(text: object) -> None:
    assert ids.order_id_of(text) is None


@given(PURPOSES, NUMBERS)
def test_a_number_comes_back_from_its_uuid(purpose: bytes, number: int) -> None:
    text = ids.uuid_of(purpose, number)
    read = uuid.UUID(text)
    assert (read.version, read.variant, str(read)) == (4, uuid.RFC_4122, text)
    assert ids.number_of(purpose, text) == ids.number_of(purpose, text.upper()) == number
    others = {ids.USER, ids.MATCH, ids.MAKER_MATCH} - {purpose}
    assert all(ids.number_of(other, text) is None for other in others)


@given(st.uuids())
def test_a_foreign_uuid_has_no_number(foreign: uuid.UUID) -> None:
    assert ids.number_of(ids.USER, str(foreign)) is None


@pytest.mark.parametrize(
    "text", ["", "nothing", "d13b530faf7340f98f8eed795957a57f", "d13b530f-af73-40f9-8f8e-ed795957a57", 5]
)
def test_what_is_no_uuid(text: object) -> None:
    assert not ids.is_uuid(text)
