"""Questions as SQL, and rows as values again."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from enum import Enum
from functools import cache
from typing import Any, TypeVar, cast

import msgspec

from polyfeed.model import events as e
from polyfeed.model.candle import Candle
from polyfeed.model.enums import ExecutionKind, OrderKind, Side
from polyfeed.model.history import (
    CandlesOf,
    ClosingsOf,
    FillRow,
    FillsOf,
    OrderRow,
    OrdersOf,
    PaymentRow,
    PaymentsOf,
    Query,
    RateRow,
    RatesOf,
    TradeRow,
    TradesOf,
    storable,
)
from polyfeed.model.orders import ENDED, Closing, Fill, OwnOrder
from polyfeed.model.trades import TapeEntry
from polyfeed.store.history import schema
from polyfeed.store.history.database import Database, quoted
from polyfeed.store.history.schema import Table

T = TypeVar("T")

_OWN = 3  # columns of an account's event before its own
_TERMS = len(schema.fields(e.OwnOrderOpened))
_CLOSING = len(schema.fields(Closing))


class Where:
    """Conditions that all must hold."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self.values: list[Any] = []

    def __str__(self) -> str:
        return f" WHERE {' AND '.join(self._texts)}" if self._texts else ""

    def holds(self, column: str, sign: str, value: Any) -> None:
        """A comparison with a value."""
        self._texts.append(f"{quoted(column)} {sign} ?")
        self.values.append(value)

    def follows(self, columns: tuple[str, ...], sign: str, values: tuple[int, ...]) -> None:
        """A place in the order of several columns, compared with that of values."""
        self._texts.append(f"({', '.join(map(quoted, columns))}) {sign} ({', '.join('?' * len(values))})")
        self.values += values

    def one_of(self, column: str, values: Iterable[int]) -> None:
        """One of several numbers."""
        given = [int(value) for value in values]
        self._texts.append(f"{quoted(column)} IN ({', '.join('?' * len(given))})" if given else "1 = 0")
        self.values += given

    def entered_as(self, client_id: str, accounts: Iterable[int]) -> None:
        """Of orders that accounts entered under a name of their own."""
        owned = Where()
        owned.holds("client_id", "=", client_id)
        owned.one_of("account", accounts)
        self._texts.append(f'"order_id" IN (SELECT "order_id" FROM {quoted(schema.ORDERS.name)}{owned})')
        self.values += owned.values

    def within(self, column: str, since: int, until: int) -> None:
        """Between two numbers, both included."""
        self.holds(column, ">=", since)
        self.holds(column, "<=", until)


def ask(database: Database, query: Query) -> Sequence[Any]:
    """The rows that answer a query, of the class that belongs to it. Raises DatabaseError."""
    rows = _ask(database, storable(query))
    database.commit()  # the next question sees what was written meanwhile
    return rows


def _ask(database: Database, query: Query) -> Sequence[Any]:
    match query:
        case FillsOf():
            return fills(database, query)
        case OrdersOf():
            return orders(database, query)
        case ClosingsOf():
            return closings(database, query)
        case PaymentsOf():
            return payments(database, query)
        case TradesOf():
            return trades(database, query)
        case CandlesOf():
            return candles(database, query)
    return rates(database, query)


def fills(database: Database, query: FillsOf) -> list[FillRow]:
    """Matches, each with the terms of its order."""
    where = Where()
    _of_accounts(where, query.accounts, query.instruments)
    where.within("ts", query.since, query.until)
    where.holds("place", "<", query.before)
    if query.order_id:
        where.holds("order_id", "=", query.order_id)
    if query.client_id:
        where.entered_as(query.client_id, query.accounts)
    if query.first_trade:
        where.holds("trade_id", ">=", query.first_trade)
    order = ("place", not query.oldest_first)
    rows = _select(database, schema.FILLS, where, [order], query.limit, query.offset)
    found = [(row, struct_of(e.OwnFill, row[_OWN:])) for row in rows]
    terms = terms_of(database, {fill.order_id for _, fill in found})
    return [FillRow(row[0], row[2], Fill(row[1], fill, terms.get(fill.order_id))) for row, fill in found]


def terms_of(database: Database, numbers: set[int]) -> dict[int, e.OwnOrderOpened]:
    """The terms of orders, by number."""
    if not numbers:
        return {}
    where = Where()
    where.one_of("order_id", sorted(numbers))
    rows = _select(database, schema.ORDERS, where, [("order_id", False)], len(numbers))
    found = (struct_of(e.OwnOrderOpened, row[:_TERMS]) for row in rows)
    return {terms.order_id: terms for terms in found}


def orders(database: Database, query: OrdersOf) -> list[OrderRow]:
    """Orders that have ended."""
    where = Where()
    _of_accounts(where, query.accounts, query.instruments)
    where.one_of("status", query.statuses or ENDED)
    where.within("opened_ts", query.since, query.until)
    where.holds("order_id", "<", query.before)
    _named(where, query)
    return _orders(_select(database, schema.ORDERS, where, [("order_id", True)], query.limit))


