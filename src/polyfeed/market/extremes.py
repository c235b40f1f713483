"""The highest and the lowest price of a window that moves on, in constant time.

Each keeps only the minutes that can still become the extreme: those that no later one beats.
"""

from __future__ import annotations

from collections import deque


class Highest:
    """The highest prices, falling from the oldest to the newest."""

    __slots__ = ("_prices",)

    def __init__(self) -> None:
        self._prices: deque[tuple[int, int]] = deque()

    def push(self, start: int, price: int) -> None:
        """Adds the highest price of the minute that started at `start`, later than all before."""
        prices = self._prices
        while prices and prices[-1][1] <= price:
            prices.pop()
        prices.append((start, price))

    def since(self, edge: int, running: int) -> int:
        """Forgets minutes before `edge`; the highest price since then, `running` (of the running minute) included."""
        prices = self._prices
        while prices and prices[0][0] < edge:
            prices.popleft()
        return max(prices[0][1], running) if prices else running

    def clear(self) -> None:
        """Forgets all."""
        self._prices.clear()


class Lowest:
    """The lowest prices: the highest of their negatives."""

    __slots__ = ("_negatives",)

    def __init__(self) -> None:
        self._negatives = Highest()

    def push(self, start: int, price: int) -> None:
        """Adds the lowest price of the minute that started at `start`, later than all before."""
        self._negatives.push(start, -price)

    def since(self, edge: int, running: int) -> int:
        """Forgets minutes before `edge`; the lowest price since then, `running` (of the running minute) included."""
        return -self._negatives.since(edge, -running)

    def clear(self) -> None:
        """Forgets all."""
        self._negatives.clear()
