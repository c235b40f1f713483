"""The instruments that Rails lists, with the texts of their numbers."""

from __future__ import annotations

from collections.abc import Iterator

from polyfeed.accounts.account import Account
from polyfeed.dialects.rails.spec import NAME
from polyfeed.dialects.rails.wire import decimal
from polyfeed.market.instrument import InstrumentState
from polyfeed.market.market import Market as Markets
from polyfeed.model.formulas import cost_divisor
from polyfeed.model.numbers import divide_half_up
from polyfeed.model.perpetuals import PerpetualTerms


class Market:
    """One listed instrument. `quote_scale` is the scale of its amounts."""

    __slots__ = ("divisor", "id", "name", "price_scale", "quote_scale", "size_scale", "state")

    def __init__(self, state: InstrumentState, quote_scale: int) -> None:
        instrument = state.instrument
        self.state = state
        self.id = instrument.id
        self.name = instrument.symbols[NAME]
        self.price_scale = instrument.price_scale
        self.size_scale = instrument.size_scale
        self.quote_scale = quote_scale
        self.divisor = cost_divisor(instrument, quote_scale)

    @property
    def terms(self) -> PerpetualTerms | None:
        """What only a perpetual has; None for spot."""
        return self.state.instrument.perpetual

    def leverage(self, account: Account) -> str:
        """The account's leverage here, as text."""
        return str(account.leverage_in(self.state.instrument).leverage)

    def price(self, price: int) -> str:
        """A price as text."""
        return decimal(price, self.price_scale)

    def size(self, size: int) -> str:
        """A size as text."""
        return decimal(size, self.size_scale)

    def amount(self, amount: int) -> str:
        """An amount of the quote currency as text."""
        return decimal(amount, self.quote_scale)

    def average(self, value: int, size: int) -> str:
        """The average price of `size` that came to `value`, rounded half up to the price's decimals."""
        return self.price(divide_half_up(value * self.divisor, size))


class Listing:
    """All of them, in the order of their instrument ids; new ones are found when they are first asked for."""

    def __init__(self, markets: Markets) -> None:
        self._markets = markets
        self.forget()

    def forget(self) -> None:
        """Instruments are others: all are found anew."""
        self._seen = 0
        self._by_name: dict[str, Market] = {}
        self._by_id: dict[int, Market] = {}

    def __iter__(self) -> Iterator[Market]:
        self._read()
        return iter(self._by_name.values())

    def __len__(self) -> int:
        self._read()
        return len(self._by_name)

    def find(self, name: str) -> Market | None:
        """The market of this name."""
        self._read()
        return self._by_name.get(name)

    def by_id(self, instrument: int) -> Market | None:
        """The market of an instrument, if it is listed."""
        if instrument >= self._seen:
            self._read()
        return self._by_id.get(instrument)

    def _read(self) -> None:
        instruments = self._markets.instruments
        while self._seen < len(instruments):
            state = instruments[self._seen]
            self._seen += 1
            currency = self._markets.currencies.get(state.instrument.quote)
            if NAME in state.instrument.symbols and currency is not None and _counts(state, currency.scale):
                market = Market(state, currency.scale)
                self._by_name[market.name] = self._by_id[market.id] = market


def _counts(state: InstrumentState, quote_scale: int) -> bool:
    """Whether amounts can be told from prices and sizes; recordings may have a currency that is too fine for it."""
    return state.instrument.price_scale + state.instrument.size_scale >= quote_scale
