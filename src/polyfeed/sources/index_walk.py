"""An index for each perpetual: a seeded walk around the price of its spot market, told once a second.

Real indexes are means over several exchanges, so they are near one exchange's price but never just there: the walk's
distance from the spot price is drawn back to nothing. Without a spot market it is drawn back to a reference price. The
same seed and the same spot prices give the same commands.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

from msgspec import Struct

from polyfeed.model.batches import Batch
from polyfeed.model.commands import AnyCommand, SetIndexPrice
from polyfeed.model.instruments import Instrument
from polyfeed.sources.source import AT_ONCE, Source

PERIOD_US = 1_000_000
NEAR_PPM, NEAR_PULL = 100, 10
"""The largest step of the distance from a spot price, and the part of it that each step takes back."""
FREE_PPM, FREE_PULL = 1000, 500
"""The same for an index of its own, which goes a per cent either way in minutes."""
PPM = 1_000_000


class IndexPlan(Struct, frozen=True):
    """One perpetual's index. `reference` is a price of the instrument; `spot` is the pair it follows, None for none."""

    instrument: Instrument
    reference: int
    spot: Instrument | None = None


class IndexWalk(Source):
    """All indexes. `mid` gives the middle of an instrument's book, None where there is none."""

    def __init__(self, plans: Sequence[IndexPlan], rng: Random, mid: Callable[[int], int | None]) -> None:
        self._plans = list(plans)
        self._rng = rng
        self._mid = mid
        self._away_ppm = [0] * len(self._plans)
        self._due = AT_ONCE

    @property
    def due(self) -> int | None:
        return self._due if self._plans else None

    def step(self, now: int) -> list[AnyCommand]:
        self._due = now - now % PERIOD_US + PERIOD_US
        return [SetIndexPrice(plan.instrument.id, self._price(number)) for number, plan in enumerate(self._plans)]

    def hear(self, batch: Batch) -> None:
        """Nothing: an index depends on no answer."""

    def _price(self, number: int) -> int:
        """The next index price, in units of the perpetual's price."""
        plan = self._plans[number]
        spot = None if plan.spot is None else self._mid(plan.spot.id)
        step, pull = (FREE_PPM, FREE_PULL) if plan.spot is None else (NEAR_PPM, NEAR_PULL)
        away = self._away_ppm[number] + self._rng.randint(-step, step)
        self._away_ppm[number] = away = away - away // pull
        middle = plan.reference
        if spot is not None and plan.spot is not None:
            middle = spot * 10**plan.instrument.price_scale // 10**plan.spot.price_scale
        return max(1, middle + middle * away // PPM)
