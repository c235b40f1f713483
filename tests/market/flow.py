"""A naive venue of one instrument: one list of orders, searched and sorted each time, that says what happens as events.

Its events are what a real venue's are: absolute, in order, consistent. It is the twin of the order book as well.
"""

import random
from typing import NamedTuple

from polyfeed.model.enums import CloseReason, OrderKind, Side
from polyfeed.model.events import (
    UNKNOWN_LEVEL,
    OrderClosed,
    OrderOpened,
    OrderReduced,
    OrderRested,
    PublicEvent,
    Trade,
)


class Order(NamedTuple):
    arrival: int
    order_id: int
    side: Side
    price: int
    left: int


class NaiveVenue:
    """Random orders around a price of 100, matched by price and arrival."""

    def __init__(self, rng: random.Random, instrument: int = 0) -> None:
        self.rng = rng
        self.instrument = instrument
        self.orders: list[Order] = []
        self.arrivals = 0
        self.trades = 0
        self.events: list[PublicEvent] = []

    def queue(self, side: Side) -> list[Order]:
        sign = -1 if side is Side.BUY else 1
        return sorted((o for o in self.orders if o.side is side), key=lambda o: (sign * o.price, o.arrival))

    def total(self, side: Side, price: int) -> int:
        return sum(order.left for order in self.orders if (order.side, order.price) == (side, price))

    def levels(self, side: Side) -> list[tuple[int, int]]:
        prices = list(dict.fromkeys(order.price for order in self.queue(side)))
        return [(price, self.total(side, price)) for price in prices]

    def step(self) -> list[PublicEvent]:
        """One command's events."""
        self.events = []
        action = self.rng.random()
        if not self.orders or action < 0.55:
            self.place()
        elif action < 0.8:
            self.cancel(self.rng.choice(self.orders))
        else:
            self.reduce(self.rng.choice(self.orders))
        return self.events

    def place(self) -> None:
        side = self.rng.choice(list(Side))
        size = self.rng.randrange(1, 50)
        market = self.rng.random() < 0.15
        price = 0 if market else 100 + (1 if side else -1) * self.rng.randrange(-3, 12)
        self.arrivals += 1
        number = self.arrivals * 10
        kind = OrderKind.MARKET if market else OrderKind.LIMIT
        self.events.append(OrderOpened(self.instrument, number, side, price, size, kind))
        left = self.match(number, side, price, size, kind)
        if left and market:
            reason = CloseReason.MARKET_REST
            self.events.append(OrderClosed(self.instrument, number, side, price, left, reason, UNKNOWN_LEVEL))
        elif left:
            self.orders.append(Order(self.arrivals, number, side, price, left))
            total = self.total(side, price)
            self.events.append(OrderRested(self.instrument, number, side, price, left, total))

    def match(self, number: int, side: Side, price: int, left: int, kind: OrderKind) -> int:
        other = Side.SELL if side is Side.BUY else Side.BUY
        for maker in self.queue(other):
            worse = maker.price > price if side is Side.BUY else maker.price < price
            if not left or (worse and kind is OrderKind.LIMIT):
                break
            size = min(left, maker.left)
            left -= size
            self.change(maker, maker.left - size)
            self.trades += 1
            total = self.total(other, maker.price)
            self.events.append(
                Trade(
                    self.instrument,
                    self.trades,
                    maker.price,
                    size,
                    side,
                    kind,
                    number,
                    maker.order_id,
                    left,
                    maker.left - size,
                    total,
                )
            )
        return left

    def cancel(self, order: Order) -> None:
        self.change(order, 0)
        _, number, side, price, left = order
        total = self.total(side, price)
        self.events.append(OrderClosed(self.instrument, number, side, price, left, CloseReason.USER, total))

    def reduce(self, order: Order) -> None:
        if order.left == 1:
            return
        left = self.rng.randrange(1, order.left)
        self.change(order, left)
        total = self.total(order.side, order.price)
        self.events.append(OrderReduced(self.instrument, order.order_id, order.side, order.price, left, total))

    def change(self, order: Order, left: int) -> None:
        at = self.orders.index(order)
        self.orders[at : at + 1] = [order._replace(left=left)] if left else []
