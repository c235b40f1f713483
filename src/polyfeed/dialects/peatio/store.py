"""What an upstream said last on streams that are a snapshot and increments (sheet 5, snapshot store).

Any pair of streams that end with `-snap` and `-inc` is one, whatever the rest of the name. A stream is in one of three
states, for those who listen to `-inc`:

    waiting   no snapshot yet: increments are dropped, or passed on where the profile had no store
    whole     a snapshot and what followed it: increments are passed on and kept
    broken    something may have been missed: increments are held back until there is a snapshot again

The first snapshot of a waiting or broken stream goes to everybody who listens; later ones only to newcomers.
"""

from __future__ import annotations

from enum import IntEnum
from functools import lru_cache

from msgspec import Struct

from polyfeed.dialects.peatio import spec
from polyfeed.dialects.peatio.folding import folded


class State(IntEnum):
    """See above. FULL is whole for those who listen already, but more than is kept: newcomers wait."""

    WAITING = 0
    WHOLE = 1
    BROKEN = 2
    FULL = 3


class StreamStore(Struct, array_like=True):
    """One such stream. `passed` says that the last frame goes to those who listen to `-inc`."""

    state: State = State.WAITING
    snapshot: str = ""
    log: list[str] = []
    kept: int = 0
    passed: bool = False

    def snap(self, body: str) -> None:
        """A snapshot came."""
        self.passed = self.state is not State.WHOLE
        self.state, self.snapshot, self.log, self.kept = State.WHOLE, body, [], 0

    def increment(self, body: str, *, without_snapshot: bool) -> None:
        """An increment came."""
        self.passed = self.state in (State.WHOLE, State.FULL) or (self.state is State.WAITING and without_snapshot)
        if self.state is not State.WHOLE:
            return
        self.log.append(body)
        self.kept += len(body)
        if len(self.log) >= spec.LOG_LIMIT and len(self.log) % spec.LOG_LIMIT == 0:
            self._fold()

    def interrupt(self) -> None:
        """What follows may not follow on what was."""
        self.passed = False
        if self.state is not State.WAITING:
            self.state, self.snapshot, self.log, self.kept = State.BROKEN, "", [], 0

    def newcomer(self) -> list[tuple[str, str]]:
        """Suffix and body of each frame that whoever comes now is given."""
        if self.state is not State.WHOLE:
            return []
        return [(spec.SNAP, self.snapshot), *((spec.INC, body) for body in self.log)]

    def _fold(self) -> None:
        snapshot = folded(self.snapshot, self.log)
        if snapshot is not None:
            self.snapshot, self.log, self.kept = snapshot, [], 0
        elif self.kept > spec.STORE_BYTES:
            self.state, self.snapshot, self.log, self.kept = State.FULL, "", [], 0


@lru_cache(maxsize=4096)
def split(stream: str) -> tuple[str, str]:
    """A stream's name without and with its suffix: ("btcusd.ob", "-inc"); the suffix is empty for other streams."""
    for suffix in (spec.SNAP, spec.INC):
        if stream.endswith(suffix):
            return stream.removesuffix(suffix), suffix
    return stream, ""
