"""One market of an upstream Peatio: its terms, and what its messages say of its book and its trades."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal, DecimalException
from typing import Any

from msgspec import Struct

from polyfeed.dialects._base.inbound import BookMessage, InboundLevel, InboundTrade, TradeMessage
from polyfeed.dialects.peatio import spec
from polyfeed.dialects.peatio.inbound import read_body
from polyfeed.model.enums import Detail, OrderKind, Side
from polyfeed.model.events import BookReset, CurrencyDefined, InstrumentListed, LevelSet, PublicEvent, Trade
from polyfeed.model.instruments import Currency, Instrument
from polyfeed.sources.pairs import CANONICAL_CODES

GUESSED_SCALE = 8
"""Decimals of prices and sizes where nobody says how many there are: as many as Peatio keeps by default."""

QUOTES = (
    *("usdt", "usdc", "busd", "tusd", "usd", "eur", "gbp", "jpy", "cny", "krw", "try", "uah", "rub", "brl", "aud"),
    *("cad", "chf", "ngn", "inr", "btc", "eth", "bnb", "dai"),
)
"""Codes that a market's id may end with, to tell the quote currency from the base."""

LARGEST = 1 << 62
OWN_CODES = {canonical: own for own, canonical in CANONICAL_CODES.items()}
_SHORTEST_ID = 4

UNREADABLE = (ValueError, KeyError, TypeError, AttributeError, IndexError, DecimalException, OverflowError)
"""What reading a message of another shape ends in."""

Row = tuple[Side, int, int]
"""Side, price, size."""


class Terms(Struct, frozen=True):
    """What must be known of a market that no message says."""

    base: str
    quote: str
    price_scale: int = GUESSED_SCALE
    size_scale: int = GUESSED_SCALE

    @classmethod
    def guessed(cls, market_id: str) -> Terms | None:
        """From the id alone: "btcusd" is BTC-USD. None for what is no market's id."""
        if not (market_id.isascii() and market_id.isalnum()) or len(market_id) < _SHORTEST_ID:
            return None
        quote = next((code for code in QUOTES if market_id.endswith(code) and market_id != code), market_id[-3:])
        return cls(market_id.removesuffix(quote).upper(), quote.upper())

    @classmethod
    def read(cls, text: str) -> dict[str, Terms]:
        """From `btcusd=BTC-USD:2:8 ethusd=ETH-USD:2:6` (decimals of prices and sizes). Raises ValueError."""
        terms: dict[str, Terms] = {}
        for entry in text.replace(",", " ").split():
            market_id, _, rest = entry.partition("=")
            name, _, scales = rest.partition(":")
            base, _, quote = name.partition("-")
            price, _, size = (scales or f"{GUESSED_SCALE}:{GUESSED_SCALE}").partition(":")
            if not (market_id and base and quote and price.isdigit() and size.isdigit()):
                raise ValueError(f"{entry!r} is not like btcusd=BTC-USD:2:8")
            terms[market_id] = cls(base.upper(), quote.upper(), int(price), int(size))
        return terms


