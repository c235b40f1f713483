"""The instruments that Ekiden lists, under the symbols they have there (spec/ekiden.md 4)."""

from __future__ import annotations

from collections.abc import Iterator

from polyfeed.dialects.ekiden.ids import market_address
from polyfeed.dialects.ekiden.spec import NAME
from polyfeed.dialects.ekiden.wire import encode, printer
from polyfeed.market.instrument import InstrumentState
from polyfeed.market.market import Market
from polyfeed.model.enums import InstrumentKind


class Listing:
    """One listed instrument. `price` and `size` print its integers, `value` a product of both; `json` is the quoted
    symbol, `linear` says that it is a perpetual.
    """

    __slots__ = ("address", "id", "json", "linear", "price", "size", "state", "symbol", "value")

    def __init__(self, state: InstrumentState) -> None:
        instrument = state.instrument
        self.state = state
        self.id = instrument.id
        self.symbol = instrument.symbols[NAME]
        self.json = encode(self.symbol)
        self.address = market_address(instrument.id)
        self.price = printer(instrument.price_scale)
        self.size = printer(instrument.size_scale)
        self.value = printer(instrument.price_scale + instrument.size_scale)
        self.linear = instrument.kind is InstrumentKind.PERPETUAL

    @property
    def mark(self) -> int:
        """The mark price; that of a spot instrument is its last price (sheet 11)."""
        return self.state.perpetual.mark_price if self.linear else self.state.stats.last

    @property
    def index(self) -> int:
        """The index price; that of a spot instrument is its last price (sheet 11)."""
        return self.state.perpetual.index_price if self.linear else self.state.stats.last


class Symbols:
    """All of them, in the order of their instrument ids; new ones are found when they are first asked for.

    An instrument whose symbol has a dot cannot be named in a topic and is not listed.
    """

    def __init__(self, market: Market) -> None:
        self._market = market
        self.forget()

    def forget(self) -> None:
        """Instruments are others: all are found anew."""
        self._seen = 0
        self._by_symbol: dict[str, Listing] = {}
        self._by_id: dict[int, Listing] = {}

    def __iter__(self) -> Iterator[Listing]:
        self._read()
        return iter(self._by_id.values())

    def find(self, symbol: str) -> Listing | None:
        """The instrument of exactly this symbol."""
        self._read()
        return self._by_symbol.get(symbol)

    def by_id(self, instrument: int) -> Listing | None:
        """A listed instrument by its number."""
        self._read()
        return self._by_id.get(instrument)

    def _read(self) -> None:
        instruments = self._market.instruments
        while self._seen < len(instruments):
            state = instruments[self._seen]
            self._seen += 1
            symbol = state.instrument.symbols.get(NAME, "")
            if symbol and "." not in symbol:
                self._by_symbol[symbol] = self._by_id[state.instrument.id] = Listing(state)
