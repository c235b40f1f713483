"""The markets as this dialect calls them, and the text of their numbers."""

from __future__ import annotations

from polyfeed.dialects.peatio import spec
from polyfeed.dialects.peatio.wire import number_text
from polyfeed.market.instrument import InstrumentState
from polyfeed.market.market import Market


class PeatioMarket:
    """One listed market. `price` and `size` print the instrument's integers, `value` the product of the two.

    `quote_scale` is that of the quote currency's amounts.
    """

    __slots__ = ("id", "name", "price", "quote_scale", "size", "state", "value")

    def __init__(self, state: InstrumentState, quote_scale: int) -> None:
        instrument = state.instrument
        self.state = state
        self.id = instrument.id
        self.name = instrument.symbols[spec.NAME]
        self.price = number_text(instrument.price_scale)
        self.size = number_text(instrument.size_scale)
        self.value = number_text(instrument.price_scale + instrument.size_scale)
        self.quote_scale = quote_scale


class Markets:
    """All of them, by instrument; they are found when they are first asked for."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self._known: dict[int, PeatioMarket] = {}

    def forget(self) -> None:
        """Instruments are others: all are found anew."""
        self._known.clear()

    def find(self, name: str) -> PeatioMarket | None:
        """The market of this id (`btcusd`)."""
        state = self._market.by_symbol(spec.NAME, name)
        return None if state is None else self.by_id(state.instrument.id)

    def by_id(self, instrument: int) -> PeatioMarket:
        """The market of a listed instrument."""
        known = self._known.get(instrument)
        if known is None:
            state = self._market.instruments[instrument]
            quote = self._market.currencies.get(state.instrument.quote)
            known = self._known[instrument] = PeatioMarket(state, 0 if quote is None else quote.scale)
        return known

    def lists(self, instrument: int) -> bool:
        """Whether the instrument has a name here."""
        return spec.NAME in self._market.instruments[instrument].instrument.symbols

    def all(self) -> list[PeatioMarket]:
        """Every market, in the order of the instruments."""
        return [self.by_id(one.instrument.id) for one in self._market.instruments if self.lists(one.instrument.id)]
