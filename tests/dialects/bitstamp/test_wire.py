"""Numbers as the wire spells them."""

from __future__ import annotations

import json
import random
from decimal import Decimal

import pytest

from polyfeed.dialects.bitstamp import wire
from polyfeed.dialects.bitstamp.ids import NO_EVENT, EventId, market_number, parse_event_id, trade_id


@pytest.mark.parametrize(
    ("value", "scale", "text"),
    [
        (0, 8, "0"),
        (1, 8, "1e-8"),
        (98, 8, "9.8e-7"),
        (99, 8, "9.9e-7"),
        (100, 8, "0.000001"),
        (980, 8, "0.0000098"),
        (51590918, 8, "0.51590918"),
        (7831900, 2, "78319"),
        (7971539, 2, "79715.39"),
        (5835610, 2, "58356.1"),
        (3200, 0, "3200"),
        (10**18, 8, "10000000000"),
        (-1, 8, "-1e-8"),
        (-250, 2, "-2.5"),
        (1234567, 13, "1.234567e-7"),
    ],
)
def test_numbers_are_shortest_and_have_exponents_below_a_millionth(value: int, scale: int, text: str) -> None:
    """spec/bitstamp.md 6: 1e-8 and not 1e-08, no needless .0"""
    assert wire.number(value, scale) == text


def test_numbers_read_back() -> None:
    rng = random.Random(1)
    for _ in range(10_000):
        value, scale = rng.randrange(10 ** rng.randrange(1, 17)), rng.randrange(13)
        text = wire.number(value, scale)
        assert json.loads(text, parse_float=Decimal, parse_int=Decimal) == Decimal(value).scaleb(-scale)


def test_times() -> None:
    """`datetime` of orders is rounded with halves up, `timestamp` of trades and books is cut."""
    assert wire.nearest_second(1_786_269_861_947_000) == 1_786_269_862
    assert wire.nearest_second(1_786_269_861_500_000) == 1_786_269_862
    assert wire.nearest_second(1_786_269_861_499_000) == 1_786_269_861
    assert wire.whole_seconds(1_786_269_861_947_000) == 1_786_269_861
    assert wire.to_millisecond(1_786_269_861_947_999) == 1_786_269_861_947_000


def test_rest_json_has_blanks() -> None:
    body = {"a": [1, "x/y"], "b": {"c": True, "d": None}, "e": wire.Plain("1e-8")}
    assert wire.rest_json(body) == '{"a": [1, "x/y"], "b": {"c": true, "d": null}, "e": 1e-8}'


def test_event_ids() -> None:
    """spec/bitstamp.md 4.5: the captured pair of 2026-08-09."""
    before = EventId(1786269871707000, 2, 2)
    assert before.text(1) == "0006589a-5d2d-1378-0002-000102000020"
    assert before.next(1786269871707000).text(1) == "0006589a-5d2d-1378-0003-000103000020"
    assert before.next(1786269871708000).text(0x3F9) == "0006589a-5d2d-1760-0000-03f903000020"
    assert before.text(1, stop=True).endswith("000021")
    assert NO_EVENT.next(5) == EventId(5, 0, 0)
    given = parse_event_id("0006589a-5d2d-1378-0003-000103000020")
    assert (given.event, given.market) == (EventId(1786269871707000, 3, 3), 1)
    assert given.of_source(stop=False)
    assert not given.of_source(stop=True)
    for wrong in ("", "0006589a5d2d13780003000103000020", "0006589A-5d2d-1378-0003-000103000020", "x" * 36):
        with pytest.raises(ValueError, match="no event id"):
            parse_event_id(wrong)
    assert market_number(0) == 1
    assert trade_id(7, 5) == 7
    assert trade_id(0, 5) == 5
