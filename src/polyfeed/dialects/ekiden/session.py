"""One connection to either socket (spec/ekiden.md 1 to 4, 7). Nothing is sent until the client asks."""

from __future__ import annotations

from abc import abstractmethod

from polyfeed.accounts.accounts import AccountChange
from polyfeed.dialects._base.effects import Close, Effect, Ping, Send
from polyfeed.dialects._base.limiter import Limiter, Patience
from polyfeed.dialects._base.session import Notice, Session
from polyfeed.dialects.ekiden import spec, wire
from polyfeed.dialects.ekiden.auth import Authority, Login
from polyfeed.dialects.ekiden.requests import (
    Refused,
    Request,
    invalid,
    read_args,
    read_object,
    read_op,
    read_req_id,
    read_ts,
)
from polyfeed.dialects.ekiden.settings import EkidenSettings
from polyfeed.dialects.ekiden.signatures import AuthRefused, signed_request
from polyfeed.dialects.ekiden.subscriptions import Subscriptions
from polyfeed.dialects.ekiden.symbols import Symbols
from polyfeed.dialects.ekiden.topics import Topic, private_topic, public_topic
from polyfeed.dialects.ekiden.wire import ReqId
from polyfeed.model.events import AccountOpened


class EkidenSession(Session):
    """What both sockets have in common: pings, topics, the message rate and the heartbeat."""

    def __init__(self, settings: EkidenSettings, now: int) -> None:
        self._settings = settings
        self._subscriptions = Subscriptions()
        self._limiter = Limiter(settings.message_rate, settings.message_rate)
        self._patience = Patience()
        self._beat = int(settings.ping_seconds * spec.SECOND)
        self._next_ping = now + self._beat
        self._pinged: int | None = None
        self.deadline = self._next_ping

    def open(self, now: int) -> list[Effect]:
        """Nothing."""
        return []

    def receive(self, now: int, data: str | bytes) -> list[Effect]:
        """Answers one message of the client."""
        req_id: ReqId = None
        try:
            if not self._limiter.admits(now):
                return self._over_rate(now, data)
            request = read_object(data)
            req_id = read_req_id(request)
            return self._answer(now, read_op(request), request, req_id)
        except Refused as refused:
            return [Send(wire.error(str(refused), req_id))]

    def notice(self, now: int, event: Notice) -> list[Effect]:
        """Ekiden has no word for what the venue says to everybody."""
        return []

    def expire(self, now: int) -> list[Effect]:
        """A ping, or the end of a connection that did not answer the last one."""
        if now < self._next_ping:
            return []
        if self._pinged is not None and self.last_heard < self._pinged:
            return [Close(*spec.CLOSE_NO_PONG)]
        self._pinged = now
        self._next_ping = self.deadline = now + self._beat
        return [Ping()]

    @abstractmethod
    def topic(self, text: str) -> Topic:
        """What a topic's text stands for on this socket. Raises TopicRefused."""

    def _answer(self, now: int, op: str, request: Request, req_id: ReqId) -> list[Effect]:
        """Raises Refused."""
        if op == spec.PING:
            return [Send(wire.pong(now, read_ts(request), req_id))]
        if op == spec.SUBSCRIBE:
            effects = self._subscriptions.begin(read_args(request), self.topic, req_id)
            over = self._subscriptions.over and self._patience.ends(now)
            return [*effects, Close(*spec.CLOSE_RATE)] if over else effects
        if op == spec.UNSUBSCRIBE:
            return self._subscriptions.end(read_args(request), self.topic, req_id)
        raise Refused(f"{spec.UNKNOWN_OP}: {op}")

    def _over_rate(self, now: int, data: str | bytes) -> list[Effect]:
        """A message over the rate is not carried out; too many of them end the connection."""
        if self._patience.ends(now):
            return [Close(*spec.CLOSE_RATE)]
        try:
            req_id = read_req_id(read_object(data))
        except Refused:
            req_id = None
        return [Send(wire.error(spec.RATE_LIMIT_EXCEEDED, req_id))]


class PublicSession(EkidenSession):
    """A connection to /ws/public."""

    def __init__(self, symbols: Symbols, settings: EkidenSettings, now: int) -> None:
        super().__init__(settings, now)
        self._symbols = symbols

    def topic(self, text: str) -> Topic:
        """A public topic."""
        return public_topic(text, self._symbols, later=self._settings.later_topics)


