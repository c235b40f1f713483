"""`market/kline`, and those of mark and index prices (spec/ekiden.md 7).

A spot instrument's mark and index prices are its last price, so their candles are its own.
"""

from __future__ import annotations

from collections.abc import Callable

from polyfeed.dialects.ekiden import spec
from polyfeed.dialects.ekiden.desk import Desk
from polyfeed.dialects.ekiden.kline import candles, price_candles
from polyfeed.dialects.ekiden.rest_scope import Listings
from polyfeed.dialects.ekiden.rest_values import Call, CallRefused
from polyfeed.dialects.ekiden.symbols import Listing
from polyfeed.market.candles import KEPT, Candles
from polyfeed.market.intervals import interval_start

Handler = Callable[[Call], object]

_CANDLES = 200


class Klines:
    """Candles, oldest first. Every method may raise CallRefused."""

    def __init__(self, desk: Desk) -> None:
        self._listings = Listings(desk)

    def calls(self) -> dict[str, Handler]:
        """The calls by their path."""
        return {
            "/market/kline": self.kline,
            "/market/mark-price-kline": self.mark_kline,
            "/market/index-price-kline": self.index_kline,
        }

    def kline(self, call: Call) -> object:
        """Candles, oldest first."""
        listing = self._listings.one(call)
        return {"symbol": listing.symbol, "list": candles(listing, *self._starts(call, listing))}

    def mark_kline(self, call: Call) -> object:
        """Candles of the mark price."""
        listing = self._listings.one(call)
        prices = listing.state.prices
        return self._price_kline(call, listing, listing.state.candles if prices is None else prices.mark)

    def index_kline(self, call: Call) -> object:
        """Candles of the index price."""
        listing = self._listings.one(call)
        prices = listing.state.prices
        return self._price_kline(call, listing, listing.state.candles if prices is None else prices.index)

    def _price_kline(self, call: Call, listing: Listing, prices: Candles) -> object:
        return {"symbol": listing.symbol, "list": price_candles(listing, prices, *self._starts(call, listing))}

    def _starts(self, call: Call, listing: Listing) -> tuple[int, list[int]]:
        """The interval that is asked for, and the starts of its candles, ascending."""
        interval = spec.INTERVALS.get(call.text("interval"))
        if interval is None:
            raise CallRefused(f"interval must be one of {', '.join(spec.INTERVALS)}")
        limit = call.number("limit", _CANDLES, 1, KEPT)
        now = self._listings.now(listing)
        last = min(now, call.number("end_time", now // 1000, 0, now // 1000) * 1000)
        first = call.number("start_time", 0, 0, now // 1000) * 1000
        starts: list[int] = []
        start = interval_start(interval, last)
        while len(starts) < limit and start >= max(first, 1):
            starts.append(start)
            start = interval_start(interval, start - 1)
        return interval, starts[::-1]
