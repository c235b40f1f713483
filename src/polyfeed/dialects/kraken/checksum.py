"""The checksum of book updates (spec/kraken.md 3.10).

CRC-32 over the ten best asks, then the ten best bids, best first: of each level the digits of price and volume, without
the point and without leading zeros. Those digits are the scaled integers themselves, so nothing has to be formatted.
"""

from __future__ import annotations

from zlib import crc32

from polyfeed.dialects.kraken.pairs import Pair
from polyfeed.dialects.kraken.spec import CHECKSUM_LEVELS
from polyfeed.market.book import BookSide
from polyfeed.market.changes import LevelChange
from polyfeed.model.enums import Side


def book_checksum(pair: Pair) -> int:
    """The checksum of the pair's book as it is now."""
    book = pair.state.book
    return crc32("".join(_digits(book.asks, pair.pad) + _digits(book.bids, pair.pad)).encode())


def _digits(side: BookSide, pad: int) -> list[str]:
    """What is hashed of one side, by level. Fewer levels make a shorter text."""
    return [f"{price}{size * pad}" for price, size, _ in side.top(CHECKSUM_LEVELS)]


class RunningChecksum:
    """The checksum of a pair's book, kept up to date change by change: a third of the cost of making it anew.

    It must be shown every change from `restart` on, with the book as of that moment.
    """

    __slots__ = ("_asks", "_bids", "_pair", "_value")

    def __init__(self, pair: Pair) -> None:
        self._pair = pair
        self.restart()

    def restart(self) -> None:
        """Begins from the book as it is now."""
        book, pad = self._pair.state.book, self._pair.pad
        self._asks, self._bids = _digits(book.asks, pad), _digits(book.bids, pad)
        self._value: int | None = None

    def fold(self, change: LevelChange) -> None:
        """Takes in a change; one behind the ten best is none."""
        rank = change.rank
        if rank >= CHECKSUM_LEVELS:
            return
        digits = self._bids if change.side is Side.BUY else self._asks
        self._value = None
        if change.size == 0:
            del digits[rank]
            self._move_in(change.side, digits)
        elif change.added:
            digits.insert(rank, f"{change.price}{change.size * self._pair.pad}")
            del digits[CHECKSUM_LEVELS:]
        else:
            digits[rank] = f"{change.price}{change.size * self._pair.pad}"

    def _move_in(self, side: Side, digits: list[str]) -> None:
        book = self._pair.state.book.side(side)
        if len(book) >= CHECKSUM_LEVELS:
            price, size, _ = book.level(CHECKSUM_LEVELS - 1)
            digits.append(f"{price}{size * self._pair.pad}")

    def value(self) -> int:
        """The checksum of the book after the last change."""
        if self._value is None:
            self._value = crc32("".join(self._asks + self._bids).encode())
        return self._value
