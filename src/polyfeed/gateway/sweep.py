"""One walk through a cohort's members, in slices between which the event loop does other things."""

from __future__ import annotations

from polyfeed.gateway.cohort import Cohort
from polyfeed.gateway.connection import Connection


class Sweep:
    """One walk through a cohort's members, for the frames before `end`."""

    __slots__ = ("_left", "behind", "cohort", "end")

    def __init__(self, cohort: Cohort) -> None:
        self.cohort = cohort
        self.end = cohort.end()
        self.behind = False
        self._left = list(cohort.members)

    def end_cohort(self) -> None:
        """Has the cohort forget what all its members have been sent."""
        members = self.cohort.members if self.behind else ()
        self.cohort.forget(min((member.cursor for member in members), default=self.end))

    def next_members(self, count: int) -> list[Connection]:
        """Up to `count` that have not had their turn, none when all have had it.

        Who went to another cohort since the walk began hears that one's frames, not these.
        """
        part: list[Connection] = []
        while self._left and not part:
            part = [connection for connection in self._left[-count:] if connection.cohort is self.cohort]
            del self._left[-count:]
        return part
