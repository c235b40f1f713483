"""One market of an upstream Peatio: its terms, and what its messages say of its book and its trades."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import DecimalException
from typing import Any

from polyfeed.dialects._base.inbound import BookMessage, InboundLevel, InboundTrade, TradeMessage
from polyfeed.dialects.peatio import spec
from polyfeed.dialects.peatio.inbound import read_body
from polyfeed.model.enums import OrderKind, Side
from polyfeed.model.events import BookReset, CurrencyDefined, InstrumentListed, LevelSet, PublicEvent, Trade
from polyfeed.model.instruments import Currency
from polyfeed.sources.relay_terms import GUESSED_SCALE, LARGEST, Terms, instrument_of, scaled

UNREADABLE = (ValueError, KeyError, TypeError, AttributeError, IndexError, DecimalException, OverflowError)
"""What reading a message of another shape ends in."""

Row = tuple[Side, int, int]
"""Side, price, size."""


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
        """A trade; within the second that its message names, the time is that of its arrival. Raises ValueError for a
        number that is none.
        """
        if not 0 <= one.trade_id < LARGEST:
            raise ValueError(f"{one.trade_id} is no number of a trade")
        price, size = scaled(one.price, self._terms.price_scale), scaled(one.size, self._terms.size_scale)
        ts = min(now, one.ts + spec.SECOND - 1) if one.ts > 0 else now
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
