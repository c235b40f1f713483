"""A process with many clients of a Peatio port, each with a few books; `--keep` of them keep and check theirs.

    python listeners.py PORT --clients 50 --each 5 --streams 50 --seconds 20        (or until SIGTERM)

At the end it prints what it saw as JSON: frames, numbers that were missing, checksums that were right and wrong, closed
connections, latencies, and when each of the kept books was begun anew. It imports nothing of polyfeed.
"""

import argparse
import asyncio
import base64
import contextlib
import json
import os
import re
import signal
import time
from functools import partial
from typing import Any

from upstream import checksum

NUMBERS = re.compile(rb'{"(m\d\dusd)\.ob-(inc|snap)":{[^{}]*"sequence": ?(\d+)')


class Tally:
    """What all clients saw."""

    def __init__(self) -> None:
        self.frames = self.missing = self.right = self.wrong = self.closed = self.open = 0
        self.closes: list[str] = []
        self.latencies: list[int] = []
        self.begun: list[tuple[int, float]] = []


class Book:
    """A book as a client keeps it; `number` tells it from all others."""

    __slots__ = ("number", "sequence", "sides")

    def __init__(self, number: int) -> None:
        self.number = number
        self.sequence = 0
        self.sides: dict[str, dict[str, str]] | None = None

    def take(self, name: str, body: dict[str, Any], tally: Tally) -> None:
        now = time.time()
        if name.endswith("-snap"):
            self.sides = {side: dict(body[side]) for side in ("asks", "bids")}
            tally.begun.append((self.number, now))
        else:
            if self.sides is None or body["sequence"] != self.sequence + 1:
                tally.missing += 1
            for side in ("asks", "bids"):
                if side in body and self.sides is not None:
                    price, volume = body[side]
                    self.sides[side].pop(price, None)
                    if volume:
                        self.sides[side][price] = volume
            if "t" in body:
                tally.latencies.append(int(now * 1e6) - body["t"])
            if "sum" in body and self.sides is not None:
                good = checksum(self.sides) == body["sum"]
                tally.right += good
                tally.wrong += not good
        self.sequence = body["sequence"]


class Client(asyncio.Protocol):
    """One connection, with just as much of the protocol as is needed: whole text frames without a mask."""

    def __init__(self, number: int, names: list[str], tally: Tally, keeps: bool) -> None:
        self.number = number
        self.names = names
        self.keeps = keeps
        self.last: dict[bytes, int] = {}
        self.tally = tally
        self.books: dict[str, Book] = {}
        self.data = b""
        self.head = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.WriteTransport = transport  # type: ignore[assignment]
        self.tally.open += 1
        query = "&".join(f"stream={name}.ob-inc" for name in self.names)
        key = base64.b64encode(os.urandom(16)).decode()
        self.transport.write(
            f"GET /?{query} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )

    def connection_lost(self, exc: Exception | None) -> None:
        self.tally.closed += 1

    def data_received(self, data: bytes) -> None:
        data = self.data + data
        if self.head:
            head, mark, rest = data.partition(b"\r\n\r\n")
            if not mark:
                self.data = data
                return
            assert b" 101 " in head, head
            self.head, data = False, rest
        place = 0
        while len(data) - place >= 2:
            length, start = data[place + 1], place + 2
            if length == 126:
                length, start = int.from_bytes(data[place + 2 : place + 4], "big"), place + 4
            elif length == 127:
                length, start = int.from_bytes(data[place + 2 : place + 10], "big"), place + 10
            if len(data) < start + length:
                break
            if data[place] == 0x81:
                if self.keeps:
                    self.message(data[start : start + length])
            elif data[place] == 0x88:
                self.tally.closes.append(data[start + 2 : start + length].decode())
            elif data[place] == 0x89:
                self.transport.write(b"\x8a" + bytes([0x80 | length, 0, 0, 0, 0]) + data[start : start + length])
            place = start + length
        if not self.keeps:
            self.count(data[:place])
        self.data = data[place:]

    def count(self, data: bytes) -> None:
        """Looks at the frames' numbers alone, which costs a tenth of keeping the books."""
        tally, last = self.tally, self.last
        for market, kind, number in NUMBERS.findall(data):
            sequence = int(number)
            tally.frames += 1
            if kind == b"inc" and last.get(market, sequence - 1) != sequence - 1:
                tally.missing += 1
            last[market] = sequence

    def message(self, text: bytes) -> None:
        ((name, body),) = json.loads(text).items()
        if name == "success":
            return
        self.tally.frames += 1
        market = name.partition(".")[0]
        book = self.books.get(market)
        if book is None:
            book = self.books[market] = Book(1000 * self.number + len(self.books))
        book.take(name, body, self.tally)


async def main(options: argparse.Namespace) -> None:
    tally = Tally()
    loop = asyncio.get_running_loop()
    for number in range(options.clients):
        names = [f"m{(number * options.each + n) % options.streams:02d}usd" for n in range(options.each)]
        await loop.create_connection(
            partial(Client, number, names, tally, number < options.keep), "127.0.0.1", options.port
        )
    print("connected", flush=True)
    told = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, told.set)
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(told.wait(), options.seconds)
    found = sorted(tally.latencies)
    names = ("frames", "missing", "right", "wrong", "closed", "closes", "open", "begun")
    report = {name: getattr(tally, name) for name in names}
    if found:
        report |= {"p50": found[len(found) // 2], "p99": found[len(found) * 99 // 100], "longest": found[-1]}
    print(json.dumps(report), flush=True)
    os._exit(0)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    for name, default in (("clients", 50), ("each", 5), ("streams", 50), ("keep", 50)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--seconds", type=float, default=20)
    asyncio.run(main(parser.parse_args()))
