"""A feed on its way to its listeners."""

from __future__ import annotations

from collections.abc import Sequence

from polyfeed.dialects._base.effects import FeedKey
from polyfeed.dialects._base.feeds import Feed
from polyfeed.gateway.cohort import Cohort
from polyfeed.gateway.deflate import framed
from polyfeed.model.events import RelayedFrame

Want = tuple[type, int | str]
"""What a feed is told: a class, and of which instrument, of which account where it is private."""


class Line:
    """A feed, how many connections hear it, and the cohorts they stand in. `private` says that it is an account's.

    `shown` is the last snapshot that somebody was given: its texts, and their frames by compression.
    """

    __slots__ = ("cohorts", "feed", "listeners", "private", "shown")

    def __init__(self, feed: Feed) -> None:
        self.feed = feed
        self.listeners = 0
        self.cohorts: dict[Cohort, None] = {}
        self.private = bool(feed.key.account)
        self.shown: tuple[Sequence[str], dict[int, list[bytes]]] | None = None

    def order(self) -> tuple[int, FeedKey]:
        """Its place among the feeds that speak at the same time."""
        return self.feed.rank, self.feed.key

    def snapshot(self, window: int) -> list[bytes]:
        """What the feed gives a newcomer, as frames of one compression: the same bytes for all who get the same,
        however many of them do not read.
        """
        texts = tuple(self.feed.snapshot())
        if self.shown is None or self.shown[0] != texts:
            self.shown = texts, {}
        frames = self.shown[1]
        if window not in frames:
            frames[window] = [framed(text.encode(), window) for text in texts]
        return frames[window]

    def wants(self) -> list[Want]:
        """Under which class and place it is told of changes. The place is the instrument, of what a relay passes on
        the channel; private feeds are told by their account.
        """
        return [(kind, self.feed.key.account or self._place(kind)) for kind in self.feed.wants]

    def _place(self, kind: type) -> int | str:
        return self.feed.key.channel if kind is RelayedFrame else self.feed.key.instrument
