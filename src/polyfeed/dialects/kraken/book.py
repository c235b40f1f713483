"""The `book` channel: what a subscriber with a window of N levels is told (spec/kraken.md 3.10).

1. An event on a price inside the window, before or after it, is published; one outside is not.
2. A better level pushes the worst one out of the window silently: clients cut their book to N after each message.
3. A level that goes lets the one behind the window in: it follows the removal at once, as it is, marked "r".
4. So "r" marks only levels that come in from behind; where none stands there the side just gets shorter.
5. Events stand in the order in which they happened, nothing is conflated; asks in one object, then bids in another, and
   the checksum in the last one.

The rules are those of the real wire, where they were verified event by event. One case they leave open can arise only
when one batch pushes a level out, removes it behind the window and then makes the window shorter: a client that cuts
at the end of the message still holds that level. Its removal is told at the end of its side (`_Side.stale`).
"""

from __future__ import annotations

from collections.abc import Sequence

from polyfeed.dialects._base.effects import FeedKey
from polyfeed.dialects._base.feeds import Feed, Heard, OnLag
from polyfeed.dialects.kraken import spec
from polyfeed.dialects.kraken.checksum import RunningChecksum
from polyfeed.dialects.kraken.pairs import Pair
from polyfeed.dialects.kraken.wire import channel_name, encode
from polyfeed.market.book import BookSide
from polyfeed.market.changes import LevelChange
from polyfeed.model.batches import Batch
from polyfeed.model.enums import Side
from polyfeed.model.events import BookReset


class SharedBook:
    """What the feeds of all depths of one pair have in common: the text of the last change, and the checksum.

    Each feed announces every change, the first one counts. `checksum` is None where the settings want none.
    """

    __slots__ = ("_change", "_level", "_text", "checksum")

    def __init__(self, pair: Pair, with_checksum: bool) -> None:
        self._level = pair.level
        self._change: LevelChange | None = None
        self._text = ""
        self.checksum = RunningChecksum(pair) if with_checksum else None

    def restart(self) -> None:
        """The book is a new one, or nobody may have listened for a while."""
        if self.checksum is not None:
            self.checksum.restart()

    def announce(self, change: LevelChange) -> None:
        """A feed was shown this change."""
        if change is self._change:
            return
        self._change, self._text = change, ""
        if self.checksum is not None:
            self.checksum.fold(change)

    def text(self, change: LevelChange) -> str:
        """The level as the change that was announced last leaves it: a volume of zero when it is gone."""
        if not self._text:
            self._text = f"[{self._level(change.price, change.size, change.ts)}]"
        return self._text


class _Side:
    """One side of the window while a batch is folded. `events` is the text to send, `pushed` the prices that left the
    window, `gone` those of them that were then removed behind it, with the time of that."""

    __slots__ = ("book", "depth", "events", "gone", "level", "pushed", "shared")

    def __init__(self, pair: Pair, shared: SharedBook, book: BookSide, depth: int) -> None:
        self.level = pair.level
        self.shared = shared
        self.book = book
        self.depth = depth
        self.events: list[str] = []
        self.pushed: set[int] = set()
        self.gone: dict[int, int] = {}

    def fold(self, change: LevelChange) -> None:
        """Takes in an event of this side."""
        if change.rank >= self.depth:
            if change.size == 0 and change.price in self.pushed:
                self.gone[change.price] = change.ts
            return
        self.events.append(self.shared.text(change))
        if change.size == 0:
            if len(self.book) >= self.depth:
                price, size, ts = self.book.level(self.depth - 1)
                self.events.append(f'[{self.level(price, size, ts)},"r"]')
        elif change.added and len(self.book) > self.depth:
            self.pushed.add(self.book.level(self.depth).price)

    def stale(self) -> list[str]:
        """Removals of levels that went behind the window and that a client would see again in its shorter book."""
        book = self.book
        return [
            f"[{self.level(price, 0, ts)}]"
            for price, ts in self.gone.items()
            if book.get(price) is None and book.rank_of(price) < self.depth
        ]

    def take(self) -> str:
        """The array of this batch's events, empty text without any; forgets them."""
        events = self.events + self.stale() if self.gone else self.events
        self.events = []
        self.pushed.clear()
        self.gone.clear()
        return ",".join(events)


class BookFeed(Feed):
    """A pair's book at one depth, as messages of the channel `number`."""

    wants = (LevelChange, BookReset)
    on_lag = OnLag.SNAPSHOT
    rank = spec.RANKS[spec.BOOK]

    def __init__(self, key: FeedKey, pair: Pair, number: int, shared: SharedBook) -> None:
        super().__init__(key)
        book = pair.state.book
        self._pair = pair
        self._shared = shared
        shared.restart()
        self._asks = _Side(pair, shared, book.asks, key.parameter)
        self._bids = _Side(pair, shared, book.bids, key.parameter)
        self._head = f"[{number},{{"
        self._tail = f"}},{encode(channel_name(spec.BOOK, key.parameter))},{encode(pair.name)}]"
        self._reset = False
        self._snapshot = ""

    def fold(self, change: Heard) -> None:
        """Takes in a level's change, or a whole new book."""
        if isinstance(change, LevelChange):
            self._shared.announce(change)
            side = self._bids if change.side is Side.BUY else self._asks
            side.fold(change)
        else:
            self._shared.restart()
            self._reset = True

    def flush(self, batch: Batch) -> Sequence[str]:
        """An update with the events of the batch inside the window; after a reset the book as it is."""
        asks, bids = self._asks.take(), self._bids.take()
        if self._reset:
            self._reset, self._snapshot = False, ""
            return self.snapshot()
        if not asks and not bids:
            return ()
        self._snapshot = ""
        checksum = self._shared.checksum
        check = f',"c":"{checksum.value()}"' if checksum is not None else ""
        if not bids:
            return (f'{self._head}"a":[{asks}]{check}{self._tail}',)
        if not asks:
            return (f'{self._head}"b":[{bids}]{check}{self._tail}',)
        return (f'{self._head}"a":[{asks}]}},{{"b":[{bids}]{check}{self._tail}',)

    def snapshot(self) -> Sequence[str]:
        """The best levels of both sides; kept as text until something in the window changes."""
        if not self._snapshot:
            level, depth, book = self._pair.level, self.key.parameter, self._pair.state.book
            asks = "],[".join([level(*entry) for entry in book.asks.top(depth)])
            bids = "],[".join([level(*entry) for entry in book.bids.top(depth)])
            self._snapshot = f'{self._head}"as":{_rows(asks)},"bs":{_rows(bids)}{self._tail}'
        return (self._snapshot,)


def _rows(joined: str) -> str:
    return f"[[{joined}]]" if joined else "[]"