class RelayMarket:
    """`read` gives the events of a message. The instrument is listed before the first of them."""

    def __init__(self, market_id: str, terms: Terms, next_id: Callable[[], int]) -> None:
        self._id = market_id
        self._terms = terms
        self._next_id = next_id
        self._instrument = -1
        self._whole = False
        self._incremental = False
        self._sequence: object = None
        self._levels: dict[Side, dict[int, int]] = {Side.BUY: {}, Side.SELL: {}}

    def read(self, now: int, stream: str, value: Any) -> list[PublicEvent] | None:
        """What a public message says, nothing for streams about no book and no trade; None when it makes no sense."""
        try:
            message = read_body(stream, value)
        except UNREADABLE:
            return None
        if not isinstance(message, BookMessage | TradeMessage):
            return []
        events = self.listing()
        try:
            if isinstance(message, TradeMessage):
                return [*events, *[self._trade(now, one) for one in message.trades]]
            return [*events, *self._book(now, stream, value, message)]
        except UNREADABLE:
            return events or None

    def listing(self) -> list[PublicEvent]:
        """What makes the market known, once."""
        if self._instrument >= 0:
            return []
        self._instrument = self._next_id()
        instrument = instrument_of(self._instrument, self._id, self._terms)
        codes = [(self._terms.base, self._terms.size_scale), (self._terms.quote, GUESSED_SCALE)]
        return [*(CurrencyDefined(Currency(*code)) for code in codes), InstrumentListed(instrument)]

    def lost(self) -> list[PublicEvent]:
        """The book cannot be vouched for until there is a snapshot again."""
        was, self._whole = self._whole, False
        self._levels = {Side.BUY: {}, Side.SELL: {}}
        return [BookReset(self._instrument, [], [])] if was else []

    def _trade(self, now: int, one: InboundTrade) -> Trade:
        """A trade; within the second that its message names, the time is that of its arrival."""
        price, size = scaled(one.price, self._terms.price_scale), scaled(one.size, self._terms.size_scale)
        ts = min(now, one.ts + spec.SECOND - 1) if one.ts else now
        return Trade(self._instrument, one.trade_id, price, size, one.taker_side, OrderKind.LIMIT, ts=ts)

    def _book(self, now: int, stream: str, value: Any, message: BookMessage) -> list[PublicEvent]:
        incremental = stream.endswith((spec.SNAP, spec.INC))
        if self._incremental and not incremental:
            return []  # the increments say all that `.update` does, and sooner
        self._incremental = incremental
        levels = [self._level(one) for one in message.levels]
        before, self._sequence = self._sequence, value.get("sequence")
        if not message.reset:
            return [self._set(now, *level) for level in levels] if self._whole else []
        if not self._whole:
            return self._begin(now, levels)
        if incremental and before == self._sequence is not None:
            return []  # a picture of what is known already, and of fewer levels
        return self._differences(now, levels)

    def _begin(self, now: int, levels: list[Row]) -> list[PublicEvent]:
        self._whole = True
        for side, price, size in levels:
            self._levels[side][price] = size
        bids, asks = ([(price, size, now) for at, price, size in levels if at is side] for side in Side)
        return [BookReset(self._instrument, bids, asks)]

    def _level(self, one: InboundLevel) -> Row:
        return one.side, scaled(one.price, self._terms.price_scale), scaled(one.size, self._terms.size_scale)

    def _differences(self, now: int, levels: Iterable[Row]) -> list[PublicEvent]:
        """What a later picture of the same book changes in it. Of what lies behind a full one nothing is known."""
        picture: dict[Side, dict[int, int]] = {Side.BUY: {}, Side.SELL: {}}
        for side, price, size in levels:
            picture[side][price] = size
        events: list[PublicEvent] = []
        for side, shown in picture.items():
            known = self._levels[side]
            full = len(shown) >= spec.UPDATE_LEVELS
            worst = (max(shown) if side is Side.SELL else min(shown)) if full else None
            gone = [price for price in known if price not in shown and not is_behind(price, worst, side)]
            events += [self._set(now, side, price, 0) for price in gone]
            changed = [one for one in shown.items() if known.get(one[0]) != one[1]]
            events += [self._set(now, side, price, size) for price, size in changed]
        return events

    def _set(self, now: int, side: Side, price: int, size: int) -> LevelSet:
        if size:
            self._levels[side][price] = size
        else:
            self._levels[side].pop(price, None)
        return LevelSet(self._instrument, side, price, size, now)


def is_behind(price: int, worst: int | None, side: Side) -> bool:
    """Whether a price is worse than the worst one of a picture that has no room for more."""
    return worst is not None and (price > worst if side is Side.SELL else price < worst)


def scaled(text: str, scale: int) -> int:
    """A decimal number in any notation as an integer with `scale` decimals; further digits are cut off.

    Raises ValueError or DecimalException for what is no number, is negative or does not fit.
    """
    value = int(Decimal(text).scaleb(scale))
    if not 0 <= value < LARGEST:
        raise ValueError(f"{text} is no price and no size")
    return value


def instrument_of(number: int, market_id: str, terms: Terms) -> Instrument:
    """The instrument under which all dialects show the market."""
    name = f"{terms.base}-{terms.quote}"
    joined = f"{terms.base}{terms.quote}".lower()
    own = "/".join(OWN_CODES.get(code, code) for code in (terms.base, terms.quote))
    return Instrument(
        id=number,
        name=name,
        base=terms.base,
        quote=terms.quote,
        price_scale=terms.price_scale,
        size_scale=terms.size_scale,
        tick=1,
        lot=1,
        min_size=1,
        detail=Detail.LEVELS,
        symbols={"kraken": own, "bitstamp": joined, spec.NAME: market_id, "rails": name, "ekiden": name},
    )
