"""Processes that this one starts, watches and ends."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections import deque
from collections.abc import Callable, Mapping, Sequence

Say = Callable[[str, str], None]
"""Takes a child's label and a line of its."""

LINE_BYTES = 1 << 20
KEPT_LINES = 100


def ended_how(code: int) -> str:
    """What a process's exit code says, negative for a signal."""
    return f"was killed by signal {-code}" if code < 0 else f"has ended with {code}"


class Child:
    """One process in a group of its own, so that a terminal's Ctrl-C reaches only who started it.

    `say` is given each line of its output, without the line's end; the last ones are kept for who asks why it died.
    """

    def __init__(
        self, label: str, command: Sequence[str], say: Say | None = None, environment: Mapping[str, str] | None = None
    ) -> None:
        self.label = label
        self.command = list(command)
        self.lines: deque[str] = deque(maxlen=KEPT_LINES)
        self._say = say
        self._environment = environment
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int:
        """Its number; 0 while it does not run."""
        return self._process.pid if self._process is not None and self._process.returncode is None else 0

    @property
    def code(self) -> int | None:
        """What it ended with, -N for signal N; None before its start and while it runs."""
        return self._process.returncode if self._process is not None else None

    async def start(self) -> None:
        """Begins it, or begins it again. Raises OSError."""
        self._process = await asyncio.create_subprocess_exec(
            *self.command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            limit=LINE_BYTES,
            env={**os.environ, **(self._environment or {})},
            process_group=0,
        )
        self._reading = asyncio.create_task(self._read(self._process))

    def signal(self, number: int) -> None:
        """Sends a signal to the process, when it runs."""
        if self.pid and self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)

    async def wait(self) -> int:
        """Returns its exit code once it has ended and all that it said was heard; 0 when it never began."""
        if self._process is None:
            return 0
        code = await self._process.wait()
        if self._reading is not None:
            await self._reading
        return code

    async def stop(self, seconds: float) -> bool:
        """Asks it to end; whether it did in that time, else it is killed."""
        self.signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(seconds):
                await self.wait()
        except TimeoutError:
            await self.kill()
            return False
        return True

    async def kill(self) -> None:
        """As a crash does."""
        self.signal(signal.SIGKILL)
        await self.wait()

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        while line := await self._line(process.stdout):
            text = line.decode(errors="replace").rstrip("\n")
            self.lines.append(text)
            if self._say is not None:
                self._say(self.label, text)

    async def _line(self, stream: asyncio.StreamReader) -> bytes:
        """The next line; a longer one than anybody writes comes in parts."""
        try:
            return await stream.readline()
        except ValueError:
            return b"(a line of more than a mebibyte)\n"