class PrivateSession(EkidenSession):
    """A connection to /ws/private: a login first, then the topics of that account and its sub-accounts.

    The login must come in time, and may fail twice. It ends with its token, and at once with its key.
    """

    def __init__(self, authority: Authority, settings: EkidenSettings, now: int) -> None:
        super().__init__(settings, now)
        self._authority = authority
        self._login: Login | None = None
        self._failures = 0
        self._auth_until = now + int(settings.auth_seconds * spec.SECOND)
        self._set_deadline()

    def expire(self, now: int) -> list[Effect]:
        """The time to log in is over, the login is, or a ping is due."""
        login = self._login
        if login is None and now >= self._auth_until:
            return [Close(*spec.CLOSE_AUTH_TIMEOUT)]
        if login is not None and login.expires is not None and now >= login.expires:
            return [Send(wire.error(spec.TOKEN_EXPIRED, None)), Close(*spec.CLOSE_AUTH_ENDED)]
        effects = super().expire(now)
        self._set_deadline()
        return effects

    def account_notice(self, now: int, change: AccountChange) -> list[Effect]:
        """A key was set or revoked; if it was this login's, and it may not read any more, the connection ends. A new
        sub-account is heard on the topics that there are.
        """
        login, event = self._login, change.event
        if login is None:
            return []
        if ended := self._ended():
            return ended
        if isinstance(event, AccountOpened) and event.parent == login.account:
            return self._subscriptions.renew(self.topic)
        return []

    def resynced(self, now: int, *, whole: bool) -> list[Effect]:
        """The key may have been revoked meanwhile."""
        return self._ended() or super().resynced(now, whole=whole)

    def _ended(self) -> list[Effect]:
        """Ends a connection whose login does not stand any more."""
        if self._login is None or self._authority.may(self._login, spec.READ):
            return []
        return [Send(wire.error(spec.INVALID_TOKEN, None)), Close(*spec.CLOSE_AUTH_ENDED)]

    def topic(self, text: str) -> Topic:
        """A private topic of whoever is logged in."""
        return private_topic(text, self._authority.accounts_of(self._login) if self._login else [])

    def _answer(self, now: int, op: str, request: Request, req_id: ReqId) -> list[Effect]:
        if op in (spec.AUTH, spec.AUTH_API_KEY):
            return self._log_in(now, op, request, req_id)
        if op in (spec.SUBSCRIBE, spec.UNSUBSCRIBE) and self._login is None:
            raise Refused(spec.NOT_AUTHENTICATED)
        return super()._answer(now, op, request, req_id)

    def _log_in(self, now: int, op: str, request: Request, req_id: ReqId) -> list[Effect]:
        if self._login is not None:
            raise Refused(spec.ALREADY_AUTHENTICATED)
        try:
            self._login = self._checked(now, op, request)
        except AuthRefused as refused:
            if refused.code == spec.INVALID_REQUEST:
                raise invalid(refused.reason) from refused
            self._failures += 1
            failed: list[Effect] = [Send(wire.not_authenticated(refused.message, req_id))]
            return failed + ([Close(*spec.CLOSE_AUTH_FAILED)] if self._failures >= spec.AUTH_FAILURES else [])
        self._set_deadline()
        return [Send(wire.authenticated(self._authority.user_id(self._login), req_id))]

    def _checked(self, now: int, op: str, request: Request) -> Login:
        if op == spec.AUTH:
            bearer = request.get("bearer")
            if not isinstance(bearer, str):
                raise AuthRefused(spec.INVALID_REQUEST, "bearer must be a string")
            login = self._authority.read_token(now, bearer)
        else:
            login = self._authority.verify(now, signed_request(request, "api_key", spec.WS_MESSAGE))
        if not self._authority.may(login, spec.READ):
            raise AuthRefused(spec.INVALID_TOKEN, "the key may not read")
        return login

    def _set_deadline(self) -> None:
        times = [self._next_ping]
        if self._login is None:
            times.append(self._auth_until)
        elif self._login.expires is not None:
            times.append(self._login.expires)
        self.deadline = min(times)
