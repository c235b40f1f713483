"""Thousands of Kraken clients in a process of its own: `python -m tests.e2e.crowd PORT`. It imports nothing of polyfeed.

Each subscribes to a book and keeps it, with the checksum of every update. Commands come as lines on standard input,
and each is answered with one line of JSON:

    open N     opens N clients; answered when each of them has its book
    back       answered when every client that was cut off has come back and has its book again
    check      a ping to every client; answered when all have its answer, and so all that was said before it
    close      closes all
"""

from __future__ import annotations

import asyncio
import json
import random
import resource
import sys
import time
from contextlib import suppress
from typing import Any

from tests.e2e.kraken_client import Book
from tests.e2e.raw import frame, upgrade

SUBSCRIBE = frame(1, b'{"event":"subscribe","pair":["XBT/USD"],"subscription":{"name":"book","depth":10}}')
PING = frame(1, b'{"event":"ping","reqid":4711}')
AT_ONCE = 200
SPREAD_SECONDS = 2.0
"""Clients come back at random within it, as clients that were written well do."""


class Member(asyncio.Protocol):
    """One client; it comes back when it is cut off, until it is told to end."""

    def __init__(self, crowd: Crowd) -> None:
        self.crowd = crowd
        self.ended = False
        self.transport: Any = None
        self.fresh()

    def fresh(self) -> None:
        self.buffer = b""
        self.open = False
        self.book = Book(10)
        self.has_book = asyncio.Event()
        self.has_pong = asyncio.Event()

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        transport.write(upgrade() + SUBSCRIBE)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        if not self.open:
            head, mark, rest = self.buffer.partition(b"\r\n\r\n")
            if not mark:
                return
            assert b" 101 " in head, head
            self.open, self.buffer = True, rest
        place = 0
        while (end := self.frame_end(place)) is not None:
            start, stop = end
            self.hear(self.buffer[place] & 15, self.buffer[start:stop])
            place = stop
        self.buffer = self.buffer[place:]

    def frame_end(self, place: int) -> tuple[int, int] | None:
        """Where the payload of the frame at `place` begins and ends, None where it has not all come."""
        data = self.buffer
        if len(data) < place + 4:
            return None
        size, start = data[place + 1], place + 2
        if size == 126:
            size, start = int.from_bytes(data[start : start + 2], "big"), start + 2
        return None if len(data) < start + size else (start, start + size)

    def hear(self, opcode: int, payload: bytes) -> None:
        if opcode == 1 and payload.startswith(b"["):
            self.book.apply(payload.decode())
            self.has_book.set()
        elif payload == b'{"event":"pong","reqid":4711}':
            self.has_pong.set()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.ended:
            self.fresh()
            self.crowd.come_back(self)


class Crowd:
    def __init__(self, port: int) -> None:
        self.port = port
        self.members: list[Member] = []
        self.doors = asyncio.Semaphore(AT_ONCE)
        self.coming: set[asyncio.Task[None]] = set()
        self.returned = 0

    async def enter(self, member: Member) -> None:
        async with self.doors:
            await asyncio.get_running_loop().create_connection(lambda: member, "127.0.0.1", self.port)
            await member.has_book.wait()

    def come_back(self, member: Member) -> None:
        async def later() -> None:
            await asyncio.sleep(random.random() * SPREAD_SECONDS)
            await self.enter(member)

        self.returned += 1
        task = asyncio.create_task(later())
        self.coming.add(task)
        task.add_done_callback(self.coming.discard)

    async def do(self, words: list[str]) -> dict[str, Any]:
        began = time.monotonic()
        match words:
            case ["open", count]:
                made = [Member(self) for _ in range(int(count))]
                self.members += made
                await asyncio.gather(*map(self.enter, made))
            case ["back"]:
                while self.returned < len(self.members) or self.coming:
                    await asyncio.sleep(0.05)
                self.returned = 0
            case ["check"]:
                for member in self.members:
                    member.has_pong.clear()
                    member.transport.write(PING)
                await asyncio.gather(*(member.has_pong.wait() for member in self.members))
            case ["close"]:
                for member in self.members:
                    member.ended = True
                    member.transport.abort()
                self.members.clear()
        books = {json.dumps([member.book.top("a"), member.book.top("b")]) for member in self.members}
        checked = min((member.book.checked for member in self.members), default=0)
        return {"seconds": time.monotonic() - began, "books": len(books), "checked": checked}


async def main() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    crowd = Crowd(int(sys.argv[1]))
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        print(json.dumps(await crowd.do(line.decode().split())), flush=True)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(main())
