"""Bitstamp's WebSocket API v2 and the REST calls beside it, as the gateway sees them."""

from __future__ import annotations

from collections.abc import Callable

from polyfeed.accounts.account import Account
from polyfeed.dialects._base.context import Context
from polyfeed.dialects._base.dialect import Dialect, Limits, Peer
from polyfeed.dialects._base.effects import FeedKey
from polyfeed.dialects._base.feeds import Feed
from polyfeed.dialects._base.rest import RestAnswer, RestRequest, RestResponse
from polyfeed.dialects._base.session import Session
from polyfeed.dialects.bitstamp import faults, spec
from polyfeed.dialects.bitstamp.auth import Authenticator
from polyfeed.dialects.bitstamp.books import DetailOrderBookFeed, DiffOrderBookFeed, OrderBookFeed
from polyfeed.dialects.bitstamp.feeds import (
    AnnouncementsFeed,
    FundingRateFeed,
    LiveOrdersFeed,
    LiveTradesFeed,
)
from polyfeed.dialects.bitstamp.markets import Listed, Markets
from polyfeed.dialects.bitstamp.own_trades import MyTradesFeed, SelfTradesFeed
from polyfeed.dialects.bitstamp.positions import MyLiquidationsFeed, MySettlementsFeed
from polyfeed.dialects.bitstamp.private import MyOrdersFeed, Owner
from polyfeed.dialects.bitstamp.projection import BitstampProjection
from polyfeed.dialects.bitstamp.rest import BitstampRest
from polyfeed.dialects.bitstamp.rest_form import refused_response
from polyfeed.dialects.bitstamp.rest_refusals import AWAY, failed
from polyfeed.dialects.bitstamp.session import BitstampSession
from polyfeed.dialects.bitstamp.settings import BitstampSettings
from polyfeed.dialects.bitstamp.subscriptions import Subscriptions
from polyfeed.dialects.bitstamp.tokens import READ, Tokens

_SOCKET_PATHS = ("", "/")
_PUBLIC: dict[str, Callable[[FeedKey, Listed, BitstampProjection], Feed]] = {
    spec.LIVE_TRADES: LiveTradesFeed,
    spec.LIVE_ORDERS: LiveOrdersFeed,
    spec.ORDER_BOOK: OrderBookFeed,
    spec.DETAIL_ORDER_BOOK: DetailOrderBookFeed,
    spec.DIFF_ORDER_BOOK: DiffOrderBookFeed,
    spec.FUNDING_RATE: FundingRateFeed,
}


class BitstampDialect(Dialect):
    """Sessions, feeds and REST over one market and its accounts, with one set of settings.

    The gateway's own limit of a message is far above the exchange's, so that the session closes with its words.
    """

    name = spec.NAME
    limits = Limits()
    closes = spec.CLOSES
    hearing = faults.HEARING

    def __init__(self, context: Context, settings: BitstampSettings | None = None) -> None:
        self._context = context
        self._settings = settings or BitstampSettings()
        self._markets = Markets(context.market)
        self._tokens = Tokens(context.accounts, context.vault, self._settings.token_seconds)
        self._projection = BitstampProjection(self._markets, context.accounts, self._settings.order_events)
        self.projection = self._projection
        auth = Authenticator(context.accounts, context.vault, self._settings.public_host)
        self._rest = BitstampRest(context, self._markets, self._projection, auth, self._tokens)

    def connect(self, now: int, peer: Peer) -> Session | RestResponse:
        """A session at the root: one socket for everything (spec/bitstamp.md 1)."""
        if peer.path not in _SOCKET_PATHS:
            return RestResponse(404, b"Not Found", "text/plain")
        subscriptions = Subscriptions(self._markets, self._context.accounts, self._tokens, self._settings)
        return BitstampSession(subscriptions, self._settings, now)

    def token(self, now: int, account: Account) -> str | None:
        """What `websockets_token` would give the first key of the account that may read."""
        key = next((key for key in account.keys.values() if READ in key.permissions), None)
        return None if key is None else self._tokens.issue(now, account, key)

    def feed(self, key: FeedKey) -> Feed:
        """A new feed. Raises KeyError for a channel or a market that is not there."""
        if key.channel == spec.ANNOUNCEMENTS:
            return AnnouncementsFeed(key)
        if key.channel in _PUBLIC:
            return _PUBLIC[key.channel](key, self._markets.by_id(key.instrument), self._projection)
        return self._private(key)

    def relisted(self) -> None:
        """The markets are looked up anew."""
        self._markets.forget()

    def rest(self, now: int, request: RestRequest) -> RestAnswer:
        """Answers the calls below /api/v2/."""
        return self._rest.answer(now, request)

    def rest_stale(self, now: int, request: RestRequest) -> RestAnswer:
        """An internal service failed."""
        return refused_response(AWAY)

    def rest_unavailable(self, reason: str) -> RestResponse:
        """The error of a service that failed."""
        return refused_response(failed(reason))

    def _private(self, key: FeedKey) -> Feed:
        account = self._context.accounts.get(key.account)
        owner = Owner(key.account, account.parent if account is not None else 0)
        match key.channel:
            case spec.MY_SETTLEMENTS:
                return MySettlementsFeed(key, owner, self._context.market)
            case spec.MY_LIQUIDATIONS:
                return MyLiquidationsFeed(key, owner, self._context.market)
        listed = self._markets.by_id(key.instrument)
        match key.channel:
            case spec.MY_ORDERS:
                return MyOrdersFeed(key, owner, listed, self._projection)
            case spec.MY_TRADES:
                currency = self._context.market.currencies.get(listed.instrument.quote)
                return MyTradesFeed(key, owner, listed, currency.scale if currency is not None else 0)
            case spec.SELF_TRADES:
                return SelfTradesFeed(key, owner, listed)
        raise KeyError(key.channel)
