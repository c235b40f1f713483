"""What a client of our own asks for in its handshake, and what it is then yet to be replayed (docs/resume.md)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from polyfeed.dialects._base.effects import Effect, FeedKey, Join, Snapshot

PARAMETER = "polyfeed_resume"

_PLACE = re.compile(r"([0-9a-f]{1,64})\.(0|[1-9][0-9]{0,17})")


class Wish(NamedTuple):
    """The wish to be told of offsets; of one that `returns`, to go on after `offset` of the history `epoch`.

    `malformed` says that the parameter's value was neither `1` nor `EPOCH.OFFSET`.
    """

    returns: bool = False
    epoch: str = ""
    offset: int = 0
    malformed: bool = False


def wish_in(path: str) -> tuple[str, Wish | None]:
    """A handshake's path and query without our parameter, which is left as it came, and what it said (None: not there).

    Of several the first one counts.
    """
    place, _, query = path.partition("?")
    items = query.split("&")
    ours = [item for item in items if item.partition("=")[0] == PARAMETER]
    if not ours:
        return path, None
    rest = "&".join(item for item in items if item not in ours)
    return f"{place}?{rest}" if rest else place, _read(ours[0].partition("=")[2])


def _read(value: str) -> Wish:
    if value == "1":
        return Wish()
    found = _PLACE.fullmatch(value)
    return Wish(malformed=True) if found is None else Wish(True, found[1], int(found[2]))


class Replay(NamedTuple):
    """Among a session's effects: sends what was missed of a feed; if that cannot be, its snapshot where `snapshot`."""

    key: FeedKey
    snapshot: bool


class Returning:
    """What a connection that came back has yet to be replayed: what feeds said after `offset`, each once, if it is
    asked for before `until` (gateway time).
    """

    __slots__ = ("_begun", "_until", "offset")

    def __init__(self, offset: int, until: int) -> None:
        self.offset = offset
        self._until = until
        self._begun: set[FeedKey] = set()

    def placed(self, effects: Iterable[Effect], now: int) -> Iterable[Effect | Replay]:
        """The effects with replays in the place of first snapshots; behind the join where the feed has none."""
        if now > self._until:
            return effects
        effects = list(effects)
        joined = {one.key for one in effects if isinstance(one, Join)} - self._begun
        shown = {one.key for one in effects if isinstance(one, Snapshot)}
        self._begun |= joined
        placed: list[Effect | Replay] = []
        for effect in effects:
            if isinstance(effect, Snapshot) and effect.key in joined:
                placed.append(Replay(effect.key, snapshot=True))
                continue
            placed.append(effect)
            if isinstance(effect, Join) and effect.key in joined - shown:
                placed.append(Replay(effect.key, snapshot=False))
        return placed
