"""The checksum against what the real server sent (spec/kraken.md 3.10)."""

from __future__ import annotations

import json
from pathlib import Path
from zlib import crc32

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polyfeed.dialects.kraken.checksum import RunningChecksum, book_checksum
from polyfeed.dialects.kraken.pairs import Pairs
from polyfeed.market.changes import LevelChange
from polyfeed.model.batches import Batch
from polyfeed.model.enums import Side
from polyfeed.model.events import BookReset, LevelSet
from polyfeed.model.numbers import parse_scaled
from tests.dialects.kraken.support import instrument, server

VECTORS = json.loads((Path(__file__).parent / "data" / "crc_golden.json").read_text("ascii"))


@pytest.mark.parametrize("number", range(len(VECTORS)))
def test_recorded_checksums(number: int) -> None:
    vector = VECTORS[number]
    scale = len(vector["asks"][0][0].partition(".")[2])
    desk = server(instrument(0, vector["pair"], scale))
    sides = [
        [(parse_scaled(price, scale), parse_scaled(volume, 8), 1) for price, volume in vector[side]]
        for side in ("bids", "asks")
    ]
    desk.publish([BookReset(0, *sides)])
    (pair,) = Pairs(desk.market, 1)
    assert str(crc32(vector["string"].encode())) == vector["c"]
    assert str(book_checksum(pair)) == vector["c"]


def test_sizes_with_fewer_decimals_are_hashed_with_eight() -> None:
    desk = server(instrument(0, "XBT/USD", size_scale=2))
    desk.publish([BookReset(0, [(900_000_000, 5, 1)], [])])
    (pair,) = Pairs(desk.market, 1)
    assert book_checksum(pair) == crc32(b"900000000" + b"5000000")


@settings(max_examples=200, deadline=None)
@given(
    events=st.lists(
        st.tuples(st.sampled_from([Side.BUY, Side.SELL]), st.integers(1, 15), st.integers(0, 2)), max_size=60
    ),
    start=st.integers(0, 60),
)
def test_the_running_checksum_is_that_of_the_book(events: list[tuple[Side, int, int]], start: int) -> None:
    """After every change, whenever it began to listen."""
    market = server("XBT/USD").market
    (pair,) = Pairs(market, 1)
    running = RunningChecksum(pair)
    for number, (side, price, size) in enumerate(events):
        if number == start:
            running.restart()
        for change in market.apply(Batch(1, number + 2, number, public=[LevelSet(0, side, price, size)])):
            assert isinstance(change, LevelChange)
            running.fold(change)
        if number >= start:
            assert running.value() == book_checksum(pair)
