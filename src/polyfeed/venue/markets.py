"""A market: an instrument with its book, its waiting orders, its status, and what is calculated from its terms once."""

from __future__ import annotations

from polyfeed.model.enums import Detail, Side
from polyfeed.model.formulas import cost_divisor
from polyfeed.model.instruments import Currency, Instrument
from polyfeed.model.numbers import format_scaled
from polyfeed.venue.book import BookSide
from polyfeed.venue.perpetuals.contracts import Contract
from polyfeed.venue.triggers import Watch


class Market:
    """One listed instrument.

    `divisor` turns price times size into units of the quote currency (see `formulas.cost`), `multiplier` turns a size
    into units of the base currency. `last_price` is that of the last trade, 0 before the first.
    """

    __slots__ = (
        "asks",
        "base",
        "bids",
        "contract",
        "divisor",
        "id",
        "instrument",
        "last_price",
        "lot",
        "maker_fee_ppm",
        "min_cost",
        "min_size",
        "multiplier",
        "quote",
        "status",
        "taker_fee_ppm",
        "takes_orders",
        "tick",
        "watch",
    )

    def __init__(self, instrument: Instrument, divisor: int, multiplier: int) -> None:
        self.id = instrument.id
        self.instrument = instrument
        self.base = instrument.base
        self.quote = instrument.quote
        self.tick = instrument.tick
        self.lot = instrument.lot
        self.min_size = instrument.min_size
        self.min_cost = instrument.min_cost
        self.maker_fee_ppm = instrument.maker_fee_ppm
        self.taker_fee_ppm = instrument.taker_fee_ppm
        self.status = instrument.status
        self.takes_orders = instrument.detail is Detail.ORDERS
        self.last_price = 0
        self.divisor = divisor
        self.multiplier = multiplier
        self.contract = None if instrument.perpetual is None else Contract(instrument.perpetual)
        self.bids = BookSide(Side.BUY)
        self.asks = BookSide(Side.SELL)
        self.watch = Watch()

    @property
    def name(self) -> str:
        """The instrument's canonical name."""
        return self.instrument.name

    def price_text(self, price: int) -> str:
        """A price for people."""
        return format_scaled(price, self.instrument.price_scale)

    def size_text(self, size: int) -> str:
        """A size for people."""
        return format_scaled(size, self.instrument.size_scale)


def open_market(instrument: Instrument, base: Currency, quote: Currency) -> Market:
    """A new market of an instrument, whose currencies these are. Raises ValueError as `cost_divisor`."""
    return Market(instrument, cost_divisor(instrument, quote.scale), 10 ** (base.scale - instrument.size_scale))
