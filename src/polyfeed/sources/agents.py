"""Agents: seeded orders at Poisson times, so that a market moves where nobody trades.

Each desk has a *mid*, a random walk that is drawn back to the book's mid, where one is given, and to a reference price.
Around it a maker keeps a bounded number of resting orders, each at a price of its own, and a taker sends small market
orders into whatever stands there. The same seed and the same batches heard give the same commands.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from random import Random

from polyfeed.model.batches import Batch
from polyfeed.model.commands import AnyCommand, CancelAll
from polyfeed.model.enums import InstrumentStatus, OrderStatus, Side
from polyfeed.model.events import InstrumentStatusSet, OwnOrderOpened, OwnOrderUpdated
from polyfeed.sources.desk import Desk, DeskPlan
from polyfeed.sources.source import AT_ONCE, Source

BURST = 100
"""Commands in one step at most."""
PAUSE_US = 10_000
"""Between the steps that build the ladders."""
CATCH_UP_US = 1_000_000
"""Actions that are later than this have not happened: a process that slept does not make up for it with a flood."""


class Agents(Source):
    """All desks, on one heap of times. `mid` gives the middle of an instrument's book, or the index price of a
    perpetual, None where there is none.

    `maker` and `taker` are house accounts; no one else may trade as `maker`. `rng` is used by nobody else.
    """

    def __init__(
        self,
        plans: Sequence[DeskPlan],
        maker: int,
        taker: int,
        rng: Random,
        mid: Callable[[int], int | None] | None = None,
    ) -> None:
        self._maker = maker
        self._rng = rng
        self._mid = mid or (lambda _: None)
        self._desks = {plan.instrument.id: Desk(plan, maker, taker, rng) for plan in plans}
        self._by_order: dict[int, Desk] = {}
        self._times: list[tuple[int, int]] = []
        self._ladders: Iterator[AnyCommand] | None = None
        self._due = AT_ONCE

    @property
    def due(self) -> int | None:
        return self._due if self._desks else None

    def step(self, now: int) -> list[AnyCommand]:
        if self._ladders is None:
            self._ladders = self._build(now)
        commands = list(islice(self._ladders, BURST))
        if commands:
            self._due = now + PAUSE_US
            return commands
        while self._times[0][0] <= now and len(commands) < BURST:
            due, instrument = self._times[0]
            desk = self._desks[instrument]
            commands += desk.act(now, self._mid(instrument))
            heapq.heapreplace(self._times, (max(due, now - CATCH_UP_US) + self._pause(desk), instrument))
        self._due = self._times[0][0]
        return commands

    def hear(self, batch: Batch) -> None:
        for event in batch.public:
            if isinstance(event, InstrumentStatusSet) and event.instrument in self._desks:
                self._desks[event.instrument].open = event.status == InstrumentStatus.ONLINE
        for own in batch.private.get(self._maker, ()):
            if isinstance(own, OwnOrderOpened) and own.instrument in self._desks:
                desk = self._by_order[own.order_id] = self._desks[own.instrument]
                desk.opened(own.order_id, own.side, own.price)
            elif isinstance(own, OwnOrderUpdated) and own.status != OrderStatus.OPEN:
                ended = self._by_order.pop(own.order_id, None)
                if ended is not None:
                    ended.ended(own.order_id)

    def _build(self, now: int) -> Iterator[AnyCommand]:
        """What an earlier run left is taken away, then every desk's ladder is built, from the touch outwards."""
        self._times = [(now + self._pause(desk), instrument) for instrument, desk in self._desks.items()]
        heapq.heapify(self._times)
        yield CancelAll(self._maker)
        deepest = max((desk.plan.levels for desk in self._desks.values() if desk.plan.ladder), default=0)
        for rank in range(deepest):
            for desk in self._desks.values():
                if desk.plan.ladder and rank < desk.plan.levels:
                    for side in Side:
                        yield desk.rung(now, side, rank)

    def _pause(self, desk: Desk) -> int:
        return max(1, int(self._rng.expovariate(desk.plan.rate) * 1_000_000))
