"""Sends commands by hand: one line each, numbered and stamped, in a market whose numbers can be checked in the head.

Prices and sizes are whole numbers: 3 at 100 costs 300 units of USD. There are no fees unless a test asks for them.
"""

from __future__ import annotations

from typing import Any

from polyfeed.model.batches import Batch
from polyfeed.model.commands import (
    AmendOrder,
    AnyCommand,
    CancelAll,
    CancelOrder,
    DefineCurrency,
    Deposit,
    ListInstrument,
    OpenAccount,
    Origin,
    PlaceOrder,
    Proceed,
    Stamped,
)
from polyfeed.model.enums import OrderKind, Refusal, Side
from polyfeed.model.events import BalanceSet, OrderOpened, PrivateEvent, PublicEvent, Trade
from polyfeed.model.instruments import Currency, Instrument
from polyfeed.venue import Venue

START = 1_700_000_000_000_000
ANN, BOB, CAT, HOUSE = 1, 2, 3, 9
FEES = 0


def instrument(**changes: Any) -> Instrument:
    """BTC-USD in whole numbers, with some of its terms changed."""
    terms: dict[str, Any] = {
        "id": 0,
        "name": "BTC-USD",
        "base": "BTC",
        "quote": "USD",
        "price_scale": 0,
        "size_scale": 0,
        "tick": 1,
        "lot": 1,
        "min_size": 1,
    }
    return Instrument(**terms | changes)


class Driver:
    """A venue and the next stamp."""

    def __init__(self, batch_limit: int = 1000, step_us: int = 1000) -> None:
        self.venue = Venue(batch_limit=batch_limit)
        self.seq = 0
        self.ts = START
        self.step_us = step_us

    def send(self, command: AnyCommand, origin: Origin | None = None) -> Batch:
        """One command, one batch."""
        self.seq += 1
        self.ts += self.step_us
        return self.venue.apply(Stamped(self.seq, self.ts, command, origin))

    def do(self, command: AnyCommand) -> Batch:
        """A command that is carried out."""
        batch = self.send(command)
        assert batch.outcome.accepted, batch.outcome.detail
        return batch

    def whole(self, command: AnyCommand) -> list[Batch]:
        """A command and all that goes on from it."""
        batches = [self.do(command)]
        while batches[-1].more:
            batches.append(self.do(Proceed()))
        return batches

    def refused(self, command: AnyCommand) -> Refusal:
        """A command that is refused, and what its refusal must be like."""
        batch = self.send(command)
        assert batch.outcome.refusal is not None
        assert batch.public == []
        assert batch.private == {}
        assert batch.outcome.order_id == 0
        assert not batch.more
        assert len(batch.outcome.detail) > 20
        return batch.outcome.refusal

    def place(self, account: int, side: Side, size: int, price: int = 0, **terms: Any) -> Batch:
        """An order: a limit order when it has a price, otherwise a market order."""
        kind = terms.pop("kind", OrderKind.LIMIT if price else OrderKind.MARKET)
        return self.do(PlaceOrder(account, terms.pop("instrument", 0), side, kind, size, price, **terms))

    def buy(self, account: int, size: int, price: int = 0, **terms: Any) -> Batch:
        """As `place`."""
        return self.place(account, Side.BUY, size, price, **terms)

    def sell(self, account: int, size: int, price: int = 0, **terms: Any) -> Batch:
        """As `place`."""
        return self.place(account, Side.SELL, size, price, **terms)

    def cancel(self, account: int, order: Batch | int) -> Batch:
        """Takes out the order that a batch made."""
        return self.do(CancelOrder(account, order_id(order)))

    def cancel_all(self, account: int, instrument_id: int = -1) -> Batch:
        """Takes out all of an account's orders."""
        return self.do(CancelAll(account, instrument_id))

    def amend(self, account: int, order: Batch | int, price: int = 0, size: int = 0) -> Batch:
        """Changes the order that a batch made."""
        return self.do(AmendOrder(account, order_id(order), price, size))

    def deposit(self, account: int, currency: str, amount: int) -> Batch:
        """Money from outside."""
        return self.do(Deposit(account, currency, amount))


def order_id(order: Batch | int) -> int:
    """The id of the order that a batch made."""
    return order if isinstance(order, int) else order.outcome.order_id


def trading(batch_limit: int = 1000, money: int = 1_000_000, **terms: Any) -> Driver:
    """One market; Ann, Bob and Cat each with money and as many BTC, and a house account."""
    driver = Driver(batch_limit)
    driver.do(DefineCurrency(Currency("USD", 0)))
    driver.do(DefineCurrency(Currency("BTC", 0)))
    driver.do(ListInstrument(instrument(**terms)))
    for account, name in ((ANN, "ann"), (BOB, "bob"), (CAT, "cat")):
        driver.do(OpenAccount(account, name))
        if money:
            driver.deposit(account, "USD", money)
            driver.deposit(account, "BTC", money)
    driver.do(OpenAccount(HOUSE, "house", house=True))
    return driver


def trades(batch: Batch) -> list[tuple[int, int]]:
    """The (price, size) of a batch's trades."""
    return [(event.price, event.size) for event in batch.public if isinstance(event, Trade)]


def balances(batch: Batch, account: int) -> dict[str, tuple[int, int]]:
    """The (total, held) that a batch told an account."""
    return {e.currency: (e.total, e.held) for e in batch.private.get(account, []) if isinstance(e, BalanceSet)}


def last(events: list[PublicEvent] | list[PrivateEvent], kind: type) -> Any:
    """The last event of a kind."""
    return [event for event in events if isinstance(event, kind)][-1]


def opened(batch: Batch) -> int:
    """The id of the first order that a batch announced."""
    return next(event.order_id for event in batch.public if isinstance(event, OrderOpened))
