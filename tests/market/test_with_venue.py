"""What the venue decides, remembered three times: by level, by order, and by owner. All three must tell the same."""

import random

import pytest

from polyfeed.accounts.accounts import Accounts
from polyfeed.market.instrument import InstrumentState
from polyfeed.market.market import Market
from polyfeed.model.batches import Batch
from polyfeed.model.commands import (
    AmendOrder,
    AnyCommand,
    CancelAll,
    CancelOrder,
    Clock,
    DefineCurrency,
    Deposit,
    ListInstrument,
    OpenAccount,
    PlaceOrder,
    Proceed,
    Stamped,
)
from polyfeed.model.enums import OrderKind, SelfTrade, Side, TimeInForce
from polyfeed.model.events import Trade
from polyfeed.model.instruments import Currency, Instrument
from polyfeed.venue.venue import Venue
from tests.market.words import MINUTE, MONDAY

USERS = (1, 2, 3)
SETUP: list[AnyCommand] = [
    DefineCurrency(Currency("BTC", 8)),
    DefineCurrency(Currency("USD", 4)),
    *(ListInstrument(Instrument(n, f"I{n}", "BTC", "USD", 2, 4, 1, 1, 1, taker_fee_ppm=2000)) for n in (0, 1)),
    *(OpenAccount(user, f"user{user}", house=user == 3) for user in USERS),
    *(Deposit(user, code, 10**13) for user in USERS for code in ("BTC", "USD")),
]


class Stage:
    """A venue of small batches, and the market and accounts that listen to it."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.venue = Venue(batch_limit=20)
        self.market = Market()
        self.accounts = Accounts()
        self.seq = 0
        self.ts = MONDAY
        self.trades: list[Trade] = []
        for command in SETUP:
            self.send(command)

    def send(self, command: AnyCommand) -> None:
        while self.carry_out(command).more:
            command = Proceed()

    def carry_out(self, command: AnyCommand) -> Batch:
        self.seq += 1
        self.ts += self.rng.randrange(1, MINUTE)
        batch = self.venue.apply(Stamped(self.seq, self.ts, command))
        self.trades += [change for change in self.market.apply(batch) if isinstance(change, Trade)]
        self.accounts.apply(batch)
        return batch

    def any_command(self) -> AnyCommand:
        rng, user = self.rng, self.rng.choice(USERS)
        account = self.accounts.get(user)
        known = list(account.orders) if account is not None else []
        action = rng.random()
        if action < 0.1 and known:
            return CancelOrder(user, rng.choice(known))
        if action < 0.25 and known:
            return AmendOrder(user, rng.choice(known), rng.choice((0, rng.randrange(80, 120))), rng.randrange(60))
        if 0.25 <= action < 0.253:
            return CancelAll(user, rng.choice((-1, 0, 1)))
        if 0.253 <= action < 0.3:
            return Clock()
        kind = rng.choice((OrderKind.LIMIT, OrderKind.LIMIT, OrderKind.LIMIT, OrderKind.MARKET))
        limit = kind is OrderKind.LIMIT
        return PlaceOrder(
            user,
            rng.randrange(2),
            rng.choice(list(Side)),
            kind,
            rng.randrange(1, 60),
            rng.randrange(80, 120) if limit else 0,
            rng.choice(
                (TimeInForce.GTC, TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK) if limit else (TimeInForce.GTC,)
            ),
            post_only=limit and rng.random() < 0.1,
            self_trade=rng.choice(list(SelfTrade)),
        )

    def assert_told_alike(self) -> None:
        for state in self.market.instruments:
            self.assert_levels_are_sums(state)
            self.assert_owners_know(state)
            mine = [trade for trade in self.trades if trade.instrument == state.instrument.id]
            assert [entry.trade_id for entry in state.tape.recent(1000)] == [trade.trade_id for trade in mine][-1000:]
            assert state.stats.last == (mine[-1].price if mine else 0)

    def assert_levels_are_sums(self, state: InstrumentState) -> None:
        assert state.orders is not None
        for side in Side:
            totals: dict[int, int] = {}
            for _, price, left in state.orders.top(side, 10**6):
                totals[price] = totals.get(price, 0) + left
            levels = state.book.side(side).top(10**6)
            assert [(level.price, level.size) for level in levels] == list(totals.items())

    def assert_owners_know(self, state: InstrumentState) -> None:
        assert state.orders is not None
        owned = {
            order.order_id: (order.price, order.left)
            for account in self.accounts.all()
            for order in account.orders.values()
            if order.terms.instrument == state.instrument.id
        }
        assert owned == {number: (order.price, order.left) for number, order in state.orders.resting.items()}


@pytest.mark.parametrize("seed", range(4))
def test_levels_orders_and_owners_tell_the_same(seed: int) -> None:
    stage = Stage(seed)
    for number in range(10000):
        stage.send(stage.any_command())
        if number % 100 == 0:
            stage.assert_told_alike()
    stage.assert_told_alike()
    assert len(stage.trades) > 2000
    assert Market.restore(stage.market.snapshot()).state_hash() == stage.market.state_hash()
    assert Accounts.restore(stage.accounts.snapshot()).state_hash() == stage.accounts.state_hash()
