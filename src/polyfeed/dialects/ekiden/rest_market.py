"""`market/*`: what is publicly known, without a login (spec/ekiden.md 7).

A spot instrument's mark and index prices are its last price, so their candles are its own; it has no funding, no risk
limits and no price limit.
"""

from __future__ import annotations

from collections.abc import Callable

from polyfeed.dialects.ekiden import public_objects as objects
from polyfeed.dialects.ekiden import spec
from polyfeed.dialects.ekiden.desk import Desk
from polyfeed.dialects.ekiden.kline import candles, price_candles
from polyfeed.dialects.ekiden.private_objects import quote_scale
from polyfeed.dialects.ekiden.public_objects import RATE_DECIMALS, Object
from polyfeed.dialects.ekiden.rest_scope import within
from polyfeed.dialects.ekiden.rest_values import Call, CallRefused, listing_of
from polyfeed.dialects.ekiden.risk import risk_limits
from polyfeed.dialects.ekiden.symbols import Listing
from polyfeed.dialects.ekiden.wire import decimal, milliseconds
from polyfeed.market.candles import KEPT, Candles
from polyfeed.market.intervals import interval_start
from polyfeed.market.price_history import FUNDINGS_KEPT
from polyfeed.market.tape import TAPE_LENGTH
from polyfeed.model.enums import InstrumentStatus
from polyfeed.model.formulas import PPM

Handler = Callable[[Call], object]

_TRADES, _CANDLES, _LEVELS, _FUNDINGS = 60, 200, 50, 200

_STATUSES = {
    InstrumentStatus.ONLINE: "Trading",
    InstrumentStatus.CANCEL_ONLY: "CancelOnly",
    InstrumentStatus.POST_ONLY: "PostOnly",
    InstrumentStatus.LIMIT_ONLY: "LimitOnly",
    InstrumentStatus.HALTED: "Halted",
}


def calls(desk: Desk) -> dict[str, Handler]:
    """The calls by the last part of their path."""
    market = MarketCalls(desk)
    return {
        "tickers": market.tickers,
        "instruments-info": market.instruments,
        "orderbook": market.orderbook,
        "kline": market.kline,
        "recent-trade": market.trades,
        "mark-price-kline": market.mark_kline,
        "index-price-kline": market.index_kline,
        "funding/history": market.funding,
        "open-interest": market.open_interest,
        "price-limit": market.price_limit,
        "risk-limit": market.risk_limit,
    }


