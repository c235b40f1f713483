"""Orders that wait for a number to be reached: a time, or a price."""

from __future__ import annotations

from bisect import bisect_left, insort
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from polyfeed.venue.orders import Order


class Ranked:
    """Orders by a key, then by their entry. The rows are one sorted list: leaving and joining move memory, not rows."""

    __slots__ = ("_rows",)

    def __init__(self) -> None:
        self._rows: list[tuple[int, int, Order]] = []

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def first(self) -> int:
        """The least key. Raises IndexError when there are none."""
        return self._rows[0][0]

    def add(self, key: int, order: Order) -> None:
        """Takes an order in."""
        insort(self._rows, (key, order.entry, order))

    def remove(self, key: int, order: Order) -> None:
        """Lets an order go that was added with this key."""
        index = bisect_left(self._rows, (key, order.entry))  # shorter than its row: just before it
        assert self._rows[index][2] is order
        del self._rows[index]

    def take(self, most: int) -> list[Order]:
        """Lets all go whose key is at most that, in their order."""
        count = bisect_left(self._rows, (most + 1,))
        taken = [row[2] for row in self._rows[:count]]
        del self._rows[:count]
        return taken
