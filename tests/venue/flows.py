"""Random commands, the same ones for the same seed: a small market in which everything meets everything.

Prices lie within a few ticks of each other, accounts are few and some are poor, so orders cross, run out of money, meet
their owner's own, and are cancelled and amended at all times. A flow hears the batches, so that it can name real orders.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any

from polyfeed.model import commands as c
from polyfeed.model import enums as k
from polyfeed.model import events as e
from polyfeed.model.batches import Batch
from polyfeed.model.instruments import Currency, Instrument

START = 1_750_000_000_000_000
KINDS = (k.OrderKind.LIMIT, k.OrderKind.MARKET, k.OrderKind.INSTANT, k.OrderKind.CASH_SELL)
TIFS = (k.TimeInForce.GTC, k.TimeInForce.IOC, k.TimeInForce.FOK)
TRAILING = (k.Trigger.TRAILING_STOP_LOSS, k.Trigger.TRAILING_TAKE_PROFIT)
STEP_US = 37
DAY_US = 86_400_000_000
STATUSES = tuple(k.InstrumentStatus)
STANDING = (k.OrderStatus.OPEN, k.OrderStatus.UNTRIGGERED)
SIDES = {k.OrderKind.INSTANT: k.Side.BUY, k.OrderKind.CASH_SELL: k.Side.SELL}
USERS, HOUSE, UNKNOWN = (1, 2, 3, 4), 8, 99


@dataclass(frozen=True)
class Mix:
    """The character of a flow: how many ticks prices spread over, how long orders stay, how much money there is,
    how many orders there are at most."""

    name: str
    spread: int = 12
    sizes: int = 30
    cancels: float = 0.15
    amends: float = 0.18
    post_only: float = 0.2
    immediate: float = 0.25
    triggers: float = 0.12
    timed: float = 0.1
    wealth: int = 40_000
    fees: tuple[int, int] = (1_000, 2_500)
    crowd: int = 40


MIXES = (
    Mix("even"),
    Mix("poor", wealth=2_500),
    Mix("rebates", fees=(-1_500, 2_500), amends=0.3),
    Mix("dear", fees=(333_333, 1_000_000), wealth=8_000),
    Mix("tight", spread=3, post_only=0.6),
    Mix("wide", spread=60, cancels=0.1, immediate=0.05),
    Mix("hasty", immediate=0.8, cancels=0.05),
    Mix("stops", triggers=0.6, immediate=0.3, cancels=0.05, amends=0.1, crowd=80),
    Mix("timed", timed=0.7, cancels=0.02, amends=0.1, crowd=80, spread=30),
)


def opening(mix: Mix) -> list[c.AnyCommand]:
    """Two markets that share USD, with steps, scales and fees that make every rounding happen."""
    maker, taker = mix.fees
    listed = [
        Instrument(0, "BTC-USD", "BTC", "USD", 1, 2, 2, 5, 10, 3, maker_fee_ppm=maker, taker_fee_ppm=taker),
        Instrument(1, "ETH-USD", "ETH", "USD", 2, 1, 1, 1, 1, 0, maker_fee_ppm=maker, taker_fee_ppm=taker),
        Instrument(2, "tape", "ETH", "BTC", 2, 1, 1, 1, 1, detail=k.Detail.LEVELS),
    ]
    accounts = [
        c.OpenAccount(1, "one"),
        c.OpenAccount(2, "two", maker_fee_ppm=-777, taker_fee_ppm=1_234),
        c.OpenAccount(3, "three"),
        c.OpenAccount(4, "four", taker_fee_ppm=-100, parent=3),
        c.OpenAccount(HOUSE, "house", house=True, maker_fee_ppm=0),
    ]
    money: list[c.AnyCommand] = [
        c.Deposit(user, code, mix.wealth * user) for user in USERS for code in ("USD", "BTC", "ETH")
    ]
    currencies = [Currency("USD", 2), Currency("BTC", 3), Currency("ETH", 1)]
    return [*map(c.DefineCurrency, currencies), *map(c.ListInstrument, listed), *accounts, *money]


class Flow:
    """Gives one command after the other."""

    def __init__(self, mix: Mix, seed: int) -> None:
        self.mix = mix
        self.random = Random(f"{mix.name} {seed}")
        self.opening = opening(mix)
        self.orders: dict[int, int] = {}  # id -> account, of those that may still rest
        self.imported = 1000
        self.now = START
        self.command: c.AnyCommand | None = None
        self.more = False
        self.closed: set[int] = set()  # markets that are not online

    def next(self) -> c.AnyCommand:
        """The next command, at the time `now`. Days pass, but not within a decision."""
        self.now += STEP_US
        if self.more:
            return c.Proceed()
        if self.random.random() < 0.003:
            self.now += self.random.choice((1_000, DAY_US))
        self.command = self.choose()
        return self.command

    def choose(self) -> c.AnyCommand:
        """Any command."""
        if self.opening:
            return self.opening.pop(0)
        kind, mix = self.random.random(), self.mix
        if self.closed and kind < 0.1:
            return c.SetInstrumentStatus(min(self.closed), k.InstrumentStatus.ONLINE)
        kind = self.random.random()
        if kind < mix.cancels or len(self.orders) > mix.crowd:
            return c.CancelOrder(*self.some_order())
        if kind < mix.cancels + mix.amends:
            return self.amend()
        if kind < mix.cancels + mix.amends + 0.05:
            return self.seldom()
        return self.place()

    def hear(self, batch: Batch) -> None:
        """What became of the command, which has an origin in the batch in which it was carried out."""
        self.more = batch.more
        if batch.origin is not None and batch.outcome.accepted:
            command, self.command = self.command, None
            if isinstance(command, c.PlaceOrder | c.ReplaceOrder):
                self.orders[batch.outcome.order_id] = command.account
            if isinstance(command, c.SetInstrumentStatus):
                (self.closed.discard if command.status == "online" else self.closed.add)(command.instrument)
        for events in batch.private.values():
            for event in events:
                if isinstance(event, e.OwnOrderUpdated) and event.status not in STANDING:
                    self.gone(event.order_id)

    def gone(self, order_id: int) -> None:
        """An order ended; now and then it is named all the same."""
        if self.random.random() < 0.98:
            self.orders.pop(order_id, None)

    def some_order(self) -> tuple[int, int]:
        """An order, mostly with its owner."""
        if not self.orders or self.random.random() < 0.02:
            return (self.random.choice((1, UNKNOWN)), self.random.randrange(3000))
        order_id = self.random.choice(list(self.orders)[-60:])
        return (self.orders[order_id] if self.random.random() < 0.97 else 1, order_id)

    def price(self, instrument: int, side: k.Side) -> int:
        """Near the middle, with some overlap of the sides; now and then off the grid."""
        spread = self.mix.spread
        ticks = 100 + self.random.randint(-spread, spread) + (spread // 3) * (1 if side is k.Side.SELL else -1)
        price = ticks * (2 if instrument == 0 else 1)
        return price if self.random.random() < 0.99 else self.random.choice((0, -2, price + 1))

    def size(self, instrument: int) -> int:
        """Some lots; now and then off the grid."""
        lots = self.random.randint(2, self.mix.sizes)
        size = lots * (5 if instrument == 0 else 1)
        return size if self.random.random() < 0.99 else self.random.choice((0, -5, size + 1, 5))

    def place(self) -> c.PlaceOrder:
        """Any order."""
        random, mix = self.random, self.mix
        instrument = random.choices((0, 1, 2, 7), (70, 28, 1, 1))[0]
        side = random.choice(tuple(k.Side))
        account = random.choices((*USERS, HOUSE, UNKNOWN), (5, 5, 5, 5, 5, 0.1))[0]
        immediate = random.random() < mix.immediate
        kind = random.choices(KINDS, (4, 2, 1, 1))[0] if immediate else k.OrderKind.LIMIT
        if kind in SIDES and random.random() < 0.98:
            side = SIDES[kind]
        priced = kind is k.OrderKind.LIMIT or random.random() < 0.3
        tif = random.choice(TIFS) if immediate else k.TimeInForce.GTC
        if random.random() < (0.01 if immediate else mix.timed):
            tif = random.choice((k.TimeInForce.DAY, k.TimeInForce.GTD))
        sized = kind not in SIDES if random.random() < 0.997 else kind in SIDES
        return c.PlaceOrder(
            account,
            instrument,
            side,
            kind,
            self.size(instrument) if sized else 0,
            self.price(instrument, side) if priced else 0,
            tif,
            random.random() < (0.005 if immediate else mix.post_only),
            random.choice(tuple(k.SelfTrade)),
            random.choice(("", "a", "b")),
            self.imported_id() if account == HOUSE or random.random() < 0.005 else 0,
            amount=0 if sized else self.amount(),
            expire_ts=self.end() if tif is k.TimeInForce.GTD or random.random() < 0.003 else 0,
            reduce_only=random.random() < 0.003,
            **(self.trigger(instrument, side) if random.random() < mix.triggers else {}),
        )

    def amount(self) -> int:
        """Enough for some lots, or for none."""
        return self.random.choice((0, 1, self.random.randint(1, 100), self.random.randint(100, 20_000)))

    def end(self) -> int:
        """After some commands, mostly."""
        return self.now + self.random.randint(-200, 40_000)

    def trigger(self, instrument: int, side: k.Side) -> dict[str, Any]:
        """What an order waits for; now and then something that cannot be."""
        random = self.random
        trigger = random.choice(tuple(k.Trigger)[1:])
        price = self.price(instrument, random.choice(tuple(k.Side)))
        if (trigger in TRAILING) is (random.random() < 0.99):
            bps = random.choice((100, 300, random.randint(1, 3_000), random.choice((0, 10_000))))
            return {"trigger": trigger, "trailing_bps": bps, "activation_price": random.choice((0, price))}
        return {"trigger": trigger if random.random() < 0.99 else k.Trigger.NONE, "trigger_price": price}

    def imported_id(self) -> int:
        """None, a new one, or one that was there before."""
        kind = self.random.random()
        if kind < 0.5:
            return 0
        if kind < 0.6:
            return self.some_order()[1]
        self.imported += 1
        return self.imported

    def amend(self) -> c.AmendOrder | c.ReplaceOrder:
        """A new price, a new size, both, or neither; for the same order or for another one in its place."""
        instrument = self.random.choice((0, 0, 1))
        side = self.random.choice(tuple(k.Side))
        what = self.random.randrange(8)
        price = self.price(instrument, side) if what in (0, 1, 2, 3) else 0
        size = self.size(instrument) if what in (2, 3, 4, 5, 6) else 0
        account, order_id = self.some_order()
        if self.random.random() < 0.2:
            return c.ReplaceOrder(account, order_id, price, size, "r")
        return c.AmendOrder(account, order_id, price, size)

    def seldom(self) -> c.AnyCommand:
        """What is not about one order."""
        random = self.random
        what = random.randrange(100)
        account = random.choice((*USERS, HOUSE, UNKNOWN))
        if what < 15:
            return c.CancelAll(account, random.choice((-1, 0, 1, 2, 5)))
        if what < 60:
            code = random.choice(("USD", "BTC", "ETH", "XXX"))
            return c.Deposit(account, code, random.randint(-1, 1) * random.randint(0, self.mix.wealth // 2))
        if what < 75:
            return c.SetInstrumentStatus(random.choice((0, 1, 2, 9)), self.status())
        if what < 80:
            return c.OpenAccount(random.choice((1, -1)), "again")
        if what < 83:
            return c.DefineCurrency(Currency(random.choice(("USD", "")), 3))
        return random.choice((c.Clock(), c.SetSystemStatus("so"), c.Proceed()))

    def status(self) -> k.InstrumentStatus:
        """Mostly open."""
        return k.InstrumentStatus.ONLINE if self.random.random() < 0.7 else self.random.choice(STATUSES)
