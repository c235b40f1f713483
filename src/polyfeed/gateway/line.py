"""A feed on its way to its listeners."""

from __future__ import annotations

from polyfeed.dialects._base.effects import FeedKey
from polyfeed.dialects._base.feeds import Feed
from polyfeed.gateway.cohort import Cohort
from polyfeed.model.events import RelayedFrame

Want = tuple[type, int | str]
"""What a feed is told: a class, and of which instrument, of which account where it is private."""


class Line:
    """A feed, how many connections hear it, and the cohorts they stand in. `private` says that it is an account's."""

    __slots__ = ("cohorts", "feed", "listeners", "private")

    def __init__(self, feed: Feed) -> None:
        self.feed = feed
        self.listeners = 0
        self.cohorts: dict[Cohort, None] = {}
        self.private = bool(feed.key.account)

    def order(self) -> tuple[int, FeedKey]:
        """Its place among the feeds that speak at the same time."""
        return self.feed.rank, self.feed.key

    def wants(self) -> list[Want]:
        """Under which class and place it is told of changes. The place is the instrument, of what a relay passes on
        the channel; private feeds are told by their account.
        """
        return [(kind, self.feed.key.account or self._place(kind)) for kind in self.feed.wants]

    def _place(self, kind: type) -> int | str:
        return self.feed.key.channel if kind is RelayedFrame else self.feed.key.instrument
