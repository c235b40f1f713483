"""History in PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import cache
from typing import Any, TypeVar
from urllib.parse import parse_qsl, unquote, urlsplit

import pg8000.dbapi as driver

from polyfeed.store.history.database import Database, DatabaseError, conflict, quoted
from polyfeed.store.history.schema import TEXT, WIDE, Table

CONNECT_SECONDS = 10
PORT = 5432

T = TypeVar("T")


class PostgresqlDatabase(Database):
    """A connection to `postgresql://user:password@host:port/database`; `?host=/directory` names a socket's directory.

    Rows go as one array for each column, so that a transaction takes a few round trips however many rows it has.
    """

    wide = "NUMERIC(60)"

    def __init__(self, url: str) -> None:
        self._connection = _guarded(lambda: driver.connect(**arguments(url)))
        self._cursor = self._connection.cursor()

    def query(self, sql: str, values: Sequence[Any] = ()) -> list[Sequence[Any]]:
        """As the base says."""

        def work() -> list[Sequence[Any]]:
            self._cursor.execute(sql.replace("?", "%s"), tuple(values))
            return list(self._cursor.fetchall()) if self._cursor.description else []

        return _guarded(work)

    def put(self, table: Table, rows: Iterable[Sequence[Any]]) -> None:
        """As the base says."""
        columns = [list(column) for column in zip(*rows, strict=True)]
        if not columns:
            return
        for place, (_, kind) in enumerate(table.columns):
            if kind == WIDE:
                columns[place] = list(map(str, columns[place]))
            elif kind == TEXT:
                columns[place] = [text.replace("\0", "\ufffd") for text in columns[place]]
        _guarded(lambda: self._cursor.execute(_insert(table), tuple(columns)))

    def tables(self) -> set[str]:
        """As the base says."""
        return {row[0] for row in self.query("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")}

    def bound(self, seconds: float) -> None:
        """As the base says."""
        self.query(f"SET statement_timeout = {round(seconds * 1000)}")
        self.commit()

    def commit(self) -> None:
        """As the base says."""
        _guarded(self._connection.commit)

    def roll_back(self) -> None:
        """As the base says."""
        _guarded(self._connection.rollback)

    def close(self) -> None:
        """As the base says."""
        with suppress(driver.Error, OSError):
            self._connection.close()


def arguments(url: str) -> dict[str, Any]:
    """What a URL says to the driver. Raises DatabaseError for one that says too little."""
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query))
    database = unquote(parts.path.lstrip("/"))
    if not database or not parts.username:
        raise DatabaseError(f"a store's URL is postgresql://user:password@host:{PORT}/database, with a user and a name")
    found: dict[str, Any] = {
        "user": unquote(parts.username),
        "password": unquote(parts.password) if parts.password else None,
        "database": database,
        "timeout": CONNECT_SECONDS,
        "application_name": "polyfeed",
    }
    port = parts.port or PORT
    if options.get("host", "").startswith("/"):
        return found | {"unix_sock": f"{options['host']}/.s.PGSQL.{options.get('port', port)}"}
    return found | {"host": parts.hostname or "127.0.0.1", "port": port}


@cache
def _insert(table: Table) -> str:
    names = ", ".join(map(quoted, table.names))
    arrays = ", ".join(_array(kind) for _, kind in table.columns)
    return f"INSERT INTO {quoted(table.name)} ({names}) SELECT * FROM unnest({arrays}) {conflict(table)}"


def _array(kind: str) -> str:
    if kind == WIDE:
        return "CAST(CAST(%s AS text[]) AS numeric[])"
    return f"CAST(%s AS {kind.lower()}[])"


def _guarded(work: Callable[[], T]) -> T:
    try:
        return work()
    except (driver.Error, OSError, OverflowError, UnicodeError) as error:
        raise DatabaseError(str(error)) from error
