"""The four streams (spec/rails.md 4 to 8).

Each has a feed for one market and one for all of them (the instrument is ANY); both say the same bytes of a market. A
reader that falls behind is closed, never given a different sequence.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from polyfeed.accounts.account import EVERY_PERPETUAL, Account
from polyfeed.accounts.accounts import AccountChange
from polyfeed.dialects._base.effects import ANY, FeedKey
from polyfeed.dialects._base.feeds import Feed, Heard, OnLag
from polyfeed.dialects.rails import rows, spec, wire
from polyfeed.dialects.rails.markets import Listing, Market
from polyfeed.dialects.rails.notices import Once, notices
from polyfeed.market.changes import LevelChange
from polyfeed.model.batches import Batch
from polyfeed.model.enums import Side
from polyfeed.model.events import (
    BookReset,
    LeverageSet,
    OwnFill,
    OwnOrderAmended,
    OwnOrderOpened,
    OwnOrderUpdated,
    OwnTriggered,
    Trade,
)


class RailsFeed(Feed):
    """A stream of one market, or of all. Nobody is sent a snapshot unasked."""

    on_lag = OnLag.CLOSE

    def __init__(self, key: FeedKey, listing: Listing, once: Once) -> None:
        super().__init__(key)
        self._listing = listing
        self._once = once

    def snapshot(self) -> Sequence[str]:
        """None: snapshots are asked for, and answered by the session."""
        return ()

    def _covers(self, instrument: int) -> bool:
        return self.key.instrument in (ANY, instrument)


class OrdersFeed(RailsFeed):
    """`orders`: what happens to the account's orders in the market, whoever entered them, and its leverage there."""

    wants = (OwnOrderOpened, OwnOrderUpdated, OwnFill, OwnTriggered, OwnOrderAmended, LeverageSet)
    rank = 0

    def __init__(self, key: FeedKey, listing: Listing, once: Once, account: Account) -> None:
        super().__init__(key, listing, once)
        self._account = account
        self._changes: list[AccountChange] = []

    def fold(self, change: Heard) -> None:
        """Keeps what is about an order of the market, or about the leverage there."""
        assert isinstance(change, AccountChange)
        if isinstance(change.event, LeverageSet):
            heard = change.event.instrument == EVERY_PERPETUAL or self._covers(change.event.instrument)
        else:
            heard = change.order is not None and self._covers(change.order.terms.instrument)
        if heard:
            self._changes.append(change)

    def flush(self, batch: Batch) -> Sequence[str]:
        """A message or two for each thing that happened."""
        changes, self._changes = self._changes, []
        texts: list[str] = []
        before: AccountChange | None = None
        for change in changes:
            texts += self._said(batch, change, before)
            before = change
        return texts

    def _said(self, batch: Batch, change: AccountChange, before: AccountChange | None) -> Sequence[str]:
        say = partial(notices, self._listing, self._account, batch, change, before)
        return self._once.made(batch, id(change), say)


class FillsFeed(RailsFeed):
    """`trades`: the account's own fills, of all markets whichever one the connection chose."""

    wants = (OwnFill,)
    rank = 1

    def __init__(self, key: FeedKey, listing: Listing, once: Once, account: Account) -> None:
        super().__init__(key, listing, once)
        self._account = account
        self._fills: list[AccountChange] = []

    def fold(self, change: Heard) -> None:
        """Keeps a fill."""
        assert isinstance(change, AccountChange)
        self._fills.append(change)

    def flush(self, batch: Batch) -> Sequence[str]:
        """One message with all fills of the batch."""
        fills, self._fills = self._fills, []
        data = [row for change in fills if (row := self._row(batch, change)) is not None]
        return [wire.envelope(spec.FILLS_DELTA, None, data)] if data else ()

    def _row(self, batch: Batch, change: AccountChange) -> dict[str, object] | None:
        event, order = change.event, change.order
        assert isinstance(event, OwnFill)
        market = self._listing.by_id(event.instrument)
        return None if market is None else rows.own_fill(market, self._account, event, order, batch.ts)


class PublicTradesFeed(RailsFeed):
    """`publicTrades`: every match; one message for each market and batch."""

    wants = (Trade,)
    rank = 2

    def __init__(self, key: FeedKey, listing: Listing, once: Once, *, both_sides: bool) -> None:
        super().__init__(key, listing, once)
        self._both_sides = both_sides
        self._trades: dict[int, list[Trade]] = {}

    def fold(self, change: Heard) -> None:
        """Keeps a match."""
        assert isinstance(change, Trade)
        self._trades.setdefault(change.instrument, []).append(change)

    def flush(self, batch: Batch) -> Sequence[str]:
        """The messages of the markets in the order in which they traded."""
        trades, self._trades = self._trades, {}
        return [text for instrument, some in trades.items() if (text := self._said(batch, instrument, some))]

    def _said(self, batch: Batch, instrument: int, trades: list[Trade]) -> str:
        market = self._listing.by_id(instrument)
        if market is None:
            return ""
        return self._once.made(batch, (spec.PUBLIC_TRADES, instrument), lambda: self._text(market, batch, trades))

    def _text(self, market: Market, batch: Batch, trades: list[Trade]) -> str:
        said = [row for trade in trades for row in rows.matches(market, trade, batch.ts, both_sides=self._both_sides)]
        return wire.rows(spec.PUBLIC_FILLS_DELTA, market.name, said)


class Touched:
    """What a batch did to a book: levels by (side, price), with whether they were there before; or all of it."""

    __slots__ = ("levels", "reset")

    def __init__(self) -> None:
        self.levels: dict[tuple[Side, int], bool] = {}
        self.reset = False


class BookFeed(RailsFeed):
    """`publicOrderBook`: levels that changed, with their new totals at the end of the batch."""

    wants = (LevelChange, BookReset)
    rank = 3

    def __init__(self, key: FeedKey, listing: Listing, once: Once) -> None:
        super().__init__(key, listing, once)
        self._touched: dict[int, Touched] = {}

    def fold(self, change: Heard) -> None:
        """Notes what changed; how it stands is looked up when the batch is whole."""
        assert isinstance(change, LevelChange | BookReset)
        touched = self._touched.get(change.instrument)
        if touched is None:
            touched = self._touched[change.instrument] = Touched()
        if isinstance(change, BookReset):
            touched.reset = True
        else:
            touched.levels.setdefault((change.side, change.price), not change.added)

    def flush(self, batch: Batch) -> Sequence[str]:
        """The messages of the markets in the order in which they changed."""
        changed, self._touched = self._touched, {}
        return [text for instrument, touched in changed.items() if (text := self._said(batch, instrument, touched))]

    def _said(self, batch: Batch, instrument: int, touched: Touched) -> str:
        market = self._listing.by_id(instrument)
        if market is None:
            return ""
        return self._once.made(batch, (spec.PUBLIC_BOOK, instrument), lambda: _delta(market, touched))


def _delta(market: Market, touched: Touched) -> str:
    """The change of a book; the whole book where it was replaced; empty for one that stands as it did."""
    if touched.reset:
        return rows.book(market)
    levels = rows.changed_levels(market, touched.levels)
    if not levels:
        return ""
    return wire.rows(spec.BOOK_DELTA, market.name, levels, ts=wire.milliseconds(market.state.ts))
