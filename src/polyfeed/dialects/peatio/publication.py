"""What Peatio would publish on its exchange (sheet 5), from the venue's batches: (routing key, body).

The feeds that make the frames of sockets make these too, with a framing that keeps name and body apart. Every market
has all its public streams; every account but the house's has its private ones from its first event on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from polyfeed.accounts.accounts import AccountChange, Accounts
from polyfeed.dialects._base.effects import ANY, FeedKey
from polyfeed.dialects._base.feeds import GRID_US, Feed
from polyfeed.dialects.peatio import spec
from polyfeed.dialects.peatio.book import BookFeed
from polyfeed.dialects.peatio.feeds import public_feed
from polyfeed.dialects.peatio.ids import uid_of
from polyfeed.dialects.peatio.markets import Markets
from polyfeed.dialects.peatio.own import own_feed
from polyfeed.dialects.peatio.projection import PeatioProjection
from polyfeed.market.changes import Change, InstrumentChange
from polyfeed.market.market import Market
from polyfeed.model.batches import Batch
from polyfeed.model.events import InstrumentListed

Message = tuple[str, bytes]

_BOTH = spec.INCREMENTS | spec.SNAPSHOTS


class Publication:
    """Folds every batch into a market and accounts of its own: from the first on, or from those that it is given, with
    the image of the projection at that batch.
    """

    def __init__(
        self,
        profile: str,
        market: Market | None = None,
        accounts: Accounts | None = None,
        projection: bytes = b"",
    ) -> None:
        self._profile = msgspec.structs.replace(spec.PROFILES[profile], framing="routed")
        self._market = market or Market()
        self._accounts = accounts or Accounts()
        self._markets = Markets(self._market)
        self._projection = PeatioProjection(self._market, self._profile)
        self._books: dict[int, BookFeed] = {}
        self._public: dict[tuple[type, int], list[Feed]] = {}
        self._timed: list[Feed] = [public_feed(FeedKey(spec.TICKERS, ANY), self._market, self._markets, self._profile)]
        self._own: dict[int, list[Feed]] = {}
        self._marks: dict[int, int] = {}
        if projection:
            self._projection.restore(projection)
        for state in self._market.instruments:
            self._marks[state.epoch] = state.clock.now - state.clock.now % GRID_US
            if self._markets.lists(state.instrument.id):
                self._list(state.instrument.id)

    def on_batch(self, batch: Batch) -> list[Message]:
        """What is published of a batch: what was due before it, then private messages, then public ones."""
        messages = [public(text) for text in self._tick(batch)]
        touched: dict[Feed, None] = {}
        for change in self._market.apply(batch):
            self._projection.fold(batch, change)
            if isinstance(change, InstrumentListed) and self._markets.lists(change.instrument.id):
                messages += self._list(change.instrument.id)
            touched |= dict.fromkeys(self._fold(change))
        own: dict[Feed, None] = {}
        for event in self._accounts.apply(batch):
            own |= dict.fromkeys(self._fold_own(event))
        for feed in sorted(own, key=_order):
            messages += [private(feed.key.account, text) for text in feed.flush(batch)]
        for feed in sorted(touched, key=_order):
            messages += [public(text) for text in feed.flush(batch)]
        return messages

    def books(self) -> list[Message]:
        """A fresh snapshot of every book, for readers who may have missed something."""
        return [public(feed.fresh()) for feed in self._books.values()]

    def _list(self, instrument: int) -> list[Message]:
        """The feeds of a new market, and its empty first snapshot."""
        keys = [FeedKey(spec.TRADES, instrument), FeedKey(spec.UPDATE, instrument)]
        keys += [FeedKey(spec.KLINE, instrument, seconds) for seconds in spec.PERIODS.values()]
        feeds = [public_feed(key, self._market, self._markets, self._profile) for key in keys]
        market = self._markets.by_id(instrument)
        book = BookFeed(FeedKey(spec.BOOK, instrument, _BOTH), market, self._profile, self._projection)
        self._books[instrument] = book
        for feed in (*feeds, book):
            for kind in feed.wants:
                self._public.setdefault((kind, instrument), []).append(feed)
            if feed.timed:
                self._timed.append(feed)
        return [public(book.fresh())]

    def _fold(self, change: Change) -> Iterable[Feed]:
        if not isinstance(change, InstrumentChange):
            return ()
        feeds = self._public.get((type(change), change.instrument), ())
        for feed in feeds:
            feed.fold(change)
        return feeds

    def _fold_own(self, change: AccountChange) -> Iterator[Feed]:
        account = self._accounts.get(change.account)
        if account is None or account.house:
            return
        feeds = self._own.get(change.account)
        if feeds is None:
            names = (spec.ORDER, spec.TRADE, spec.BALANCES, spec.DEPOSIT_ADDRESS)
            keys = [FeedKey(name, ANY, 0, change.account) for name in names]
            feeds = [own_feed(key, self._market, self._markets, self._profile) for key in keys]
            self._own[change.account] = feeds
        for feed in feeds:
            if type(change.event) in feed.wants:
                feed.fold(change)
                yield feed

    def _tick(self, batch: Batch) -> Iterator[str]:
        """What the timed feeds say when the time of a history passes a mark."""
        mark = batch.ts - batch.ts % GRID_US
        if mark <= self._marks.setdefault(batch.epoch, mark):
            return
        self._marks[batch.epoch] = mark
        for feed in sorted(self._timed, key=_order):
            if feed.epoch == batch.epoch:
                yield from feed.tick(mark)


def _order(feed: Feed) -> tuple[int, FeedKey]:
    return feed.rank, feed.key


def public(text: str) -> Message:
    """A public frame as a message."""
    name, _, body = text.partition(" ")
    return f"public.{name}", body.encode()


def private(account: int, text: str) -> Message:
    """A private frame as a message for its owner."""
    name, _, body = text.partition(" ")
    return f"private.{uid_of(account)}.{name}", body.encode()
