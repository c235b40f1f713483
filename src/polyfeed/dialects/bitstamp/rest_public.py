"""The public calls: books, lists of markets, tickers, trades, candles (shapes: OpenAPI file)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from polyfeed.dialects._base.feeds import GRID_US
from polyfeed.dialects._base.rest import RestRequest
from polyfeed.dialects.bitstamp import spec, wire
from polyfeed.dialects.bitstamp.markets import Listed, Markets
from polyfeed.dialects.bitstamp.projection import BitstampProjection
from polyfeed.dialects.bitstamp.rest_form import CallRefused
from polyfeed.dialects.bitstamp.rest_tickers import ticker
from polyfeed.market.market import Market
from polyfeed.model.enums import InstrumentStatus, Side


class PublicCalls:
    """Answers from the market as it is."""

    def __init__(self, market: Market, markets: Markets, projection: BitstampProjection) -> None:
        self._market = market
        self._markets = markets
        self._projection = projection

    def order_book(self, request: RestRequest, listed: Listed) -> dict[str, Any]:
        """Whole depth. Grouped by price it is the book of the last diff, with its stamp; order by order it is the book
        as it is, stamped just before its last event's millisecond, so that no live_orders event is ever missed.
        """
        group = request.first("group", "1")
        if group not in ("0", "1", "2"):
            raise CallRefused("400.007", "Invalid GET parameter.")
        record = self._projection.record(listed)
        if group != "1" and listed.state.orders is not None:
            ts = wire.to_millisecond(listed.state.ts) - 1
            return _book(max(ts, 0), *(self._orders(listed, side, group == "2") for side in Side))
        now = listed.state.clock.now
        record.advance(now - now % GRID_US)
        bids, asks = record.grid.book()
        return _book(record.grid.stamp, _levels(listed, bids), _levels(listed, asks))

    def markets(self) -> list[dict[str, Any]]:
        """All markets."""
        return [self._market_row(listed) for listed in self._markets]

    def trading_pairs_info(self) -> list[dict[str, Any]]:
        """All markets in the older shape, which shipping clients read."""
        return [
            {
                "name": listed.name,
                "url_symbol": listed.symbol,
                "base_decimals": listed.base_decimals,
                "counter_decimals": listed.counter_decimals,
                "instant_order_counter_decimals": listed.counter_decimals,
                "minimum_order": f"{self._minimum_value(listed)} {listed.instrument.quote}",
                "trading": _trading(listed),
                "instant_and_market_orders": _trading(listed),
                "description": _description(listed),
            }
            for listed in self._markets
        ]

    def currencies(self) -> list[dict[str, Any]]:
        """All currencies."""
        return [
            {
                "name": spec.CURRENCY_NAMES.get(code, code),
                "currency": code,
                "type": "fiat" if code in spec.FIAT else "crypto",
                "symbol": code,
                "decimals": currency.scale,
                "available_supply": "0",
                "deposit": "Disabled",
                "withdrawal": "Disabled",
                "networks": [],
            }
            for code, currency in sorted(self._market.currencies.items())
        ]

    def tickers(self) -> list[dict[str, Any]]:
        """All tickers."""
        return [ticker(listed) | {"pair": listed.name, "market": listed.name} for listed in self._markets]

    def funding_rate(self, listed: Listed) -> dict[str, Any]:
        """The rate that a perpetual will pay next."""
        perpetual = listed.state.perpetual
        return {
            "funding_rate": wire.short(perpetual.funding_rate_ppm, 6),
            "timestamp": str(wire.whole_seconds(listed.state.clock.now)),
            "market": listed.name,
            "next_funding_time": str(wire.whole_seconds(perpetual.next_funding_ts)),
        }

    def _orders(self, listed: Listed, side: Side, with_ids: bool) -> list[list[str]]:
        orders = listed.state.orders
        rows = orders.top(side, len(orders.resting)) if orders is not None else []
        return [
            [listed.price(price), listed.amount(left), *([str(order_id)] if with_ids else [])]
            for order_id, price, left in rows
        ]

    def _market_row(self, listed: Listed) -> dict[str, Any]:
        instrument = listed.instrument
        row: dict[str, Any] = {
            "name": listed.name,
            "market_symbol": listed.symbol,
            "base_currency": instrument.base,
            "base_decimals": listed.base_decimals,
            "counter_currency": instrument.quote,
            "counter_decimals": listed.counter_decimals,
            "minimum_order_value": self._minimum_value(listed),
            "minimum_order_amount": listed.amount(instrument.min_size),
            "trading": _trading(listed),
            "instant_order_counter_decimals": listed.counter_decimals,
            "instant_and_market_orders": _trading(listed),
            "description": _description(listed),
            "market_type": "PERPETUAL" if listed.perpetual else "SPOT",
            "tick_size": listed.price(instrument.tick),
        }
        if listed.perpetual:
            row |= {"underlying_asset": f"{instrument.base} index", "payoff_type": "Linear", "contract_size": "1"}
        return row

    def _minimum_value(self, listed: Listed) -> str:
        currency = self._market.currencies.get(listed.instrument.quote)
        return wire.short(listed.instrument.min_cost, currency.scale if currency is not None else 0)


def _trading(listed: Listed) -> str:
    return "Enabled" if listed.state.status is InstrumentStatus.ONLINE else "Disabled"


def _description(listed: Listed) -> str:
    base, quote = listed.instrument.base, listed.instrument.quote
    names = spec.CURRENCY_NAMES
    return f"{names.get(base, base)} / {names.get(quote, quote)}{' Perpetual' if listed.perpetual else ''}"


def _book(ts: int, bids: list[list[str]], asks: list[list[str]]) -> dict[str, Any]:
    return {"timestamp": str(wire.whole_seconds(ts)), "microtimestamp": str(ts), "bids": bids, "asks": asks}


def _levels(listed: Listed, levels: Iterable[tuple[int, int]]) -> list[list[str]]:
    return [[listed.price(price), listed.amount(size)] for price, size in levels]
