"""One channel with one set of parameters: where events become text, once for all listeners."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from enum import Enum
from typing import ClassVar

from polyfeed.accounts.accounts import AccountChange
from polyfeed.dialects._base.effects import FeedKey
from polyfeed.market.changes import InstrumentChange, VenueChange
from polyfeed.model.batches import Batch

Heard = InstrumentChange | VenueChange | AccountChange
"""What a feed may be shown: changes of instruments, of the venue (where its key says ANY), or of its own account."""

GRID_US = 100_000
"""Venue time is marked off in steps of 100 ms; timed feeds speak at those marks."""


class OnLag(Enum):
    """What a reader gets who has fallen further behind than the gateway keeps for it.

    SNAPSHOT: what was missed is replaced by what a newcomer would get (the channel's messages are states, or its
    snapshot heals a book). CLOSE: nothing may be missing, so the connection is closed with a reason.
    """

    SNAPSHOT = "snapshot"
    CLOSE = "close"


class Feed(ABC):
    """Made by its first subscriber and dropped after its last, so it keeps only what can be rebuilt from the market.

    In each batch: `fold` for every change of its instrument (of any, where its key says ANY) whose class is in `wants`,
    with the market as of that moment; for a private feed, for every change of its account whose event's class is. Then
    `flush` once if anything was folded. `rank` orders the frames of one batch (lowest first).

    A `timed` feed is asked by `tick` whenever the time of the history `epoch` (that of its instrument's batches)
    passes a mark of GRID_US, before the batch that passes it.
    """

    wants: ClassVar[tuple[type, ...]]
    on_lag: ClassVar[OnLag]
    rank: ClassVar[int]
    timed: ClassVar[bool] = False

    def __init__(self, key: FeedKey) -> None:
        self.key = key

    @property
    def epoch(self) -> int:
        """The history whose time a timed feed is told by. It changes when the market's first recorded event comes."""
        return 0

    @abstractmethod
    def fold(self, change: Heard) -> None:
        """Takes in one change."""

    @abstractmethod
    def flush(self, batch: Batch) -> Sequence[str]:
        """The messages of this batch, in order; mostly one or none."""

    @abstractmethod
    def snapshot(self) -> Sequence[str]:
        """The messages a newcomer gets first, as of the last batch; for many channels none."""

    def tick(self, ts: int) -> Sequence[str]:
        """The messages due at the mark `ts` (venue microseconds), the last one passed when several were."""
        return ()
