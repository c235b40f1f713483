"""What a dialect numbers or chains over all batches, whether or not anyone listens."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any

from polyfeed.accounts.accounts import AccountChange
from polyfeed.market.changes import Change
from polyfeed.model.batches import Batch

Fold = Callable[[Batch, Any], None]
"""Takes in one change of a batch."""


class Projection(ABC):
    """Folded before the feeds are, so that they find their numbers in it; part of snapshots and of the state hash.

    Public changes of a batch come first, in their order, then those of accounts. `folds` says what is done with each
    kind of change, an account's being known by the kind of its event; all others are nothing to the dialect.
    """

    folds: Mapping[type, Fold]

    def fold(self, batch: Batch, change: Change | AccountChange) -> None:
        """Takes in one change."""
        fold = self.folds.get(type(change.event) if isinstance(change, AccountChange) else type(change))
        if fold is not None:
            fold(batch, change)

    def settle(self, batch: Batch) -> None:  # noqa: B027  (most have nothing left to do)
        """The batch is folded as a whole, before any answer or frame of it; called for empty ones too."""

    @abstractmethod
    def snapshot(self) -> bytes:
        """Its state as bytes, the same for equal states."""

    @abstractmethod
    def restore(self, data: bytes) -> None:
        """Takes over the state that `snapshot` gave."""
