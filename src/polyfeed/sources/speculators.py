"""Small accounts that take all the leverage there is, so that liquidations, funding and settlements can be seen.

Each keeps an isolated position on one side of a perpetual, of a stake's worth of margin. It takes its profit when that
has grown to half the stake, and otherwise waits until it is liquidated; then it begins again, with money from outside
where it has not enough. The same seed and the same batches heard give the same commands.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from msgspec import Struct

from polyfeed.model.batches import Batch
from polyfeed.model.commands import AnyCommand, Deposit, PlaceOrder, SetLeverage
from polyfeed.model.enums import MarginMode, OrderKind, Side, TimeInForce
from polyfeed.model.events import BalanceSet, MarkPriceSet, PositionSet
from polyfeed.model.instruments import Instrument
from polyfeed.sources.source import AT_ONCE, Source

PAUSE_S = 15
"""Between two looks at a position, on average."""
EXPOSED_PPM, PPM = 900_000, 1_000_000
"""So much of what the stake allows is risked: the rest is for fees and for what the book costs."""
TOP_UP = 10
"""Stakes that are paid in at once."""


class Speculation(Struct, frozen=True):
    """What one account does: `stake` is the margin of a position, in units of the quote currency. `divisor` makes price
    times size that money (`formulas.cost_divisor`).
    """

    account: int
    side: Side
    instrument: Instrument
    stake: int
    divisor: int


class Speculator:
    """One account. It knows what it was told: its position, its balance, the mark price."""

    def __init__(self, plan: Speculation) -> None:
        self.plan = plan
        self.leverage = plan.instrument.perpetual.max_leverage if plan.instrument.perpetual is not None else 1
        self.mark = 0
        self.chosen = False
        self.available = 0
        self.position: PositionSet | None = None

    def act(self) -> list[AnyCommand]:
        """What it does now, which may be nothing."""
        plan = self.plan
        if not self.mark:
            return []
        if self.position is not None:
            return [self._order(Side(1 - plan.side), abs(self.position.size), True)] if self._won() else []
        commands: list[AnyCommand] = []
        if not self.chosen:
            self.chosen = True
            commands.append(SetLeverage(plan.account, plan.instrument.id, self.leverage, MarginMode.ISOLATED))
        if self.available < plan.stake:
            commands.append(Deposit(plan.account, plan.instrument.quote, TOP_UP * plan.stake))
        lot = plan.instrument.lot
        size = plan.stake * self.leverage * EXPOSED_PPM // PPM * plan.divisor // self.mark // lot * lot
        return [*commands, self._order(plan.side, size, False)] if size >= plan.instrument.min_size else commands

    def _won(self) -> bool:
        return self.position is not None and self.position.unrealised_profit >= self.plan.stake // 2

    def _order(self, side: Side, size: int, closes: bool) -> PlaceOrder:
        plan = self.plan
        return PlaceOrder(
            plan.account,
            plan.instrument.id,
            side,
            OrderKind.MARKET,
            size,
            tif=TimeInForce.IOC,
            reduce_only=closes,
        )


class Speculators(Source):
    """All of them. `rng` is used by nobody else."""

    def __init__(self, plans: Sequence[Speculation], rng: Random) -> None:
        self._all = [Speculator(plan) for plan in plans]
        self._rng = rng
        self._due = AT_ONCE

    @property
    def due(self) -> int | None:
        return self._due if self._all else None

    def step(self, now: int) -> list[AnyCommand]:
        self._due = now + max(1, int(self._rng.expovariate(len(self._all) / PAUSE_S) * 1_000_000))
        return self._rng.choice(self._all).act()

    def hear(self, batch: Batch) -> None:
        for event in batch.public:
            if isinstance(event, MarkPriceSet):
                for one in self._all:
                    if one.plan.instrument.id == event.instrument:
                        one.mark = event.price
        for one in self._all:
            for own in batch.private.get(one.plan.account, ()):
                if isinstance(own, BalanceSet) and own.currency == one.plan.instrument.quote:
                    one.available = own.total - own.held
                elif isinstance(own, PositionSet) and own.instrument == one.plan.instrument.id:
                    one.position = own if own.size else None
