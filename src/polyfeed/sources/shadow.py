"""What rests in a book, seen from its order events: enough to tell whether an order would cross it."""

from __future__ import annotations

import heapq

from polyfeed.model.enums import Side


class ShadowBook:
    """Resting orders by id, and the best price of each side."""

    def __init__(self) -> None:
        self._orders: dict[int, tuple[Side, int, int]] = {}
        self._counts: tuple[dict[int, int], dict[int, int]] = ({}, {})
        self._heaps: tuple[list[int], list[int]] = ([], [])

    def __contains__(self, order_id: int) -> bool:
        return order_id in self._orders

    def left(self, order_id: int) -> int:
        """What is left of an order; 0 when it does not rest."""
        order = self._orders.get(order_id)
        return order[2] if order else 0

    def side(self, order_id: int) -> Side:
        """The side of a resting order. Raises KeyError for any other."""
        return self._orders[order_id][0]

    def rest(self, order_id: int, side: Side, price: int, left: int) -> None:
        """Adds an order."""
        self._orders[order_id] = side, price, left
        counts = self._counts[side]
        if price not in counts:
            counts[price] = 0
            heapq.heappush(self._heaps[side], _rank(side, price))
        counts[price] += 1

    def reduce(self, order_id: int, left: int) -> None:
        """Sets what is left of a resting order; 0 takes it out. Raises KeyError for any other order."""
        side, price, _ = self._orders[order_id]
        if left:
            self._orders[order_id] = side, price, left
            return
        del self._orders[order_id]
        self._counts[side][price] -= 1

    def best(self, side: Side) -> int | None:
        """The best price of a side."""
        heap, counts = self._heaps[side], self._counts[side]
        while heap and not counts[price := abs(heap[0])]:
            heapq.heappop(heap)
            del counts[price]
        return abs(heap[0]) if heap else None

    def crosses(self, side: Side, price: int) -> bool:
        """Whether an order would meet a resting one."""
        best = self.best(Side.SELL if side == Side.BUY else Side.BUY)
        return best is not None and (price >= best if side == Side.BUY else price <= best)


def _rank(side: Side, price: int) -> int:
    return -price if side == Side.BUY else price
