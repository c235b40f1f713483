"""The cohorts of a fan-out: one for each set of feeds that somebody hears, in each compression."""

from __future__ import annotations

from polyfeed.gateway.cohort import Cohort
from polyfeed.gateway.deflate import PLAIN
from polyfeed.gateway.line import Line


class Cohorts(dict[tuple[frozenset[Line], int, bool], Cohort]):
    """By what their members have in common. `silent` is the cohort of those who hear nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.silent = Cohort(frozenset(), PLAIN, False)
        self[self.silent.key()] = self.silent

    def of(self, lines: frozenset[Line], window: int, offsets: bool) -> Cohort:
        """The cohort of those who hear these feeds, made where there is none."""
        if not lines:
            return self.silent
        key = (lines, window, offsets)
        cohort = self.get(key)
        if cohort is None:
            cohort = self[key] = Cohort(*key)
            for line in lines:
                line.cohorts[cohort] = None
        return cohort

    def end(self, cohort: Cohort) -> bool:
        """Ends a cohort that has lost its last member; whether it had."""
        if not cohort.empty() or cohort is self.silent:
            return False
        del self[cohort.key()]
        for line in cohort.lines:
            line.cohorts.pop(cohort, None)
        return True
