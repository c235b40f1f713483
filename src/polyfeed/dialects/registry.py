"""The dialects there are: one line each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from polyfeed.dialects import bitstamp, ekiden, kraken, peatio, rails
from polyfeed.dialects._base.context import Context
from polyfeed.dialects._base.dialect import Dialect
from polyfeed.dialects._base.inbound import Inbound
from polyfeed.dialects.bitstamp.inbound import BitstampInbound
from polyfeed.dialects.ekiden.inbound import EkidenInbound
from polyfeed.dialects.kraken.inbound import KrakenInbound
from polyfeed.dialects.peatio.inbound import PeatioInbound
from polyfeed.dialects.rails.inbound import RailsInbound

DIALECTS: dict[str, Callable[[Context, Any], Dialect]] = {
    "kraken": lambda context, settings: kraken.KrakenDialect(context.market, settings),
    "bitstamp": lambda context, settings: bitstamp.BitstampDialect(context, settings),
    "peatio": lambda context, settings: peatio.PeatioDialect(context, settings),
    "rails": lambda context, settings: rails.RailsDialect(context, settings),
    "ekiden": lambda context, settings: ekiden.EkidenDialect(context, settings),
}
"""Makes a dialect from what it reads and its settings."""

INBOUND: dict[str, type[Inbound]] = {
    "kraken": KrakenInbound,
    "bitstamp": BitstampInbound,
    "peatio": PeatioInbound,
    "rails": RailsInbound,
    "ekiden": EkidenInbound,
}
"""Who reads each exchange's server messages."""


def make_dialects(context: Context, settings: Mapping[str, object]) -> list[Dialect]:
    """The dialects that have settings, in the order of the registry."""
    return [make(context, settings[name]) for name, make in DIALECTS.items() if name in settings]
