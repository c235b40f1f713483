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
    """The checksum of a pair's book, kept up to date change by change, which costs a third of making it anew.

    It must be shown every change from `restart` on, with the book as of that moment. CRC-32 can go on from a first
    part: a change of one side leaves what was made of the other.
    """

    __slots__ = ("_asks", "_asks_crc", "_bids", "_bids_text", "_book", "_pad", "_state", "_value")

    def __init__(self, pair: Pair) -> None:
        self._state = pair.state
        self._pad = pair.pad
        self.restart()

    def restart(self) -> None:
        """Begins from the book that the pair has now, as it is."""
        self._book = self._state.book
        self._asks, self._bids = _digits(self._book.asks, self._pad), _digits(self._book.bids, self._pad)
        self._asks_crc: int | None = None
        self._bids_text: bytes | None = None
        self._value: int | None = None

    def fold(self, change: LevelChange) -> None:
        """Takes in a change; one behind the ten best is none."""
        if change.rank >= CHECKSUM_LEVELS:
            return
        self._value = None
        if change.side is Side.BUY:
            self._bids_text = None
            self._assign(self._bids, self._book.bids, change)
        else:
            self._asks_crc = None
            self._assign(self._asks, self._book.asks, change)

    def _assign(self, digits: list[str], side: BookSide, change: LevelChange) -> None:
        if change.size == 0:
            del digits[change.rank]
            if len(side) >= CHECKSUM_LEVELS:
                price, size, _ = side.level(CHECKSUM_LEVELS - 1)
                digits.append(f"{price}{size * self._pad}")
        elif change.added:
            digits.insert(change.rank, f"{change.price}{change.size * self._pad}")
            del digits[CHECKSUM_LEVELS:]
        else:
            digits[change.rank] = f"{change.price}{change.size * self._pad}"

    def value(self) -> int:
        """The checksum of the book after the last change."""
        if self._value is None:
            if self._asks_crc is None:
                self._asks_crc = crc32("".join(self._asks).encode())
            if self._bids_text is None:
                self._bids_text = "".join(self._bids).encode()
            self._value = crc32(self._bids_text, self._asks_crc)
        return self._value
