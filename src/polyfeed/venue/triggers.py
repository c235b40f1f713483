"""Waiting orders: what each waits for, and which of them a new last price reaches.

A stop loss waits for the price to turn against its owner (a sell for a fall to its trigger price, a buy for a rise), a
take profit for the other way. A trailing order of either kind lets the price run in its owner's favour and waits for it
to come back: a sell follows the highest last price since it was armed and fires `trailing_bps` below it, a buy the
lowest and above. It is armed at once, or when the price reaches its activation price from the side from which a
plain order of its kind would be reached. Where nothing has been traded yet, at once is at the first trade.

A trailing trigger price is a whole number, for a sell rounded down and for a buy up; a price is a whole number too, so
this is exact. Every new last price costs one step for each armed trailing order of the market, and otherwise only what
it reaches.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from polyfeed.model.commands import PlaceOrder
from polyfeed.model.enums import Side, Trigger
from polyfeed.venue.ranked import Ranked

if TYPE_CHECKING:
    from polyfeed.venue.orders import Order

BPS = 10_000

STOPS = (Trigger.STOP_LOSS, Trigger.TRAILING_STOP_LOSS)
TRAILING = (Trigger.TRAILING_STOP_LOSS, Trigger.TRAILING_TAKE_PROFIT)


class Stop:
    """What a waiting order waits for: that the last price reaches `price`, upwards where it `rises`.

    That is the order's trigger price, or the activation price of a trailing order that is not armed (`best` is 0). An
    armed one has in `best` the best price since then. The terms are those that the order came with.
    """

    __slots__ = ("activation_price", "best", "price", "rises", "trailing_bps", "trigger_price")

    def __init__(self, command: PlaceOrder) -> None:
        self.trigger_price = command.trigger_price
        self.activation_price = command.activation_price
        self.trailing_bps = command.trailing_bps
        self.best = 0
        self.price = command.trigger_price or command.activation_price
        # Without a price it is a trailing one, to be armed by any: every price is a rise to 0.
        self.rises = not self.price or (command.trigger in STOPS) is (command.side is Side.BUY)

    @property
    def key(self) -> int:
        """Its place among those that wait for the same direction: the nearest price is the least."""
        return self.price if self.rises else -self.price

    def follow(self, side: Side, price: int) -> None:
        """A trailing order sees a price that is better than any since it was armed, or is armed by it."""
        self.best = price
        self.rises = side is Side.BUY
        if self.rises:
            self.price = -(-price * (BPS + self.trailing_bps) // BPS)
        else:
            self.price = price * (BPS - self.trailing_bps) // BPS


class Watch:
    """The waiting orders of one market, by their ids; `_trailing` are the armed ones that follow the price."""

    __slots__ = ("_falling", "_rising", "_trailing", "orders")

    def __init__(self) -> None:
        self.orders: dict[int, Order] = {}
        self._rising = Ranked()
        self._falling = Ranked()
        self._trailing: dict[int, Order] = {}

    def add(self, order: Order) -> None:
        """Takes a waiting order in. What the last price has reached already, the next `reached` gives."""
        self.orders[order.id] = order
        self._wait(order)
        if order.stop is not None and order.stop.best:  # armed: it waited before, in the venue that an image shows
            self._trailing[order.id] = order

    def remove(self, order: Order) -> None:
        """Lets an order go that will not fire."""
        self._unwait(order)
        del self.orders[order.id]
        self._trailing.pop(order.id, None)

    def reached(self, price: int) -> list[Order]:
        """The orders that a last price fires, which wait no longer: rises before falls, nearest price first, then by
        entry. Trailing orders follow the price or are armed by it.
        """
        for order in self._trailing.values():
            assert order.stop is not None
            if price < order.stop.best if order.side is Side.BUY else price > order.stop.best:
                self._unwait(order)
                order.stop.follow(order.side, price)
                self._wait(order)
        return [
            order for order in (*self._rising.take(price), *self._falling.take(-price)) if self._fires(order, price)
        ]

    def _fires(self, order: Order, price: int) -> bool:
        stop = order.stop
        assert stop is not None
        if stop.trailing_bps and not stop.best:
            stop.follow(order.side, price)
            self._wait(order)
            self._trailing[order.id] = order
            return False
        del self.orders[order.id]
        self._trailing.pop(order.id, None)
        return True

    def _wait(self, order: Order) -> None:
        assert order.stop is not None
        (self._rising if order.stop.rises else self._falling).add(order.stop.key, order)

    def _unwait(self, order: Order) -> None:
        assert order.stop is not None
        (self._rising if order.stop.rises else self._falling).remove(order.stop.key, order)
