"""What a text message of a server is to its client, as far as faults on purpose have to know."""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import Enum
from typing import NamedTuple


class Said(Enum):
    """DELTA: a change of a book, without which the client's copy is wrong. DATA: another message of a channel.
    OTHER: answers, heartbeats, statuses.
    """

    DELTA = "delta"
    DATA = "data"
    OTHER = "other"


class Hearing(NamedTuple):
    """How a dialect's messages are told apart and spoiled.

    `check` names what `spoil` makes wrong in a delta, empty where the dialect has nothing that a client can check;
    `spoil` gives None for a message without it.
    """

    said: Callable[[str], Said]
    check: str = ""
    spoil: Callable[[str], str | None] = lambda _: None


DEAF = Hearing(lambda _: Said.OTHER)
"""Of a dialect that says nothing of its messages."""


def counted_up(pattern: re.Pattern[str], text: str) -> str | None:
    """The text with one more for the number that the pattern's group finds in it, None where it finds none."""
    found = pattern.search(text)
    if found is None:
        return None
    return f"{text[: found.start(1)]}{int(found[1]) + 1}{text[found.end(1) :]}"
