"""What a dialect numbers or chains over all batches, whether or not anyone listens."""

from __future__ import annotations

from abc import ABC, abstractmethod

from polyfeed.accounts.accounts import AccountChange
from polyfeed.market.changes import Change
from polyfeed.model.batches import Batch


class Projection(ABC):
    """Folded before the feeds are, so that they find their numbers in it; part of snapshots and of the state hash.

    Public changes of a batch come first, in their order, then those of accounts.
    """

    @abstractmethod
    def fold(self, batch: Batch, change: Change | AccountChange) -> None:
        """Takes in one change."""

    def settle(self, batch: Batch) -> None:  # noqa: B027  (most have nothing left to do)
        """The batch is folded as a whole, before any answer or frame of it; called for empty ones too."""

    @abstractmethod
    def snapshot(self) -> bytes:
        """Its state as bytes, the same for equal states."""

    @abstractmethod
    def restore(self, data: bytes) -> None:
        """Takes over the state that `snapshot` gave."""
