"""What the databases that keep history have in common: SQL, rows in bulk, transactions.

The SQL is the part that both speak; `?` stands for a value, and names are quoted because fields have names that SQL
has words for.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from itertools import count
from typing import Any, ClassVar

from polyfeed.store.history.schema import TABLES, WIDE, Table


class DatabaseError(Exception):
    """The database cannot be reached, written or read. Nothing of the running transaction is kept."""


class Database(ABC):
    """One connection, used by one thread at a time. Every method may raise DatabaseError.

    `wide` is the type of columns whose integers may not fit 64 bits.
    """

    wide: ClassVar[str]

    @abstractmethod
    def query(self, sql: str, values: Sequence[Any] = ()) -> list[Sequence[Any]]:
        """The rows that a statement gives. A statement that changes something begins a transaction."""

    @abstractmethod
    def put(self, table: Table, rows: Iterable[Sequence[Any]]) -> None:
        """Writes rows of different keys."""

    @abstractmethod
    def commit(self) -> None:
        """Ends the transaction: all of it is there, also after a crash of this process."""

    @abstractmethod
    def roll_back(self) -> None:
        """Ends the transaction: nothing of it is there."""

    @abstractmethod
    def close(self) -> None:
        """Ends the connection. Never raises."""

    @abstractmethod
    def bound(self, seconds: float) -> None:
        """Lets no statement from now on take longer: it fails then."""

    @abstractmethod
    def tables(self) -> set[str]:
        """The names of the tables that are there."""

    def make_tables(self) -> None:
        """Makes the tables that are not there."""
        for table in TABLES:
            columns = ", ".join(
                f"{quoted(name)} {self.wide if kind == WIDE else kind} NOT NULL" for name, kind in table.columns
            )
            key = ", ".join(map(quoted, table.names[: table.key]))
            self.query(f"CREATE TABLE IF NOT EXISTS {quoted(table.name)} ({columns}, PRIMARY KEY ({key}))")
            for names in table.indexes:
                chosen = ", ".join(map(quoted, names))
                self.query(f"CREATE INDEX IF NOT EXISTS {_index(table, names)} ON {quoted(table.name)} ({chosen})")
        self.commit()

    def put_aside(self) -> str:
        """Renames all tables, so that others can be made; what their names begin with now, empty when there are none.

        Their indexes are dropped, whose names the new ones need.
        """
        there = self.tables()
        mine = [table for table in TABLES if table.name in there]
        if not mine:
            return ""
        prefix = next(
            f"aside{number}_" for number in count(1) if not any(name.startswith(f"aside{number}_") for name in there)
        )
        for table in mine:
            for names in table.indexes:
                self.query(f"DROP INDEX IF EXISTS {_index(table, names)}")
            self.query(f"ALTER TABLE {quoted(table.name)} RENAME TO {quoted(prefix + table.name)}")
        self.commit()
        return prefix


def _index(table: Table, names: Sequence[str]) -> str:
    return quoted(f"{table.name}_by_{'_'.join(names)}")


def quoted(name: str) -> str:
    """A name as SQL has it."""
    return f'"{name}"'


def conflict(table: Table) -> str:
    """What is done where a row of the same key is there already."""
    key = ", ".join(map(quoted, table.names[: table.key]))
    rest = table.names[table.key :]
    if not table.replaces or not rest:
        return f"ON CONFLICT ({key}) DO NOTHING"
    changes = ", ".join(f"{quoted(name)} = excluded.{quoted(name)}" for name in rest)
    return f"ON CONFLICT ({key}) DO UPDATE SET {changes}"
