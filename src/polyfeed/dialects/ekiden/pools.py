"""`insurance_pool` and `adl_alert`, topics of a later revision (spec/ekiden.md 5; off by default).

One pool stands behind all markets of a settlement currency, so its id is the currency and it redistributes nothing.
"""

from __future__ import annotations

from polyfeed.dialects.ekiden.public_objects import Object
from polyfeed.dialects.ekiden.symbols import Listing
from polyfeed.dialects.ekiden.wire import decimal
from polyfeed.market.market import Market


def pool(listing: Listing, market: Market, ts: int) -> Object:
    """The fund of the market's settlement currency. It holds no positions: what it takes over goes through the book."""
    cash = _cash(listing, market)
    return {
        **_names(listing),
        "cash_balance": cash,
        "realized_pnl_cum": cash,
        "unrealized_pnl": "0",
        "base_equity": "0",
        "equity": cash,
        "group_redistribution_in": "0",
        "group_redistribution_out": "0",
        "group_adl_obligation": "0",
        **_mode(listing),
        "latest_pnl_ratio": "0",
        "updated_time": ts // 1000,
        "inventory": [],
    }


def alert(listing: Listing, market: Market, ts: int) -> Object:
    """Whether the market is being deleveraged."""
    return {
        **_names(listing),
        "symbol": listing.symbol,
        **_mode(listing),
        "latest_pnl_ratio": None,
        "equity": _cash(listing, market),
        "updated_time": ts // 1000,
    }


def _names(listing: Listing) -> Object:
    currency = listing.state.instrument.quote
    return {"pool_id": currency, "pool_group_id": currency}


def _mode(listing: Listing) -> Object:
    perpetual = listing.state.perpetual
    return {"adl_mode": perpetual.deleveraging, "adl_trigger_reason": perpetual.deleveraging_reason or None}


def _cash(listing: Listing, market: Market) -> str:
    currency = listing.state.instrument.quote
    known = market.currencies.get(currency)
    return decimal(market.insurance.get(currency, 0), known.scale if known else 0)
