"""One walk through a cohort's members, in slices between which the event loop does other things."""

from __future__ import annotations

from collections.abc import Callable

from polyfeed.gateway.cohort import Cohort
from polyfeed.gateway.connection import Connection


class Sweep:
    """One walk through a cohort's members: those abreast, then those apart, who fall in when they have all there is.

    It takes those abreast to where the cohort ended when the walk began. What came since is the next walk's:
    otherwise, where frames come as fast as they are written, nobody apart would ever have a turn.
    """

    __slots__ = ("_apart", "_end", "cohort")

    def __init__(self, cohort: Cohort) -> None:
        cohort.scatter()
        self.cohort = cohort
        self._apart = list(cohort.apart)
        self._end = cohort.end()

    def step(self, count: int, resume: Callable[[Connection], None]) -> int:
        """Goes on with up to `count` members; with how many, 0 when all have had their turn.

        Who went to another cohort since the walk began hears that one's frames, not these.
        """
        written, short = self.cohort.write(count, self._end)
        for connection in short:
            resume(connection)
        if written:
            return written
        part = self._apart[-count:]
        del self._apart[-count:]
        for connection in part:
            if connection in self.cohort.apart:
                resume(connection)
        if not part:
            self.cohort.forget_sent()
        return len(part)
