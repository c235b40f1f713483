"""`.ob-snap` and `.ob-inc`, one channel: increments, snapshots, or both in the order in which they were made.

Numbers come from the projection, which has folded each change just before. Whoever listens to increments is given the
last snapshot and what followed it; snapshots that come later are for newcomers, unless the book is another one
(`BookReset`). A listener of snapshots alone, or of everything (the wildcard), hears each of them (sheet 3, order book).
"""

from __future__ import annotations

from collections.abc import Sequence

from polyfeed.dialects._base.effects import FeedKey
from polyfeed.dialects._base.feeds import Feed, Heard, OnLag
from polyfeed.dialects.peatio import bodies, spec
from polyfeed.dialects.peatio.markets import PeatioMarket
from polyfeed.dialects.peatio.projection import PeatioProjection
from polyfeed.dialects.peatio.sequences import BookSequence, Increment, levels_of
from polyfeed.dialects.peatio.spec import Profile
from polyfeed.dialects.peatio.wire import frames
from polyfeed.market.changes import LevelChange
from polyfeed.model.batches import Batch
from polyfeed.model.events import BookReset


class BookFeed(Feed):
    """One market's book; `key.parameter` has the bits of what is heard."""

    wants = (LevelChange, BookReset)
    on_lag = OnLag.SNAPSHOT
    rank = spec.RANKS[spec.BOOK]

    def __init__(self, key: FeedKey, market: PeatioMarket, profile: Profile, projection: PeatioProjection) -> None:
        super().__init__(key)
        self._market = market
        self._projection = projection
        self._frame = frames(profile)
        self._increments = bool(key.parameter & spec.INCREMENTS)
        self._snapshots = bool(key.parameter & spec.SNAPSHOTS)
        self._said: list[str] = []

    @property
    def _numbers(self) -> BookSequence:
        return self._projection.books[self._market.id]

    def fold(self, change: Heard) -> None:
        """Makes the frames of a change, which needs its number as of now."""
        numbers = self._numbers
        if isinstance(change, BookReset):
            self._said.append(self._snapshot_frame(numbers))
        elif isinstance(change, LevelChange):
            if numbers.announced and self._snapshots:
                self._said.append(self._snapshot_frame(numbers))
            if self._increments:
                one = Increment(change.side, change.price, change.size)
                self._said.append(self._increment_frame(one, numbers.sequence))

    def flush(self, batch: Batch) -> Sequence[str]:
        """The frames of the batch."""
        said, self._said = self._said, []
        return said

    def snapshot(self) -> Sequence[str]:
        """The last snapshot and the increments after it; nothing for listeners of snapshots alone."""
        if not self._increments:
            return ()
        numbers = self._numbers
        log = enumerate(numbers.log, numbers.first + 1)
        return [self._snapshot_frame(numbers), *(self._increment_frame(one, sequence) for sequence, one in log)]

    def fresh(self) -> str:
        """A snapshot of the book as it is."""
        book = self._market.state.book
        body = bodies.book_snapshot(self._market, levels_of(book.bids), levels_of(book.asks), self._numbers.sequence)
        return self._frame(f"{self._market.name}.{spec.BOOK}{spec.SNAP}", body)

    def _snapshot_frame(self, numbers: BookSequence) -> str:
        body = bodies.book_snapshot(self._market, numbers.bids, numbers.asks, numbers.first)
        return self._frame(f"{self._market.name}.{spec.BOOK}{spec.SNAP}", body)

    def _increment_frame(self, one: Increment, sequence: int) -> str:
        body = bodies.book_increment(self._market, one, sequence)
        return self._frame(f"{self._market.name}.{spec.BOOK}{spec.INC}", body)
