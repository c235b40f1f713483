"""The way out: cohorts that have something new, and the turns that write it to their members.

Private frames are written at once. Public ones wait for a *turn* of the event loop, in which every cohort's new frames
go out as one write to each of its members; many batches between two turns become one write.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from polyfeed.gateway.cohort import Cohort
from polyfeed.gateway.connection import Connection
from polyfeed.gateway.sweep import Sweep

SLICE = 512
"""Connections written to before the event loop gets a turn: one write costs about 5 us, so this is about 2.5 ms. Each
pause costs as much as some 15 writes, most of it for caches that were emptied meanwhile."""

LONGEST_REST_US = 10_000
"""The most that public frames wait for others to join them."""


class Turns:
    """Writes what cohorts have to their members.

    `soon` has a function called on the next turn of the event loop, `later` after so many seconds; `now` is gateway
    time; `resume` sends one connection all that it can be sent; `delivered` is told after each turn how long
    (microseconds) the first of its public frames has waited for the last write, at most.

    `fresh` are the cohorts with new public frames, `urgent` those with private ones; `longest_rest` is the most
    (microseconds) that public frames wait for others.
    """

    def __init__(
        self,
        soon: Callable[[Callable[[], None]], object],
        later: Callable[[float, Callable[[], None]], object],
        now: Callable[[], int],
        resume: Callable[[Connection], None],
        delivered: Callable[[int], None],
    ) -> None:
        self.fresh: dict[Cohort, None] = {}
        self.urgent: dict[Cohort, None] = {}
        self.turning = False
        self.longest_rest = LONGEST_REST_US
        self._soon = soon
        self._later = later
        self._now = now
        self._resume = resume
        self._delivered = delivered
        self._cohorts: deque[Cohort] = deque()
        self._sweep: Sweep | None = None
        self._turn_began = 0
        self._since = 0
        self._rest_until = 0

    def serve(self) -> None:
        """Sends, or has sent soon, what `urgent` and `fresh` have."""
        if self.urgent:
            self._serve_private()
        if self.fresh and not self.turning:
            self._begin(self._now())

    def drop(self, cohort: Cohort) -> None:
        """A cohort has lost its last member."""
        self.fresh.pop(cohort, None)
        self.urgent.pop(cohort, None)

    def idle(self) -> bool:
        """Whether nothing is left to be written."""
        return not (self.fresh or self._cohorts or self._sweep)

    def _begin(self, since: int) -> None:
        """Has a turn begin: at once, or, after a long one, when everything else has had as much time. Its first frame
        has waited since then, or, where it came during another turn, less.

        So one frame goes out as it comes while there is little to do, and under load each write carries more frames.
        """
        self.turning = True
        self._since = since
        rest = self._rest_until - self._now()
        if rest <= 0:
            self._soon(self._turn)
        else:
            self._later(rest / 1e6, self._turn)

    def _turn(self) -> None:
        """Writes to up to SLICE connections, then lets others have the event loop."""
        now = self._now()
        if self._sweep is None and not self._cohorts:
            self._turn_began = now
            self._cohorts.extend(self.fresh)
            self.fresh.clear()
        self._write(SLICE, now)
        if self._sweep is not None or self._cohorts:
            self._soon(self._turn)
            return
        now = self._now()
        self._delivered(now - self._since)
        self._rest_until = now + min(now - self._turn_began, self.longest_rest)
        self.turning = False
        if self.fresh:
            self._begin(self._turn_began)

    def _write(self, budget: int, now: int) -> None:
        """Goes on with the cohort that is being served, and the next ones, until so many have been written to."""
        while budget > 0:
            if self._sweep is None:
                if not self._cohorts:
                    return
                cohort = self._cohorts.popleft()
                written = cohort.write_few(now)
                if written:
                    budget -= written + 1
                    continue
                self._sweep = Sweep(cohort)
            written = self._step(self._sweep, budget, now)
            budget -= written + 1
            if not written:
                self._sweep = None

    def _serve_private(self) -> None:
        """Writes what is somebody's own at once: it does not wait behind thousands of readers of public frames."""
        now = self._now()
        while self.urgent:
            cohort, _ = self.urgent.popitem()
            self.fresh.pop(cohort, None)
            if not cohort.write_few(now):
                sweep = Sweep(cohort)
                while self._step(sweep, SLICE, now):
                    pass

    def _step(self, sweep: Sweep, count: int, now: int) -> int:
        sweep.cohort.sent_at = now
        return sweep.step(count, self._resume)
