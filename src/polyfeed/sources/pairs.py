"""The table of pairs that ships with polyfeed, and the instruments that it describes.

One row of `data/kraken/pairs.csv` (columns: `data/kraken/README.md`) says all that five dialects need of a pair:
Kraken's names stand in it, the other dialects' symbols follow from its canonical name by one rule.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from importlib.resources import files
from typing import NamedTuple

from polyfeed.model.enums import Detail
from polyfeed.model.instruments import Currency, Instrument
from polyfeed.model.numbers import parse_scaled

CURRENCY_SCALE = 8
"""Decimals of every balance. Prices and sizes of every pair have more together, as `formulas.cost_divisor` needs."""

CANONICAL_CODES = {"XBT": "BTC", "XDG": "DOGE"}
"""Kraken's own codes of coins that everybody else calls otherwise."""

MAKER_FEE_PPM, TAKER_FEE_PPM = 1600, 2600
"""0.16 % and 0.26 %: Kraken's lowest tier of April 2021."""


class Pair(NamedTuple):
    """A row of the table. Decimal numbers are the table's text; see its README for what each column means."""

    wsname: str
    rest_name: str
    altname: str
    pair_decimals: int
    lot_decimals: int
    ordermin: str
    wire_decimals: int
    wire_decimals_are: str
    reference_price: str
    listed_by: str

    @property
    def base(self) -> str:
        """Code of what is traded: BTC, not XBT."""
        code = self.wsname.split("/")[0]
        return CANONICAL_CODES.get(code, code)

    @property
    def quote(self) -> str:
        """Code of what it is traded for."""
        code = self.wsname.split("/")[1]
        return CANONICAL_CODES.get(code, code)


def read_pairs() -> list[Pair]:
    """All pairs, those of Kraken's document first; a pair's place in the list is its instrument's id."""
    with (files("polyfeed") / "data" / "kraken" / "pairs.csv").open(encoding="ascii") as lines:
        return [_pair(**row) for row in csv.DictReader(lines)]


def currencies_of(pairs: Iterable[Pair]) -> list[Currency]:
    """Every currency that a pair needs, in the order in which the pairs name them."""
    codes = dict.fromkeys(code for pair in pairs for code in (pair.base, pair.quote))
    return [Currency(code, CURRENCY_SCALE) for code in codes]


def instruments_of(pairs: Sequence[Pair], detail: Detail = Detail.ORDERS) -> list[Instrument]:
    """An instrument for each pair; ids count from 0."""
    return [_instrument(number, pair, detail) for number, pair in enumerate(pairs)]


def reference_price(pair: Pair) -> int:
    """The pair's reference price as its instrument's integer."""
    return parse_scaled(pair.reference_price, pair.wire_decimals)


def _pair(pair_decimals: str, lot_decimals: str, wire_decimals: str, **texts: str) -> Pair:
    return Pair(
        pair_decimals=int(pair_decimals), lot_decimals=int(lot_decimals), wire_decimals=int(wire_decimals), **texts
    )


def _instrument(number: int, pair: Pair, detail: Detail) -> Instrument:
    name = f"{pair.base}-{pair.quote}"
    joined = f"{pair.base}{pair.quote}".lower()
    return Instrument(
        id=number,
        name=name,
        base=pair.base,
        quote=pair.quote,
        price_scale=pair.wire_decimals,
        size_scale=pair.lot_decimals,
        tick=10 ** (pair.wire_decimals - pair.pair_decimals),
        lot=1,
        min_size=parse_scaled(pair.ordermin, pair.lot_decimals),
        detail=detail,
        maker_fee_ppm=MAKER_FEE_PPM,
        taker_fee_ppm=TAKER_FEE_PPM,
        symbols={"kraken": pair.wsname, "bitstamp": joined, "peatio": joined, "rails": name, "ekiden": name},
    )
