"""The instruments that Kraken lists, under the names and numbers they have there (spec/kraken.md 1.7, 1.8)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from polyfeed.dialects.kraken.spec import ALIASES, NAME, VOLUME_DECIMALS
from polyfeed.dialects.kraken.wire import fixed, level_text
from polyfeed.market.instrument import InstrumentState
from polyfeed.market.market import Market
from polyfeed.model.instruments import Instrument


class Pair:
    """One listed instrument.

    `price` prints a price with the instrument's decimals, which are the wire's; `volume` a size with eight; `level` the
    inside of a book level's array from price, size and time. `pad` brings a size to eight decimals.
    """

    __slots__ = ("id", "index", "level", "name", "pad", "price", "state", "volume")

    def __init__(self, state: InstrumentState, index: int) -> None:
        instrument = state.instrument
        self.state = state
        self.index = index
        self.id = instrument.id
        self.name = instrument.symbols[NAME]
        self.pad = int(10 ** (VOLUME_DECIMALS - instrument.size_scale))
        self.price = fixed(instrument.price_scale)
        self.volume = _padded(self.pad)
        self.level = level_text(instrument.price_scale, self.pad)


def _padded(pad: int) -> Callable[[int], str]:
    volume = fixed(VOLUME_DECIMALS)
    return volume if pad == 1 else lambda size: volume(size * pad)


class Pairs:
    """All of them, in the order of their instrument ids; new ones are found when they are first asked for.

    An instrument whose sizes have more than eight decimals, or whose prices have none, cannot be shown on this wire
    and is not listed.
    """

    def __init__(self, market: Market, first_index: int) -> None:
        self._market = market
        self._first_index = first_index
        self.forget()

    def forget(self) -> None:
        """Instruments are others: all are found anew."""
        self._seen = 0
        self._all: list[Pair] = []
        self._by_name: dict[str, Pair] = {}
        self._by_id: dict[int, Pair] = {}

    def __iter__(self) -> Iterator[Pair]:
        self._read()
        return iter(self._all)

    def by_id(self, instrument: int) -> Pair:
        """The pair of a listed instrument."""
        self._read()
        return self._by_id[instrument]

    def by_index(self, index: int) -> Pair | None:
        """The pair with this index in channel numbers."""
        self._read()
        place = index - self._first_index
        return self._all[place] if 0 <= place < len(self._all) else None

    def find(self, spelled: str) -> Pair | None:
        """The pair of this name, aliases of its assets allowed."""
        self._read()
        pair = self._by_name.get(spelled)
        return pair if pair is not None else self._by_name.get(canonical(spelled))

    def _read(self) -> None:
        instruments = self._market.instruments
        while self._seen < len(instruments):
            state = instruments[self._seen]
            self._seen += 1
            if NAME in state.instrument.symbols and can_be_shown(state.instrument):
                self._add(Pair(state, self._first_index + len(self._all)))

    def _add(self, pair: Pair) -> None:
        self._all.append(pair)
        self._by_name[pair.name] = pair
        self._by_id[pair.id] = pair


def can_be_shown(instrument: Instrument) -> bool:
    """Whether the wire's number formats fit: every price has a point in it, every volume eight decimals (sheet 3.5)."""
    return instrument.price_scale > 0 and instrument.size_scale <= VOLUME_DECIMALS


_SHAPE = re.compile(r"[A-Za-z0-9.]+/[A-Za-z0-9.]+")


def is_pair_name(spelled: str) -> bool:
    """Whether the text has the shape A/B."""
    return _SHAPE.fullmatch(spelled) is not None


def canonical(spelled: str) -> str:
    """The name with aliases of assets replaced: BTC/USD -> XBT/USD."""
    return "/".join(ALIASES.get(asset, asset) for asset in spelled.split("/"))
