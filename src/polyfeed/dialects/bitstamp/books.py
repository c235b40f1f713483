"""The three book channels, all on the grid of 100 ms (spec/bitstamp.md 4.2 to 4.4, 9; `grid.py`).

Whether a frame is due follows from the batches alone, so two gateways say the same: `diff_order_book` is due when the
grid has a new diff, `order_book` when the best changed level of a side is among its first 100.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Sequence

from polyfeed.dialects._base.effects import FeedKey
from polyfeed.dialects._base.feeds import GRID_US, Heard, OnLag
from polyfeed.dialects.bitstamp import spec, wire
from polyfeed.dialects.bitstamp.feeds import MarketFeed
from polyfeed.dialects.bitstamp.markets import Listed
from polyfeed.dialects.bitstamp.projection import BitstampProjection
from polyfeed.market.changes import LevelChange
from polyfeed.model.batches import Batch
from polyfeed.model.enums import Side
from polyfeed.model.events import BookReset

Rows = list[tuple[int, int, int]]
"""Orders: (id, price, left), best first."""


class BookFeed(MarketFeed):
    """A channel that speaks when the grid has a new diff."""

    wants = (LevelChange, BookReset)
    timed = True

    def __init__(self, key: FeedKey, listed: Listed, projection: BitstampProjection) -> None:
        super().__init__(key, listed, projection)
        self.record = projection.record(listed)
        now = listed.state.clock.now
        self.record.advance(now - now % GRID_US)
        self._count = self.record.grid.count

    def fold(self, change: Heard) -> None:
        """Nothing to keep: the grid has it all."""

    def flush(self, batch: Batch) -> Sequence[str]:
        """What the mark that this batch passed has brought, where nobody told of the mark."""
        return self._speak()

    def tick(self, ts: int) -> Sequence[str]:
        """What the mark has brought."""
        self.record.advance(ts)
        return self._speak()

    @abstractmethod
    def frame(self) -> str:
        """The frame for the grid's last diff, empty for none."""

    def _speak(self) -> Sequence[str]:
        grid = self.record.grid
        if grid.count == self._count:
            return ()
        self._count = grid.count
        data = self.frame()
        return (wire.data_frame(data, self.channel, "data"),) if data else ()

    def levels(self, levels: Iterable[tuple[int, int]]) -> str:
        """The inside of a side's array."""
        level = self.listed.level
        return ",".join(level(price, size) for price, size in levels)


class DiffOrderBookFeed(BookFeed):
    """Every level that changed, at any depth; 0 removes, in the market's full decimals (sheet 4.4, 9)."""

    on_lag = OnLag.CLOSE
    rank = spec.RANKS[spec.DIFF_ORDER_BOOK]

    def frame(self) -> str:
        """The diff."""
        diff = self.record.grid.diff
        return wire.book_data(diff.ts, self.levels(diff.bids), self.levels(diff.asks))


class OrderBookFeed(BookFeed):
    """The first 100 levels a side, whenever any of them changed (sheet 4.2)."""

    on_lag = OnLag.SNAPSHOT
    rank = spec.RANKS[spec.ORDER_BOOK]

    def __init__(self, key: FeedKey, listed: Listed, projection: BitstampProjection) -> None:
        super().__init__(key, listed, projection)
        self._last: tuple[str, ...] = ()

    def frame(self) -> str:
        """The whole book, if what changed can be seen in it."""
        grid, book = self.record.grid, self.listed.state.book
        diff = grid.diff
        seen = (diff.bids and book.bids.rank_of(diff.bids[0][0]) < spec.BOOK_DEPTH) or (
            diff.asks and book.asks.rank_of(diff.asks[0][0]) < spec.BOOK_DEPTH
        )
        if not seen:
            return ""
        bids, asks = (
            self.levels((level.price, level.size) for level in side.top(spec.BOOK_DEPTH))
            for side in (book.bids, book.asks)
        )
        data = wire.book_data(diff.ts, bids, asks)
        self._last = (wire.data_frame(data, self.channel, "data"),)
        return data

    def snapshot(self) -> Sequence[str]:
        """The last frame, for a reader that lost it."""
        return self._last


class DetailOrderBookFeed(MarketFeed):
    """The first 100 orders a side, whenever any of them changed (sheet 4.3)."""

    wants = ()
    on_lag = OnLag.SNAPSHOT
    rank = spec.RANKS[spec.DETAIL_ORDER_BOOK]
    timed = True

    def __init__(self, key: FeedKey, listed: Listed, projection: BitstampProjection) -> None:
        super().__init__(key, listed, projection)
        self.record = projection.record(listed)
        now = listed.state.clock.now
        self.record.advance(now - now % GRID_US)
        self._mark = self.record.mark
        self._sides = ""
        self._last: tuple[str, ...] = ()

    def fold(self, change: Heard) -> None:
        """Nothing to keep: the market has it all."""

    def flush(self, batch: Batch) -> Sequence[str]:
        """Nothing: only time makes it speak."""
        return ()

    def tick(self, ts: int) -> Sequence[str]:
        """The orders, if one of those shown changed since the last mark."""
        self.record.advance(ts)
        orders = self.listed.state.orders
        if orders is None:
            return ()
        bids, asks = orders.top(Side.BUY, spec.BOOK_DEPTH), orders.top(Side.SELL, spec.BOOK_DEPTH)
        if not (self._seen(Side.BUY, bids) or self._seen(Side.SELL, asks)):
            return ()
        sides = f"{self._texts(bids)}|{self._texts(asks)}"
        if sides == self._sides:
            return ()
        self._sides = sides
        data = wire.book_data(self.record.touched.ts, self._texts(bids), self._texts(asks))
        self._last = (wire.data_frame(data, self.channel, "data"),)
        return self._last

    def snapshot(self) -> Sequence[str]:
        """The last frame, for a reader that lost it."""
        return self._last

    def _seen(self, side: Side, rows: Rows) -> bool:
        """Whether what was touched on a side lies among the orders that are shown."""
        price = self.record.touched.prices[side]
        if price is None or len(rows) < spec.BOOK_DEPTH:
            return price is not None
        worst = rows[-1][1]
        return price <= worst if side is Side.SELL else price >= worst

    def _texts(self, rows: Rows) -> str:
        listed = self.listed
        return ",".join(
            f'["{listed.price(price)}","{listed.amount(left)}","{order_id}"]' for order_id, price, left in rows
        )
