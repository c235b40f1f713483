"""Faults that alter messages: each looks at what one connection is sent and changes the next few that it is about."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from polyfeed.dialects._base.said import Hearing, Said

Alter = Callable[[str], Sequence[str] | None]
"""Gives what is sent in place of a message, None where the fault is not about it."""


class Filter:
    """Alters the next `left` messages that `alter` is about. `on_hit` is called after each."""

    def __init__(self, alter: Alter, left: int, on_hit: Callable[[], None]) -> None:
        self.left = left
        self._alter = alter
        self._on_hit = on_hit

    def altered(self, text: str) -> Sequence[str] | None:
        """What is sent in place of a message, None where it is left as it is."""
        altered = self._alter(text) if self.left else None
        if altered is not None:
            self.left -= 1
            self._on_hit()
        return altered


def drop(hearing: Hearing) -> Alter:
    """Leaves deltas out."""
    return lambda text: () if hearing.said(text) is Said.DELTA else None


def duplicate(hearing: Hearing) -> Alter:
    """Sends messages of channels twice."""
    return lambda text: None if hearing.said(text) is Said.OTHER else (text, text)


def spoil(hearing: Hearing) -> Alter:
    """Sends deltas with a wrong checksum or number."""

    def alter(text: str) -> Sequence[str] | None:
        wrong = hearing.spoil(text)
        return None if wrong is None else (wrong,)

    return alter
