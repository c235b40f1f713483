"""The dialects there are: one line each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from polyfeed.dialects import kraken
from polyfeed.dialects._base.dialect import Dialect
from polyfeed.market.market import Market

DIALECTS: dict[str, Callable[[Market, Any], Dialect]] = {
    "kraken": kraken.KrakenDialect,
}
"""Makes a dialect from the market it reads and its settings."""


def make_dialects(market: Market, settings: Mapping[str, object]) -> list[Dialect]:
    """The dialects that have settings, in the order of the registry."""
    return [make(market, settings[name]) for name, make in DIALECTS.items() if name in settings]
