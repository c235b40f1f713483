"""One instrument's agents: what they do next, and which of their orders rest."""

from __future__ import annotations

from collections import deque
from random import Random

from msgspec import Struct

from polyfeed.model.commands import AnyCommand, CancelOrder, PlaceOrder
from polyfeed.model.enums import OrderKind, SelfTrade, Side, TimeInForce
from polyfeed.model.instruments import Instrument

MARKET_SHARE, LIMIT_SHARE = 0.4, 0.4
"""Of all actions; the rest are cancels."""
FINE = 1024
"""Parts of a price's unit in which the mid walks, so that it does so under a coarse tick too."""
LEAST, MOST = 0.9, 1.2
"""Of the levels that are planned: a side with fewer is not made smaller, one with more not larger."""
STEP_PPM = 200
"""The largest step of the walk."""
PULL, BOOK_PULL = 1000, 20
"""Each step goes this part of the way back: slowly, or to a book's mid that others make."""
GAP_PPM = 200
"""Between two rungs of the ladder, at least a tick."""
TOUCH_BIAS = 3
"""The power that makes rungs near the touch more likely: that is where trades take orders away."""
THIN, REFILL = 0.85, 4
"""Beside each action so many orders are placed on a side that has fewer than this part of the planned levels."""
ANSWER_US = 5_000_000
"""After this an order that was not heard of does not exist."""
PPM = 1_000_000


class DeskPlan(Struct, frozen=True):
    """What is to happen in one market.

    `reference` is a price of the instrument, `rate` actions per second, `levels` the resting orders that are kept on
    each side. With `ladder` they stand from the start; without, the desk adds a little to a book that others make.
    """

    instrument: Instrument
    reference: int
    rate: float = 1.0
    levels: int = 30
    ladder: bool = True


class Desk:
    """Acts by the plan. `open` says whether the market takes orders."""

    def __init__(self, plan: DeskPlan, maker: int, taker: int, rng: Random) -> None:
        self.plan = plan
        self.open = True
        self._maker = maker
        self._taker = taker
        self._rng = rng
        self._tick = plan.instrument.tick
        self._fine_mid = plan.reference * FINE
        # Prices at which an order rests (its id) or is under way (minus the time when it was placed).
        self._rungs: tuple[dict[int, int], dict[int, int]] = ({}, {})
        self._asked: deque[tuple[int, Side, int]] = deque()  # when orders were placed, and where, oldest first
        self._prices: dict[int, tuple[Side, int]] = {}

    def act(self, now: int, mid: int | None) -> list[AnyCommand]:
        """One action around a mid that has moved on, and what refills a thin side; nothing in a closed market."""
        if not self.open:
            return []
        self._forget(now)
        self._walk(mid)
        side = self._rng.choice((Side.BUY, Side.SELL))
        refill = self._refill(now)
        action = self._rng.random()
        if action < MARKET_SHARE:
            return [*refill, self._market(side)]
        share = MOST if action < MARKET_SHARE + LIMIT_SHARE else LEAST
        if len(self._rungs[side]) < self.plan.levels * share:
            return [*refill, self._place(now, side)]
        return [*refill, *self._cancel(side)]

    def rung(self, now: int, side: Side, rank: int) -> PlaceOrder:
        """An order at the ladder's rung `rank` from the touch, or at the next one outwards that is free."""
        return self._limit(now, side, self._free_price(side, rank))

    def opened(self, order_id: int, side: Side, price: int) -> None:
        """The venue took an order."""
        self._rungs[side][price] = order_id
        self._prices[order_id] = side, price

    def ended(self, order_id: int) -> None:
        """An order was filled or taken out."""
        side, price = self._prices.pop(order_id)
        if self._rungs[side].get(price) == order_id:
            del self._rungs[side][price]

    @property
    def _mid(self) -> int:
        """The nearest price on the grid: always the one below would draw a book under a coarse tick down."""
        return self._on_grid(self._fine_mid // FINE + self._tick // 2)

    def _walk(self, mid: int | None) -> None:
        """A step anywhere, then part of the way back: where others make the book quickly to its mid (a perpetual's is
        what its index says), otherwise slowly to the reference price, and to the mid because users may have moved it.
        """
        free = self.plan.ladder and self.plan.instrument.perpetual is None
        step = self._fine_mid * STEP_PPM // PPM
        self._fine_mid += self._rng.randint(-step, step)
        if mid is not None:
            self._fine_mid += (mid * FINE - self._fine_mid) // (PULL if free else BOOK_PULL)
        if mid is None or free:
            self._fine_mid += (self.plan.reference * FINE - self._fine_mid) // PULL

    def _forget(self, now: int) -> None:
        """Drops what has been under way for too long: refusals are not heard of, and would count as orders for ever."""
        while self._asked and self._asked[0][0] <= now - ANSWER_US:
            placed, side, price = self._asked.popleft()
            if self._rungs[side].get(price) == -placed:
                del self._rungs[side][price]

    def _refill(self, now: int) -> list[AnyCommand]:
        """Orders for the side that others have taken much of, if there is one."""
        side = min(Side, key=lambda side: len(self._rungs[side]))
        thin = self.plan.ladder and len(self._rungs[side]) < self.plan.levels * THIN
        return [self._place(now, side) for _ in range(REFILL if thin else 0)]

    def _place(self, now: int, side: Side) -> PlaceOrder:
        return self.rung(now, side, int(self.plan.levels * self._rng.random() ** TOUCH_BIAS))

    def _limit(self, now: int, side: Side, price: int) -> PlaceOrder:
        self._rungs[side][price] = -now
        self._asked.append((now, side, price))
        size = self._size(5, 60)
        return PlaceOrder(
            self._maker,
            self.plan.instrument.id,
            side,
            OrderKind.LIMIT,
            size,
            price,
            self_trade=SelfTrade.CANCEL_MAKER,
        )

    def _market(self, side: Side) -> PlaceOrder:
        size = self._size(1, 12)
        return PlaceOrder(self._taker, self.plan.instrument.id, side, OrderKind.MARKET, size, tif=TimeInForce.IOC)

    def _cancel(self, side: Side) -> list[AnyCommand]:
        """Takes out one of a side's orders: half of the time the one farthest from the mid."""
        resting = [price for price, order_id in self._rungs[side].items() if order_id > 0]
        if not resting:
            return []
        far = self._rng.random() < 0.5
        price = max(resting, key=lambda price: abs(price - self._mid)) if far else self._rng.choice(resting)
        return [CancelOrder(self._maker, self._rungs[side][price])]

    def _free_price(self, side: Side, rank: int) -> int:
        """The rung `rank` from the mid, or the next one outwards that has no order."""
        gap = self._on_grid(self._mid * GAP_PPM // PPM)
        away = -gap if side == Side.BUY else gap
        price = self._mid + away * (rank + 1)
        while price > self._tick and price in self._rungs[side]:
            price += away
        return max(self._tick, price)

    def _size(self, least: int, most: int) -> int:
        """A size between these multiples of the smallest one, on the lot grid."""
        smallest, lot = self.plan.instrument.min_size, self.plan.instrument.lot
        return self._rng.randint(least * smallest, most * smallest) // lot * lot

    def _on_grid(self, price: int) -> int:
        return max(1, price // self._tick) * self._tick
