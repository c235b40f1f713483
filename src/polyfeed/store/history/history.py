"""Opens history, writes batches to it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from itertools import islice, product
from pathlib import Path
from typing import Any

from polyfeed.model.batches import Batch
from polyfeed.model.candle import Candle
from polyfeed.model.enums import OrderStatus, Priced
from polyfeed.model.history import CandlesOf, Query
from polyfeed.model.intervals import INTERVALS
from polyfeed.model.orders import ENDED
from polyfeed.store.history import asking, schema
from polyfeed.store.history.database import Database, DatabaseError, quoted
from polyfeed.store.history.fold import CandleKey, Fold, Owned, candle_row, order_row
from polyfeed.store.history.postgresql import PostgresqlDatabase
from polyfeed.store.history.sqlite import SqliteDatabase
from polyfeed.store.history.standing import Standing

log = logging.getLogger("polyfeed.history")

FILE = "history.sqlite"
"""Its name beside the journal."""

BESIDE = ("auto", "sqlite")
"""What `store.history` says for a database beside the journal, which is this process's alone."""

CHUNK = 2000
"""Batches of one transaction when history is written anew."""


STRIDE = 100
"""Batches between two of which the times are kept."""


class OtherHistory(Exception):
    """What is stored is not of this history: another form or epoch, or nothing of it is the same as the journal."""


class OtherVenue(Exception):
    """What is stored is another venue's, and is left as it is."""


def opener(store: str, directory: Path) -> Callable[[], Database]:
    """What opens a connection: to `sqlite` in a directory (`auto`, too), or to a `postgresql://` URL.

    Raises ValueError for anything else.
    """
    if store in BESIDE:
        return lambda: SqliteDatabase(directory / FILE)
    if store.startswith(("postgresql://", "postgres://")):
        return lambda: PostgresqlDatabase(store)
    raise ValueError(f"a store is sqlite or postgresql://user:password@host/database, not {store!r}")


