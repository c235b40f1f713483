"""Opens history, writes batches to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from polyfeed.model.batches import Batch
from polyfeed.model.candle import Candle
from polyfeed.model.enums import OrderStatus
from polyfeed.model.history import Query
from polyfeed.model.orders import ENDED
from polyfeed.store.history import asking, schema
from polyfeed.store.history.database import Database, DatabaseError, quoted
from polyfeed.store.history.fold import Fold, Owned
from polyfeed.store.history.postgresql import PostgresqlDatabase
from polyfeed.store.history.sqlite import SqliteDatabase

FILE = "history.sqlite"
"""Its name beside the journal."""

CHUNK = 2000
"""Batches of one transaction when history is written anew."""


class OtherHistory(Exception):
    """What is stored is not of this history: another form, another epoch, or more than has happened."""


def opener(store: str, directory: Path) -> Callable[[], Database]:
    """What opens a connection: to `sqlite` in a directory, or to a `postgresql://` URL. Raises ValueError."""
    if store == "sqlite":
        return lambda: SqliteDatabase(directory / FILE)
    if store.startswith(("postgresql://", "postgres://")):
        return lambda: PostgresqlDatabase(store)
    raise ValueError(f"a store is sqlite or postgresql://user:password@host/database, not {store!r}")


class History:
    """History of one epoch, complete up to the batch `seq`. Every method may raise DatabaseError.

    Opening makes the tables where there are none. Raises OtherHistory for tables of another form.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        database.make_tables()
        rows = database.query(f"SELECT {_names(schema.PROGRESS)} FROM {quoted(schema.PROGRESS.name)}")
        progress: Sequence[int] = rows[0] if rows else (0, schema.FORMAT, 0, 0, 0)
        _, form, self.epoch, self.seq, self.ts = progress
        if form != schema.FORMAT:
            raise OtherHistory(f"history has form {form}, this version writes {schema.FORMAT}")
        self._fold = self._loaded()
        database.commit()

    def write(self, batches: Sequence[Batch]) -> None:
        """Adds batches, all or none. Those that are there already are passed over.

        Raises OtherHistory for a batch of another epoch, ValueError for one that does not follow. After either, and
        after DatabaseError, this must be opened anew.
        """
        seq = self.seq
        last: Batch | None = None
        for batch in batches:
            if self.epoch not in (0, batch.epoch):
                raise OtherHistory(f"history is of epoch {self.epoch}, not {batch.epoch}")
            if batch.seq <= seq:
                continue
            if batch.seq != seq + 1:
                raise ValueError(f"batch {batch.seq} came after {seq}")
            self._fold.add(batch)
            seq, last = batch.seq, batch
        if last is None:
            return
        for table, rows in self._fold.take().items():
            self._database.put(table, rows.values())
        self._database.put(schema.PROGRESS, [(0, schema.FORMAT, last.epoch, last.seq, last.ts)])
        self._database.commit()
        self.epoch, self.seq, self.ts = last.epoch, last.seq, last.ts

    def pass_over(self, seq: int) -> None:
        """Goes on behind a batch, for want of those up to it: nobody has them any more."""
        self.seq = seq

    def ask(self, query: Query) -> Sequence[Any]:
        """The rows that answer a query."""
        return asking.ask(self._database, query)

    def close(self) -> None:
        """Ends the connection."""
        self._database.close()

    def _loaded(self) -> Fold:
        """A fold that goes on where this history ends."""
        database = self._database
        where = asking.Where()
        where.one_of("status", [one for one in OrderStatus if one not in ENDED])
        orders = database.query(
            f"SELECT {_names(schema.ORDERS)} FROM {quoted(schema.ORDERS.name)}{where}", where.values
        )
        account = schema.ORDERS.names.index("account")
        key, start = _names(schema.CANDLES, 2), quoted("start")
        table = quoted(schema.CANDLES.name)
        candles = database.query(
            f"SELECT {_names(schema.CANDLES)} FROM {table} WHERE ({key}, {start}) IN "
            f"(SELECT {key}, MAX({start}) FROM {table} GROUP BY {key})"
        )
        houses = database.query(f'SELECT "account" FROM {quoted(schema.ACCOUNTS.name)} WHERE "house" = 1')
        last: dict[tuple[int, int], Candle] = {(row[0], row[1]): asking.candle_of(row) for row in candles}
        owned = {row[0]: Owned(row[account], asking.order_of(row)) for row in orders}
        return Fold(owned, last, {row[0] for row in houses})


def rebuild(database: Database, batches: Iterable[Batch]) -> History:
    """Writes history anew, from the first batch on."""
    database.drop_tables()
    history = History(database)
    following = iter(batches)
    while chunk := list(islice(following, CHUNK)):
        history.write(chunk)
    return history


def _names(table: schema.Table, count: int | None = None) -> str:
    return ", ".join(map(quoted, table.names[:count]))


__all__ = ["DatabaseError", "History", "OtherHistory", "opener", "rebuild"]
