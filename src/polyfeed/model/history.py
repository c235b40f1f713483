"""Questions about what has happened, and the rows that answer them.

Whoever keeps history answers them: a store, which has all of it, or the memory of market and accounts, which has the
last of it. Bounds are inclusive unless they say otherwise, times are venue microseconds, and an empty tuple of
instruments means all. What a page goes on behind is always a number of the venue's own (a trade's, an order's, a
transaction's), so pages stay as they are while new rows come, and whoever keeps history gives the same ones.
"""

from __future__ import annotations

from typing import Annotated, TypeVar

from msgspec import Meta, Struct
from msgspec.structs import asdict, replace

from polyfeed.model.enums import OrderStatus, Priced
from polyfeed.model.events import FundingPaid, OwnFill
from polyfeed.model.orders import Fill, OwnOrder
from polyfeed.model.trades import TapeEntry

FOREVER = 1 << 62
"""Later than every time, behind every place and every number."""

MOST_ROWS = 10_000
"""The most that a question may ask for."""

Count = Annotated[int, Meta(ge=0, le=MOST_ROWS)]
Offset = Annotated[int, Meta(ge=0)]

_SIDES = 2
_LEAST, _MOST = -(1 << 63), (1 << 63) - 1


class HistoryUnavailable(Exception):
    """Nobody can answer now; asked again later, somebody may."""


class FillsOf(Struct, frozen=True, kw_only=True, array_like=True, tag=1):
    """Matches of accounts' orders. `before` is the place that newest-first pages go on behind, exclusive.

    `order_id` asks for those of one order, `client_id` for those of orders that have it, `first_trade` for those of
    this trade and later ones.
    """

    accounts: tuple[int, ...]
    instruments: tuple[int, ...] = ()
    since: int = 0
    until: int = FOREVER
    order_id: int = 0
    client_id: str = ""
    first_trade: int = 0
    before: int = FOREVER
    oldest_first: bool = False
    offset: Offset = 0
    limit: Count = 1000


def place_of(fill: OwnFill) -> int:
    """The place of a match among all: by its trade, the taker's side first."""
    return fill.trade_id * _SIDES + fill.maker


def place_before(trade_id: int) -> int:
    """The place that is behind all matches of earlier trades, and of no later one."""
    return trade_id * _SIDES


class FillRow(Struct, frozen=True, array_like=True):
    """One of them; `place` is `place_of` it."""

    place: int
    account: int
    fill: Fill


class OrdersOf(Struct, frozen=True, kw_only=True, array_like=True, tag=2):
    """Accounts' orders that have ended, the highest number first. `since` and `until` are about when they were opened.

    `before` is an order's number, exclusive. `order_id` and `client_id` ask for one order.
    """

    accounts: tuple[int, ...]
    instruments: tuple[int, ...] = ()
    since: int = 0
    until: int = FOREVER
    statuses: tuple[OrderStatus, ...] = ()
    order_id: int = 0
    client_id: str = ""
    before: int = FOREVER
    limit: Count = 1000


class ClosingsOf(Struct, frozen=True, kw_only=True, array_like=True, tag=3):
    """Accounts' orders that closed something of a position, open ones too: those that something happened to last coming
    first, which is what `since` and `until` are about. `before` is that time and the order's number, exclusive.
    """

    accounts: tuple[int, ...]
    instruments: tuple[int, ...] = ()
    since: int = 0
    until: int = FOREVER
    order_id: int = 0
    client_id: str = ""
    before: tuple[int, int] = (FOREVER, 0)
    limit: Count = 1000


class OrderRow(Struct, frozen=True, array_like=True):
    """An order as it stands, and whose it is."""

    account: int
    order: OwnOrder


class PaymentsOf(Struct, frozen=True, kw_only=True, array_like=True, tag=4):
    """Funding that accounts paid or received, newest first. `before` is a payment's time, instrument and account,
    exclusive.
    """

    accounts: tuple[int, ...]
    instruments: tuple[int, ...] = ()
    since: int = 0
    until: int = FOREVER
    before: tuple[int, int, int] = (FOREVER, 0, 0)
    limit: Count = 1000


class PaymentRow(Struct, frozen=True, array_like=True):
    """One of them."""

    account: int
    ts: int
    paid: FundingPaid


class TradesOf(Struct, frozen=True, kw_only=True, array_like=True, tag=5):
    """Public trades of an instrument, oldest first: the first after `after` (exclusive), or with `last` the last ones.

    `after` is the time of a trade and its number among those of its instrument at that time (see `TradeRow`).
    """

    instrument: int
    after: tuple[int, int] = (-1, 0)
    last: bool = False
    limit: Count = 1000


class TradeRow(Struct, frozen=True, array_like=True):
    """A trade, and the how manieth of its instrument it was at its time, from 0."""

    nth: int
    trade: TapeEntry


class CandlesOf(Struct, frozen=True, kw_only=True, array_like=True, tag=6):
    """Candles (`model.candle`) that start between two times, oldest first: of trades, or of what else is `priced`.

    With `last` they are the last ones of them, otherwise the first.
    """

    instrument: int
    interval: int
    priced: Priced = Priced.TRADES
    since: int = 0
    until: int = FOREVER
    last: bool = True
    limit: Count = 1000


class RatesOf(Struct, frozen=True, kw_only=True, array_like=True, tag=7):
    """Funding that was exchanged in a market, newest first."""

    instrument: int
    since: int = 0
    until: int = FOREVER
    limit: Count = 1000


class RateRow(Struct, frozen=True, array_like=True):
    """One time of it, and the mark price that it was reckoned with."""

    ts: int
    rate_ppm: int
    mark_price: int


Query = FillsOf | OrdersOf | ClosingsOf | PaymentsOf | TradesOf | CandlesOf | RatesOf

T = TypeVar("T", bound=Struct)


def storable(query: T) -> T:
    """The same question in values that databases and messages take, which are as far from any row as those it has.

    That is numbers of 64 bits, and text without halves of surrogate pairs, and without NUL, which PostgreSQL has not.
    """
    given = asdict(query)
    changed = {name: _storable(value) for name, value in given.items()}
    return query if changed == given else replace(query, **changed)


def _storable(value: object) -> object:
    if isinstance(value, str):
        return value.replace("\0", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, tuple):
        return tuple(map(_storable, value))
    return min(max(value, _LEAST), _MOST) if isinstance(value, int) else value
