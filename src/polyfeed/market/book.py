"""The book by price level (L2).

Prices and sizes are integers scaled by the instrument. A side is a dict of levels and an ascending list of its prices:
finding a rank is one bisect, and the memory moved by an insertion into a thousand prices costs less than any tree.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from typing import NamedTuple

from polyfeed.model.enums import Side


class Level(NamedTuple):
    """A price level: all that rests at `price`, and the venue microseconds of its last change."""

    price: int
    size: int
    ts: int


class BookSide:
    """The levels of one side. Rank 0 is the best: the highest bid, the lowest ask."""

    __slots__ = ("_bids", "_levels", "_prices")

    def __init__(self, side: Side) -> None:
        self._bids = side is Side.BUY
        self._levels: dict[int, Level] = {}
        self._prices: list[int] = []

    def __len__(self) -> int:
        """How many levels there are."""
        return len(self._prices)

    def best(self) -> Level | None:
        """The best level; None when the side is empty."""
        prices = self._prices
        return self._levels[prices[-1 if self._bids else 0]] if prices else None

    def level(self, rank: int) -> Level:
        """The level at `rank` (0 is the best). Raises IndexError when there are not that many."""
        if rank < 0:
            raise IndexError(rank)
        return self._levels[self._prices[-1 - rank if self._bids else rank]]

    def top(self, n: int) -> list[Level]:
        """The best `n` levels, or all there are, best first."""
        if n <= 0:
            return []
        prices = self._prices[: -n - 1 : -1] if self._bids else self._prices[:n]
        levels = self._levels
        return [levels[price] for price in prices]

    def get(self, price: int) -> Level | None:
        """The level at `price`, if there is one."""
        return self._levels.get(price)

    def rank_of(self, price: int) -> int:
        """The rank of the level at `price`, or the one that a new level there would get."""
        index = bisect_left(self._prices, price)
        if not self._bids:
            return index
        return len(self._prices) - index - (price in self._levels)

    def set(self, price: int, size: int, ts: int) -> tuple[int, bool] | None:
        """Assigns a level's total; 0 or less removes it.

        Gives the level's rank (that which it had when it goes) and whether it is new; None when a level that is not
        there was to be removed, which changes nothing.
        """
        prices, levels = self._prices, self._levels
        index = bisect_left(prices, price)
        known = price in levels
        rank = len(prices) - index - known if self._bids else index
        if size > 0:
            levels[price] = Level(price, size, ts)
            if not known:
                prices.insert(index, price)
        elif known:
            del levels[price]
            del prices[index]
        else:
            return None
        return rank, size > 0 and not known

    def replace(self, levels: Iterable[tuple[int, int, int]]) -> None:
        """Forgets what was there for these (price, size, ts), in any order; sizes of 0 or less are left out."""
        self._levels = {price: Level(price, size, ts) for price, size, ts in levels if size > 0}
        self._prices = sorted(self._levels)


class Book:
    """Both sides. Nothing here prevents a crossed book: recordings have them for moments."""

    __slots__ = ("asks", "bids")

    def __init__(self) -> None:
        self.bids = BookSide(Side.BUY)
        self.asks = BookSide(Side.SELL)

    def side(self, side: Side) -> BookSide:
        """The side on which orders of `side` rest."""
        return self.asks if side else self.bids
