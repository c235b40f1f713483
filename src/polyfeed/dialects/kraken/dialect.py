"""Kraken's public WebSocket API and the REST calls beside it, as the gateway sees them."""

from __future__ import annotations

from collections.abc import Callable

from polyfeed.dialects._base.dialect import Dialect, Limits, Peer
from polyfeed.dialects._base.effects import FeedKey
from polyfeed.dialects._base.feeds import Feed
from polyfeed.dialects._base.rest import RestAnswer, RestRequest, RestResponse
from polyfeed.dialects._base.session import Session
from polyfeed.dialects.kraken import faults, spec
from polyfeed.dialects.kraken.book import BookFeed, SharedBook
from polyfeed.dialects.kraken.feeds import OhlcFeed, SpreadFeed, TickerFeed, TradeFeed
from polyfeed.dialects.kraken.ids import channel_id
from polyfeed.dialects.kraken.pairs import Pair, Pairs
from polyfeed.dialects.kraken.rest import KrakenRest, unavailable
from polyfeed.dialects.kraken.session import KrakenSession
from polyfeed.dialects.kraken.settings import KrakenSettings
from polyfeed.market.market import Market

_SOCKET_PATHS = ("", "/")
_FEEDS: dict[str, Callable[[FeedKey, Pair, int], Feed]] = {
    spec.TICKER: TickerFeed,
    spec.SPREAD: SpreadFeed,
    spec.OHLC: OhlcFeed,
}


class KrakenDialect(Dialect):
    """Sessions, feeds and REST over one market, with one set of settings."""

    name = spec.NAME
    limits = Limits()
    closes = spec.CLOSES
    hearing = faults.HEARING
    tells_stale = True

    def __init__(self, market: Market, settings: KrakenSettings | None = None) -> None:
        self._market = market
        self._settings = settings or KrakenSettings()
        self._profile = spec.PROFILES[self._settings.profile]
        self._pairs = Pairs(market, self._settings.first_pair_index)
        self._rest = KrakenRest(market, self._pairs)
        self._books: dict[int, SharedBook] = {}

    def connect(self, now: int, peer: Peer) -> Session | RestResponse:
        """A session at the root; the public API has no other socket (spec/kraken.md 1.1)."""
        if peer.path not in _SOCKET_PATHS:
            return RestResponse(404, b"Not Found", "text/plain")
        return KrakenSession(self._market, self._pairs, self._settings, peer.connection_id, now)

    def feed(self, key: FeedKey) -> Feed:
        """A new feed of a listed pair. Raises KeyError for anything else."""
        pair = self._pairs.by_id(key.instrument)
        number = channel_id(self._profile, pair.index, key.channel, key.parameter)
        if key.channel == spec.BOOK:
            return BookFeed(key, pair, number, self._shared_book(pair))
        if key.channel == spec.TRADE:
            return TradeFeed(key, pair, number, spec.TRADE_SNAPSHOT if self._settings.trade_snapshot else 0)
        return _FEEDS[key.channel](key, pair, number)

    def relisted(self) -> None:
        """The pairs are looked up anew."""
        self._pairs.forget()
        self._books.clear()
        self._rest.forget()

    def rest(self, now: int, request: RestRequest) -> RestAnswer:
        """Answers one of the nine public calls."""
        return self._rest.answer(now, request)

    def rest_stale(self, now: int, request: RestRequest) -> RestAnswer:
        """The status and the time; everything else is not to be had."""
        return self._rest.answer(now, request, stale=True)

    def rest_unavailable(self, reason: str) -> RestResponse:
        """The one error that Kraken has for this, which says no more."""
        return unavailable()

    def _shared_book(self, pair: Pair) -> SharedBook:
        """What the feeds of all depths of a pair share."""
        shared = self._books.get(pair.id)
        if shared is None:
            shared = self._books[pair.id] = SharedBook(pair, self._settings.checksum)
        return shared
