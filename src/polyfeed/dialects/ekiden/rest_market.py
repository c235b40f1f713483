"""`market/*`: tickers, instruments, books and trades, without a login (spec/ekiden.md 7)."""

from __future__ import annotations

from collections.abc import Callable

from polyfeed.dialects.ekiden import public_objects as objects
from polyfeed.dialects.ekiden import spec
from polyfeed.dialects.ekiden.desk import Desk
from polyfeed.dialects.ekiden.private_objects import quote_scale
from polyfeed.dialects.ekiden.public_objects import RATE_DECIMALS, Object
from polyfeed.dialects.ekiden.rest_scope import Listings
from polyfeed.dialects.ekiden.rest_values import Call
from polyfeed.dialects.ekiden.symbols import Listing
from polyfeed.dialects.ekiden.wire import decimal, milliseconds
from polyfeed.market.tape import TAPE_LENGTH
from polyfeed.model.enums import InstrumentStatus

Handler = Callable[[Call], object]

_TRADES, _LEVELS = 60, 50

_STATUSES = {
    InstrumentStatus.ONLINE: "Trading",
    InstrumentStatus.CANCEL_ONLY: "CancelOnly",
    InstrumentStatus.POST_ONLY: "PostOnly",
    InstrumentStatus.LIMIT_ONLY: "LimitOnly",
    InstrumentStatus.HALTED: "Halted",
}


class MarketCalls:
    """Answers from the market as it is. Every method may raise CallRefused."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._market = desk.context.market
        self._listings = Listings(desk)

    def calls(self) -> dict[str, Handler]:
        """The calls by their path."""
        return {
            "/market/tickers": self.tickers,
            "/market/instruments-info": self.instruments,
            "/market/orderbook": self.orderbook,
            "/market/recent-trade": self.trades,
        }

    def tickers(self, call: Call) -> object:
        """The tickers of all instruments, or of one."""
        return {"list": [objects.ticker(listing) for listing in self._listings.chosen(call)]}

    def instruments(self, call: Call) -> object:
        """Steps, minima, fees and status."""
        return {"list": [self._instrument(listing) for listing in self._listings.chosen(call)]}

    def orderbook(self, call: Call) -> object:
        """The top of a book; the documents call the number of levels `depth`, the SDK `limit`."""
        listing = self._listings.one(call)
        depth = call.number("limit", call.number("depth", _LEVELS, 1, spec.MAX_DEPTH), 1, spec.MAX_DEPTH)
        seq = self._desk.projection.of(listing.id).seq(depth)
        ts = self._listings.now(listing)
        return {"result": objects.book(listing, depth, seq, ts), "time": milliseconds(call.now)}

    def trades(self, call: Call) -> object:
        """The last trades, newest first. Trades that came without an id are numbered as on the socket."""
        listing = self._listings.one(call)
        entries = listing.state.tape.recent(call.number("limit", _TRADES, 1, TAPE_LENGTH))
        number = self._desk.projection.of(listing.id).unnumbered + 1
        rows: list[Object] = []
        for entry in reversed(entries):
            number -= not entry.trade_id
            rows.append(objects.trade(listing, entry, entry.trade_id or number, entry.ts))
        return {"list": rows}

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
