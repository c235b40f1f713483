"""The last trades."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from itertools import islice

from polyfeed.model.trades import TapeEntry

TAPE_LENGTH = 1000
"""Trades kept per instrument: as many as Kraken's REST call gives, which asks for the most."""


class Tape:
    """The last trades of an instrument in the order in which they happened."""

    __slots__ = ("_entries",)

    def __init__(self, entries: Iterable[TapeEntry] = ()) -> None:
        self._entries: deque[TapeEntry] = deque(entries, TAPE_LENGTH)

    def __len__(self) -> int:
        """How many trades are kept."""
        return len(self._entries)

    def append(self, entry: TapeEntry) -> None:
        """Adds a trade; the oldest is forgotten when the tape is full."""
        self._entries.append(entry)

    def recent(self, n: int) -> list[TapeEntry]:
        """The last `n` trades, or all there are, oldest first."""
        return list(islice(self._entries, max(0, len(self._entries) - max(n, 0)), None))
