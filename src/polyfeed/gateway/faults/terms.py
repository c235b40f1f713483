"""What can be asked for."""

from __future__ import annotations

from typing import Literal, get_args

from msgspec import Struct

Kind = Literal["drop", "checksum", "duplicate", "delay", "silence", "half_open", "restart", "maintenance"]
"""What is done to a connection:

* drop: the next deltas of a book are not sent
* checksum: they are sent with a wrong checksum or sequence number, whichever the dialect has
* duplicate: the next messages of a channel are sent twice
* delay: everything is sent later
* silence: nothing is sent, pongs included; what waited is sent afterwards
* half_open: nothing is read or written any more, and the socket stays open until the fault ends; then it is reset
* restart: the dialect's notice of a restart, then the close
* maintenance: the dialect's message of that status, and of the true one when the fault ends
"""

KINDS: tuple[Kind, ...] = get_args(Kind)

TAKES: dict[Kind, frozenset[str]] = {
    "drop": frozenset({"count"}),
    "checksum": frozenset({"count"}),
    "duplicate": frozenset({"count"}),
    "delay": frozenset({"ms", "seconds"}),
    "silence": frozenset({"seconds"}),
    "half_open": frozenset({"seconds"}),
    "restart": frozenset(),
    "maintenance": frozenset({"seconds"}),
}
"""Which of its numbers a kind of fault has."""


class Refused(Exception):
    """A fault that cannot be done; the text says why."""


class Terms(Struct, frozen=True):
    """A fault: `count` messages are altered (one where it is None), everything is late by `ms`, it lasts `seconds`
    (until it is cleared where that is None).
    """

    kind: Kind
    seconds: float | None = None
    ms: int | None = None
    count: int | None = None

    def check(self) -> None:
        """Raises Refused for numbers that the kind has no use for, and for a delay of nothing."""
        given = {name for name in ("seconds", "ms", "count") if getattr(self, name) is not None}
        needless = given - TAKES[self.kind]
        if needless:
            takes = " and ".join(sorted(TAKES[self.kind])) or "no number"
            raise Refused(f"{self.kind} takes {takes}, not {' and '.join(sorted(needless))}")
        if self.kind == "delay" and self.ms is None:
            raise Refused("delay takes ms, the milliseconds by which everything is late")
