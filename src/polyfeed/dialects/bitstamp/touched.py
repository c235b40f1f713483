"""Where the book order by order may have changed, for `detail_order_book`."""

from __future__ import annotations


class Touched:
    """The best prices at which the book order by order may have changed between two marks (None: nowhere), and when
    it last did.
    """

    __slots__ = ("prices", "ts")

    def __init__(self) -> None:
        self.prices: list[int | None] = [None, None]
        self.ts = 0

    def touch(self, side: int, price: int, ts: int) -> None:
        """An order at a price of a side is new, another or gone."""
        self.ts = ts
        best = self.prices[side]
        if best is None or (price < best if side else price > best):
            self.prices[side] = price
