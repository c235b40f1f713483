"""Risk limits of a perpetual: the tiers of its terms, numbered from 1 (spec/ekiden.md 6, 7)."""

from __future__ import annotations

from polyfeed.dialects.ekiden.public_objects import RATE_DECIMALS, Object
from polyfeed.dialects.ekiden.symbols import Listing
from polyfeed.dialects.ekiden.wire import decimal
from polyfeed.model.formulas import PPM
from polyfeed.model.perpetuals import PerpetualTerms, RiskTier


def tier_of(terms: PerpetualTerms, value: int) -> tuple[int, RiskTier]:
    """The tier that the last part of a value falls into, and its number."""
    for number, tier in enumerate(terms.tiers, 1):
        if not tier.limit or value <= tier.limit:
            return number, tier
    raise ValueError("the last risk tier must have no limit")


def risk_limits(listing: Listing, terms: PerpetualTerms, quote_scale: int) -> list[Object]:
    """All tiers. The last has no limit, which "0" says; margins are rates, and nothing is phased in."""
    return [
        {
            "symbol": listing.symbol,
            "risk_id": number,
            "risk_limit_value": decimal(tier.limit, quote_scale),
            "maintenance_margin": decimal(tier.maintenance_ppm, RATE_DECIMALS),
            "initial_margin": decimal(tier.initial_ppm, RATE_DECIMALS),
            "is_lowest_risk": number == 1,
            "max_leverage": str(min(terms.max_leverage, PPM // tier.initial_ppm)),
            "mm_duration": "0",
        }
        for number, tier in enumerate(terms.tiers, 1)
    ]
