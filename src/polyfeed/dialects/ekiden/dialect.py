"""Ekiden's two sockets and the REST calls beside them, as the gateway sees them."""

from __future__ import annotations

from collections.abc import Callable

from polyfeed.accounts.account import Account
from polyfeed.dialects._base.context import Context
from polyfeed.dialects._base.dialect import Dialect, Limits, Peer
from polyfeed.dialects._base.effects import FeedKey
from polyfeed.dialects._base.feeds import Feed
from polyfeed.dialects._base.rest import RestAnswer, RestRequest, RestResponse
from polyfeed.dialects._base.session import Session
from polyfeed.dialects.ekiden import faults, feeds, pool_feeds, spec
from polyfeed.dialects.ekiden.auth import Authority, Login
from polyfeed.dialects.ekiden.book import BookFeed
from polyfeed.dialects.ekiden.desk import Desk
from polyfeed.dialects.ekiden.kline import KlineFeed
from polyfeed.dialects.ekiden.numbers import Numbers
from polyfeed.dialects.ekiden.private import PRIVATE_FEEDS
from polyfeed.dialects.ekiden.projection import EkidenProjection
from polyfeed.dialects.ekiden.rest import EkidenRest
from polyfeed.dialects.ekiden.rest_values import error
from polyfeed.dialects.ekiden.session import PrivateSession, PublicSession
from polyfeed.dialects.ekiden.settings import EkidenSettings
from polyfeed.dialects.ekiden.symbols import Listing, Symbols

PUBLIC_FEEDS: dict[str, Callable[[FeedKey, Listing, Numbers, Desk], Feed]] = {
    spec.ORDERBOOK: BookFeed,
    spec.TRADE: feeds.TradeFeed,
    spec.TICKER: feeds.TickerFeed,
    spec.KLINE: KlineFeed,
    spec.LIQUIDATIONS: feeds.LiquidationFeed,
    spec.POOL: pool_feeds.PoolFeed,
    spec.ADL: pool_feeds.AdlFeed,
}


class EkidenDialect(Dialect):
    """Sessions, feeds and REST over one venue, with one set of settings."""

    name = spec.NAME
    limits = Limits()
    closes = spec.CLOSES
    hearing = faults.HEARING

    def __init__(self, context: Context, settings: EkidenSettings | None = None) -> None:
        self._settings = settings or EkidenSettings()
        self._symbols = Symbols(context.market)
        self._numbers = EkidenProjection(context.market)
        self.projection = self._numbers
        self._authority = Authority(context, self._settings.environment)
        self._desk = Desk(context, self._symbols, self._numbers, self._settings.settlement)
        self._rest = EkidenRest(self._desk, self._authority, self._settings)

    def connect(self, now: int, peer: Peer) -> Session | RestResponse:
        """A session on one of the two sockets (seed, Endpoints)."""
        if peer.path == spec.PUBLIC_PATH:
            return PublicSession(self._symbols, self._settings, now)
        if peer.path == spec.PRIVATE_PATH:
            return PrivateSession(self._authority, self._settings, now)
        return RestResponse(404, b"Not Found", "text/plain")

    def token(self, now: int, account: Account) -> str | None:
        """What `authorize` would give the first Ed25519 key of the account."""
        key = next((key for key in account.keys.values() if key.scheme == spec.KEY_SCHEME), None)
        return None if key is None else self._authority.token(now, Login(account.account_id, key.key_id))

    def feed(self, key: FeedKey) -> Feed:
        """A new feed of a listed instrument or of an account. Raises KeyError for anything else."""
        if key.account:
            return PRIVATE_FEEDS[key.channel](key, self._desk)
        number = key.parameter if key.channel == spec.POOL else key.instrument
        listing = self._symbols.by_id(number)
        if listing is None:
            raise KeyError(key)
        return PUBLIC_FEEDS[key.channel](key, listing, self._numbers.of(number), self._desk)

    def relisted(self) -> None:
        """The markets are looked up anew."""
        self._symbols.forget()

    def rest(self, now: int, request: RestRequest) -> RestAnswer:
        """Answers an HTTP call."""
        return self._rest.answer(now, request)

    def rest_stale(self, now: int, request: RestRequest) -> RestAnswer:
        """Answers what needs no state."""
        return self._rest.answer(now, request, stale=True)

    def rest_unavailable(self, reason: str) -> RestResponse:
        """The error of a service that is not there."""
        return error(503, spec.ERROR_UNAVAILABLE, reason)
