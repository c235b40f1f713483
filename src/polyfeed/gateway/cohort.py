"""All connections that hear the same feeds in the same compression, and the frames still to be sent to some of them.

A frame enters every cohort that hears its feed once, whatever the number of connections. A connection has only a
cursor; what lies after it is joined into one chunk, and the chunk is made once for all that stand at the same place.
Members are in the cohort's pack or `apart`, each with a cursor of its own.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from polyfeed.gateway.pack import Pack

if TYPE_CHECKING:
    from polyfeed.gateway.connection import Connection
    from polyfeed.gateway.line import Line

CHUNK_BYTES = 65_536
"""No write is larger: what a blocked socket does not take is copied for it alone."""


FEW = 16
"""Members up to which a cohort is served in one go."""


class Cohort:
    """`indexes` are the places of `frames` in the log, which counts all frames of all feeds.

    `window` says how its frames are compressed (deflate.py), 0 for not at all; `offsets` that its members are told how
    far they have heard (replays.py).
    """

    __slots__ = (
        "_chunks",
        "_frames",
        "_indexes",
        "apart",
        "bytes",
        "lines",
        "lost_before",
        "offsets",
        "pack",
        "sent_at",
        "window",
    )

    def __init__(self, lines: frozenset[Line], window: int = 0, offsets: bool = False) -> None:
        self.lines = lines
        self.window = window
        self.offsets = offsets
        self.pack = Pack()
        self.apart: dict[Connection, None] = {}
        self._indexes: list[int] = []
        self._frames: list[bytes] = []
        self._chunks: dict[int, tuple[bytes, int]] = {}
        self.bytes = 0
        self.lost_before = 0
        self.sent_at = 0

    def join(self, connection: Connection) -> None:
        """Takes in a member."""
        self.apart[connection] = None
        connection.cohort = self

    def leave(self, connection: Connection) -> None:
        """Lets a member go."""
        connection.stray()
        del self.apart[connection]

    def empty(self) -> bool:
        """Whether it has no members."""
        return not (self.apart or self.pack.members)

    def gather(self, connection: Connection) -> None:
        """Takes a member that stands apart into the pack, if it has all that there is and so has the pack."""
        end = self.end()
        if connection.fd < 0 or connection.own or connection.gap or connection.cursor < end or not self.lines:
            return
        if connection.alone:
            return
        if not self.pack.members or (self.pack.cursor >= end and not self.pack.under_way()):
            self.pack.add(connection, end)
            del self.apart[connection]

    def scatter(self) -> None:
        """Has all members of the pack stand apart if it has lost frames."""
        if self.pack.cursor < self.lost_before and not self.pack.under_way():
            for connection in tuple(self.pack.members.values()):
                connection.stray()

    def write(self, count: int, until: int) -> tuple[int, list[Connection]]:
        """Writes to up to `count` members of the pack what is next for them; to how many, 0 when all have everything
        before `until`, and those of them that are apart now, because their sockets are full or gone.
        """
        pack = self.pack
        if not pack.under_way():
            if not pack.members or pack.cursor >= until or pack.cursor < self.lost_before:
                return 0, []
            pack.begin(*self.chunk(pack.cursor))
        written, short = pack.write(count)
        for connection in short:
            self.apart[connection] = None
        return written, short

    def write_whole(self) -> int:
        """The short way for a cohort of few, all in the pack with all frames before them; to how many it wrote, 0 where
        there is more to do.

        Where a thousand topics have a reader each, the bookkeeping of a walk costs more than its one write.
        """
        pack = self.pack
        if self.apart or len(pack.members) > FEW or self.bytes > CHUNK_BYTES or pack.under_way():
            return 0
        if not self._indexes or not self.lost_before <= pack.cursor <= self._indexes[0]:
            return 0
        end = self._indexes[-1] + 1
        short = pack.write_all(self._frames[0] if len(self._frames) == 1 else b"".join(self._frames), end)
        if short:
            self.apart.update(dict.fromkeys(short))
            return 0
        self._indexes.clear()
        self._frames.clear()
        if self._chunks:
            self._chunks.clear()
        self.bytes, self.lost_before = 0, end
        return len(pack.members)

    def append(self, index: int, frame: bytes) -> None:
        """Takes in a frame of one of its feeds."""
        self._indexes.append(index)
        self._frames.append(frame)
        if self._chunks:
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

    def forget_sent(self) -> None:
        """Drops what all members have been sent."""
        cursors = [connection.cursor for connection in self.apart]
        if self.pack.members:
            cursors.append(self.pack.cursor)
        self.forget(min(cursors, default=self.end()))

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
