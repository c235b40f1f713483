"""What must be known of an upstream's market that no message says: its currencies and decimals, told or guessed."""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct

from polyfeed.dialects.peatio import spec
from polyfeed.model.enums import Detail
from polyfeed.model.instruments import Instrument
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
