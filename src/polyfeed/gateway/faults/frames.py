"""The frames in what is about to be written, one by one (RFC 6455 section 5.2; ours are unmasked and whole)."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from polyfeed.gateway.deflate import RSV1, TEXT

_TAIL = b"\x00\x00\xff\xff"


def cut(data: bytes) -> Iterator[bytes]:
    """The frames of a chunk, which has only whole ones."""
    start = 0
    while start < len(data):
        head, size = _head(data, start)
        yield data[start : start + head + size]
        start += head + size


def text_of(frame: bytes) -> str | None:
    """The text that a frame carries, None for one that is no text message."""
    if frame[0] & ~RSV1 != TEXT:
        return None
    payload = frame[_head(frame, 0)[0] :]
    if frame[0] & RSV1:
        payload = zlib.decompressobj(-zlib.MAX_WBITS).decompress(payload + _TAIL)
    return payload.decode()


def _head(data: bytes, start: int) -> tuple[int, int]:
    """The bytes of a frame's head and of its payload."""
    size = data[start + 1]
    if size < 126:
        return 2, size
    if size == 126:
        return 4, int.from_bytes(data[start + 2 : start + 4], "big")
    return 10, int.from_bytes(data[start + 2 : start + 10], "big")
