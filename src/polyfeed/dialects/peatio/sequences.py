"""The numbers of a book's increments, and what a newcomer is given of it (sheet 3, order book).

A market begins with an empty snapshot of sequence 1; every level that changes is an increment with the next number.
From time to time a change makes a new snapshot first: it has the number of the increment before, and the change in it
already, which does no harm because volumes are absolute. What came after the last snapshot is the log.
"""

from __future__ import annotations

from typing import NamedTuple

from msgspec import Struct

from polyfeed.dialects.peatio import spec
from polyfeed.market.book import Book, BookSide
from polyfeed.market.changes import LevelChange

Levels = list[tuple[int, int]]
"""(price, size), best first."""


class Increment(NamedTuple):
    """A level's new total; `side` is that of the model."""

    side: int
    price: int
    size: int


class BookSequence(Struct, array_like=True):
    """One market's numbers. `announced` says that the last change made a snapshot to publish.

    `published_ts` is when a snapshot was last published and `since` how many increments went then; `first` is the
    number of the snapshot whose levels are `bids` and `asks`, `log` what followed it.
    """

    published_ts: int
    sequence: int = 1
    since: int = 0
    first: int = 1
    bids: Levels = []
    asks: Levels = []
    log: list[Increment] = []
    announced: bool = False

    def fold(self, change: LevelChange, book: Book) -> None:
        """Numbers a change that the book already shows."""
        waited = change.ts - self.published_ts
        many = self.since >= spec.MANY_INCREMENTS
        self.announced = waited > spec.MANY_AFTER if many else waited >= spec.LONG_AFTER
        if self.announced:
            self._publish(book, change.ts)
        self.sequence += 1
        self.since += 1
        self.log.append(Increment(change.side, change.price, change.size))
        if len(self.log) >= spec.LOG_LIMIT:
            self._take(book)

    def restart(self, book: Book, ts: int) -> None:
        """The book is another one: numbers begin anew, as after a restart of the engine."""
        self.sequence = 1
        self._publish(book, ts)
        self.announced = True

    def _publish(self, book: Book, ts: int) -> None:
        self._take(book)
        self.published_ts = ts
        self.since = 0

    def _take(self, book: Book) -> None:
        self.first = self.sequence
        self.bids, self.asks = levels_of(book.bids), levels_of(book.asks)
        self.log = []


def levels_of(side: BookSide) -> Levels:
    """The levels of a snapshot."""
    return [(level.price, level.size) for level in side.top(spec.SNAPSHOT_LEVELS)]
