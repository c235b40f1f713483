"""One connection (spec/bitstamp.md 1 to 3 and 7)."""

from __future__ import annotations

from typing import Any

import msgspec

from polyfeed.accounts.accounts import AccountChange
from polyfeed.dialects._base.effects import Close, Effect, Ping, Send
from polyfeed.dialects._base.session import Notice, Session
from polyfeed.dialects.bitstamp import spec, wire
from polyfeed.dialects.bitstamp.settings import BitstampSettings
from polyfeed.dialects.bitstamp.subscriptions import Refused, Subscriptions


class BitstampSession(Session):
    """What one client may say and hears. Nothing is sent when it connects, and nothing unasked but the end."""

    def __init__(self, subscriptions: Subscriptions, settings: BitstampSettings, now: int) -> None:
        self._subscriptions = subscriptions
        self._limit = settings.max_message
        self._grace = int(settings.reconnect_seconds * spec.SECOND)
        self._closing = False
        self._end = now + int(settings.max_age_days * spec.DAY)
        self._ping = now + spec.PING_INTERVAL
        self._missed = 0
        self._look_at()

    def open(self, now: int) -> list[Effect]:
        """No greeting (sheet 1)."""
        return []

    def receive(self, now: int, data: str | bytes) -> list[Effect]:
        """Answers one message."""
        raw = data if isinstance(data, bytes) else data.encode("utf-8", "surrogatepass")
        if len(raw) > self._limit:
            return [Close(spec.TOO_BIG, spec.TOO_BIG_REASON.format(self._limit + 1))]
        try:
            return self._answer(now, msgspec.json.decode(raw))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return [Send(wire.error(spec.NOT_JSON))]
        except Refused as refused:
            return [Send(refused.reply)]

    def notice(self, now: int, event: Notice) -> list[Effect]:
        """Statuses are not told on this wire."""
        return []

    def account_notice(self, now: int, change: AccountChange) -> list[Effect]:
        """A key that ends takes its private subscriptions along; a new sub-account joins its user's (sheet 9)."""
        return self._subscriptions.account_changed(change)

    def drain(self, now: int) -> list[Effect]:
        """Asks the client to reconnect; until the close everything goes on (sheet 9)."""
        if self._closing:
            return []
        self._closing = True
        self._end = now + self._grace
        self._look_at()
        return [Send(wire.REQUEST_RECONNECT)]

    def stalled(self, now: int) -> list[Effect]:
        """Asks the client to reconnect, as before a maintenance (sheet 1)."""
        return self.drain(now)

    def resynced(self, now: int, *, whole: bool) -> list[Effect]:
        """Asks the client to reconnect, and ends at once: no channel of this wire has a snapshot that mends it."""
        asked: list[Effect] = [] if self._closing else [Send(wire.REQUEST_RECONNECT)]
        return [*asked, Close(*spec.RECONNECT_CLOSE)]

    def expire(self, now: int) -> list[Effect]:
        """A protocol ping, or the connection is as old as it may become, or the time to reconnect is over."""
        if now >= self._end:
            return [Close(*spec.RECONNECT_CLOSE)] if self._closing else self.drain(now)
        effects: list[Effect] = []
        if now >= self._ping:
            self._missed = 0 if self.last_heard >= self._ping - spec.PING_INTERVAL else self._missed + 1
            if self._missed > spec.PINGS_MISSED:
                self.deadline = None
                return [Close(*spec.SILENT_CLOSE)]
            self._ping = now + spec.PING_INTERVAL
            effects.append(Ping())
        self._look_at()
        return effects

    def _look_at(self) -> None:
        self.deadline = self._end if self._closing else min(self._end, self._ping)

    def _answer(self, now: int, message: Any) -> list[Effect]:
        event = message.get("event") if isinstance(message, dict) else None
        if event == spec.HEARTBEAT:
            return [Send(wire.HEARTBEAT)]
        data = message.get("data") if event in (spec.SUBSCRIBE, spec.UNSUBSCRIBE) else None
        channel = data.get("channel") if isinstance(data, dict) else None
        if not isinstance(data, dict) or not isinstance(channel, str):
            raise Refused(wire.error(spec.BAD_SUBSCRIPTION))
        if event == spec.UNSUBSCRIBE:
            return self._subscriptions.end(channel)
        return self._subscriptions.begin(now, channel, data.get("auth"))
