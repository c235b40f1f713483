"""A WebSocket client with just as much of the protocol as a reader needs, for crowds of them in one process: whole text
frames are handed over as they come, pings are answered, a close is told. It imports nothing of polyfeed.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable
from functools import partial

from tests.e2e.raw import frame, upgrade

TEXT, CLOSE, PING, PONG = 1, 8, 9, 10
GOING_AWAY = 1001


class Refused(ConnectionError):
    """A handshake was answered with `status`; `retry_after` are the seconds that the server asked for, or 0."""

    def __init__(self, head: str) -> None:
        self.status = int(head.split()[1])
        self.retry_after = float(head.lower().partition("\r\nretry-after:")[2].partition("\r\n")[0] or 0)
        super().__init__(f"refused with {self.status}")


class Thin(asyncio.Protocol):
    """A connection. `opened` is done when the handshake is over; `closed` becomes what ended it, in words."""

    def __init__(self, request: bytes, hear: Callable[[bytes], None]) -> None:
        loop = asyncio.get_running_loop()
        self.opened: asyncio.Future[None] = loop.create_future()
        self.closed: asyncio.Future[str] = loop.create_future()
        self._request, self._hear = request, hear
        self._transport: asyncio.WriteTransport
        self._open = False
        self._data = b""
        self._why = "cut off"

    @classmethod
    async def open(cls, port: int, path: str, hear: Callable[[bytes], None], extra: str = "") -> Thin:
        """Connects; `extra` are further lines of the head. Raises Refused, OSError."""
        make = partial(cls, upgrade(path, extra), hear)
        _, one = await asyncio.get_running_loop().create_connection(make, "127.0.0.1", port)
        try:
            await one.opened
        except BaseException:
            one.leave()
            raise
        return one

    def say(self, text: str) -> None:
        self._transport.write(frame(TEXT, text.encode()))

    def leave(self) -> None:
        """Ends it with a goodbye."""
        self._transport.write(frame(CLOSE, struct.pack(">H", GOING_AWAY)))
        self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport
        transport.write(self._request)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.opened.done():
            self.opened.set_exception(ConnectionError("cut off before the answer"))
        if not self.closed.done():
            self.closed.set_result(self._why)

    def data_received(self, data: bytes) -> None:
        if self._data:
            data = self._data + data
        place = 0 if self._open else self._head(data)
        while self._open and len(data) - place >= 2:
            length, start = data[place + 1], place + 2
            if length == 126:
                length, start = int.from_bytes(data[start : start + 2], "big"), start + 2
            elif length == 127:
                length, start = int.from_bytes(data[start : start + 8], "big"), start + 8
            end = start + length
            if end > len(data):
                break
            self._take(data[place], data[start:end])
            place = end
        self._data = data[place:]

    def _head(self, data: bytes) -> int:
        """Where frames begin, once the head is whole and lets us in."""
        head, mark, _ = data.partition(b"\r\n\r\n")
        if not mark or self.opened.done():
            return 0
        if not head.startswith(b"HTTP/1.1 101 "):
            self.opened.set_exception(Refused(head.decode()))
            self._transport.close()
            return 0
        self._open = True
        self.opened.set_result(None)
        return len(head) + len(mark)

    def _take(self, first: int, payload: bytes) -> None:
        """A frame by its first byte: they are all whole."""
        if first == 0x80 | TEXT:
            self._hear(payload)
        elif first == 0x80 | PING:
            self._transport.write(frame(PONG, payload))
        elif first == 0x80 | CLOSE:
            code = int.from_bytes(payload[:2], "big")
            self._why = f"{code} {payload[2:].decode()}"
            self._transport.write(frame(CLOSE, payload[:2]))
            self._transport.close()
        else:
            assert first == 0x80 | PONG, first
