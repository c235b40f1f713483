"""How many messages a connection may send, and how long one that does not heed that is put up with."""

from __future__ import annotations

SECOND = 1_000_000

REFUSALS = 100
REFUSALS_WINDOW = 10 * SECOND
"""More than so many refusals within this time end a connection. A client that subscribes to everything at once, and
slows down when it is told to, stays.
"""


class Limiter:
    """A token bucket in one number: the time at which the bucket will be full again.

    `rate` messages a second, `burst` of them at once; a rate of 0 lets everything pass. Times are microseconds.
    """

    __slots__ = ("_cost", "_full_at", "_reach")

    def __init__(self, rate: int, burst: int) -> None:
        self._cost = SECOND // rate if rate else 0
        self._reach = self._cost * burst
        self._full_at = 0

    def admits(self, now: int) -> bool:
        """Takes a token if there is one."""
        full_at = max(self._full_at, now) + self._cost
        if full_at - now > self._reach:
            return False
        self._full_at = full_at
        return True


class Patience:
    """Counts the times that a connection was told that it asks for too much, in windows that begin with the first."""

    __slots__ = ("_began", "_count")

    def __init__(self) -> None:
        self._began = 0
        self._count = 0

    def ends(self, now: int) -> bool:
        """Counts one more; whether it is one too many, and the connection to be closed."""
        if not self._count or now - self._began >= REFUSALS_WINDOW:
            self._began, self._count = now, 0
        self._count += 1
        return self._count > REFUSALS
