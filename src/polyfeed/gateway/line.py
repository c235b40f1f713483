"""A feed on its way to its listeners."""

from __future__ import annotations

from polyfeed.dialects._base.feeds import Feed
from polyfeed.gateway.cohort import Cohort


class Line:
    """A feed, how many connections hear it, and the cohorts they stand in."""

    __slots__ = ("cohorts", "feed", "listeners")

    def __init__(self, feed: Feed) -> None:
        self.feed = feed
        self.listeners = 0
        self.cohorts: dict[Cohort, None] = {}
