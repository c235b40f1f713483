"""The time that the flow lives in: it can stand still, be moved by hand, and run faster or slower than the venue's."""

from __future__ import annotations

from collections.abc import Callable

LEAST_SPEED, MOST_SPEED = 0.1, 100.0


class FlowClock:
    """Microseconds that agree with `now` until somebody changes their speed. They never go back."""

    def __init__(self, now: Callable[[], int]) -> None:
        self._now = now
        self._since = self._begun = 0
        self.speed = 1.0
        self.paused = False

    def __call__(self) -> int:
        """Flow time."""
        if self.paused:
            return self._begun
        passed = self._now() - self._since
        return self._begun + (passed if self.speed == 1.0 else int(passed * self.speed))

    def set(self, speed: float, paused: bool) -> None:
        """Goes on at this speed from here, or stands still."""
        self._begun, self._since = self(), self._now()
        self.speed, self.paused = speed, paused

    def step(self, microseconds: int) -> None:
        """Moves a clock that stands still."""
        self._begun += microseconds

    def seconds_until(self, due: int) -> float | None:
        """How long that is on the clock that `now` is, None for ever."""
        return None if self.paused else max(0, due - self()) / self.speed / 1e6
