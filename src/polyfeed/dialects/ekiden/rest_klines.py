"""`market/kline`, and those of mark and index prices (spec/ekiden.md 7).

A spot instrument's mark and index prices are its last price, so their candles are its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from polyfeed.dialects._base.rest import RestAsk, RestResponse
from polyfeed.dialects.ekiden import spec
from polyfeed.dialects.ekiden.desk import Desk
from polyfeed.dialects.ekiden.kline import price_shown, shown
from polyfeed.dialects.ekiden.public_objects import Object
from polyfeed.dialects.ekiden.rest_scope import Listings
from polyfeed.dialects.ekiden.rest_values import Call, CallRefused, reply
from polyfeed.dialects.ekiden.symbols import Listing
from polyfeed.market.candles import KEPT
from polyfeed.model.candle import Candle
from polyfeed.model.enums import Priced
from polyfeed.model.history import CandlesOf
from polyfeed.model.intervals import interval_start

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
        interval, starts = self._starts(call, listing)
        return _asked(listing, interval, starts, partial(shown, listing, interval, starts))

    def mark_kline(self, call: Call) -> object:
        """Candles of the mark price."""
        return self._price_kline(call, Priced.MARK)

    def index_kline(self, call: Call) -> object:
        """Candles of the index price."""
        return self._price_kline(call, Priced.INDEX)

    def _price_kline(self, call: Call, priced: Priced) -> object:
        listing = self._listings.one(call)
        interval, starts = self._starts(call, listing)
        if listing.state.prices is None:
            priced = Priced.TRADES
        return _asked(listing, interval, starts, partial(price_shown, listing, starts), priced)

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


def _asked(
    listing: Listing,
    interval: int,
    starts: list[int],
    rows: Callable[[Sequence[Candle]], list[Object]],
    priced: Priced = Priced.TRADES,
) -> RestAsk:
    """Candles that history knows at these starts: those there were, and the last one before."""
    first, last = (starts[0], starts[-1]) if starts else (0, -1)
    asked = partial(CandlesOf, instrument=listing.id, interval=interval, priced=priced)
    before, within = asked(until=first - 1, limit=1), asked(since=first, until=last, limit=len(starts))

    def told(known: list[Candle]) -> RestResponse:
        return reply({"symbol": listing.symbol, "list": rows(known)})

    return RestAsk(before, lambda earlier: RestAsk(within, lambda found: told([*earlier, *found])))
