"""The dialects there are: one line each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from polyfeed.dialects import kraken
from polyfeed.dialects._base.context import Context
from polyfeed.dialects._base.dialect import Dialect
from polyfeed.dialects._base.inbound import Inbound
from polyfeed.dialects.kraken.inbound import KrakenInbound

DIALECTS: dict[str, Callable[[Context, Any], Dialect]] = {
    "kraken": lambda context, settings: kraken.KrakenDialect(context.market, settings),
}
"""Makes a dialect from what it reads and its settings."""

INBOUND: dict[str, type[Inbound]] = {
    "kraken": KrakenInbound,
}
"""Who reads each exchange's server messages."""


def make_dialects(context: Context, settings: Mapping[str, object]) -> list[Dialect]:
    """The dialects that have settings, in the order of the registry."""
    return [make(context, settings[name]) for name, make in DIALECTS.items() if name in settings]
