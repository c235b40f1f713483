"""When a connection is due for a heartbeat, or for being closed (spec/kraken.md 1.4, 1.6).

With a subscription there are heartbeats. `always`: once a second on a grid that began with the connection, whatever
else is sent, as the real server was seen to do; so the first comes 0-1 s after the first subscription. `idle`: when
nothing was sent for a second, as the document says.

Without one, the connection is closed when its last sign of life (its beginning, an application-level ping, the end of
its last subscription) is too long ago.
"""

from __future__ import annotations

from polyfeed.dialects.kraken.settings import KrakenSettings
from polyfeed.dialects.kraken.spec import HEARTBEAT_INTERVAL, SECOND


class Pulse:
    """The times of one connection, in gateway microseconds."""

    __slots__ = ("_always", "_beat", "_life", "_opened", "_timeout")

    def __init__(self, settings: KrakenSettings, now: int) -> None:
        self._always = settings.heartbeat == "always"
        self._timeout = int(settings.idle_timeout * SECOND)
        self._opened = now
        self._life = now
        self._beat: int | None = None

    def alive(self, now: int) -> None:
        """The client showed that it lives."""
        self._life = now

    def holds(self, now: int, subscriptions: int) -> None:
        """The connection has this many subscriptions now."""
        if subscriptions and self._beat is None:
            self._beat = self._after(now)
        elif not subscriptions and self._beat is not None:
            self._beat = None
            self._life = now

    def beats(self, now: int, last_sent: int) -> bool:
        """Whether a heartbeat is to be sent now. `last_sent` is when anything last was."""
        if self._beat is None or now < self._beat:
            return False
        if not self._always and last_sent + HEARTBEAT_INTERVAL > now:
            self._beat = last_sent + HEARTBEAT_INTERVAL
            return False
        self._beat = self._after(now)
        return True

    def deadline(self) -> int | None:
        """When to look again."""
        if self._beat is not None:
            return self._beat
        return self._life + self._timeout if self._timeout else None

    def ended(self, now: int) -> bool:
        """Whether the connection has been without subscription for too long."""
        return self._beat is None and self._timeout > 0 and now >= self._life + self._timeout

    def _after(self, now: int) -> int:
        if not self._always:
            return now + HEARTBEAT_INTERVAL
        return now + HEARTBEAT_INTERVAL - (now - self._opened) % HEARTBEAT_INTERVAL
