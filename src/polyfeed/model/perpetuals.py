"""The terms of a perpetual: what only such an instrument has.

A perpetual here is *linear*: sizes are of the base currency; profit, margin and funding are of the quote currency. The
formulas that these terms go into are in `polyfeed.model.margin`.
"""

from __future__ import annotations

from itertools import pairwise

from msgspec import Struct

HOUR_US = 3_600_000_000


class RiskTier(Struct, frozen=True, array_like=True):
    """What secures the part of a position's value up to `limit` (quote units; the last tier's is 0: no limit).

    Rates are parts per million of the value. Each part of a value is charged at its own tier's rate, as with income
    tax, so that no step over a limit makes the requirement jump.
    """

    limit: int
    initial_ppm: int
    maintenance_ppm: int


class PerpetualTerms(Struct, frozen=True, array_like=True):
    """Terms of one perpetual. Rates are parts per million, times microseconds.

    * `max_leverage`, `default_leverage`: the highest an account may choose, and what holds until it does.
    * `tiers`: by value, rising limits, rates that never fall; see `RiskTier`.
    * `price_band_ppm`: how far from the mark price an order may trade against its owner.
    * `premium_window_us`, `premium_clamp_ppm`: how slowly the mark price follows the book, and how far from the index.
    * `funding_interval_us`: how often funding is exchanged, on the multiples of it since the epoch.
    * `interest_ppm`, `damper_ppm`, `premium_intervals`, `funding_clamp_ppm`: see `margin.funding_rate`.
    * `liquidation_fee_ppm`: of the value that a liquidation closes, to the insurance fund.
    """

    max_leverage: int = 20
    default_leverage: int = 5
    tiers: tuple[RiskTier, ...] = (RiskTier(0, 50_000, 25_000),)
    price_band_ppm: int = 50_000
    premium_window_us: int = 30_000_000
    premium_clamp_ppm: int = 5_000
    funding_interval_us: int = HOUR_US
    interest_ppm: int = 12
    damper_ppm: int = 62
    premium_intervals: int = 8
    funding_clamp_ppm: int = 5_000
    liquidation_fee_ppm: int = 5_000

    def flaw(self) -> str | None:
        """What is wrong with the terms, None when they can stand together."""
        if not 1 <= self.default_leverage <= self.max_leverage <= 1000:
            return "leverages must be between 1 and 1000, the default not above the highest"
        if not self.tiers or self.tiers[-1].limit:
            return "the last risk tier must have no limit (0), and there must be one"
        limits = [tier.limit for tier in self.tiers[:-1]]
        if any(limit <= 0 for limit in limits) or limits != sorted(set(limits)):
            return "the limits of risk tiers must rise"
        return self._flaw_of_rates()

    def _flaw_of_rates(self) -> str | None:
        """As `flaw`. A warning of maintenance margin must come after the initial margin is gone, and one funding
        payment must never cost more than the margin that a position has at least.
        """
        rates = [(tier.initial_ppm, tier.maintenance_ppm) for tier in self.tiers]
        if any(not 0 < 6 * maintenance <= 5 * initial <= 5_000_000 for initial, maintenance in rates):
            return "an initial margin must be at least 6/5 of the maintenance margin, and at most the whole value"
        if any(later[0] < tier[0] or later[1] < tier[1] for tier, later in pairwise(rates)):
            return "the rates of risk tiers must not fall"
        if not 0 <= self.funding_clamp_ppm <= rates[0][1]:
            return "funding of one interval must not cost more than the lowest maintenance margin"
        if not (0 <= self.premium_clamp_ppm <= self.price_band_ppm < 1_000_000):
            return "the price band must contain the premium's and be below the whole price"
        if not (0 <= self.liquidation_fee_ppm <= 1_000_000 and abs(self.interest_ppm) <= 1_000_000):
            return "fees and interest must not exceed the whole value"
        if min(self.funding_interval_us, self.premium_window_us, self.premium_intervals) < 1 or self.damper_ppm < 0:
            return "intervals must be positive and the damper not negative"
        return None
