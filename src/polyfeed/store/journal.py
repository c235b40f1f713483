"""The journal: the record of every command, in order. What is in it has happened, and nothing else has."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable

from polyfeed.model.commands import Record
from polyfeed.store.format import Mark, encode_record


class Journal(ABC):
    """Takes records in order and says when they are durable. A command is applied only after that."""

    @property
    def medium(self) -> str:
        """What keeps the records and is waited for at present, for people."""
        return "the journal's disk"

    @property
    def full(self) -> bool:
        """Whether it is time to `turn`."""
        return False

    @abstractmethod
    def append(self, record: Record) -> None:
        """Adds a record to the group that the next `sync` makes durable.

        Raises ValueError or OverflowError when it is too large or has what no record can hold; the group is as it was.
        """

    def check(self, mark: Mark) -> None:  # noqa: B027 - what is never replayed needs none
        """Adds to the group what the running hash was at `mark`, a place in this part: replays are held to it."""

    @abstractmethod
    def sync(self) -> Awaitable[None] | None:
        """Makes durable what was appended, as far as this journal promises; None when it is already.

        Raises OSError, at once or when awaited, when it cannot be: then all of the group is taken back as far as the
        disk lets it, and nothing may be appended until `turn` has worked.
        """

    @abstractmethod
    async def turn(self, mark: Mark) -> None:
        """Begins a new part at `mark`, which is where history stands. Raises OSError while the disk takes nothing."""


class NullJournal(Journal):
    """Keeps nothing: a venue on it starts anew with each process.

    It takes what a file would take: whether commands are kept changes nothing about which are refused.
    """

    def append(self, record: Record) -> None:
        """Forgets the record."""
        encode_record(record)

    def sync(self) -> None:
        """Has nothing to wait for."""

    async def turn(self, mark: Mark) -> None:
        """Has no parts."""
