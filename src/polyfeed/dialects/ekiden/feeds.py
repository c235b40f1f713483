"""The public channels `trade`, `ticker` and `all_liquidations` (spec/ekiden.md 5).

The book is in book.py, candles are in kline.py, the two of a later revision in pool_feeds.py.
"""

from __future__ import annotations

from collections.abc import Sequence

from polyfeed.dialects._base.effects import FeedKey
from polyfeed.dialects._base.feeds import GRID_US, Feed, Heard, OnLag
from polyfeed.dialects.ekiden import spec
from polyfeed.dialects.ekiden.desk import Desk
from polyfeed.dialects.ekiden.numbers import Numbers
from polyfeed.dialects.ekiden.public_objects import liquidation, ticker, trade
from polyfeed.dialects.ekiden.symbols import Listing
from polyfeed.dialects.ekiden.wire import encode, event, event_head
from polyfeed.model.batches import Batch
from polyfeed.model.events import PositionLiquidated, Trade


class ListingFeed(Feed):
    """A channel of one instrument."""

    def __init__(self, key: FeedKey, listing: Listing, numbers: Numbers, desk: Desk) -> None:
        super().__init__(key)
        self.desk = desk
        self.listing = listing
        self.numbers = numbers
        self.head = event_head(f"{key.channel}.{listing.symbol}")

    @property
    def epoch(self) -> int:
        """The history whose time a timed channel is told by."""
        return self.numbers.epoch

    def fold(self, change: Heard) -> None:
        """Nothing to keep: the market and the projection have it all."""


class TradeFeed(ListingFeed):
    """All trades of a batch in one message, in the order in which they happened."""

    wants = (Trade,)
    on_lag = OnLag.CLOSE
    rank = spec.RANKS[spec.TRADE]

    def __init__(self, key: FeedKey, listing: Listing, numbers: Numbers, desk: Desk) -> None:
        super().__init__(key, listing, numbers, desk)
        self._trades: list[Trade] = []

    def fold(self, change: Heard) -> None:
        """Keeps a trade for the end of the batch."""
        if isinstance(change, Trade):
            self._trades.append(change)

    def flush(self, batch: Batch) -> Sequence[str]:
        """The batch's trades. Those that came without an id are counted."""
        trades, self._trades = self._trades, []
        number = self.numbers.unnumbered - sum(not one.trade_id for one in trades)
        rows = []
        for one in trades:
            number += not one.trade_id
            rows.append(trade(self.listing, one, one.trade_id or number, one.ts or batch.ts))
        return (event(self.head, batch.ts, encode(rows)),) if rows else ()

    def snapshot(self) -> Sequence[str]:
        """Nothing: what was traded before is asked for over REST."""
        return ()


class TickerFeed(ListingFeed):
    """The whole ticker at a mark of 100 ms, when since the last mark there was a trade, a change of a best level or of
    what a perpetual's ticker shows.

    That is read from the projection, so all gateways decide alike however old their feeds are.
    """

    wants = ()
    on_lag = OnLag.SNAPSHOT
    rank = spec.RANKS[spec.TICKER]
    timed = True

    def __init__(self, key: FeedKey, listing: Listing, numbers: Numbers, desk: Desk) -> None:
        super().__init__(key, listing, numbers, desk)
        self._mark = numbers.now - numbers.now % GRID_US

    def tick(self, ts: int) -> Sequence[str]:
        """The ticker as it is at the mark."""
        since, self._mark = self._mark, ts
        if since > ts:  # a recording's first event brought its own, earlier time
            since = 0
        return (self._text(ts),) if self.numbers.stirred >= since else ()

    def flush(self, batch: Batch) -> Sequence[str]:
        """Nothing between the marks."""
        return ()

    def snapshot(self) -> Sequence[str]:
        """The ticker as it is."""
        return (self._text(self.numbers.now),)

    def _text(self, ts: int) -> str:
        return event(self.head, ts, encode(ticker(self.listing)))


class LiquidationFeed(ListingFeed):
    """Positions that were taken over, all of a batch in one message."""

    wants = (PositionLiquidated,)
    on_lag = OnLag.CLOSE
    rank = spec.RANKS[spec.LIQUIDATIONS]

    def __init__(self, key: FeedKey, listing: Listing, numbers: Numbers, desk: Desk) -> None:
        super().__init__(key, listing, numbers, desk)
        self._events: list[PositionLiquidated] = []

    def fold(self, change: Heard) -> None:
        """Keeps a liquidation for the end of the batch."""
        if isinstance(change, PositionLiquidated):
            self._events.append(change)

    def flush(self, batch: Batch) -> Sequence[str]:
        """The batch's liquidations."""
        events, self._events = self._events, []
        rows = [liquidation(self.listing, one, batch.ts) for one in events]
        return (event(self.head, batch.ts, encode(rows)),) if rows else ()

    def snapshot(self) -> Sequence[str]:
        """Nothing: these are news."""
        return ()
