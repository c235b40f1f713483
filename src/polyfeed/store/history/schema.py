"""The tables. Their columns are the fields of the events that fill them, under the same names.

Prices and sizes are integers scaled by the instrument, amounts by the currency (both are tables, too), times venue
microseconds, enumerations the integers of `polyfeed.model.enums`. Sums that 64 bits may not hold are WIDE.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from polyfeed.model import events
from polyfeed.model.candle import Candle
from polyfeed.model.orders import Closing, OwnOrder

FORMAT = 3
"""Counts up whenever a table changes: history of another form is written anew from the journal."""

INTEGER, TEXT, WIDE = "BIGINT", "TEXT", "WIDE"


class Table(Struct, frozen=True):
    """A table: columns with their types, of which the first `key` ones name a row.

    Of a table that `replaces`, a row of the same key takes the other's place; otherwise the first one stays.
    """

    name: str
    columns: tuple[tuple[str, str], ...]
    key: int = 1
    replaces: bool = False
    indexes: tuple[tuple[str, ...], ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The columns' names."""
        return tuple(name for name, _ in self.columns)


def fields(
    kind: type, without: tuple[str, ...] = (), prefix: str = "", prefixed: tuple[str, ...] = ()
) -> tuple[tuple[str, str], ...]:
    """A class's fields as columns; those `prefixed` have the prefix before their names."""
    return tuple(
        (prefix + one.name if one.name in prefixed else one.name, TEXT if one.type is str else INTEGER)
        for one in msgspec.structs.fields(kind)
        if one.name not in without
    )


def _told(
    name: str, kind: type, *, owned: bool, indexes: tuple[tuple[str, ...], ...], without: tuple[str, ...] = ()
) -> Table:
    """A table of events: each with its place among all, and its time."""
    owner = (("account", INTEGER),) if owned else ()
    return Table(name, (("place", INTEGER), ("ts", INTEGER), *owner, *fields(kind, without)), indexes=indexes)


PLACED = ("price", "size", "status")
"""Fields that an order's terms share with its standing."""

_STANDING = fields(OwnOrder, ("terms", "closing"))
_CLOSING = fields(Closing, prefix="closing_", prefixed=Closing.__struct_fields__)

COMBINED = ("parts",)
"""A balance's change that has several causes is as many transfers."""

CURRENCIES = Table("currencies", (("code", TEXT), ("scale", INTEGER)), replaces=True)
INSTRUMENTS = Table(
    "instruments",
    (
        ("id", INTEGER),
        ("name", TEXT),
        ("base", TEXT),
        ("quote", TEXT),
        ("price_scale", INTEGER),
        ("size_scale", INTEGER),
    ),
    replaces=True,
)
ACCOUNTS = Table("accounts", (("account", INTEGER), *fields(events.AccountOpened)), replaces=True)
ORDERS = Table(
    "orders",
    (*fields(events.OwnOrderOpened, prefix="placed_", prefixed=PLACED), ("account", INTEGER), *_STANDING, *_CLOSING),
    replaces=True,
    indexes=(
        ("account", "order_id"),
        ("account", "closing_fills"),
        ("client_id", "account", "order_id"),
        ("status",),
    ),
)
FILLS = _told("fills", events.OwnFill, owned=True, indexes=(("account", "place"), ("order_id", "account", "place")))
TRADES = Table(
    "trades",
    (("instrument", INTEGER), ("ts", INTEGER), ("nth", INTEGER), *fields(events.Trade, ("instrument", "ts"))),
    key=3,
)
CANDLES = Table(
    "candles",
    (
        ("instrument", INTEGER),
        ("priced", INTEGER),
        ("interval", INTEGER),
        *((name, WIDE if name in ("volume", "value") else kind) for name, kind in fields(Candle)),
    ),
    key=4,
    replaces=True,
)
TRANSFERS = _told("transfers", events.BalanceSet, owned=True, indexes=(("account", "place"),), without=COMBINED)
FUNDINGS = _told("fundings", events.FundingPaid, owned=True, indexes=(("account", "ts"),))
SETTLEMENTS = _told("settlements", events.PositionSettled, owned=True, indexes=(("account", "place"),))
PREMIUMS = _told("premiums", events.InsurancePremiumPaid, owned=True, indexes=(("account", "place"),))
LIQUIDATIONS = _told("liquidations", events.PositionLiquidated, owned=False, indexes=(("instrument", "place"),))
FUNDING_RATES = _told("funding_rates", events.FundingSettled, owned=False, indexes=(("instrument", "place"),))
PROGRESS = Table(
    "progress",
    (*((name, INTEGER) for name in ("id", "form", "epoch", "seq", "ts")), ("venue", TEXT)),
    replaces=True,
)
"""One row: up to which batch of which venue's history everything is here. Written by each transaction."""

STAMPS = Table("stamps", (("seq", INTEGER), ("ts", INTEGER)), replaces=True)
"""The times of some batches, by which it is found how far history and a journal that has lost its end are the same."""

TABLES = (
    CURRENCIES,
    INSTRUMENTS,
    ACCOUNTS,
    ORDERS,
    FILLS,
    TRADES,
    CANDLES,
    TRANSFERS,
    FUNDINGS,
    SETTLEMENTS,
    PREMIUMS,
    LIQUIDATIONS,
    FUNDING_RATES,
    STAMPS,
    PROGRESS,
)


def values(struct: Any, without: tuple[str, ...] = ()) -> tuple[Any, ...]:
    """What a struct's columns hold."""
    return tuple(_plain(getattr(struct, name)) for name in struct.__struct_fields__ if name not in without)


def _plain(value: Any) -> Any:
    return value if type(value) is str else int(value)
