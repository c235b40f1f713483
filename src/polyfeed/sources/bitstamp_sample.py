"""The capture that the installed package ob-analytics 0.1.0 carries: 30 minutes of Bitstamp's btcusd of 2 May 2026.

That package is under the GPL. It is a dependency of tests and benchmarks only: its files are read where it is
installed, none of them is ours, and its code is not imported.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

from polyfeed.model.commands import AnyCommand, DefineCurrency, ListInstrument, OpenAccount
from polyfeed.model.instruments import Currency, Instrument

STALE_SEEDS = frozenset({2002347646152704, 2002347642003458})
"""Orders of the first book whose deletes fell into the 0.74 s between it and the first event (spec/bitstamp.md 9)."""

BTCUSD = Instrument(
    id=0,
    name="BTC-USD",
    base="BTC",
    quote="USD",
    price_scale=2,
    size_scale=8,
    tick=100,
    lot=1,
    min_size=1,
    symbols={"bitstamp": "btcusd"},
)
"""Bitstamp's market as the capture shows it: prices in whole dollars, sizes to 1e-8."""

ACCOUNT = 1


def sample_folder() -> Path | None:
    """Where the capture is installed, None where it is not."""
    found = importlib.util.find_spec("ob_analytics")
    if found is None or found.origin is None:
        return None
    return Path(found.origin).parent / "_sample_data"


def setup() -> list[AnyCommand]:
    """What must be in a new venue before the capture's commands: two currencies, the market, one house account."""
    return [
        DefineCurrency(Currency("BTC", 8)),
        DefineCurrency(Currency("USD", 8)),
        ListInstrument(BTCUSD),
        OpenAccount(ACCOUNT, "imported", house=True),
    ]
