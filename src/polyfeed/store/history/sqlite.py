"""History in a file of SQLite's, beside the journal."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from polyfeed.store.history.database import Database, DatabaseError, conflict, quoted
from polyfeed.store.history.schema import WIDE, Table

BUSY_SECONDS = 10.0
"""How long a statement waits for another process that writes."""

STEPS = 10_000
"""Of SQLite's virtual machine, between two looks at the clock."""

T = TypeVar("T")


class SqliteDatabase(Database):
    """A connection to the file at a path, which is made when it is not there.

    It is in WAL mode, so readers see the last transaction while the next is written; `synchronous = NORMAL` may lose
    the last transactions in a power failure but never damages the file, and what is lost is written again.
    """

    wide = "TEXT"

    def __init__(self, path: Path) -> None:
        self._seconds = 0.0
        self._until = 0.0

        def opened() -> sqlite3.Connection:
            # Made here, since SQLite lets everybody read what it makes; its other files get the mode of this one.
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            _close_to_others(path)
            connection = sqlite3.connect(path, timeout=BUSY_SECONDS, check_same_thread=False)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            return connection

        self._connection = _guarded(opened)

    def query(self, sql: str, values: Sequence[Any] = ()) -> list[Sequence[Any]]:
        """As the base says."""
        self._until = time.monotonic() + self._seconds
        return _guarded(lambda: self._connection.execute(sql, values).fetchall())

    def put(self, table: Table, rows: Iterable[Sequence[Any]]) -> None:
        """As the base says. WIDE sums are text, which SQLite's integers of 64 bits would lose digits of."""
        wide = [place for place, (_, kind) in enumerate(table.columns) if kind == WIDE]
        if wide:
            rows = [tuple(str(one) if place in wide else one for place, one in enumerate(row)) for row in rows]
        _guarded(lambda: self._connection.executemany(_insert(table), rows))

    def tables(self) -> set[str]:
        """As the base says."""
        return {row[0] for row in self.query("SELECT name FROM sqlite_master WHERE type = 'table'")}

    def bound(self, seconds: float) -> None:
        """As the base says."""
        self._seconds = seconds
        self._connection.set_progress_handler(lambda: time.monotonic() > self._until, STEPS)

    def commit(self) -> None:
        """As the base says."""
        _guarded(self._connection.commit)

    def roll_back(self) -> None:
        """As the base says."""
        _guarded(self._connection.rollback)

    def close(self) -> None:
        """As the base says."""
        with suppress(sqlite3.Error):
            self._connection.close()


def _close_to_others(path: Path) -> None:
    """What everybody may read, as SQLite makes it, is its owner's alone; a group's right to read is somebody's wish."""
    for one in (path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")):
        with suppress(FileNotFoundError):
            if one.stat().st_mode & 0o007:
                one.chmod(0o600)


@cache
def _insert(table: Table) -> str:
    names = ", ".join(map(quoted, table.names))
    places = ", ".join("?" * len(table.columns))
    return f"INSERT INTO {quoted(table.name)} ({names}) VALUES ({places}) {conflict(table)}"


def _guarded(work: Callable[[], T]) -> T:
    try:
        return work()
    except (sqlite3.Error, OSError, OverflowError, UnicodeError) as error:
        raise DatabaseError(str(error)) from error
