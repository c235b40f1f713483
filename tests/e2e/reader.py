"""All that a gateway makes of batches, without sockets: state, projections, and the frames of every feed there can be."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from polyfeed.accounts.accounts import Accounts
from polyfeed.app.config import load
from polyfeed.app.demo_keys import DEMO_VAULT
from polyfeed.dialects import bitstamp, ekiden, kraken, peatio, rails
from polyfeed.dialects._base.context import Context
from polyfeed.dialects._base.dialect import Dialect
from polyfeed.dialects._base.effects import ANY, FeedKey
from polyfeed.dialects._base.feeds import GRID_US, Feed
from polyfeed.dialects.bitstamp import spec as bitstamp_spec
from polyfeed.dialects.ekiden import spec as ekiden_spec
from polyfeed.dialects.ekiden.dialect import PUBLIC_FEEDS
from polyfeed.dialects.ekiden.private import PRIVATE_FEEDS
from polyfeed.dialects.kraken import spec as kraken_spec
from polyfeed.dialects.peatio import spec as peatio_spec
from polyfeed.dialects.rails import spec as rails_spec
from polyfeed.dialects.registry import DIALECTS, make_dialects
from polyfeed.market.market import Market
from polyfeed.model.batches import Batch
from polyfeed.model.instruments import Instrument

Image = tuple[bytes, bytes, dict[str, bytes]]


def keys(dialect: Dialect, listed: Instrument, accounts: tuple[int, ...]) -> Iterator[FeedKey]:
    """Every feed of an instrument, and of accounts."""
    number = listed.id
    match dialect:
        case kraken.KrakenDialect():
            for channel in (kraken_spec.TICKER, kraken_spec.SPREAD, kraken_spec.TRADE):
                yield FeedKey(channel, number)
            for channel, parameters in kraken_spec.PARAMETERS.items():
                yield from (FeedKey(channel, number, parameter) for parameter in parameters)
        case bitstamp.BitstampDialect():
            spec = bitstamp_spec
            public = [spec.LIVE_TRADES, spec.LIVE_ORDERS, spec.ORDER_BOOK, spec.DETAIL_ORDER_BOOK, spec.DIFF_ORDER_BOOK]
            yield from (FeedKey(channel, number) for channel in (*public, spec.FUNDING_RATE))
            own = (spec.MY_ORDERS, spec.MY_TRADES, spec.SELF_TRADES, spec.MY_SETTLEMENTS, spec.MY_LIQUIDATIONS)
            yield from (FeedKey(channel, number, 0, account) for channel in own for account in accounts)
        case peatio.PeatioDialect():
            yield from (FeedKey(peatio_spec.BOOK, number, bits) for bits in (1, 2, 3))
            yield from (FeedKey(peatio_spec.KLINE, number, period) for period in peatio_spec.PERIODS.values())
            yield from (FeedKey(channel, number) for channel in (peatio_spec.TRADES, peatio_spec.UPDATE))
            own = (peatio_spec.ORDER, peatio_spec.TRADE, peatio_spec.BALANCES)
            yield from (FeedKey(channel, ANY, 0, account) for channel in own for account in accounts)
            yield FeedKey(peatio_spec.TICKERS, ANY)
        case rails.RailsDialect():
            yield from (FeedKey(channel, number) for channel in (rails_spec.PUBLIC_TRADES, rails_spec.PUBLIC_BOOK))
            own = (rails_spec.ORDERS, rails_spec.TRADES)
            yield from (FeedKey(channel, number, 0, account) for channel in own for account in accounts)
        case ekiden.EkidenDialect():
            for channel in PUBLIC_FEEDS:
                for parameter in {"orderbook": (1, 50, 200), "kline": (60, 86400)}.get(channel, (0,)):
                    if channel == ekiden_spec.POOL:
                        yield FeedKey(channel, ANY, number)
                    else:
                        yield FeedKey(channel, number, parameter)
            yield from (FeedKey(channel, ANY, 0, account) for channel in PRIVATE_FEEDS for account in accounts)


class Reader:
    """One reader of batches. `frames` are what the last batch gave, with the feed that said it."""

    def __init__(self, accounts: tuple[int, ...], image: Image | None = None) -> None:
        config = load(None, {}, ["bitstamp.order_events=50", "ekiden.later_topics=true"])
        market, folded, projections = image or (Market().snapshot(), Accounts().snapshot(), {})
        self.market, self.accounts = Market.restore(market), Accounts.restore(folded)
        context = Context(self.market, self.accounts, DEMO_VAULT)
        self.dialects = make_dialects(context, {name: getattr(config, name) for name in DIALECTS})
        for dialect in self.dialects:
            if dialect.projection is not None and dialect.name in projections:
                dialect.projection.restore(projections[dialect.name])
        self.frames: list[tuple[str, FeedKey, str]] = []
        self._owners = accounts
        self._feeds: dict[tuple[str, FeedKey], Feed] = {}
        self._mark = self.market.ts // GRID_US
        for state in self.market.instruments:
            self._list(state.instrument)

    def image(self) -> Image:
        """What another reader can start from."""
        made = {one.name: one.projection.snapshot() for one in self.dialects if one.projection is not None}
        return self.market.snapshot(), self.accounts.snapshot(), made

    def resync(self, image: Image) -> None:
        """Goes on from an image, whatever it has read: the same objects show another state."""
        market, accounts, projections = Market.restore(image[0]), Accounts.restore(image[1]), image[2]
        others = not market.extends(self.market)
        self.market.become(market)
        self.accounts.become(accounts)
        for dialect in self.dialects:
            if others:
                dialect.relisted()
            if dialect.projection is not None:
                dialect.projection.restore(projections[dialect.name])
        self._feeds = {}
        self._mark = self.market.ts // GRID_US
        for state in self.market.instruments:
            self._list(state.instrument)

    def hashes(self) -> tuple[Any, ...]:
        """What equal readers have in common."""
        return self.market.state_hash(), self.accounts.state_hash(), self.image()[2]

    def greetings(self) -> dict[tuple[str, FeedKey], list[str]]:
        """What a newcomer of each feed is given; on Bitstamp a reader that lost it, the last frame that was heard."""
        return {name: list(feed.snapshot()) for name, feed in self._feeds.items() if name[0] != "bitstamp"}

    def apply(self, batch: Batch) -> None:
        """Takes in a batch, in the gateway's order."""
        self.frames = []
        known = self._known()
        mark = batch.ts // GRID_US
        if mark > self._mark:
            self._mark = mark
            for name, feed in self._in_order(list(self._feeds)):
                if feed.timed and feed.epoch == batch.epoch:
                    self._say(name, feed.tick(mark * GRID_US))
        projections = [one.projection for one in self.dialects if one.projection is not None]
        dirty: dict[tuple[str, FeedKey], None] = {}
        for change in self.market.apply(batch):
            for projection in projections:
                projection.fold(batch, change)
            place = getattr(change, "instrument", ANY)
            self._fold(dirty, type(change), change, (place, ANY) if isinstance(place, int) else (ANY,), 0)
        for own in self.accounts.apply(batch):
            for projection in projections:
                projection.fold(batch, own)
            self._fold(dirty, type(own.event), own, (ANY,), own.account)
        for projection in projections:
            projection.settle(batch)
        for name, feed in self._in_order(list(dirty)):
            self._say(name, feed.flush(batch))
        if self._known() != known:
            for state in self.market.instruments:
                self._list(state.instrument)

    def _known(self) -> tuple[int, int]:
        """How many instruments and how many owners there are."""
        return len(self.market.instruments), sum(self.accounts.get(one) is not None for one in self._owners)

    def _fold(self, dirty: dict[Any, None], kind: type, change: Any, places: tuple[int, ...], account: int) -> None:
        for name, feed in self._feeds.items():
            key = name[1]
            if key.account == account and (account or key.instrument in places) and kind in feed.wants:
                dirty[name] = None
                feed.fold(change)

    def _in_order(self, names: list[tuple[str, FeedKey]]) -> list[tuple[tuple[str, FeedKey], Feed]]:
        return [(name, self._feeds[name]) for name in sorted(names, key=lambda one: (self._feeds[one].rank, one))]

    def _say(self, name: tuple[str, FeedKey], texts: Any) -> None:
        self.frames += [(*name, text) for text in texts]

    def _list(self, listed: Instrument) -> None:
        """Opens the feeds that there can be and are not yet; an account has none before it is opened."""
        for dialect in self.dialects:
            if dialect.name in listed.symbols:
                for key in keys(dialect, listed, self._owners):
                    opened = not key.account or self.accounts.get(key.account) is not None
                    if opened and (dialect.name, key) not in self._feeds:
                        self._feeds[dialect.name, key] = dialect.feed(key)
