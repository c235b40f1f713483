"""Peatio's Ranger API, as the gateway sees it."""

from __future__ import annotations

from base64 import b64decode
from collections import Counter
from collections.abc import Iterable

from polyfeed.accounts.account import Account
from polyfeed.dialects._base.context import Context
from polyfeed.dialects._base.dialect import Dialect, Limits, Peer
from polyfeed.dialects._base.effects import FeedKey
from polyfeed.dialects._base.feeds import Feed
from polyfeed.dialects._base.origins import admits, allowed_hosts
from polyfeed.dialects._base.rest import RestRequest, RestResponse
from polyfeed.dialects._base.session import Session
from polyfeed.dialects.peatio import faults, rest, spec
from polyfeed.dialects.peatio.apikeys import KEY_HEADER, ApiKeys
from polyfeed.dialects.peatio.auth import ANONYMOUS, Identity, Rejected, mint
from polyfeed.dialects.peatio.book import BookFeed
from polyfeed.dialects.peatio.desk import Desk
from polyfeed.dialects.peatio.feeds import public_feed
from polyfeed.dialects.peatio.handshake import query_streams, token_of
from polyfeed.dialects.peatio.jwks import KeyRing
from polyfeed.dialects.peatio.markets import Markets
from polyfeed.dialects.peatio.metrics import metrics
from polyfeed.dialects.peatio.own import own_feed
from polyfeed.dialects.peatio.projection import PeatioProjection
from polyfeed.dialects.peatio.relayed import relay_feed, topics
from polyfeed.dialects.peatio.session import PeatioSession
from polyfeed.dialects.peatio.settings import PeatioSettings
from polyfeed.model.events import RelayedFrame

_PRIVATE_PATH = "/private"


class PeatioDialect(Dialect):
    """Sessions and feeds over one market, with one set of settings."""

    name = spec.NAME
    limits = Limits()
    closes = spec.CLOSES
    hearing = faults.HEARING

    def __init__(self, context: Context, settings: PeatioSettings | None = None) -> None:
        self._settings = settings or PeatioSettings()
        self._market = context.market
        self._markets = Markets(context.market)
        self._profile = spec.PROFILES[self._settings.profile]
        self._desk = Desk(self._settings, context.accounts, self._markets)
        self._keys = ApiKeys(context.accounts, context.vault)
        self._hosts = allowed_hosts(self._settings.origins)
        self._opened: Counter[str] = Counter()
        self.projection: PeatioProjection = PeatioProjection(context.market, self._profile)

    def connect(self, now: int, peer: Peer) -> Session | RestResponse:
        """A session on any path; `/private` wants a token unless one may come in a message (sheet 1, 2)."""
        origin, host = peer.headers.get("origin"), peer.headers.get("host", "")
        if not admits(self._hosts, self._profile.same_origin, origin, host):
            return rest.FORBIDDEN
        try:
            identity = self._identify(peer, now)
        except Rejected as rejected:
            if peer.path == _PRIVATE_PATH and not self._desk.jwt_message:
                return rest.unauthorized(str(rejected))
            identity = ANONYMOUS
        self._opened["private" if identity.uid else "public"] += 1
        return PeatioSession(self._desk, identity, query_streams(peer, self._profile), now)

    @property
    def ring(self) -> KeyRing | None:
        """Where the keys of tokens are kept that rotate, None where the key is fixed."""
        return self._desk.verifier.ring

    def token(self, now: int, account: Account) -> str | None:
        """A token of the account, where there is a key to sign it with."""
        if not self._settings.jwt_private_key:
            return None
        return mint(b64decode(self._settings.jwt_private_key), {"uid": f"ID{account.account_id}"}, now)

    def feed(self, key: FeedKey) -> Feed:
        """A new feed. Raises KeyError for a channel that there is not."""
        if self._settings.relay:
            return relay_feed(key, self._profile, self.projection)
        if key.account:
            return own_feed(key, self._market, self._markets, self._profile)
        if key.channel == spec.BOOK:
            return BookFeed(key, self._markets.by_id(key.instrument), self._profile, self.projection)
        return public_feed(key, self._market, self._markets, self._profile)

    def channels(self, frame: RelayedFrame) -> tuple[str, ...]:
        """Which channels hear a relayed frame."""
        return topics(frame.stream, self._profile)

    def relisted(self) -> None:
        """The markets are looked up anew."""
        self._markets.forget()

    def metrics(self, sessions: Iterable[Session]) -> list[str]:
        """The gauges of Ranger and Rango."""
        return metrics(sessions, self._opened)

    def rest(self, now: int, request: RestRequest) -> RestResponse:
        """Answers an HTTP call: there are none."""
        return rest.BAD_REQUEST

    def rest_stale(self, now: int, request: RestRequest) -> RestResponse:
        """As ever: nothing is told here."""
        return rest.BAD_REQUEST

    def _identify(self, peer: Peer, now: int) -> Identity:
        token = token_of(peer)
        if token is None and KEY_HEADER in peer.headers:
            return self._keys.identify(peer.headers, now)
        if token is None:
            raise Rejected("no token was sent")
        if not token:
            raise Rejected("the Authorization header is no Bearer token")
        return self._desk.verifier.identify(token, now)