def closings(database: Database, query: ClosingsOf) -> list[OrderRow]:
    """Orders that closed something of a position."""
    where = Where()
    _of_accounts(where, query.accounts, query.instruments)
    where.holds("closing_fills", ">", 0)
    where.within("updated_ts", query.since, query.until)
    where.follows(("updated_ts", "order_id"), "<", query.before)
    _named(where, query)
    return _orders(_select(database, schema.ORDERS, where, [("updated_ts", True), ("order_id", True)], query.limit))


def _named(where: Where, query: OrdersOf | ClosingsOf) -> None:
    if query.order_id:
        where.holds("order_id", "=", query.order_id)
    if query.client_id:
        where.holds("client_id", "=", query.client_id)


def _orders(rows: Iterable[Sequence[Any]]) -> list[OrderRow]:
    return [OrderRow(row[_TERMS], order_of(row)) for row in rows]


def order_of(row: Sequence[Any]) -> OwnOrder:
    """A row of the table of orders as the order that it is."""
    closing = struct_of(Closing, row[-_CLOSING:])
    standing = [struct_of(e.OwnOrderOpened, row[:_TERMS]), *row[_TERMS + 1 : -_CLOSING]]
    return struct_of(OwnOrder, [*standing, closing if closing.fills else None])


def payments(database: Database, query: PaymentsOf) -> list[PaymentRow]:
    """Funding that accounts paid or received."""
    where, place = Where(), ("ts", "instrument", "account")
    _of_accounts(where, query.accounts, query.instruments)
    where.within("ts", query.since, query.until)
    where.follows(place, "<", query.before)
    rows = _select(database, schema.FUNDINGS, where, [(column, True) for column in place], query.limit)
    return [PaymentRow(row[2], row[1], struct_of(e.FundingPaid, row[_OWN:])) for row in rows]


def trades(database: Database, query: TradesOf) -> list[TradeRow]:
    """Public trades."""
    where = Where()
    where.holds("instrument", "=", query.instrument)
    where.follows(("ts", "nth"), ">", query.after)
    found = _select(database, schema.TRADES, where, [("ts", query.last), ("nth", query.last)], query.limit)
    if query.last:
        found.reverse()
    return [TradeRow(row[2], _entry(row)) for row in found]


def _entry(row: Sequence[Any]) -> TapeEntry:
    named = dict(zip(schema.TRADES.names, row, strict=True))
    return TapeEntry(
        named["trade_id"],
        named["price"],
        named["size"],
        named["ts"],
        Side(named["taker_side"]),
        OrderKind(named["taker_kind"]),
        named["taker_id"],
        named["maker_id"],
        ExecutionKind(named["execution"]),
    )


def candles(database: Database, query: CandlesOf) -> list[Candle]:
    """Candles."""
    where = Where()
    where.holds("instrument", "=", query.instrument)
    where.holds("priced", "=", int(query.priced))
    where.holds("interval", "=", query.interval)
    where.within("start", query.since, query.until)
    rows = _select(database, schema.CANDLES, where, [("start", query.last)], query.limit)
    if query.last:
        rows.reverse()
    return [candle_of(row) for row in rows]


def candle_of(row: Sequence[Any]) -> Candle:
    """A row of the table of candles as the candle that it is."""
    return Candle(*map(int, row[3:]))


def rates(database: Database, query: RatesOf) -> list[RateRow]:
    """Funding that was exchanged."""
    where = Where()
    where.holds("instrument", "=", query.instrument)
    where.within("ts", query.since, query.until)
    rows = _select(database, schema.FUNDING_RATES, where, [("place", True)], query.limit)
    found = [(row[1], struct_of(e.FundingSettled, row[2:])) for row in rows]
    return [RateRow(ts, told.rate_ppm, told.mark_price) for ts, told in found]


def struct_of(kind: type[T], values: Sequence[Any]) -> T:
    """A struct of what its columns hold."""
    return kind(*(make(value) for make, value in zip(_makers(cast("Hashable", kind)), values, strict=True)))


@cache
def _makers(kind: Hashable) -> tuple[Any, ...]:
    found = []
    for field in msgspec.structs.fields(cast("type", kind)):
        plain = isinstance(field.type, type) and issubclass(field.type, int | Enum)
        found.append(field.type if plain else _as_it_is)
    return tuple(found)


def _as_it_is(value: Any) -> Any:
    return value


def _of_accounts(where: Where, accounts: Iterable[int], instruments: Iterable[int]) -> None:
    where.one_of("account", accounts)
    if instruments:
        where.one_of("instrument", instruments)


def _select(
    database: Database, table: Table, where: Where, order: list[tuple[str, bool]], limit: int, offset: int = 0
) -> list[Sequence[Any]]:
    """Rows by columns, each of which may be descending."""
    columns = ", ".join(map(quoted, table.names))
    by = ", ".join(f"{quoted(column)}{' DESC' if down else ''}" for column, down in order)
    sql = f"SELECT {columns} FROM {quoted(table.name)}{where} ORDER BY {by} LIMIT {limit:d} OFFSET {offset:d}"
    return database.query(sql, where.values)
