"""`market/*` of perpetuals: funding, open interest, limits (spec/ekiden.md 7). A spot instrument has none of these."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from polyfeed.dialects._base.rest import RestAsk, RestResponse
from polyfeed.dialects.ekiden.desk import Desk
from polyfeed.dialects.ekiden.private_objects import quote_scale
from polyfeed.dialects.ekiden.public_objects import RATE_DECIMALS, Object
from polyfeed.dialects.ekiden.rest_scope import Listings
from polyfeed.dialects.ekiden.rest_values import Call, period_of, reply
from polyfeed.dialects.ekiden.risk import risk_limits
from polyfeed.dialects.ekiden.wire import decimal, milliseconds
from polyfeed.model.formulas import PPM
from polyfeed.model.history import RateRow, RatesOf

Handler = Callable[[Call], object]

_FUNDINGS, _MOST_FUNDINGS = 200, 1000


class Perpetuals:
    """Answers from the market as it is, and from history. Every method may raise CallRefused."""

    def __init__(self, desk: Desk) -> None:
        self._market = desk.context.market
        self._listings = Listings(desk)

    def calls(self) -> dict[str, Handler]:
        """The calls by their path."""
        return {
            "/market/funding/history": self.funding,
            "/market/open-interest": self.open_interest,
            "/market/price-limit": self.price_limit,
            "/market/risk-limit": self.risk_limit,
        }

    def funding(self, call: Call) -> object:
        """Rates that were paid, newest first."""
        listing, (since, until) = self._listings.one(call), period_of(call)
        limit = call.number("limit", _FUNDINGS, 1, _MOST_FUNDINGS)

        def told(rows: Sequence[RateRow]) -> RestResponse:
            listed = [
                {
                    "symbol": listing.symbol,
                    "funding_rate": decimal(one.rate_ppm, RATE_DECIMALS),
                    "funding_time": milliseconds(one.ts),
                }
                for one in rows
            ]
            return reply({"list": listed})

        return RestAsk(RatesOf(instrument=listing.id, since=since, until=until, limit=limit), told)

    def open_interest(self, call: Call) -> object:
        """The open interest as it is."""
        listing = self._listings.one(call)
        size = listing.size(listing.state.perpetual.open_interest)
        row = {"open_interest": size, "timestamp": milliseconds(self._listings.now(listing))}
        return {"symbol": listing.symbol, "list": [row], "next_page_cursor": ""}

    def price_limit(self, call: Call) -> object:
        """The highest price to buy for and the lowest to sell for; "0" where there is none."""
        listing = self._listings.one(call)
        terms = listing.state.instrument.perpetual
        band = 0 if terms is None else listing.mark * terms.price_band_ppm // PPM
        return {
            "symbol": listing.symbol,
            "buy_limit": listing.price(listing.mark + band if band else 0),
            "sell_limit": listing.price(listing.mark - band if band else 0),
            "ts": milliseconds(self._listings.now(listing)),
        }

    def risk_limit(self, call: Call) -> object:
        """The risk tiers of one perpetual, or of all."""
        rows: list[Object] = []
        for listing in self._listings.chosen(call):
            terms = listing.state.instrument.perpetual
            if terms is not None:
                rows += risk_limits(listing, terms, quote_scale(listing, self._market))
        return {"list": rows, "next_page_cursor": ""}
