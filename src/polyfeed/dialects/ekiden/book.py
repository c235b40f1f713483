"""`orderbook.<depth>.<symbol>`: what a subscriber of the best N levels is told (spec/ekiden.md 5).

1. A newcomer gets a snapshot with the `seq` of the last change; each delta has the next one, without a gap.
2. A delta says the net effect of one batch: every level of the window that has another size, with its new one.
3. A level that left the window, whether it went or was pushed out, is told with size "0"; one that came in with its
   size. So whoever applies deltas holds exactly the top N and never has to cut.
4. A batch that changes nothing in the window makes no message and no number.
5. A whole new book (a recording that begins again) is told as a snapshot with the next seq.
"""

from __future__ import annotations

from collections.abc import Sequence

from polyfeed.dialects._base.effects import FeedKey
from polyfeed.dialects._base.feeds import OnLag
from polyfeed.dialects.ekiden import spec
from polyfeed.dialects.ekiden.desk import Desk
from polyfeed.dialects.ekiden.feeds import ListingFeed
from polyfeed.dialects.ekiden.numbers import NetChange, Numbers
from polyfeed.dialects.ekiden.symbols import Listing
from polyfeed.dialects.ekiden.wire import event_head
from polyfeed.market.book import BookSide
from polyfeed.market.changes import LevelChange
from polyfeed.model.batches import Batch
from polyfeed.model.events import BookReset

_OPEN = 1 << 80
"""Edge of a window that has room left: further than any price."""


class Window:
    """The best `depth` levels of one side. A level's *key* grows with its distance from the best price, on both sides.

    `edge` is the key of the worst level in the window when it is full, `_OPEN` otherwise.
    """

    __slots__ = ("_book", "_depth", "_sign", "edge")

    def __init__(self, book: BookSide, depth: int, *, bids: bool) -> None:
        self._book = book
        self._depth = depth
        self._sign = -1 if bids else 1
        self.edge = self._edge()

    def move(self, net: list[NetChange]) -> list[tuple[int, int]]:
        """Takes in a batch's net changes: what differs in the window, as (price, size), best first."""
        book, sign, depth, old = self._book, self._sign, self._depth, self.edge
        new = self.edge = self._edge()
        found: dict[int, int] = {}
        for price, before, after in net:
            key = price * sign
            if after and key <= new:
                found[key] = after
            elif before and key <= old:
                found[key] = 0
        if new > old:
            rank = min(depth, len(book)) - 1
            while rank >= 0 and (level := book.level(rank)).price * sign > old:
                found[level.price * sign] = level.size
                rank -= 1
        elif new < old:
            changed = {change.price for change in net}
            rank = depth
            while rank < len(book) and (level := book.level(rank)).price * sign <= old:
                if level.price not in changed:
                    found[level.price * sign] = 0
                rank += 1
        return [(key * sign, found[key]) for key in sorted(found)]

    def reset(self) -> None:
        """The book is another one."""
        self.edge = self._edge()

    def top(self) -> list[tuple[int, int]]:
        """The whole window, best first."""
        return [(level.price, level.size) for level in self._book.top(self._depth)]

    def _edge(self) -> int:
        book, depth = self._book, self._depth
        return book.level(depth - 1).price * self._sign if len(book) >= depth else _OPEN


class BookFeed(ListingFeed):
    """One instrument's book at the depth `key.parameter`."""

    wants = (LevelChange, BookReset)
    on_lag = OnLag.SNAPSHOT
    rank = spec.RANKS[spec.ORDERBOOK]

    def __init__(self, key: FeedKey, listing: Listing, numbers: Numbers, desk: Desk) -> None:
        super().__init__(key, listing, numbers, desk)
        book, depth = listing.state.book, key.parameter
        self._asks = Window(book.asks, depth, bids=False)
        self._bids = Window(book.bids, depth, bids=True)
        self._seq = numbers.seq(depth)
        self.head = event_head(f"{spec.ORDERBOOK}.{depth}.{listing.symbol}")
        self._levels = ""

    def flush(self, batch: Batch) -> Sequence[str]:
        """A delta, if the window differs after the batch."""
        numbers = self.numbers
        if numbers.rank >= self.key.parameter:
            return ()
        self._seq += 1
        self._levels = ""
        if numbers.reset:
            self._asks.reset()
            self._bids.reset()
            return (self._message("snapshot", batch.ts, self._window()),)
        asks, bids = self._asks.move(numbers.asks), self._bids.move(numbers.bids)
        return (self._message("delta", batch.ts, self._rows(asks, bids)),)

    def snapshot(self) -> Sequence[str]:
        """The window as it is."""
        return (self._message("snapshot", self.numbers.now, self._window()),)

    def _window(self) -> str:
        if not self._levels:
            self._levels = self._rows(self._asks.top(), self._bids.top())
        return self._levels

    def _rows(self, asks: list[tuple[int, int]], bids: list[tuple[int, int]]) -> str:
        price_text, size_text = self.listing.price, self.listing.size
        sides = [
            ",".join([f'["{price_text(price)}","{size_text(size)}"]' for price, size in rows]) for rows in (asks, bids)
        ]
        return f'"a":[{sides[0]}],"b":[{sides[1]}]'

    def _message(self, kind: str, ts: int, rows: str) -> str:
        state, seq, ms = self.listing.state, self._seq, ts // 1000
        matched = (state.ts or ts) // 1000
        return (
            f'{self.head}{ms},"type":"{kind}","data":{{"s":{self.listing.json},"ts":"{ms}","mts":"{matched}",'
            f'"u":{seq},"seq":{seq},{rows}}}}}'
        )
