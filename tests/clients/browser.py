"""A real browser as a client: Debian's Chromium, with a page of the test's own.

The page is served from 127.0.0.1, so its connections carry an Origin like those of any web page. A test gives it a
script as it stands and reads what that writes to the console, runs code in it, or drives sockets of it (BrowserSocket,
which the clients of the end-to-end tests take in place of their own). Where there is no Chromium or no Node.js the test
is skipped, in plain words; it fails where they are required.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, NoReturn

import pytest

from .environments import HERE, NoNode, Say, environment

REQUIRED = "POLYFEED_REQUIRE_CHROMIUM"
"""With this variable set (CI does) a machine without Chromium fails the tests instead of skipping them."""

DEADLINE = 30.0
LINE_BYTES = 1 << 24
MARK = "polyfeed socket"

OPEN = """
window.sockets ??= [];
sockets[NUMBER] = new WebSocket(ADDRESS, PROTOCOLS);
sockets[NUMBER].onopen = () => console.log(MARK, NUMBER, "open", sockets[NUMBER].protocol);
sockets[NUMBER].onmessage = (event) => console.log(MARK, NUMBER, "message", event.data);
sockets[NUMBER].onclose = (event) => console.log(MARK, NUMBER, "close", event.code, event.reason);
"""


class Page:
    """An open page: its origin, the arguments of each call of its console, and the errors that it did not catch."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.origin = ""
        self.said: list[list[Any]] = []
        self.errors: list[str] = []
        self.sockets: list[BrowserSocket] = []
        self._process = process
        self._asked = 0
        self._answers: dict[int, dict[str, Any]] = {}
        self._changed = asyncio.Condition()
        self._ended = False
        self._reader = asyncio.create_task(self._read())

    async def _read(self) -> None:
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            async with self._changed:
                self._take(json.loads(line))
                self._changed.notify_all()
        async with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _take(self, told: dict[str, Any]) -> None:
        if "console" in told:
            if told["arguments"][:1] == [MARK]:
                _, number, kind, *values = told["arguments"]
                self.sockets[number].take(kind, values)
            else:
                self.said.append(told["arguments"])
        elif "error" in told:
            self.errors.append(told["error"])
        elif "origin" in told:
            self.origin = told["origin"]
        else:
            self._answers[told["id"]] = told

    async def wait(self, condition: Callable[[], object]) -> None:
        """Returns when the condition holds, which is looked at whenever the page has done something, or it has ended."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._ended or condition())

    async def until(self, condition: Callable[[], object]) -> None:
        """As `wait`, in a bounded time; it is an error when the browser ends first."""
        async with asyncio.timeout(DEADLINE):
            await self.wait(condition)
            assert condition(), f"the browser ended: {await self._complaint()}"

    async def _complaint(self) -> str:
        assert self._process.stderr is not None
        return (await self._process.stderr.read()).decode(errors="replace")[-3000:]

    async def evaluate(self, code: str) -> Any:
        """Runs code in the page; its value."""
        assert self._process.stdin is not None
        self._asked += 1
        number = self._asked
        self._process.stdin.write(json.dumps({"id": number, "evaluate": code}).encode() + b"\n")
        await self.until(lambda: number in self._answers)
        answer = self._answers.pop(number)
        assert "failure" not in answer, answer["failure"]
        return answer["value"]

    async def close(self) -> None:
        """Ends the browser."""
        assert self._process.stdin is not None
        with suppress(ConnectionError):
            self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), DEADLINE)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        await self._reader


class BrowserSocket:
    """A `WebSocket` of a page. `protocol` is the chosen sub-protocol, `closed` its code and reason once it is closed."""

    def __init__(self, page: Page) -> None:
        self.protocol: str | None = None
        self.closed: tuple[int, str] | None = None
        self._page = page
        self._number = len(page.sockets)
        self._messages: deque[str] = deque()
        page.sockets.append(self)

    @classmethod
    async def open(cls, page: Page, address: str, *protocols: str) -> BrowserSocket:
        """A socket that is open, or closed because the handshake was refused: a page is not told why."""
        one = cls(page)
        code = OPEN
        for name, value in {"NUMBER": one._number, "ADDRESS": address, "PROTOCOLS": protocols, "MARK": MARK}.items():
            code = code.replace(name, json.dumps(value))
        await page.evaluate(code)
        await page.until(lambda: one.protocol is not None or one.closed is not None)
        return one

    def take(self, kind: str, values: list[Any]) -> None:
        """Something happened to it."""
        if kind == "open":
            self.protocol = values[0]
        elif kind == "message":
            self._messages.append(values[0])
        else:
            self.closed = values[0], values[1]

    async def send(self, text: str) -> None:
        """Sends a text message."""
        await self._page.evaluate(f"sockets[{self._number}].send({json.dumps(text)})")

    async def close(self) -> None:
        """Closes it, as a page does; returns when it is closed."""
        await self._page.evaluate(f"sockets[{self._number}].close()")
        await self._page.until(lambda: self.closed)

    async def __aiter__(self) -> AsyncIterator[str]:
        """The messages, until it is closed."""
        while True:
            await self._page.wait(lambda: self._messages or self.closed)
            if not self._messages:
                return
            yield self._messages.popleft()


@asynccontextmanager
async def open_page(say: Say, script: str = "") -> AsyncIterator[Page]:
    """A page with this script, open."""
    browser = shutil.which("chromium")
    if browser is None:
        missing("there is no Chromium (on Debian: apt-get install chromium)")
    try:
        node, variables = environment("chromium", say)
    except NoNode as error:
        missing(str(error))
    process = await asyncio.create_subprocess_exec(
        node,
        HERE / "chromium" / "page.js",
        f"--browser={browser}",
        f"--script={script}",
        env={**{name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}, **variables},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        limit=LINE_BYTES,
    )
    page = Page(process)
    try:
        await page.until(lambda: page.origin)
        yield page
    finally:
        await page.close()


def missing(reason: str) -> NoReturn:
    """Skips the test, or fails it where a browser is required."""
    (pytest.fail if os.environ.get(REQUIRED) else pytest.skip)(reason)
