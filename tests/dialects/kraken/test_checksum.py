"""The checksum against what the real server sent (spec/kraken.md 3.10)."""

from __future__ import annotations

import json
from pathlib import Path
from zlib import crc32

import pytest

from polyfeed.dialects.kraken.checksum import checksum_text
from polyfeed.dialects.kraken.pairs import Pairs
from polyfeed.model.events import BookReset
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
    assert checksum_text(pair) == vector["string"]
    assert str(crc32(checksum_text(pair).encode())) == vector["c"]


def test_sizes_with_fewer_decimals_are_hashed_with_eight() -> None:
    desk = server(instrument(0, "XBT/USD", size_scale=2))
    desk.publish([BookReset(0, [(900_000_000, 5, 1)], [])])
    (pair,) = Pairs(desk.market, 1)
    assert checksum_text(pair) == "900000000" + "5000000"
