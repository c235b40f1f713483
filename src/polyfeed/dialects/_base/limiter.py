"""How many messages a connection may send."""

from __future__ import annotations

SECOND = 1_000_000


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
