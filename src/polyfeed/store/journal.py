"""The journal: the record of every command, in order. What is in it has happened, and nothing else has."""

from __future__ import annotations

from abc import ABC, abstractmethod

from polyfeed.model.commands import Record


class Journal(ABC):
    """Takes records in order and says when they are durable. A command is applied only after that."""

    @abstractmethod
    def append(self, record: Record) -> None:
        """Adds a record to the group that the next `sync` makes durable."""

    @abstractmethod
    async def sync(self) -> None:
        """Returns when all that was appended is durable. Raises OSError when it cannot be."""


class NullJournal(Journal):
    """Keeps nothing: a venue on it starts anew with each process."""

    def append(self, record: Record) -> None:
        """Forgets the record."""

    async def sync(self) -> None:
        """Has nothing to wait for."""
