"""Text messages as frames, plain or compressed (RFC 7692): made once, whoever hears them.

The server keeps no context from one message to the next and says so (`server_no_context_takeover`), so a compressed
frame is the same bytes for every connection that may hear it. Clients are asked for the same, so that an idle
connection holds no window of either direction.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from functools import lru_cache
from struct import Struct

from websockets.extensions import Extension
from websockets.extensions.permessage_deflate import PerMessageDeflate, ServerPerMessageDeflateFactory
from websockets.frames import Frame, Opcode

PING_FRAME = Frame(Opcode.PING, b"").serialize(mask=False)

PLAIN, SMALL, LARGE = 0, 9, 15
"""Windows, in bits. Who asks for any smaller than LARGE is compressed for with SMALL: a few variants serve all."""

LEAST_BYTES = 64
"""Messages below it are sent plain, which RFC 7692 allows for any message: little is won on them."""

TEXT, RSV1 = 0x81, 0x40
"""A frame's first byte for a whole text message, and the bit in it that says "compressed"."""

LEVEL = 3
"""Of zlib. On book deltas level 6 takes half as long again for 2 % fewer bytes."""

_SMALL, _MEDIUM, _BIG = Struct(">BB").pack, Struct(">BBH").pack, Struct(">BBQ").pack
"""Heads of frames, by how many bytes they have for the size."""

_TAIL = b"\x00\x00\xff\xff"
"""What ends a flush, and is not sent (RFC 7692 section 7.2.1)."""

OFFERED = (ServerPerMessageDeflateFactory(server_no_context_takeover=True, client_no_context_takeover=True),)
"""What is negotiated where compression is on. The library inflates, within the limit of a message's size."""


def window_of(extensions: Sequence[Extension]) -> int:
    """How a connection that negotiated these is to be compressed for."""
    for one in extensions:
        if isinstance(one, PerMessageDeflate):
            return LARGE if one.local_max_window_bits == LARGE else SMALL
    return PLAIN


class Deflater:
    """Compresses messages one by one with a window of so many bits."""

    def __init__(self, bits: int) -> None:
        self._zlib = zlib.compressobj(LEVEL, zlib.DEFLATED, -bits)

    def deflate(self, payload: bytes) -> bytes:
        """The payload compressed. A full flush forgets it: nothing later refers to it."""
        return (self._zlib.compress(payload) + self._zlib.flush(zlib.Z_FULL_FLUSH)).removesuffix(_TAIL)


_DEFLATERS = {bits: Deflater(bits) for bits in (SMALL, LARGE)}


@lru_cache(maxsize=len(_DEFLATERS))
def _deflated(payload: bytes, window: int) -> bytes:
    """Made once for all cohorts that are given the message, one after the other."""
    return _DEFLATERS[window].deflate(payload)


def framed(payload: bytes, window: int) -> bytes:
    """A text message as the bytes of one unmasked frame, compressed where the window says so.

    RFC 6455 section 5.2. By hand, because the library's own way takes ten times as long, for every message.
    """
    first = TEXT
    if window != PLAIN and len(payload) >= LEAST_BYTES:
        first, payload = TEXT | RSV1, _deflated(payload, window)
    size = len(payload)
    if size < 126:
        return _SMALL(first, size) + payload
    if size < 65_536:
        return _MEDIUM(first, 126, size) + payload
    return _BIG(first, 127, size) + payload
