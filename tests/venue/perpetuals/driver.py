"""A perpetual whose numbers can be checked in the head, and accounts that are placed in it by hand.

Prices and sizes are whole numbers and so is money: 3 at 100 are worth 300. Leverage goes up to 10; the initial margin is
at least 10 %, the maintenance margin 5 %. The mark price is the index (its premium is clamped to nothing). There are no
fees unless a test asks for them. Funding is exchanged every hour; the first commands come just after one.
"""

from __future__ import annotations

from typing import Any

from polyfeed.model.batches import Batch
from polyfeed.model.commands import (
    DefineCurrency,
    Deposit,
    ListInstrument,
    OpenAccount,
    SetIndexPrice,
    SetLeverage,
)
from polyfeed.model.enums import InstrumentKind, MarginMode, Side
from polyfeed.model.events import BalanceSet, Event, PositionSet
from polyfeed.model.instruments import Currency
from polyfeed.model.perpetuals import HOUR_US, PerpetualTerms, RiskTier
from polyfeed.venue.accounts import FUND
from polyfeed.venue.perpetuals.positions import Position
from tests.venue.driver import ANN, BOB, CAT, HOUSE, START, Driver, instrument
from tests.venue.perpetuals.invariants import Books

DAN = 4
TERMS: dict[str, Any] = {
    "max_leverage": 10,
    "default_leverage": 10,
    "tiers": (RiskTier(0, 100_000, 50_000),),
    "price_band_ppm": 500_000,
    "premium_clamp_ppm": 0,
    "interest_ppm": 0,
    "damper_ppm": 0,
    "liquidation_fee_ppm": 10_000,
    "funding_clamp_ppm": 50_000,
}


class Desk(Driver):
    """Every command is followed by a check of the money."""

    def __init__(self, batch_limit: int = 1000) -> None:
        super().__init__(batch_limit)
        self.books = Books(self.venue)
        self.ts = START - START % HOUR_US

    def send(self, command: Any, origin: Any = None) -> Batch:
        batch = super().send(command, origin)
        self.books.hear(batch)
        if len(self.venue._state.markets) > 0:
            self.books.check_money()
            if not batch.more:
                self.books.check_rest()
        return batch

    def index(self, price: int, market: int = 0) -> Batch:
        """The index, and with it the mark price, is now this."""
        return self.do(SetIndexPrice(market, price))

    def trade(self, buyer: int, seller: int, size: int, price: int, market: int = 0) -> Batch:
        """A trade between the two at this price, in an empty book."""
        self.sell(seller, size, price, instrument=market)
        return self.buy(buyer, size, price, instrument=market)

    def leverage(self, account: int, leverage: int, mode: MarginMode = MarginMode.CROSS, market: int = 0) -> Batch:
        """What an account chooses."""
        return self.do(SetLeverage(account, market, leverage, mode))

    def position(self, account: int, market: int = 0) -> Position:
        """What the venue knows of a position."""
        return self.venue._state.accounts[account].positions[market]

    def cash(self, account: int) -> int:
        """What an account owns, profits that are not realised left out."""
        return self.venue._state.accounts[account].balance("USD").total

    def free(self, account: int) -> int:
        """What an account can spend."""
        return self.venue._state.accounts[account].balance("USD").available


def perpetual(money: int = 1_000, fund: int = 0, batch_limit: int = 1000, index: int = 100, **changes: Any) -> Desk:
    """One perpetual with an index, four accounts with money, a house account, and the insurance fund."""
    desk = Desk(batch_limit)
    terms = PerpetualTerms(**TERMS | {name: changes.pop(name) for name in list(changes) if name in TERMS})
    desk.do(DefineCurrency(Currency("USD", 0)))
    desk.do(DefineCurrency(Currency("BTC", 0)))
    desk.do(ListInstrument(instrument(name="BTC-USD-PERP", kind=InstrumentKind.PERPETUAL, perpetual=terms, **changes)))
    for account in (ANN, BOB, CAT, DAN):
        desk.do(OpenAccount(account, str(account)))
        if money:
            desk.do(Deposit(account, "USD", money))
    desk.do(OpenAccount(HOUSE, "house", house=True))
    if fund:
        desk.do(Deposit(FUND, "USD", fund))
    if index:
        desk.index(index)
    return desk


def own(batch: Batch, account: int, kind: type[Event]) -> list[Any]:
    """The events of a kind that a batch tells an account."""
    return [event for event in batch.private.get(account, []) if isinstance(event, kind)]


def public(batch: Batch, kind: type[Event]) -> list[Any]:
    """The public events of a kind."""
    return [event for event in batch.public if isinstance(event, kind)]


def told(batch: Batch, account: int) -> PositionSet:
    """The position that a batch told an account."""
    (event,) = own(batch, account, PositionSet)
    return event


def names(batch: Batch, account: int) -> list[str]:
    """What a batch told an account, by name and in order, balances left out."""
    return [type(event).__name__ for event in batch.private.get(account, []) if not isinstance(event, BalanceSet)]


__all__ = ["ANN", "BOB", "CAT", "DAN", "FUND", "HOUSE", "Desk", "Side", "names", "own", "perpetual", "public", "told"]