class MarketCalls:
    """Answers from the market as it is. Every method may raise CallRefused."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._market = desk.context.market

    def tickers(self, call: Call) -> object:
        """The tickers of all instruments, or of one."""
        return {"list": [objects.ticker(listing) for listing in self._chosen(call)]}

    def instruments(self, call: Call) -> object:
        """Steps, minima, fees and status."""
        return {"list": [self._instrument(listing) for listing in self._chosen(call)]}

    def orderbook(self, call: Call) -> object:
        """The top of a book; the documents call the number of levels `depth`, the SDK `limit`."""
        listing = self._one(call)
        depth = call.number("limit", call.number("depth", _LEVELS, 1, spec.MAX_DEPTH), 1, spec.MAX_DEPTH)
        seq = self._desk.projection.of(listing.id).seq(depth)
        ts = self._now(listing)
        return {"result": objects.book(listing, depth, seq, ts), "time": milliseconds(call.now)}

    def kline(self, call: Call) -> object:
        """Candles, oldest first."""
        listing = self._one(call)
        return {"symbol": listing.symbol, "list": candles(listing, *self._starts(call, listing))}

    def mark_kline(self, call: Call) -> object:
        """Candles of the mark price."""
        listing = self._one(call)
        prices = listing.state.prices
        return self._price_kline(call, listing, listing.state.candles if prices is None else prices.mark)

    def index_kline(self, call: Call) -> object:
        """Candles of the index price."""
        listing = self._one(call)
        prices = listing.state.prices
        return self._price_kline(call, listing, listing.state.candles if prices is None else prices.index)

    def _price_kline(self, call: Call, listing: Listing, prices: Candles) -> object:
        return {"symbol": listing.symbol, "list": price_candles(listing, prices, *self._starts(call, listing))}

    def trades(self, call: Call) -> object:
        """The last trades, newest first. Trades that came without an id are numbered as on the socket."""
        listing = self._one(call)
        entries = listing.state.tape.recent(call.number("limit", _TRADES, 1, TAPE_LENGTH))
        number = self._desk.projection.of(listing.id).unnumbered + 1
        rows: list[Object] = []
        for entry in reversed(entries):
            number -= not entry.trade_id
            rows.append(objects.trade(listing, entry, entry.trade_id or number, entry.ts))
        return {"list": rows}

    def funding(self, call: Call) -> object:
        """Rates that were paid, newest first."""
        listing = self._one(call)
        prices = listing.state.prices
        rows = [
            {
                "symbol": listing.symbol,
                "funding_rate": decimal(one.rate_ppm, RATE_DECIMALS),
                "funding_time": milliseconds(one.ts),
            }
            for one in ([] if prices is None else reversed(prices.fundings))
            if within(call, one.ts)
        ]
        return {"list": rows[: call.number("limit", _FUNDINGS, 1, FUNDINGS_KEPT)]}

    def open_interest(self, call: Call) -> object:
        """The open interest as it is."""
        listing = self._one(call)
        size = listing.size(listing.state.perpetual.open_interest)
        row = {"open_interest": size, "timestamp": milliseconds(self._now(listing))}
        return {"symbol": listing.symbol, "list": [row], "next_page_cursor": ""}

    def price_limit(self, call: Call) -> object:
        """The highest price to buy for and the lowest to sell for; "0" where there is none."""
        listing = self._one(call)
        terms = listing.state.instrument.perpetual
        band = 0 if terms is None else listing.mark * terms.price_band_ppm // PPM
        return {
            "symbol": listing.symbol,
            "buy_limit": listing.price(listing.mark + band if band else 0),
            "sell_limit": listing.price(listing.mark - band if band else 0),
            "ts": milliseconds(self._now(listing)),
        }

    def risk_limit(self, call: Call) -> object:
        """The risk tiers of one perpetual, or of all."""
        rows: list[Object] = []
        for listing in self._chosen(call):
            terms = listing.state.instrument.perpetual
            if terms is not None:
                rows += risk_limits(listing, terms, quote_scale(listing, self._market))
        return {"list": rows, "next_page_cursor": ""}

    # --- parts ------------------------------------------------------------------------------------------------------

    def _instrument(self, listing: Listing) -> Object:
        instrument = listing.state.instrument
        terms = instrument.perpetual
        leverage = {} if terms is None else {"max_leverage": str(terms.max_leverage)}
        return {
            "symbol": listing.symbol,
            "addr": listing.address,
            "category": "linear" if listing.linear else "spot",
            "status": _STATUSES[listing.state.status],
            "base_coin": instrument.base,
            "quote_coin": instrument.quote,
            "settle_coin": instrument.quote,
            "tick_size": listing.price(instrument.tick),
            "qty_step": listing.size(instrument.lot),
            "min_order_qty": listing.size(instrument.min_size),
            "min_notional_value": decimal(instrument.min_cost, quote_scale(listing, self._market)),
            "maker_fee_rate": decimal(instrument.maker_fee_ppm, RATE_DECIMALS),
            "taker_fee_rate": decimal(instrument.taker_fee_ppm, RATE_DECIMALS),
            **leverage,
        }

    def _starts(self, call: Call, listing: Listing) -> tuple[int, list[int]]:
        """The interval that is asked for, and the starts of its candles, ascending."""
        interval = spec.INTERVALS.get(call.text("interval"))
        if interval is None:
            raise CallRefused(f"interval must be one of {', '.join(spec.INTERVALS)}")
        limit = call.number("limit", _CANDLES, 1, KEPT)
        now = self._now(listing)
        last = min(now, call.number("end_time", now // 1000, 0, now // 1000) * 1000)
        first = call.number("start_time", 0, 0, now // 1000) * 1000
        starts: list[int] = []
        start = interval_start(interval, last)
        while len(starts) < limit and start >= max(first, 1):
            starts.append(start)
            start = interval_start(interval, start - 1)
        return interval, starts[::-1]

    def _now(self, listing: Listing) -> int:
        return self._desk.projection.of(listing.id).now

    def _chosen(self, call: Call) -> list[Listing]:
        return [self._one(call)] if call.text("symbol") else list(self._desk.symbols)

    def _one(self, call: Call) -> Listing:
        return listing_of(self._desk.symbols, call.text("symbol"))
