"""One connection (spec/peatio.md 1, 2 and 9)."""

from __future__ import annotations

from polyfeed.dialects._base.effects import Close, Effect, Ping, Send
from polyfeed.dialects._base.limiter import Patience
from polyfeed.dialects._base.session import Notice, Session
from polyfeed.dialects.peatio import spec, wire
from polyfeed.dialects.peatio.auth import Identity, Rejected
from polyfeed.dialects.peatio.desk import Desk
from polyfeed.dialects.peatio.requests import Jwt, Refused, Subscription
from polyfeed.dialects.peatio.streams import Kind, Streams


class PeatioSession(Session):
    """What one client may say and hears. `named` are the streams of its URL."""

    def __init__(self, desk: Desk, identity: Identity, named: list[str], now: int) -> None:
        self._desk = desk
        self._profile = desk.profile
        self._identity = identity
        self._named = named
        self._streams = Streams(desk.space)
        self._patience = Patience()
        self._ping_at = now + spec.PING_EVERY
        self.last_heard = now
        self._look()

    def open(self, now: int) -> list[Effect]:
        """Subscribes to the streams of the URL, and says what it came to."""
        effects = self._subscribe(self._named)
        return [*effects, self._acknowledged(spec.SUBSCRIBED)] if self._desk.requests else effects

    def receive(self, now: int, data: str | bytes) -> list[Effect]:
        """Answers one message of the client."""
        if isinstance(data, bytes):
            if not self._profile.binary:
                return []
            data = data.decode("utf-8", "replace")
        text = data.replace("\n", " ").strip(spec.BLANKS)
        if self._desk.requests and (text == spec.PING or not text):
            return [Send(spec.PONG)] if text else []
        try:
            request = self._desk.reader.read(text)
            return self._authenticate(request, now) if isinstance(request, Jwt) else self._answer(request, now)
        except Refused as refused:
            return [Send(refused.reply)]

    def notice(self, now: int, event: Notice) -> list[Effect]:
        """Peatio tells its clients nothing of the venue's state."""
        return []

    def expire(self, now: int) -> list[Effect]:
        """Pings; ends a connection that no longer answers, or whose token has expired where that counts."""
        expires = self._expires()
        if expires is not None and now >= expires:
            self.deadline = None
            return [Close(*spec.EXPIRED_CLOSE)]
        effects: list[Effect] = []
        if now >= self._ping_at:
            if now - self.last_heard > spec.SILENCE:
                self.deadline = None
                return [Close(*spec.SILENT_CLOSE)]
            self._ping_at = now + spec.PING_EVERY
            effects.append(Ping())
        self._look()
        return effects

    # --- for whoever counts ----------------------------------------------------------------------------------------

    @property
    def known(self) -> bool:
        """Whether the client has said who it is."""
        return bool(self._identity.uid)

    def names(self) -> list[str]:
        """The streams that it holds."""
        return self._streams.names()

    def topic(self, name: str) -> str:
        """A stream's name for a label, which no client may choose: `other` for what is not there to be heard."""
        return name if self._desk.space.told(name) else spec.OTHER_TOPIC

    def kind(self, name: str) -> Kind:
        """What a stream's name stands for."""
        return self._desk.space.kind(name)

    # --- requests ---------------------------------------------------------------------------------------------------

    def _answer(self, request: Subscription, now: int) -> list[Effect]:
        if request.event == "unsubscribe":
            effects = self._streams.remove(request.streams, self._account())
        elif self._streams.fits(request.streams):
            effects = self._subscribe(request.streams)
        else:
            over = self._patience.ends(now)
            return [Close(*spec.STREAMS_CLOSE) if over else Send(wire.failure(spec.TOO_MANY_STREAMS))]
        return [*effects, self._acknowledged(spec.EVENTS[request.event])]

    def _subscribe(self, names: list[str]) -> list[Effect]:
        """Holds what this client may hold: private streams when it is known, prefixed ones by its role (sheet 1)."""
        refusals: list[Effect] = []
        allowed: list[str] = []
        for name in names:
            kind = self._desk.space.kind(name)
            if kind is Kind.PREFIXED and not self._desk.permits(name, self._identity):
                refusals.append(Send(wire.success(self._profile, spec.CANNOT_SUBSCRIBE + name)))
            elif kind is not Kind.PRIVATE or self._identity.uid:
                allowed.append(name)
        if not self._streams.fits(allowed):
            return [*refusals, Send(wire.failure(spec.TOO_MANY_STREAMS))]
        return refusals + self._streams.add(allowed, self._account())

    def _authenticate(self, request: Jwt, now: int) -> list[Effect]:
        """The jwt message. Streams of the URL that waited for it begin now."""
        try:
            self._identity = self._desk.verifier.identify(request.token, now)
        except Rejected:
            return [Send(self._desk.reader.token_refused())]
        self._look()
        private = [name for name in self._named if self._desk.space.kind(name) is not Kind.PUBLIC]
        return [Send(wire.AUTHENTICATED), *self._subscribe(private)]

    def _acknowledged(self, message: str) -> Effect:
        return Send(wire.acknowledgement(self._profile, message, self._streams.names()))

    def _account(self) -> int:
        return self._desk.account(self._identity)

    # --- time -------------------------------------------------------------------------------------------------------

    def _expires(self) -> int | None:
        return self._identity.expires if self._desk.closes_expired else None

    def _look(self) -> None:
        """Sets when `expire` is to be called."""
        expires = self._expires()
        self.deadline = self._ping_at if expires is None else min(self._ping_at, expires)
