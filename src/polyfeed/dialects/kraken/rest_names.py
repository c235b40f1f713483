"""The names that assets and pairs have in the REST API, which are older than those of the sockets.

Assets of the first years carry a letter, X for coins and Z for currencies: XXBT, ZUSD. Pairs of two such assets that
were listed in those years are named by both, XXBTZUSD; all later ones by the plain codes, ADAUSD. (The names of the
293 pairs of April 2021, of which `polyfeed/data/kraken/pairs.csv` ships 83.)
"""

from __future__ import annotations

from polyfeed.dialects.kraken.spec import ALIASES

_COINS = ("ETC", "ETH", "LTC", "MLN", "REP", "XBT", "XDG", "XLM", "XMR", "XRP", "ZEC")
_MONEY = ("AUD", "CAD", "EUR", "GBP", "JPY", "USD")

FIAT = frozenset((*_MONEY, "CHF"))
"""Currencies that are no coins."""

LEGACY_ASSETS = {code: f"X{code}" for code in _COINS} | {code: f"Z{code}" for code in _MONEY}

_LATER_PAIRS = frozenset(
    f"{base}/{quote}"
    for base, quotes in {
        "AUD": ("JPY", "USD"),
        "ETH": ("AUD",),
        "EUR": ("AUD", "CAD", "GBP", "JPY"),
        "LTC": ("AUD", "ETH", "GBP"),
        "XBT": ("AUD",),
        "XDG": ("EUR", "USD"),
        "XRP": ("AUD", "ETH", "GBP"),
    }.items()
    for quote in quotes
)
"""Pairs of two old assets with a plain name."""

_MIXED_PAIRS = {"USDT/USD": "USDTZUSD"}
"""The one pair that names only its second asset the old way."""

_SPELLINGS = {code: alias for alias, code in ALIASES.items()}


def asset_name(code: str) -> str:
    """XBT -> XXBT, ADA -> ADA."""
    return LEGACY_ASSETS.get(code, code)


def alternate_name(symbol: str) -> str:
    """XBT/USD -> XBTUSD."""
    return symbol.replace("/", "")


def pair_name(symbol: str) -> str:
    """XBT/USD -> XXBTZUSD, ADA/USD -> ADAUSD."""
    base, _, quote = symbol.partition("/")
    if symbol in _MIXED_PAIRS:
        return _MIXED_PAIRS[symbol]
    if base in LEGACY_ASSETS and quote in LEGACY_ASSETS and symbol not in _LATER_PAIRS:
        return LEGACY_ASSETS[base] + LEGACY_ASSETS[quote]
    return alternate_name(symbol)


def accepted_names(symbol: str) -> set[str]:
    """Every spelling of a pair that a call may use: those of both APIs, and BTC for XBT and the like."""
    base, _, quote = symbol.partition("/")
    bases, quotes = {base, _SPELLINGS.get(base, base)}, {quote, _SPELLINGS.get(quote, quote)}
    names = {f"{left}{slash}{right}" for left in bases for right in quotes for slash in ("", "/")}
    return names | {pair_name(symbol)}
