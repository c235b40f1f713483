"""Many readers of one gateway, of all dialects, each with a connection and a book of its own that it verifies.

What a frame means to a reader depends on what the reader knows, and nothing else. So readers that know the same share it
as one value, and what comes of a value and a frame is worked out once: a frame costs whoever comes second a look into a
table. It imports nothing of polyfeed.
"""

from __future__ import annotations

import asyncio
import random
import time
from typing import Any
from weakref import WeakValueDictionary

from tests.cluster.readers import DIALECTS, MARKETS, Kept
from tests.e2e.thin import Refused, Thin
from tests.store.kill_clients import Http

BUSY = 3
"""Readers of each dialect whose market is the busy one; all others read the quiet one."""
REMEMBERED = 2000
"""Frames of each feed whose meaning is remembered."""
AGAIN_SECONDS = (0.1, 0.5)
"""A reader that was sent away comes back within so long, after what the server asked it to wait."""
ASK_SECONDS = 5.0
CONNECTS_A_SECOND = 200
LOOK_SECONDS = 0.1


class Feed:
    """What readers of one market in one dialect can know."""

    def __init__(self, dialect: str, market: str) -> None:
        self.dialect, self.market = dialect, market
        self.start: Kept = DIALECTS[dialect](MARKETS[market][dialect])
        self.verified = 0
        self._known: WeakValueDictionary[Any, Kept] = WeakValueDictionary({self.start.key(): self.start})
        self._next: dict[tuple[Kept, bytes], Kept] = {}

    def after(self, known: Kept, frame: bytes) -> Kept:
        """What is known after a frame."""
        found = self._next.get((known, frame))
        if found is None:
            self.verified += 1
            made = known.after(frame.decode())
            found = self._next[known, frame] = self._known.setdefault(made.key(), made)
            if len(self._next) > REMEMBERED:
                del self._next[next(iter(self._next))]
        return found


class Tokens:
    """The token of Rails' readers; any gateway's, and everybody's."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._token = ""
        self._asking = asyncio.Lock()

    async def line(self) -> str:
        """The line of a handshake that brings it. Raises OSError, EOFError."""
        async with self._asking:
            if not self._token:
                http = Http(self._port)
                try:
                    status, answer = await http.call("POST", "/api/v1/token", X_Api_Key="demo", X_Api_Secret="demo")
                finally:
                    http.close()
                if status != 200:
                    raise ConnectionError(f"no token: {status}")
                self._token = answer["access_token"]
        return f"Sec-WebSocket-Protocol: authorization#{self._token}\r\n"


class Reader:
    """One that keeps a book, and comes back whenever it is sent away. `events` are times, and what it was told then."""

    def __init__(self, feed: Feed, port: int, tokens: Tokens) -> None:
        self.feed, self._port, self._tokens = feed, port, tokens
        self.events: list[tuple[float, str]] = []
        self.known = feed.start
        self.wrong = ""
        self.frames = 0
        self.last = 0.0
        self._socket: Thin | None = None
        self._asking: asyncio.Task[None] | None = None

    @property
    def word(self) -> str:
        """How it stands: one of its dialect's words, or that it is away."""
        return self.events[-1][1] if self.events else ""

    async def run(self) -> None:
        while True:
            wait = random.uniform(*AGAIN_SECONDS)
            try:
                await self._read()
            except (OSError, EOFError) as error:
                self._left(str(error))
                wait += error.retry_after if isinstance(error, Refused) else 0.0
            await asyncio.sleep(wait)

    async def _read(self) -> None:
        self.known = start = self.feed.start
        extra = await self._tokens.line() if self.feed.dialect == "rails" else ""
        self._socket = socket = await Thin.open(self._port, start.path, self._hear, extra)
        if self.known is start:  # a frame may have come with the answer to the handshake
            self._note(start.word)
        try:
            for text in start.asks:
                socket.say(text)
            while not (await asyncio.wait([socket.closed], timeout=ASK_SECONDS))[0]:
                if start.asks_again:
                    socket.say(start.asks_again)
            self._left(socket.closed.result())
        finally:
            socket.leave()
            if self._asking is not None:
                self._asking.cancel()
                self._asking = None

    def _hear(self, frame: bytes) -> None:
        self.frames += 1
        before, known = self.known, self.feed.after(self.known, frame)
        if known is before:
            return
        self.known, self.last = known, time.time()
        self.wrong = self.wrong or known.wrong
        if known.word != before.word:
            self._note(known.word)
        if known.rest and self._asking is None and known.acknowledged == len(known.asks):
            self._asking = asyncio.create_task(self._ask())
        if known.told == "reconnect" and self._socket is not None:
            self._socket.leave()

    async def _ask(self) -> None:
        """Gets what the dialect has a reader get by REST; without it there is no book, and the reader leaves."""
        http, socket = Http(self._port), self._socket
        assert socket is not None
        try:
            status, body = await http.ask("GET", self.feed.start.rest)
        except (OSError, EOFError):
            status, body = 0, b""
        finally:
            http.close()
        if status == 200:
            self._hear(body)
        else:
            socket.leave()

    def _left(self, why: str) -> None:
        if not self.word.startswith("left"):
            self._note(f"left: {why}"[:120])

    def _note(self, what: str) -> None:
        self.events.append((time.time(), what))


class Crowd:
    """So many readers of each dialect of a gateway."""

    def __init__(self, ports: dict[str, int], each: int) -> None:
        tokens = Tokens(ports["rails"])
        self.feeds = {(dialect, market): Feed(dialect, market) for dialect in DIALECTS for market in MARKETS}
        self.readers = [
            Reader(self.feeds[dialect, "busy" if number < BUSY else "quiet"], ports[dialect], tokens)
            for number in range(each)
            for dialect in DIALECTS
        ]

    async def run(self) -> None:
        """Until it is cancelled."""
        async with asyncio.TaskGroup() as group:
            for reader in self.readers:
                group.create_task(reader.run())
                await asyncio.sleep(1 / CONNECTS_A_SECOND)

    async def until_whole(self, seconds: float, quiet: float = 0.0) -> bool:
        """Returns when every reader has its book and nobody has heard anything new for so long, or the time is over."""
        began = time.time()
        while time.time() - began < seconds:
            await asyncio.sleep(LOOK_SECONDS)
            still = time.time() - max(one.last for one in self.readers) > quiet
            if still and all(one.word == "book" for one in self.readers):
                return True
        return False

    def report(self) -> list[dict[str, Any]]:
        """What each met, and its book in the end."""
        books = {known: known.levels() for known in {one.known for one in self.readers}}
        return [
            {
                "dialect": one.feed.dialect,
                "market": one.feed.market,
                "events": one.events,
                "frames": one.frames,
                "wrong": one.wrong,
                "book": books[one.known],
            }
            for one in self.readers
        ]
