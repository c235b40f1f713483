"""Traders and readers of one gateway, in a process beside it: `python -m tests.cluster.load PORTS SEED READERS RATE`.

PORTS is JSON, RATE what it means to send in a second. It trades until its standard input ends, reads on until everything is quiet, then prints as JSON what its
clients were told, what each reader met, and when the gateway was ready. It imports nothing of polyfeed.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
import urllib.error
import urllib.request
from contextlib import suppress
from typing import Any

from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from tests.e2e.kraken_client import Book
from tests.store.kill_clients import LEFT, Run, Told, clients

AGAIN_SECONDS = 0.2
LOOK_SECONDS = 0.1
QUIET_SECONDS = 2.0
LONGEST_WAIT = 30.0
SUBSCRIBE = json.dumps({"event": "subscribe", "pair": ["XBT/USD"], "subscription": {"name": "book", "depth": 10}})


class Reader:
    """One that keeps a book, checks every checksum, and comes back whenever it is sent away."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.events: list[tuple[float, str]] = []
        self.book = Book(10)
        self.checked = 0
        self.wrong = ""
        self.last = 0.0

    async def run(self) -> None:
        while True:
            try:
                await self._read()
            except (OSError, WebSocketException) as error:
                self._note(f"left: {type(error).__name__} {error}"[:120])
            await asyncio.sleep(AGAIN_SECONDS)

    async def _read(self) -> None:
        async with connect(f"ws://127.0.0.1:{self.port}/", max_size=None, ping_interval=None) as socket:
            self._note("open")
            self.book = Book(10)
            await socket.send(SUBSCRIBE)
            async for text in socket:
                self._hear(str(text))
        self._note("left")

    def _hear(self, text: str) -> None:
        if '"systemStatus"' in text:
            self._note(json.loads(text)["status"])
        if text.startswith("["):
            try:
                self.book.apply(text)
            except AssertionError:
                self.wrong = self.wrong or text
            self.checked += 1
            self.last = time.time()
            if self.events[-1][1] != "book":
                self._note("book")

    def _note(self, what: str) -> None:
        self.events.append((time.time(), what))

    def top(self) -> dict[str, list[tuple[str, str]]]:
        return {side: [(price, self.book.sides[side][price]) for price in self.book.top(side)[:10]] for side in "ab"}


class Load:
    """All clients of a gateway."""

    def __init__(self, ports: dict[str, int], seed: int, readers: int, rate: float) -> None:
        self.ports = ports
        self.seed = seed
        self.rate = rate
        self.told = {name: Told() for name in ("bitstamp", "rails", "ekiden")}
        self.readers = [Reader(ports["kraken"]) for _ in range(readers)]
        self.ready: list[tuple[float, bool]] = []

    async def run(self) -> dict[str, Any]:
        reading = [asyncio.create_task(one.run()) for one in self.readers]
        looking = asyncio.create_task(self._look())
        runs = clients(self.ports, self.seed, self.rate, self.told)
        trading = [asyncio.create_task(self._trade(run)) for run in runs]
        print("going", flush=True)
        await asyncio.to_thread(sys.stdin.read)
        await end(trading)
        await self._quiet()
        await end([looking, *reading])
        return self._report()

    async def _trade(self, run: Run) -> None:
        """One client, and another one in its place whenever it has lost the gateway."""
        while True:
            with suppress(*LEFT, ValueError, KeyError):  # the last two: an answer that says that there is no gateway
                await run()
            await asyncio.sleep(AGAIN_SECONDS)

    async def _look(self) -> None:
        while True:
            ready = await asyncio.to_thread(is_ready, self.ports["http"])
            if ready is not None and (not self.ready or self.ready[-1][1] is not ready):
                self.ready.append((time.time(), ready))
            await asyncio.sleep(LOOK_SECONDS)

    async def _quiet(self) -> None:
        """Returns when no reader has heard anything for a while, and every one of them has a book."""
        began = time.time()
        while time.time() - began < LONGEST_WAIT:
            await asyncio.sleep(LOOK_SECONDS)
            quiet = time.time() - max(one.last for one in self.readers) > QUIET_SECONDS
            if quiet and all(one.events and one.events[-1][1] == "book" for one in self.readers):
                return

    def _report(self) -> dict[str, Any]:
        told = {
            name: {
                "sent": sorted(one.sent),
                "orders": one.orders,
                "cancelled": sorted(one.cancelled),
                "fills": [[order, str(price), str(size), count] for (order, price, size), count in one.fills.items()],
                "filled": {order: str(size) for order, size in one.filled.items()},
                "requests": one.requests,
                "answers": one.answers,
                "refused": one.refused,
            }
            for name, one in self.told.items()
        }
        readers = [
            {"events": one.events, "checked": one.checked, "wrong": one.wrong, "top": one.top()} for one in self.readers
        ]
        return {"told": told, "readers": readers, "ready": self.ready}


async def end(tasks: list[asyncio.Task[None]]) -> None:
    """Cancels tasks until they have ended: a client may lose a cancellation while it says goodbye."""
    while pending := [task for task in tasks if not task.done()]:
        for task in pending:
            task.cancel()
        await asyncio.wait(pending, timeout=LOOK_SECONDS)


def is_ready(port: int) -> bool | None:
    """What it says; None of one that says nothing."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=1) as answer:
            return bool(answer.status == 200)
    except urllib.error.HTTPError:
        return False
    except OSError:
        return None


if __name__ == "__main__":
    ports, seed, readers, rate = sys.argv[1:]
    print(json.dumps(asyncio.run(Load(json.loads(ports), int(seed), int(readers), float(rate)).run())), flush=True)