class History:
    """History of one epoch, complete up to the batch `seq`. Every method may raise DatabaseError.

    Opening makes the tables where there are none. `venue` is the number of the venue, in hexadecimal. Raises
    OtherHistory for tables of another form, OtherVenue for those of another venue.
    """

    def __init__(self, database: Database, venue: str = "") -> None:
        self._database = database
        self._check_form()
        database.make_tables()
        rows = database.query(f"SELECT {_names(schema.PROGRESS)} FROM {quoted(schema.PROGRESS.name)}")
        progress: Sequence[Any] = rows[0] if rows else (0, schema.FORMAT, 0, 0, 0, venue)
        _, _, self.epoch, self.seq, self.ts, self._venue = progress
        if venue and self._venue not in ("", venue):
            raise OtherVenue(f"the database has the history of venue {self._venue}, and this is {venue}")
        self._venue = venue or self._venue
        self._stamped = False
        self._fold = self._loaded()
        database.commit()

    def write(self, batches: Sequence[Batch]) -> None:
        """Adds batches, all or none. Those that are there already are passed over.

        Raises OtherHistory for a batch of another epoch, ValueError for one that does not follow. After either, and
        after DatabaseError, this must be opened anew.
        """
        seq = self.seq
        stamps: list[tuple[int, int]] = []
        last: Batch | None = None
        for batch in batches:
            if self.epoch not in (0, batch.epoch):
                raise OtherHistory(f"history is of epoch {self.epoch}, not {batch.epoch}")
            if batch.seq <= seq:
                continue
            if batch.seq != seq + 1:
                raise ValueError(f"batch {batch.seq} came after {seq}")
            self._fold.add(batch)
            if not self._stamped or batch.seq % STRIDE == 0:
                stamps.append((batch.seq, batch.ts))
                self._stamped = True
            seq, last = batch.seq, batch
        if last is None:
            return
        for table, rows in self._fold.take().items():
            self._database.put(table, rows.values())
        if stamps:
            self._database.put(schema.STAMPS, stamps)
        self._stand(last.epoch, last.seq, last.ts)

    def stamps(self) -> list[tuple[int, int]]:
        """The numbers and times of some batches, oldest first: the first of each start, and every STRIDE's."""
        rows = self._database.query(f'SELECT "seq", "ts" FROM {quoted(schema.STAMPS.name)} ORDER BY "seq"')
        self._database.commit()
        return [(seq, ts) for seq, ts in rows]

    def go_back(self, standing: Standing) -> None:
        """Takes away what came after a batch: rows that are told, and what later batches made of orders and candles."""
        for table in schema.TABLES:
            for column in ("updated_ts", "last_ts", "ts"):
                if column in table.names and table is not schema.PROGRESS:
                    self._database.query(f"DELETE FROM {quoted(table.name)} WHERE {quoted(column)} > ?", (standing.ts,))
        self._fold = Fold(
            {order.order_id: Owned(account, order) for account, order in standing.orders},
            dict(standing.candles),
            self._fold.houses,
        )
        self._database.put(schema.ORDERS, (order_row(account, order) for account, order in standing.orders))
        self._database.put(schema.CANDLES, (candle_row(key, one) for key, one in standing.candles.items()))
        self._stand(self.epoch, standing.seq, standing.ts)

    def _stand(self, epoch: int, seq: int, ts: int) -> None:
        self._database.put(schema.PROGRESS, [(0, schema.FORMAT, epoch, seq, ts, self._venue)])
        self._database.commit()
        self.epoch, self.seq, self.ts = epoch, seq, ts

    def pass_over(self, seq: int) -> None:
        """Goes on behind a batch, for want of those up to it: nobody has them any more."""
        self.seq = seq

    def ask(self, query: Query) -> Sequence[Any]:
        """The rows that answer a query."""
        return asking.ask(self._database, query)

    def close(self) -> None:
        """Ends the connection."""
        self._database.close()

    def _check_form(self) -> None:
        if schema.PROGRESS.name not in self._database.tables():
            return
        for (form,) in self._database.query(f'SELECT "form" FROM {quoted(schema.PROGRESS.name)}'):
            if form != schema.FORMAT:
                raise OtherHistory(f"history has form {form}, this version writes {schema.FORMAT}")

    def _loaded(self) -> Fold:
        """A fold that goes on where this history ends."""
        database = self._database
        where = asking.Where()
        where.one_of("status", [one for one in OrderStatus if one not in ENDED])
        orders = database.query(
            f"SELECT {_names(schema.ORDERS)} FROM {quoted(schema.ORDERS.name)}{where}", where.values
        )
        account = schema.ORDERS.names.index("account")
        houses = database.query(f'SELECT "account" FROM {quoted(schema.ACCOUNTS.name)} WHERE "house" = 1')
        owned = {row[0]: Owned(row[account], asking.order_of(row)) for row in orders}
        return Fold(owned, self._last_candles(), {row[0] for row in houses})

    def _last_candles(self) -> dict[CandleKey, Candle]:
        """The last candle of each instrument, of each of its prices and of each interval, found by the key: there are
        too many to look at all.
        """
        found: dict[CandleKey, Candle] = {}
        instrument = self._next_traded(-1)
        while instrument is not None:
            for priced, interval in product(Priced, INTERVALS):
                query = CandlesOf(instrument=instrument, interval=interval, priced=priced, limit=1)
                for candle in asking.candles(self._database, query):
                    found[instrument, priced, interval] = candle
            instrument = self._next_traded(instrument)
        return found

    def _next_traded(self, instrument: int) -> int | None:
        sql = f'SELECT MIN("instrument") FROM {quoted(schema.CANDLES.name)} WHERE "instrument" > ?'
        ((found,),) = self._database.query(sql, (instrument,))
        return None if found is None else int(found)


def rebuild(database: Database, batches: Iterable[Batch], venue: str = "") -> History:
    """Writes history anew, from the first batch on; what is there is put aside."""
    prefix = database.put_aside()
    if prefix:
        log.warning("the tables of before are kept, and are named %s… now: drop them when nobody needs them", prefix)
    history = History(database, venue)
    following = iter(batches)
    while chunk := list(islice(following, CHUNK)):
        history.write(chunk)
    return history


def written_in(open_database: Callable[[], Database], venue: str) -> int:
    """The last batch that a database has of a venue's, 0 for one that has none. Raises DatabaseError."""
    database = open_database()
    try:
        if schema.PROGRESS.name not in database.tables():
            return 0
        sql = f'SELECT "seq" FROM {quoted(schema.PROGRESS.name)} WHERE "venue" = ?'
        return max((int(seq) for (seq,) in database.query(sql, (venue,))), default=0)
    finally:
        database.close()


def _names(table: schema.Table, count: int | None = None) -> str:
    return ", ".join(map(quoted, table.names[:count]))


__all__ = ["DatabaseError", "History", "OtherHistory", "OtherVenue", "opener", "rebuild", "written_in"]
