"""The frames that somebody is still to be sent, each at its place: places are counted from the first frame there was.

Who is sent them has only a cursor; what lies after it is joined into one chunk, and the chunk is made once for all that
stand at the same place.
"""

from __future__ import annotations

CHUNK_BYTES = 65_536
"""No write is larger: what a blocked socket does not take is copied for it alone."""

_NONE: list[bytes] = []
"""Of all that have no frames, and never changed: a list of its own for each of a thousand would be cold memory."""


class Backlog:
    """`start` is the place of the first frame that is kept: a cursor before it has lost frames. `bytes` are kept."""

    __slots__ = ("_chunks", "_frames", "bytes", "start")

    def __init__(self) -> None:
        self.start = 0
        self.bytes = 0
        self._frames = _NONE
        self._chunks: dict[int, tuple[bytes, int]] | None = None

    def append(self, frame: bytes) -> None:
        """Takes in a frame."""
        if self._frames:
            self._frames.append(frame)
            self._chunks = None
        else:
            self._frames = [frame]
        self.bytes += len(frame)

    def end(self) -> int:
        """The place after the last frame: a cursor there has nothing to send."""
        return self.start + len(self._frames)

    def after(self, cursor: int) -> list[bytes]:
        """The frames from `cursor` on, one by one."""
        return self._frames[max(0, cursor - self.start) :]

    def chunk(self, cursor: int) -> tuple[bytes, int]:
        """The frames from `cursor` on, joined up to CHUNK_BYTES, and the cursor after them."""
        if self._chunks is None:
            self._chunks = {}
        made = self._chunks.get(cursor)
        if made is None:
            made = self._chunks[cursor] = self._join(cursor)
        return made

    def take(self) -> bytes:
        """All frames joined; they are kept no longer."""
        frames = self._frames
        self.start += len(frames)
        self._frames = _NONE
        self._chunks = None
        self.bytes = 0
        return frames[0] if len(frames) == 1 else b"".join(frames)

    def forget(self, cursor: int) -> None:
        """Drops what lies before `cursor`."""
        count = cursor - self.start
        if count <= 0:
            return
        self.bytes -= sum(map(len, self._frames[:count]))
        self._frames = self._frames[count:] or _NONE
        self._chunks = None
        self.start = cursor

    def shrink(self, limit: int) -> None:
        """Drops the oldest frames until half of `limit` bytes are left; who stands before them has lost them."""
        kept, place = 0, len(self._frames)
        while place and kept + len(self._frames[place - 1]) <= limit // 2:
            place -= 1
            kept += len(self._frames[place])
        self.forget(self.start + place)

    def _join(self, cursor: int) -> tuple[bytes, int]:
        first = stop = cursor - self.start
        size = 0
        while stop < len(self._frames) and (size == 0 or size + len(self._frames[stop]) <= CHUNK_BYTES):
            size += len(self._frames[stop])
            stop += 1
        data = self._frames[first] if stop == first + 1 else b"".join(self._frames[first:stop])
        return data, self.start + stop
