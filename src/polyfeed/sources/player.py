"""Plays a recording, once or for ever: which message is next, and when."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator

from polyfeed.sources.timeline import Moment

SLOWEST, FASTEST = 0.1, 100.0

LOOP_GAP_US = 1_000_000
"""Recorded time between the last message and the first one of the next pass."""


class Player:
    """The messages of a recording in order, each with its time on an axis that goes on through all passes.

    `recording` is iterated once per pass, and the messages of `symbols` are taken from it. Recorded time runs `speed`
    times as fast as venue time, from where it was last set; with None the messages have no due time and are taken step
    by step.

    Raises ValueError for a speed outside 0.1 to 100.
    """

    def __init__(self, recording: Iterable[Moment], symbols: Container[str], speed: float | None, loop: bool) -> None:
        if speed is not None and not SLOWEST <= speed <= FASTEST:
            raise ValueError(f"a recording is played at {SLOWEST} to {FASTEST} times its speed, not at {speed}")
        self._recording = recording
        self._symbols = symbols
        self._speed = speed
        self._loop = loop
        self._pass: Iterator[Moment] = iter(())
        self._venue_time = 0
        self._recorded_time = 0
        self.shift = 0
        """What a pass adds to the times that its messages tell, in microseconds."""
        self.last_ts = 0
        """When the message before `next` is on the axis."""
        self.next: Moment | None = None
        """The message that comes next, with its time as recorded; None after the last one."""
        self._begin(first=True)

    @property
    def next_ts(self) -> int:
        """When the next message is on the axis; that of the last one when there is none."""
        return self.next.ts + self.shift if self.next else self.last_ts

    @property
    def due(self) -> int | None:
        """The venue time of the next message."""
        if self.next is None or self._speed is None:
            return None
        return self._venue_time + int((self.next_ts - self._recorded_time) / self._speed)

    def start(self, now: int) -> None:
        """Lets the next message be due at venue time `now`, and all later ones after it at the recorded pace."""
        self._venue_time, self._recorded_time = now, self.next_ts

    def resume(self, now: int) -> None:
        """Lets recorded time go on at venue time `now` from the message that was taken last."""
        self._venue_time, self._recorded_time = now, self.last_ts

    def take(self) -> Moment:
        """The next message, which is no longer the next. There must be one."""
        moment = self.next
        assert moment is not None
        self.last_ts = moment.ts + self.shift
        self.next = next(self._pass, None)
        if self.next is None and self._loop:
            self._begin(first=False)
        return moment

    def _begin(self, first: bool) -> None:
        self._pass = (moment for moment in self._recording if moment.message.symbol in self._symbols)
        self.next = next(self._pass, None)
        if self.next is not None and not first:
            self.shift = self.last_ts + LOOP_GAP_US - self.next.ts
