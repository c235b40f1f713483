"""One side of a book: price levels, each with its orders in time priority.

Levels are found by price in a dict; a sorted list holds the prices as *keys* (the price of a bid, the negated price of
an ask), so that on both sides the best is the last one, and the busy end of the list is the cheap one. The orders of a
level are a doubly linked list through their own `before` and `after`: an order leaves from anywhere in one step, and a
queue of any length is eaten from its head in constant time (a dict slows down there).
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator
from typing import TYPE_CHECKING

from polyfeed.model.enums import Side

if TYPE_CHECKING:
    from polyfeed.venue.orders import Order


class Level:
    """All resting orders of one side at one price, oldest first; `total` is the sum of what they have left."""

    __slots__ = ("first", "last", "price", "total")

    def __init__(self, price: int) -> None:
        self.price = price
        self.total = 0
        self.first: Order | None = None
        self.last: Order | None = None


class BookSide:
    """The bids or the asks of one market."""

    __slots__ = ("_keys", "_sign", "levels")

    def __init__(self, side: Side) -> None:
        self.levels: dict[int, Level] = {}
        self._keys: list[int] = []
        self._sign = 1 if side is Side.BUY else -1

    def meets(self, limit: int) -> bool:
        """Whether an order of the other side with this limit price would trade with the best level."""
        keys = self._keys
        return bool(keys) and keys[-1] >= limit * self._sign

    def head(self) -> Order:
        """The oldest order of the best level. Raises IndexError when the side is empty."""
        order = self.levels[self._keys[-1] * self._sign].first
        assert order is not None  # an empty level is removed at once
        return order

    def total(self, price: int) -> int:
        """What rests at a price."""
        level = self.levels.get(price)
        return 0 if level is None else level.total

    def queue(self, limit: int) -> Iterator[Order]:
        """The orders that one of the other side with this limit price would meet, in the order in which it would."""
        sign = self._sign
        for key in reversed(self._keys):
            if key < limit * sign:
                return
            order = self.levels[key * sign].first
            while order is not None:
                yield order
                order = order.after

    def add(self, order: Order) -> int:
        """Puts an order at the end of the queue at its price. Returns the level's new total."""
        price = order.price
        level = self.levels.get(price)
        if level is None:
            level = self.levels[price] = Level(price)
            insort(self._keys, price * self._sign)
        last = level.last
        if last is None:
            level.first = order
        else:
            last.after = order
            order.before = last
        level.last = order
        order.level = level
        level.total += order.left
        return level.total

    def reduce(self, order: Order, size: int) -> int:
        """Takes `size` off a resting order, which keeps its place even with nothing left. Returns as `add`."""
        level = order.level
        assert level is not None
        order.left -= size
        level.total -= size
        return level.total

    def remove(self, order: Order) -> int:
        """Takes a resting order out. Returns as `add`; a level without orders is gone."""
        level = order.level
        assert level is not None
        before, after = order.before, order.after
        if before is None:
            level.first = after
        else:
            before.after = after
            order.before = None
        if after is None:
            level.last = before
        else:
            after.before = before
            order.after = None
        order.level = None
        level.total -= order.left
        if level.first is None:
            del self.levels[level.price]
            keys = self._keys
            del keys[bisect_left(keys, level.price * self._sign)]
        return level.total
