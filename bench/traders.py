"""Users who trade as bots do: limit orders around a price, most of which are cancelled before they match.

The same commands for the same seed, on the demo's markets, so that every dialect has something to number.
"""

from __future__ import annotations

import random
from typing import NamedTuple

from polyfeed.model.batches import Batch
from polyfeed.model.commands import (
    AmendOrder,
    AnyCommand,
    CancelOrder,
    Deposit,
    ListInstrument,
    OpenAccount,
    PlaceOrder,
)
from polyfeed.model.enums import OrderKind, Side
from polyfeed.model.events import OwnOrderOpened, OwnOrderUpdated
from polyfeed.model.instruments import Instrument
from polyfeed.model.orders import ENDED
from polyfeed.sources.demo import demo_commands
from polyfeed.sources.pairs import read_pairs, reference_price

USERS = range(2000, 2040)
MARKETS = 4
CROWD = 4000
"""Orders that rest at most."""
MONEY = 10**16

CANCELS, AMENDS, TAKERS = 0.43, 0.03, 0.02
"""Shares of all commands: cancellations, amendments, market orders. The rest are limit orders."""


class Place(NamedTuple):
    """A market, and the price about which it is traded."""

    instrument: Instrument
    mid: int


def opening() -> list[AnyCommand]:
    """The demo's markets, and the users with more than enough money."""
    codes = sorted({code for one in places() for code in (one.instrument.base, one.instrument.quote)})
    return [
        *demo_commands(),
        *(OpenAccount(user, f"trader-{user}") for user in USERS),
        *(Deposit(user, code, MONEY) for user in USERS for code in codes),
    ]


def places() -> list[Place]:
    """The first markets of the demo."""
    listed = [one.instrument for one in demo_commands() if isinstance(one, ListInstrument)]
    return [
        Place(one, reference_price(pair)) for one, pair in zip(listed[:MARKETS], read_pairs()[:MARKETS], strict=True)
    ]


class Traders:
    """Gives one command after the other; `hear` tells it of the orders that are open."""

    def __init__(self, seed: int) -> None:
        self._dice = random.Random(seed)
        self._places = places()
        self._open: dict[int, int] = {}  # order to account
        self._order: list[int] = []  # of those that were opened, some of which have ended

    def hear(self, batch: Batch) -> None:
        """What became of the orders."""
        for account, events in batch.private.items():
            if account not in USERS:
                continue
            for event in events:
                if isinstance(event, OwnOrderOpened):
                    self._open[event.order_id] = account
                    self._order.append(event.order_id)
                elif isinstance(event, OwnOrderUpdated) and event.status in ENDED:
                    self._open.pop(event.order_id, None)

    def next(self) -> AnyCommand:
        """What somebody does next."""
        what = self._dice.random()
        if what < CANCELS + AMENDS or len(self._open) > CROWD:
            order = self._some_order()
            if order is not None:
                account = self._open[order]
                if CANCELS <= what < CANCELS + AMENDS:
                    return AmendOrder(account, order, size=self._size(self._dice.choice(self._places).instrument))
                return CancelOrder(account, order)
        return self._place(taker=what > 1 - TAKERS)

    def _some_order(self) -> int | None:
        while self._order:
            place = self._dice.randrange(len(self._order))
            order = self._order[place]
            self._order[place] = self._order[-1]
            self._order.pop()
            if order in self._open:
                return order
        return None

    def _place(self, *, taker: bool) -> PlaceOrder:
        dice = self._dice
        user, side = dice.choice(USERS), dice.choice((Side.BUY, Side.SELL))
        instrument, mid = dice.choice(self._places)
        if taker:
            return PlaceOrder(user, instrument.id, side, OrderKind.MARKET, self._size(instrument))
        step = max(instrument.tick, mid // 20_000 // instrument.tick * instrument.tick)
        away = round(dice.expovariate(1 / 15)) - 2
        price = (mid // step - away if side is Side.BUY else mid // step + away) * step
        name = f"{dice.getrandbits(64):016x}"
        return PlaceOrder(user, instrument.id, side, OrderKind.LIMIT, self._size(instrument), price, client_id=name)

    def _size(self, instrument: Instrument) -> int:
        return self._dice.randint(1, 100) * instrument.min_size
