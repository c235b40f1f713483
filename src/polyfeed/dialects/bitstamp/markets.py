"""The instruments that Bitstamp lists, and how their numbers are printed (spec/bitstamp.md 6)."""

from __future__ import annotations

from collections.abc import Iterator

from polyfeed.dialects.bitstamp import wire
from polyfeed.dialects.bitstamp.spec import NAME
from polyfeed.market.instrument import InstrumentState
from polyfeed.market.market import Market
from polyfeed.model.enums import InstrumentKind
from polyfeed.model.numbers import divide_half_up, format_scaled


class UnknownMarket(Exception):
    """No market has the symbol."""


class Listed:
    """One market. `symbol` is the one of channels and paths, `name` that of the REST bodies (BTC/USD).

    Amounts have the decimals of the instrument's lot, prices those of its tick: `base_decimals`, `counter_decimals`.
    """

    __slots__ = (
        "_price_unit",
        "_size_unit",
        "base_decimals",
        "counter_decimals",
        "id",
        "instrument",
        "name",
        "perpetual",
        "state",
        "symbol",
    )

    def __init__(self, state: InstrumentState) -> None:
        instrument = state.instrument
        self.state = state
        self.instrument = instrument
        self.id = instrument.id
        self.symbol = instrument.symbols[NAME]
        self.perpetual = instrument.kind is InstrumentKind.PERPETUAL
        self.name = f"{instrument.base}/{instrument.quote}{'-PERP' if self.perpetual else ''}"
        self.base_decimals = instrument.size_decimals
        self.counter_decimals = instrument.price_decimals
        self._size_unit = 10 ** (instrument.size_scale - self.base_decimals)
        self._price_unit = 10 ** (instrument.price_scale - self.counter_decimals)

    def price(self, value: int) -> str:
        """A price with the market's decimals; one off the grid (an average) is rounded."""
        return format_scaled(divide_half_up(value, self._price_unit), self.counter_decimals)

    def amount(self, value: int) -> str:
        """An amount with the market's decimals."""
        return format_scaled(value // self._size_unit, self.base_decimals)

    def price_number(self, value: int) -> str:
        """A price as a JSON number."""
        return wire.number(value, self.instrument.price_scale)

    def amount_number(self, value: int) -> str:
        """An amount as a JSON number."""
        return wire.number(value, self.instrument.size_scale)

    def level(self, price: int, size: int) -> str:
        """A level of a book."""
        return f'["{self.price(price)}","{self.amount(size)}"]'


class Markets:
    """All of them, in the order of their instrument ids; new ones are found when they are first asked for."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self.forget()

    def forget(self) -> None:
        """Instruments are others: all are found anew."""
        self._seen = 0
        self._by_symbol: dict[str, Listed] = {}
        self._by_id: dict[int, Listed] = {}

    def __iter__(self) -> Iterator[Listed]:
        self._read()
        return iter(self._by_id.values())

    def find(self, symbol: str) -> Listed | None:
        """The market of a symbol."""
        self._read()
        return self._by_symbol.get(symbol)

    def named(self, name: str) -> Listed | None:
        """The market of a name as in REST bodies, or of its symbol."""
        wanted = name.replace("/", "").lower()
        return self.find(wanted)

    def wanted(self, symbol: str) -> Listed:
        """The market that a path names. Raises UnknownMarket."""
        listed = self.find(symbol.lower())
        if listed is None:
            raise UnknownMarket(symbol)
        return listed

    def by_id(self, instrument: int) -> Listed:
        """The market of a listed instrument. Raises KeyError for another."""
        self._read()
        return self._by_id[instrument]

    def _read(self) -> None:
        instruments = self._market.instruments
        while self._seen < len(instruments):
            state = instruments[self._seen]
            self._seen += 1
            if NAME in state.instrument.symbols:
                listed = Listed(state)
                self._by_symbol[listed.symbol] = self._by_id[listed.id] = listed
