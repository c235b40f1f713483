"""When a connection is pinged, and when it ends by itself (spec/rails.md 1 and 9)."""

from __future__ import annotations

from polyfeed.dialects._base.effects import Close, Effect, Ping
from polyfeed.dialects.rails import spec
from polyfeed.dialects.rails.settings import RailsSettings
from polyfeed.dialects.rails.spec import SECOND


class Pulse:
    """The times of one connection, in gateway microseconds; `expires` is the end of its token."""

    __slots__ = ("_ends", "_interval", "_missed", "_opened", "_quiet_since")

    def __init__(self, settings: RailsSettings, now: int, expires: int) -> None:
        self._opened = now
        self._interval = int(settings.ping_interval * SECOND)
        self._quiet_since = now
        self._missed = 0
        ends = []
        if settings.close_on_expiry:
            ends.append((expires, spec.CLOSE_EXPIRED))
        if settings.max_age:
            ends.append((now + int(settings.max_age * SECOND), spec.CLOSE_AGE))
        self._ends = sorted(ends)

    def deadline(self, last_heard: int) -> int | None:
        """When to look again; `last_heard` is when the client last sent a frame."""
        self._hear(last_heard)
        times = [end for end, _ in self._ends]
        if self._interval:
            times.append(self._next_ping())
        return min(times, default=None)

    def expire(self, now: int, last_heard: int) -> list[Effect]:
        """What is due now."""
        self._hear(last_heard)
        for end, close in self._ends:
            if now >= end:
                return [Close(*close)]
        if not self._interval or now < self._next_ping():
            return []
        if self._missed == spec.PINGS_MISSED:
            return [Close(*spec.CLOSE_SILENT)]
        self._missed += 1
        return [Ping()]

    def _hear(self, last_heard: int) -> None:
        if last_heard > self._quiet_since:
            self._quiet_since = last_heard
            self._missed = 0

    def _next_ping(self) -> int:
        return self._quiet_since + self._interval * (self._missed + 1)
