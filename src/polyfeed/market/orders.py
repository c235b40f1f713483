"""The book order by order (L3): who stands where in the queue at each price, and the terms each order came with."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from polyfeed.market.book import Book
from polyfeed.model.enums import Side
from polyfeed.model.events import OrderClosed, OrderOpened, OrderReduced, OrderRested, Trade


class RestingOrder(Struct, array_like=True, gc=False):
    """An order in the book. `left` may still fill; `terms` (full size, kind, time in force) is how it was announced."""

    order_id: int
    side: Side
    price: int
    left: int
    terms: OrderOpened


class OrdersImage(Struct, frozen=True, array_like=True):
    """An order book as a value: resting orders of both sides best first, each price in time priority."""

    bids: list[RestingOrder]
    asks: list[RestingOrder]
    entering: list[OrderOpened]


class OrderBook:
    """The queues of both sides, beside the `Book` that knows the order of the prices.

    An announced order is *entering* until it rests, ends, or its decision is over: what then neither rests nor was
    closed has nothing left. A level that goes takes its queue along, so both books always show the same prices.
    """

    __slots__ = ("_book", "_queues", "entering", "resting")

    def __init__(self, book: Book) -> None:
        self._book = book
        # A dict is the queue: it keeps the order of arrival, and a smaller order keeps its place in it.
        self._queues: tuple[dict[int, dict[int, RestingOrder]], ...] = ({}, {})
        self.resting: dict[int, RestingOrder] = {}
        self.entering: dict[int, OrderOpened] = {}

    def top(self, side: Side, n: int) -> list[tuple[int, int, int]]:
        """The first `n` orders of a side as (order id, price, left), best price first, then by time priority."""
        found: list[tuple[int, int, int]] = []
        for order in self._in_priority(side):
            if len(found) >= n:
                break
            found.append((order.order_id, order.price, order.left))
        return found

    def terms(self, order_id: int) -> OrderOpened | None:
        """How an order that rests or is entering was announced."""
        order = self.resting.get(order_id)
        return order.terms if order is not None else self.entering.get(order_id)

    def queue(self, side: Side, price: int) -> list[RestingOrder]:
        """The orders at a price, in time priority."""
        return list(self._queues[side].get(price, {}).values())

    def opened(self, event: OrderOpened) -> None:
        """An order was announced; its terms are kept while it lives."""
        self.entering[event.order_id] = event

    def rested(self, event: OrderRested) -> None:
        """What is left of an order joins the end of the queue at its price, also from a place further ahead."""
        order_id, price = event.order_id, event.price
        terms = self.terms(order_id)
        if terms is None:
            terms = OrderOpened(event.instrument, order_id, event.side, price, event.left)
        self.entering.pop(order_id, None)
        self._remove(order_id)
        order = RestingOrder(order_id, event.side, price, event.left, terms)
        self.resting[order_id] = order
        self._queues[event.side].setdefault(price, {})[order_id] = order

    def reduced(self, event: OrderReduced) -> None:
        """A resting order became smaller in its place."""
        self._left(event.order_id, event.left)

    def closed(self, event: OrderClosed) -> None:
        """An order ended, whether it rested or was entering."""
        self.entering.pop(event.order_id, None)
        self._remove(event.order_id)

    def traded(self, event: Trade) -> None:
        """The maker has `maker_left` left, or is done."""
        self._left(event.maker_id, event.maker_left)

    def level_gone(self, side: Side, price: int) -> None:
        """Nothing rests at a price any more."""
        for order_id in self._queues[side].pop(price, ()):
            del self.resting[order_id]

    def decided(self) -> None:
        """The decision is over: whatever was entering and does not rest has nothing left."""
        if self.entering:
            self.entering = {}

    def clear(self) -> None:
        """Forgets every order."""
        self._queues = ({}, {})
        self.resting = {}
        self.entering = {}

    def image(self) -> OrdersImage:
        """All of it as a value."""
        return OrdersImage(
            list(self._in_priority(Side.BUY)), list(self._in_priority(Side.SELL)), list(self.entering.values())
        )

    def restore(self, image: OrdersImage) -> None:
        """Becomes what `image` shows; for a new book of orders beside a book that shows its levels already."""
        self.entering = {terms.order_id: terms for terms in image.entering}
        for order in (*image.bids, *image.asks):
            self.resting[order.order_id] = order
            self._queues[order.side].setdefault(order.price, {})[order.order_id] = order

    def _in_priority(self, side: Side) -> Iterator[RestingOrder]:
        levels, queues = self._book.side(side), self._queues[side]
        for rank in range(len(levels)):
            yield from queues.get(levels.level(rank).price, {}).values()

    def _left(self, order_id: int, left: int) -> None:
        if left <= 0:
            self._remove(order_id)
        elif (order := self.resting.get(order_id)) is not None:
            order.left = left

    def _remove(self, order_id: int) -> None:
        order = self.resting.pop(order_id, None)
        if order is None:
            return
        queues = self._queues[order.side]
        queue = queues[order.price]
        del queue[order_id]
        if not queue:
            del queues[order.price]
