"""A line between two processes of one machine: whole messages, in order, over a stream socket.

message = length u32 | kind u8 | payload[length]      little-endian
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable
from typing import cast

HEAD = struct.Struct("<IB")

Hear = Callable[[int, bytes], None]
"""Takes a message's kind and payload."""


class Link(asyncio.Protocol):
    """One end. `hear` takes what the other one sends; `lost` is called once, when there is no other one any more.

    What is sent within one turn of the event loop is one write.
    """

    def __init__(self, hear: Hear, lost: Callable[[], None]) -> None:
        self._hear = hear
        self._lost = lost
        self._transport: asyncio.Transport | None = None
        self._received = bytearray()
        self._queue: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """There is a socket."""
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """The other process has closed its end, or died."""
        self._transport = None
        self._lost()

    def data_received(self, data: bytes) -> None:
        """Takes messages apart."""
        received = self._received
        received += data
        place = 0
        while len(received) - place >= HEAD.size:
            length, kind = HEAD.unpack_from(received, place)
            end = place + HEAD.size + length
            if end > len(received):
                break
            self._hear(kind, bytes(received[place + HEAD.size : end]))
            place = end
        del received[:place]

    def send(self, kind: int, payload: bytes) -> None:
        """Sends a message, unless there is nobody any more."""
        if self._transport is None:
            return
        if not self._queue:
            asyncio.get_running_loop().call_soon(self._flush)
        self._queue += (HEAD.pack(len(payload), kind), payload)

    @property
    def waiting(self) -> int:
        """Bytes that the other process has not taken yet."""
        return 0 if self._transport is None else self._transport.get_write_buffer_size()

    def close(self) -> None:
        """Ends the line, after what was sent."""
        self._flush()
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Ends the line at once."""
        if self._transport is not None:
            self._transport.abort()

    def _flush(self) -> None:
        queue, self._queue = self._queue, []
        if self._transport is not None and queue:
            self._transport.write(b"".join(queue))
