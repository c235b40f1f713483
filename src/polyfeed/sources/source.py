"""What the app drives: at `due` it calls `step` with venue time and submits or publishes what comes back."""

from __future__ import annotations

from abc import ABC, abstractmethod

from polyfeed.model.batches import Batch
from polyfeed.model.commands import AnyCommand

AT_ONCE = 0
"""A `due` that has always passed."""


class Source(ABC):
    """Gives commands to the venue. Times are venue microseconds."""

    @property
    @abstractmethod
    def due(self) -> int | None:
        """When `step` next wants to be called, None for never. To be asked again after each `step` and `hear`."""

    @abstractmethod
    def step(self, now: int) -> list[AnyCommand]:
        """What to submit now, in this order."""

    @abstractmethod
    def hear(self, batch: Batch) -> None:
        """Takes in a batch of the venue. It must be given every one, for a source follows its own orders."""


class BatchSource(ABC):
    """Gives batches of its own history, in place of a venue. Times are venue microseconds."""

    epoch: int

    @property
    @abstractmethod
    def due(self) -> int | None:
        """When `step` next wants to be called, None for never. To be asked again after each `step`."""

    @abstractmethod
    def step(self, now: int) -> list[Batch]:
        """What to publish now, in this order."""
