"""The present, as the batches tell it."""

from __future__ import annotations


class Clock:
    """Venue time in microseconds since the epoch, shared by all that it drives: setting it once moves them all.

    The instruments that a venue matches share the clock of its epoch. One whose book comes level by level (a
    recording, a relay) has a clock of its own, which only its own events move.
    """

    __slots__ = ("now",)

    def __init__(self, now: int = 0) -> None:
        self.now = now

    def advance(self, ts: int) -> None:
        """Moves on to `ts`; never back."""
        if ts > self.now:
            self.now = ts
