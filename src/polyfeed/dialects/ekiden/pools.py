"""The objects of `insurance_pool` and `adl_alert` (spec/ekiden.md 5).

One insurance fund of a settlement currency stands behind all its markets. As Ekiden has a pool for each symbol, each of
ours is that fund's money with what it holds in that market, and redistributes nothing.
"""

from __future__ import annotations

from polyfeed.dialects.ekiden.desk import Desk
from polyfeed.dialects.ekiden.public_objects import RATE_DECIMALS, SIDES, Object
from polyfeed.dialects.ekiden.symbols import Listing
from polyfeed.dialects.ekiden.wire import decimal
from polyfeed.model.enums import Side
from polyfeed.model.formulas import PPM
from polyfeed.model.ids import INSURANCE_FUND
from polyfeed.model.margin import portion

GROUP = "perps"
NORMAL, ELEVATED = "Normal", "Elevated"
"""Modes that the documents' examples show."""


class Pool:
    """A market's pool as it is. `held` is what the fund holds there, None for nothing."""

    __slots__ = ("_cash", "_listing", "_profit", "_realised", "_scale", "held")

    def __init__(self, listing: Listing, desk: Desk) -> None:
        context = desk.context
        currency = listing.state.instrument.quote
        known = context.market.currencies.get(currency)
        fund = context.accounts.get(INSURANCE_FUND)
        self._listing = listing
        self._scale = known.scale if known else 0
        self._cash = context.market.insurance.get(currency, 0)
        self.held = fund.positions.get(listing.id) if fund else None
        self._profit = self.held.unrealised_profit if self.held else 0
        self._realised = desk.projection.position(INSURANCE_FUND, listing.id).realised

    def object(self, ts: int) -> Object:
        """The entry of `insurance_pool`."""
        perpetual = self._listing.state.perpetual
        return {
            **self._names(),
            "cash_balance": self._money(self._cash),
            "realized_pnl_cum": self._money(self._realised),
            "unrealized_pnl": self._money(self._profit),
            "base_equity": self._money(self._cash),
            "equity": self._money(self._cash + self._profit),
            "group_redistribution_in": "0",
            "group_redistribution_out": "0",
            "group_adl_obligation": "0",
            **_mode(perpetual.deleveraging, perpetual.deleveraging_reason),
            "latest_pnl_ratio": self._ratio(),
            "updated_time": ts // 1000,
            "inventory": self._inventory(),
        }

    def alert(self, ts: int, active: bool, reason: str) -> Object:
        """The entry of `adl_alert`; there is no ratio while nothing is deleveraged."""
        return {
            **self._names(),
            "symbol": self._listing.symbol,
            **_mode(active, reason),
            "latest_pnl_ratio": self._ratio() if active else None,
            "equity": self._money(self._cash + self._profit),
            "updated_time": ts // 1000,
        }

    def _names(self) -> Object:
        return {"pool_id": self._listing.symbol, "pool_group_id": GROUP}

    def _ratio(self) -> str:
        """Unrealised profit by money."""
        return decimal(portion(self._profit, PPM, self._cash) if self._cash > 0 else 0, RATE_DECIMALS)

    def _inventory(self) -> list[Object]:
        held, listing = self.held, self._listing
        if held is None:
            return []
        return [
            {
                "symbol": listing.symbol,
                "side": SIDES[Side.BUY if held.size > 0 else Side.SELL],
                "size": listing.size(abs(held.size)),
                "avg_entry_price": listing.price(held.entry_price),
                "unrealized_pnl": self._money(self._profit),
            }
        ]

    def _money(self, amount: int) -> str:
        return decimal(amount, self._scale)


def _mode(active: bool, reason: str) -> Object:
    return {"adl_mode": ELEVATED if active else NORMAL, "adl_trigger_reason": reason or None}
