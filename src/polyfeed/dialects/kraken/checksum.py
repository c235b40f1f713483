"""The checksum of book updates (spec/kraken.md 3.10).

CRC-32 over the ten best asks, then the ten best bids, best first: of each level the digits of price and volume, without
the point and without leading zeros. Those digits are the scaled integer itself, so nothing has to be formatted.
"""

from __future__ import annotations

from zlib import crc32

from polyfeed.dialects.kraken.pairs import Pair
from polyfeed.dialects.kraken.spec import CHECKSUM_LEVELS
from polyfeed.model.batches import Batch


def checksum_text(pair: Pair) -> str:
    """What is hashed, of the pair's book as it is now. Fewer levels make a shorter text."""
    book, pad = pair.state.book, pair.pad
    levels = book.asks.top(CHECKSUM_LEVELS) + book.bids.top(CHECKSUM_LEVELS)
    return "".join([f"{price}{size * pad}" for price, size, _ in levels])


class Checksum:
    """The checksum of one pair, made once per batch for the feeds of all depths."""

    __slots__ = ("_batch", "_pair", "_value")

    def __init__(self, pair: Pair) -> None:
        self._pair = pair
        self._batch: Batch | None = None
        self._value = 0

    def after(self, batch: Batch) -> int:
        """The checksum of the book as this batch left it."""
        if batch is not self._batch:
            self._batch = batch
            self._value = crc32(checksum_text(self._pair).encode())
        return self._value
