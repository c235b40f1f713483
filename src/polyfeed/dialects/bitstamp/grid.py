"""The book by level on the grid of 100 ms that `diff_order_book`, `order_book` and the REST book share.

The official way to keep a book (spec/bitstamp.md 4.4) is: take the REST book, drop the diffs that are not later, apply
the rest. It is exact only if the REST book is that of a diff, stamped as that diff. So each market's book is kept
as of its last diff whether or not anybody listens, and what changed since is kept beside it.

A mark belongs to what follows it: a change at the mark itself is in the next diff.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from msgspec import Struct

from polyfeed.market.book import Book
from polyfeed.model.enums import Side

Levels = list[tuple[int, int]]
"""(price, size), best first; a size of 0 removes."""


class Diff(NamedTuple):
    """What changed between two marks."""

    ts: int
    bids: Levels
    asks: Levels


class GridImage(Struct, array_like=True, frozen=True):
    """A grid as a value: each pair of lists is bids, asks."""

    mark: int
    stamp: int
    count: int
    changed_ts: int
    shown: tuple[Levels, Levels]
    changed: tuple[Levels, Levels]


class Grid:
    """One market's, beginning with the book as it is at `ts`.

    `stamp` is that of the last diff, `count` how many there were, `diff` the last one.
    A diff is stamped with the time of the last change before its mark; stamps strictly increase.
    """

    __slots__ = ("_changed", "_changed_ts", "_mark", "_shown", "count", "diff", "stamp")

    def __init__(self, ts: int, book: Book) -> None:
        bids, asks = book.bids, book.asks
        self.stamp = ts
        self.count = 0
        self.diff = Diff(ts, [], [])
        self._mark = 0
        self._changed_ts = 0
        self._shown: tuple[dict[int, int], dict[int, int]] = (
            {level.price: level.size for level in bids.top(len(bids))},
            {level.price: level.size for level in asks.top(len(asks))},
        )
        self._changed: tuple[dict[int, int], dict[int, int]] = ({}, {})

    def change(self, side: Side, price: int, size: int, ts: int) -> None:
        """A level has a new total."""
        self._changed[side][price] = size
        if ts > self._changed_ts:
            self._changed_ts = ts

    def reset(self, bids: Iterable[tuple[int, int, int]], asks: Iterable[tuple[int, int, int]], ts: int) -> None:
        """The whole book is another one."""
        for side, levels in ((Side.BUY, bids), (Side.SELL, asks)):
            known = (*self._shown[side], *self._changed[side])
            self._changed[side].update(dict.fromkeys(known, 0))
            for price, size, _ in levels:
                self._changed[side][price] = max(size, 0)
        self._changed_ts = max(self._changed_ts, ts)

    def advance(self, mark: int) -> None:
        """Time has passed a mark: makes the diff of what changed before it. Nothing happens at a mark passed before."""
        if mark <= self._mark:
            return
        self._mark = mark
        if not (self._changed[0] or self._changed[1]):
            return
        bids, asks = self._net(Side.BUY), self._net(Side.SELL)
        if bids or asks:
            self.stamp = max(self.stamp + 1, self._changed_ts)
            self.count += 1
            self.diff = Diff(self.stamp, bids, asks)

    def book(self) -> tuple[Levels, Levels]:
        """The levels as of the last diff, best first."""
        bids, asks = self._shown
        return sorted(bids.items(), reverse=True), sorted(asks.items())

    def image(self) -> GridImage:
        """All of it as a value, but the last diff: that has been sent."""
        return GridImage(
            self._mark,
            self.stamp,
            self.count,
            self._changed_ts,
            (sorted(self._shown[0].items()), sorted(self._shown[1].items())),
            (sorted(self._changed[0].items()), sorted(self._changed[1].items())),
        )

    def restore(self, image: GridImage) -> None:
        """Becomes what `image` shows."""
        self._mark, self.stamp, self.count, self._changed_ts = image.mark, image.stamp, image.count, image.changed_ts
        self._shown = (dict(image.shown[0]), dict(image.shown[1]))
        self._changed = (dict(image.changed[0]), dict(image.changed[1]))

    def _net(self, side: Side) -> Levels:
        """The levels of a side that really are others than at the last mark; they are shown from now on."""
        shown, changed = self._shown[side], self._changed[side]
        net = [(price, size) for price, size in changed.items() if shown.get(price, 0) != size]
        changed.clear()
        for price, size in net:
            if size:
                shown[price] = size
            else:
                del shown[price]
        net.sort(reverse=side is Side.BUY)
        return net
