"""Random orders on one market, dense near the middle and more than a thousand levels deep, as commands for a venue."""

from __future__ import annotations

import random

from polyfeed.model.commands import AmendOrder, AnyCommand, CancelAll, CancelOrder, OpenAccount, PlaceOrder
from polyfeed.model.enums import OrderKind, Side, TimeInForce

MAKER, TAKER = 1, 2
MIDDLE = 100_000
LEVELS = 1_200
ORDERS = 5_000


def accounts() -> list[AnyCommand]:
    return [OpenAccount(MAKER, "maker", house=True), OpenAccount(TAKER, "taker", house=True)]


def ladder() -> list[AnyCommand]:
    """A level at each price, on both sides, deeper than any window."""
    return [
        PlaceOrder(MAKER, 0, side, OrderKind.LIMIT, 1 + place % 7, MIDDLE + sign * place)
        for place in range(1, LEVELS)
        for side, sign in ((Side.BUY, -1), (Side.SELL, 1))
    ]


class Flow:
    """One command after the other; `placed` knows of the orders that may still be there."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.placed: list[int] = []

    def opened(self, order_id: int) -> None:
        """The venue gave an order this number."""
        if order_id:
            self.placed.append(order_id)

    def command(self) -> AnyCommand:
        dice = self.dice.random()
        if len(self.placed) > ORDERS and dice < 0.45:
            return CancelOrder(MAKER, self._pick(gone=True))
        if self.placed and dice < 0.5:
            return AmendOrder(MAKER, self._pick(gone=False), self._price() * self.dice.randrange(2), self._size())
        if dice < 0.56:
            side = self.dice.choice((Side.BUY, Side.SELL))
            return PlaceOrder(TAKER, 0, side, OrderKind.MARKET, self._size() * self.dice.choice((1, 1, 1, 8)))
        if dice < 0.5601:
            return CancelAll(TAKER)
        tif = self.dice.choice((TimeInForce.GTC,) * 18 + (TimeInForce.IOC, TimeInForce.FOK))
        side = self.dice.choice((Side.BUY, Side.SELL))
        return PlaceOrder(MAKER, 0, side, OrderKind.LIMIT, self._size(), self._price(side), tif)

    def _pick(self, *, gone: bool) -> int:
        place = self.dice.randrange(len(self.placed))
        if not gone:
            return self.placed[place]
        self.placed[place], self.placed[-1] = self.placed[-1], self.placed[place]
        return self.placed.pop()

    def _size(self) -> int:
        return self.dice.randrange(1, 9)

    def _price(self, side: Side = Side.BUY) -> int:
        reach = self.dice.choice((3, 12, 60, 250, LEVELS))
        away = self.dice.randrange(-2, reach)
        return MIDDLE - away if side is Side.BUY else MIDDLE + away
