"""Rails as the gateway sees it: the handshake, the feeds, the REST calls."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from polyfeed.accounts.account import Account
from polyfeed.dialects._base.context import Context
from polyfeed.dialects._base.dialect import Dialect, Limits, Peer
from polyfeed.dialects._base.effects import FeedKey
from polyfeed.dialects._base.feeds import Feed
from polyfeed.dialects._base.rest import RestAnswer, RestRequest, RestResponse
from polyfeed.dialects._base.session import Session
from polyfeed.dialects.rails import auth, faults, spec
from polyfeed.dialects.rails.auth import Login, Tokens
from polyfeed.dialects.rails.entry import Entry
from polyfeed.dialects.rails.feeds import BookFeed, FillsFeed, OrdersFeed, PublicTradesFeed
from polyfeed.dialects.rails.limiter import Limiter
from polyfeed.dialects.rails.markets import Listing, Market
from polyfeed.dialects.rails.notices import Once
from polyfeed.dialects.rails.pulse import Pulse
from polyfeed.dialects.rails.requests import Refused, read_streams
from polyfeed.dialects.rails.rest import RailsRest, answer, away
from polyfeed.dialects.rails.session import RailsSession
from polyfeed.dialects.rails.settings import RailsSettings
from polyfeed.dialects.rails.wire import short

_SOCKET_PATHS = ("", "/")
_OWN_FEEDS: dict[str, Callable[[FeedKey, Listing, Once, Account], Feed]] = {
    spec.ORDERS: OrdersFeed,
    spec.TRADES: FillsFeed,
}


class RailsDialect(Dialect):
    """Sessions, feeds and REST over one market and its accounts, with one set of settings."""

    name = spec.NAME
    limits = Limits(spec.MAX_FRAME)
    closes = spec.CLOSES
    hearing = faults.HEARING

    def __init__(self, context: Context, settings: RailsSettings | None = None) -> None:
        self._settings = settings or RailsSettings()
        self._accounts = context.accounts
        self._listing = Listing(context.market)
        self._tokens = Tokens(context)
        self._limiter = Limiter(self._settings.limits)
        self._rest = RailsRest(context, self._listing, self._tokens, self._limiter)
        self._once = Once()

    def connect(self, now: int, peer: Peer) -> Session | RestResponse:
        """A session for a good token, market and set of streams, or the status that refuses it (sheet 1)."""
        if peer.path not in _SOCKET_PATHS:
            return refusal(spec.NOT_FOUND, "not found")
        offered = auth.offered(peer.headers.get("sec-websocket-protocol", ""))
        login = self._tokens.read(now, offered.removeprefix(spec.SUBPROTOCOL_PREFIX))
        if login is None:
            return refusal(spec.UNAUTHORIZED, "missing, invalid or expired token")
        try:
            return self._admit(now, peer, offered, login)
        except Refused as refused:
            return refusal(refused.status, refused.text)

    def feed(self, key: FeedKey) -> Feed:
        """A new feed of a stream."""
        if key.channel == spec.PUBLIC_TRADES:
            both_sides = self._settings.public_trade_rows == "both"
            return PublicTradesFeed(key, self._listing, self._once, both_sides=both_sides)
        if key.channel == spec.PUBLIC_BOOK:
            return BookFeed(key, self._listing, self._once)
        account = self._accounts.get(key.account)
        assert account is not None
        return _OWN_FEEDS[key.channel](key, self._listing, self._once, account)

    def token(self, now: int, account: Account) -> str | None:
        """An access token for the account, None when it has no key that may trade."""
        return self._tokens.ready(now, account)

    def relisted(self) -> None:
        """The markets are looked up anew."""
        self._listing.forget()

    def rest(self, now: int, request: RestRequest) -> RestAnswer:
        """Answers a REST call."""
        return self._rest.answer(now, request)

    def rest_stale(self, now: int, request: RestRequest) -> RestAnswer:
        """The exchange cannot be reached."""
        return away()

    def rest_unavailable(self, reason: str) -> RestResponse:
        """An error like all of them."""
        return answer({"message": reason}, spec.UNAVAILABLE)

    def _admit(self, now: int, peer: Peer, offered: str, login: Login) -> Session:
        if not login.trades:
            raise Refused(spec.FORBIDDEN, "a read-only key cannot connect")
        market = self._market_of(_first(peer, "market"))
        streams = _streams_of(peer)
        account = login.account
        tier = self._limiter.tier(account.tier)
        if not self._limiter.new_socket(now, account.account_id, tier):
            raise Refused(spec.TOO_MANY, "too many new connections")
        name = spec.ALL_MARKETS if market is None else market.name
        if not self._limiter.sockets.admits(
            account.account_id, tier, orders=spec.ORDERS in streams, market=name, markets=len(self._listing)
        ):
            raise Refused(spec.FORBIDDEN, "too many concurrent connections")
        cancels = _first(peer, "cancelOnDisconnect") == "true"
        entry = Entry(account, self._listing, self._settings.max_leverage, cancels=cancels)
        pulse = Pulse(self._settings, now, login.expires)
        return RailsSession(
            self._listing, self._limiter, self._settings, market, entry, streams, tier, pulse, offered, login.key_id
        )

    def _market_of(self, name: str) -> Market | None:
        """The market of a handshake, None for all."""
        if name == spec.ALL_MARKETS:
            return None
        market = self._listing.find(name)
        if market is None:
            raise Refused(spec.BAD, spec.MARKET_UNKNOWN.format(name=short(name)) if name else "market is required")
        return market


def _first(peer: Peer, name: str) -> str:
    values = peer.query.get(name)
    return values[0] if values else ""


def _streams_of(peer: Peer) -> list[str]:
    """The streams of a handshake: comma separated, `orders` without the parameter."""
    if "subscriptions" not in peer.query:
        return list(spec.DEFAULT_STREAMS)
    return read_streams([name.strip() for name in _first(peer, "subscriptions").split(",") if name.strip()])


def refusal(status: int, text: str) -> RestResponse:
    """A status with its reason."""
    return RestResponse(status, msgspec.json.encode({"message": text}))
