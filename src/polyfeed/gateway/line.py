"""A feed on its way to its listeners."""

from __future__ import annotations

from polyfeed.dialects._base.effects import ANY, FeedKey
from polyfeed.dialects._base.feeds import Feed
from polyfeed.gateway.cohort import Cohort
from polyfeed.model.events import RelayedFrame

Want = tuple[type, int | str, int]
"""What a feed is told: a class, where, and of which account."""


class Line:
    """A feed, how many connections hear it, and the cohorts they stand in."""

    __slots__ = ("cohorts", "feed", "listeners")

    def __init__(self, feed: Feed) -> None:
        self.feed = feed
        self.listeners = 0
        self.cohorts: dict[Cohort, None] = {}

    def order(self) -> tuple[int, FeedKey]:
        """Its place among the feeds that speak at the same time."""
        return self.feed.rank, self.feed.key

    def wants(self) -> list[Want]:
        """Under which (class, place, account) it is told of changes: the place is the instrument, of what a relay
        passes on the channel. Private feeds are told by account alone.
        """
        key = self.feed.key
        return [(kind, ANY if key.account else self._place(kind), key.account) for kind in self.feed.wants]

    def _place(self, kind: type) -> int | str:
        return self.feed.key.channel if kind is RelayedFrame else self.feed.key.instrument
