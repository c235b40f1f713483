"""Random commands in markets whose index jumps about, so that everything that can go wrong with a margin does.

Two perpetuals and a spot market share one currency; users are few, take high leverage, trade across the spread, and
meet each other, a house account that makes the books, and the insurance fund.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any

from polyfeed.model import commands as c
from polyfeed.model import enums as k
from polyfeed.model.batches import Batch
from polyfeed.model.events import OrderClosed
from polyfeed.model.instruments import Currency, Instrument
from polyfeed.model.perpetuals import PerpetualTerms, RiskTier

START = 1_750_000_000_000_000
USERS, HOUSE, FUND = (1, 2, 3, 4, 5, 6), 8, -1
PERPETUALS, SPOT = (0, 1), 2


@dataclass(frozen=True)
class Mix:
    """The character of a flow: how far the index jumps (ppm) and how often, how large orders are, what the fund has,
    whether a house account makes the books, microseconds between commands.
    """

    name: str
    jump_ppm: int = 20_000
    indexes: float = 0.12
    sizes: int = 40
    fund: int = 100_000
    wealth: int = 20_000
    house: bool = True
    step_us: int = 300_000_000
    fees: tuple[int, int] = (-100, 500)


MIXES = (
    Mix("calm", jump_ppm=5_000),
    Mix("violent", jump_ppm=120_000),
    Mix("poor", jump_ppm=60_000, fund=0, wealth=3_000),
    Mix("alone", jump_ppm=80_000, fund=0, house=False),
    Mix("crash", jump_ppm=400_000, indexes=0.05, fund=1_000, house=False),
    Mix("slow", jump_ppm=30_000, indexes=0.3, step_us=3_000_000_000, fees=(0, 0)),
)


def perpetual(number: int, name: str, **changes: Any) -> Instrument:
    """A perpetual in which every rounding happens."""
    terms = PerpetualTerms(
        max_leverage=20,
        default_leverage=10,
        tiers=(RiskTier(30_000, 50_000, 25_000), RiskTier(0, 100_000, 60_000)),
        price_band_ppm=100_000,
        premium_clamp_ppm=10_000,
        funding_clamp_ppm=20_000,
        premium_intervals=2,
    )
    shape: dict[str, Any] = {
        "price_scale": 1,
        "size_scale": 2,
        "tick": 3,
        "lot": 2,
        "min_size": 2,
        "kind": k.InstrumentKind.PERPETUAL,
        "perpetual": terms,
    }
    return Instrument(number, name, "BTC", "USD", **shape | changes)


def opening(mix: Mix) -> list[c.AnyCommand]:
    """Currencies, markets, accounts, money, the first index prices."""
    maker, taker = mix.fees
    listed = [
        perpetual(0, "A-PERP", maker_fee_ppm=maker, taker_fee_ppm=taker),
        perpetual(1, "B-PERP", maker_fee_ppm=maker, taker_fee_ppm=taker, size_scale=1),
        Instrument(2, "BTC-USD", "BTC", "USD", 1, 2, 1, 1, 1, 0, maker_fee_ppm=1_000, taker_fee_ppm=2_000),
    ]
    money = [c.Deposit(user, "USD", mix.wealth * user) for user in USERS]
    coins = [c.Deposit(user, "BTC", 10_000) for user in USERS[:2]]
    return [
        c.DefineCurrency(Currency("USD", 2)),
        c.DefineCurrency(Currency("BTC", 3)),
        *map(c.ListInstrument, listed),
        *(c.OpenAccount(user, str(user)) for user in USERS),
        c.OpenAccount(HOUSE, "house", house=True),
        *money,
        *coins,
        *([c.Deposit(FUND, "USD", mix.fund)] if mix.fund else []),
        *(c.SetIndexPrice(number, 10_000) for number in PERPETUALS),
    ]


class Flow:
    """Gives one command after the other."""

    def __init__(self, mix: Mix, seed: int) -> None:
        self.mix = mix
        self.random = Random(f"{mix.name} {seed}")
        self.opening = opening(mix)
        self.index = dict.fromkeys(PERPETUALS, 10000)
        self.orders: dict[int, int] = {}
        self.more = False

    def next(self) -> c.AnyCommand:
        """The next command."""
        if self.more:
            return c.Proceed()
        if self.opening:
            return self.opening.pop(0)
        kind = self.random.random()
        if kind < self.mix.indexes:
            return self.move_index()
        if kind < self.mix.indexes + 0.12 or len(self.orders) > 60:
            return self.cancel()
        if kind < self.mix.indexes + 0.2:
            return self.seldom()
        return self.place()

    def hear(self, command: c.AnyCommand, batch: Batch) -> None:
        """What became of a command."""
        self.more = batch.more
        if isinstance(command, c.PlaceOrder) and batch.outcome.accepted:
            self.orders[batch.outcome.order_id] = command.account
        for event in batch.public:
            if isinstance(event, OrderClosed):
                self.orders.pop(event.order_id, None)

    def move_index(self) -> c.SetIndexPrice:
        """A jump, drawn back to where it began."""
        number = self.random.choice(PERPETUALS)
        jump = self.random.randint(-self.mix.jump_ppm, self.mix.jump_ppm)
        price = self.index[number] * (1_000_000 + jump) // 1_000_000
        price += (10_000 - price) // 20
        self.index[number] = max(50, price)
        return c.SetIndexPrice(number, self.index[number] if self.random.random() < 0.99 else 0)

    def cancel(self) -> c.AnyCommand:
        """One order or all of an account."""
        if not self.orders or self.random.random() < 0.05:
            return c.CancelAll(self.random.choice((*USERS, HOUSE)))
        order_id = self.random.choice(list(self.orders)[-60:])
        account = self.orders.pop(order_id)
        if self.random.random() < 0.3:
            return c.AmendOrder(account, order_id, self.price(0), self.random.choice((0, 20)))
        return c.CancelOrder(account, order_id)

    def price(self, number: int) -> int:
        """Around the index, mostly on the grid."""
        middle = self.index.get(number, 10_000)
        price = middle + self.random.randint(-middle // 25, middle // 25)
        return price - price % 3 if number != SPOT else price

    def place(self) -> c.PlaceOrder:
        """Any order."""
        random, mix = self.random, self.mix
        number = random.choices((0, 1, SPOT), (6, 4, 1))[0]
        side = random.choice(tuple(k.Side))
        account = HOUSE if mix.house and random.random() < 0.3 else random.choice(USERS)
        market = random.random() < 0.25
        size = 2 * random.randint(1, mix.sizes * (3 if account == HOUSE else 1))
        trigger = random.random() < 0.06
        return c.PlaceOrder(
            account,
            number,
            side,
            k.OrderKind.MARKET if market else k.OrderKind.LIMIT,
            size,
            0 if market else self.price(number),
            random.choice((k.TimeInForce.IOC, k.TimeInForce.FOK))
            if market or random.random() < 0.1
            else k.TimeInForce.GTC,
            self_trade=random.choice(tuple(k.SelfTrade)),
            trigger=random.choice((k.Trigger.STOP_LOSS, k.Trigger.TAKE_PROFIT)) if trigger else k.Trigger.NONE,
            trigger_price=self.price(0) if trigger else 0,
            reduce_only=number != SPOT and random.random() < 0.15,
        )

    def seldom(self) -> c.AnyCommand:
        """What is not about one order."""
        random = self.random
        account, number = random.choice((*USERS, HOUSE)), random.choice((*PERPETUALS, -1, -1, SPOT))
        what = random.random()
        if what < 0.35:
            return c.SetLeverage(
                account, number, random.choice((1, 3, 10, 20, 20, 50)), random.choice(tuple(k.MarginMode))
            )
        if what < 0.5:
            return c.AddMargin(account, number, random.randint(-2_000, 2_000))
        if what < 0.8:
            return c.Deposit(account, "USD", random.choice((-1, 1)) * random.randint(1, self.mix.wealth))
        return c.Clock()
