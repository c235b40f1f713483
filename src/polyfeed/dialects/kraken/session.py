"""One connection to the public endpoint (spec/kraken.md 1 to 3)."""

from __future__ import annotations

from polyfeed.dialects._base.effects import Close, Effect, Send
from polyfeed.dialects._base.limiter import Limiter, Patience
from polyfeed.dialects._base.session import Notice, Session
from polyfeed.dialects.kraken import auth, spec, wire
from polyfeed.dialects.kraken.pairs import Pairs
from polyfeed.dialects.kraken.pulse import Pulse
from polyfeed.dialects.kraken.replies import refusal
from polyfeed.dialects.kraken.requests import (
    Refused,
    Request,
    read_event,
    read_object,
    read_reqid,
    read_wish,
    valid_reqid,
)
from polyfeed.dialects.kraken.settings import KrakenSettings
from polyfeed.dialects.kraken.subscriptions import Subscriptions
from polyfeed.market.market import Market
from polyfeed.model.enums import InstrumentStatus
from polyfeed.model.events import SystemStatusSet


class KrakenSession(Session):
    """What one client may say and hears."""

    def __init__(self, market: Market, pairs: Pairs, settings: KrakenSettings, connection_id: int, now: int) -> None:
        self._market = market
        self._profile = spec.PROFILES[settings.profile]
        self._version = settings.version or self._profile.version
        self._connection_id = connection_id
        self._limiter = Limiter(settings.message_rate, settings.burst)
        self._patience = Patience()
        self._pulse = Pulse(settings, now)
        self._subscriptions = Subscriptions(pairs, self._profile)
        self.deadline = self._pulse.deadline()

    def open(self, now: int) -> list[Effect]:
        """systemStatus, the first message of every connection."""
        return [Send(wire.system_status(self._status(), self._version, self._connection_id))]

    def receive(self, now: int, data: str | bytes) -> list[Effect]:
        """Answers one message of the client."""
        request = read_object(data)
        if not self._limiter.admits(now):
            if self._patience.ends(now):
                return [Close(*spec.RATE_CLOSE)]
            return [Send(wire.rate_exceeded(self._profile, None if request is None else valid_reqid(request)))]
        if request is None:
            return [Send(wire.malformed(self._profile))]
        try:
            return self._settled(now, self._answer(now, request))
        except Refused as refused:
            return refusal(refused, request)

    def notice(self, now: int, event: Notice) -> list[Effect]:
        """A new system status goes to everybody; a halted pair loses its subscribers (sheet 1.2, 3.2)."""
        if isinstance(event, SystemStatusSet):
            return [] if self.stale else self._told(event.text)
        if event.status is not InstrumentStatus.HALTED:
            return []
        return self._settled(now, self._subscriptions.end_instrument(event.instrument))

    def stalled(self, now: int) -> list[Effect]:
        """Maintenance: the subscriptions stay."""
        return self._told(self._status())

    def recovered(self, now: int) -> list[Effect]:
        """The venue's own status again, and what was subscribed to meanwhile begins."""
        return self._told(self._status()) + self._subscriptions.begin_postponed()

    def resynced(self, now: int, *, whole: bool) -> list[Effect]:
        """The status, before the snapshots; pairs that were halted meanwhile lose their subscribers."""
        effects = super().resynced(now, whole=whole) or ([] if self.stale else self._told(self._status()))
        return effects + self._settled(now, self._subscriptions.end_halted())

    def expire(self, now: int) -> list[Effect]:
        """A heartbeat, or the end of a connection that nobody uses."""
        if self._pulse.ended(now):
            self.deadline = None
            return [Close(*spec.IDLE_CLOSE)]
        return self._settled(now, [Send(wire.HEARTBEAT)] if self._pulse.beats(now, self.last_sent) else [])

    def _answer(self, now: int, request: Request) -> list[Effect]:
        event = read_event(self._profile, request)
        reqid = read_reqid(event, request)
        if event == spec.PING:
            self._pulse.alive(now)
            return [Send(wire.pong(reqid))]
        if event in auth.PRIVATE_EVENTS:
            raise Refused(auth.WRONG_ENDPOINT, f"{event}Status")
        if event == spec.UNSUBSCRIBE and "channelID" in request and "pair" not in request:
            return self._subscriptions.end_number(request["channelID"], reqid)
        wish = read_wish(self._profile, request)
        if event == spec.SUBSCRIBE:
            return self._subscriptions.begin(wish, reqid, request, postponed=self.stale)
        return self._subscriptions.end(wish, reqid, request)

    def _status(self) -> str:
        return spec.STATUS_MAINTENANCE if self.stale else self._market.system_status

    def _told(self, status: str) -> list[Effect]:
        return [Send(wire.system_status(status, self._version))]

    def _settled(self, now: int, effects: list[Effect]) -> list[Effect]:
        self._pulse.holds(now, len(self._subscriptions))
        self.deadline = self._pulse.deadline()
        return effects
