"""A client that sends bytes as it likes, whole requests and frames or not, and reads what comes back."""

from __future__ import annotations

import asyncio
import ssl
import struct

KEY = "dGhlIHNhbXBsZSBub25jZQ=="


def upgrade(path: str = "/", extra: str = "") -> bytes:
    return (
        f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n{extra}\r\n"
    ).encode()


def frame(opcode: int, payload: bytes, *, fin: bool = True, masked: bool = True) -> bytes:
    """A client's frame, or one that breaks the rules."""
    head = bytes([(0x80 if fin else 0) | opcode])
    size = len(payload)
    flag = 0x80 if masked else 0
    if size < 126:
        head += bytes([flag | size])
    elif size < 65536:
        head += bytes([flag | 126]) + struct.pack(">H", size)
    else:
        head += bytes([flag | 127]) + struct.pack(">Q", size)
    if not masked:
        return head + payload
    mask = b"\x01\x02\x03\x04"
    return head + mask + bytes(byte ^ mask[place % 4] for place, byte in enumerate(payload))


class Raw:
    """A TCP connection that sends what it likes and reads server frames."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def connect(cls, port: int, first: bytes, tls: ssl.SSLContext | None = None) -> Raw:
        raw = cls(*await asyncio.open_connection("127.0.0.1", port, ssl=tls))
        raw.writer.write(first)
        return raw

    async def head(self) -> bytes:
        async with asyncio.timeout(10):
            return await self.reader.readuntil(b"\r\n\r\n")

    async def frame(self) -> tuple[int, bytes]:
        async with asyncio.timeout(10):
            opcode, size = await self.reader.readexactly(2)
            if size >= 126:
                (size,) = struct.unpack(
                    *(
                        (">H", await self.reader.readexactly(2))
                        if size == 126
                        else (">Q", await self.reader.readexactly(8))
                    )
                )
            return opcode & 15, await self.reader.readexactly(size)

    async def close_code(self) -> tuple[int, str]:
        """The code and reason of the close frame, after whatever came before it."""
        while True:
            opcode, payload = await self.frame()
            if opcode == 8:
                return struct.unpack(">H", payload[:2])[0], payload[2:].decode()

    async def ended(self) -> bool:
        """Whether the server ends the connection."""
        async with asyncio.timeout(10):
            try:
                while await self.reader.read(65536):
                    pass
            except ConnectionError:
                pass
        return True

    def end(self) -> None:
        self.writer.transport.abort()
