"""All connections that hear the same feeds in the same compression, and the frames still to be sent to some of them.

A frame enters every cohort that hears its feed once, whatever the number of connections. A connection has only a
cursor; what lies after it is joined into one chunk, and the chunk is made once for all that stand at the same place.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from polyfeed.gateway.connection import Connection
    from polyfeed.gateway.line import Line

CHUNK_BYTES = 65_536
"""No write is larger: what a blocked socket does not take is copied for it alone."""


class Cohort:
    """`indexes` are the places of `frames` in the log, which counts all frames of all feeds.

    `window` says how its frames are compressed (deflate.py), 0 for not at all.
    """

    __slots__ = ("_chunks", "_frames", "_indexes", "bytes", "lines", "lost_before", "members", "sent_at", "window")

    def __init__(self, lines: frozenset[Line], window: int = 0) -> None:
        self.lines = lines
        self.window = window
        self.members: dict[Connection, None] = {}
        self._indexes: list[int] = []
        self._frames: list[bytes] = []
        self._chunks: dict[int, tuple[bytes, int]] = {}
        self.bytes = 0
        self.lost_before = 0
        self.sent_at = 0

    def append(self, index: int, frame: bytes) -> None:
        """Takes in a frame of one of its feeds."""
        self._indexes.append(index)
        self._frames.append(frame)
        self._chunks.clear()
        self.bytes += len(frame)

    def end(self) -> int:
        """The place after the last frame: a cursor there or later has nothing to send."""
        return self._indexes[-1] + 1 if self._indexes else self.lost_before

    def chunk(self, cursor: int) -> tuple[bytes, int]:
        """The frames from `cursor` on, joined up to CHUNK_BYTES, and the cursor after them."""
        made = self._chunks.get(cursor)
        if made is None:
            made = self._chunks[cursor] = self._join(cursor)
        return made

    def after(self, cursor: int) -> list[bytes]:
        """The frames from `cursor` on, one by one."""
        return self._frames[bisect_left(self._indexes, cursor) :]

    def forget(self, cursor: int) -> None:
        """Drops what lies before `cursor`."""
        count = bisect_left(self._indexes, cursor)
        if count == 0:
            return
        self.lost_before = self._indexes[count - 1] + 1
        self.bytes -= sum(map(len, self._frames[:count]))
        del self._indexes[:count], self._frames[:count]
        self._chunks.clear()

    def shrink(self, limit: int) -> None:
        """Drops the oldest frames until half of `limit` bytes are left; who stands before them has lost them."""
        kept, place = 0, len(self._frames)
        while place and kept + len(self._frames[place - 1]) <= limit // 2:
            place -= 1
            kept += len(self._frames[place])
        if place:
            self.forget(self._indexes[place - 1] + 1)

    def _join(self, cursor: int) -> tuple[bytes, int]:
        start = bisect_left(self._indexes, cursor)
        stop, size = start, 0
        while stop < len(self._frames) and (size == 0 or size + len(self._frames[stop]) <= CHUNK_BYTES):
            size += len(self._frames[stop])
            stop += 1
        data = self._frames[start] if stop == start + 1 else b"".join(self._frames[start:stop])
        return data, self._indexes[stop - 1] + 1 if stop > start else cursor
