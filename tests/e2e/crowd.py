"""Thousands of Kraken clients in a process of its own, compiled: bench/c/crowd.c, which says what it can be told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from bench.native import build
from tests.e2e.world import World


class Crowd:
    """A running crowd."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def __call__(self, *words: object, during: World | None = None) -> dict[str, Any]:
        """Has the crowd do something; time passes in the world meanwhile, if one is given."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write((" ".join(map(str, words)) + "\n").encode())
        answer = asyncio.create_task(self._process.stdout.readline())
        while during is not None and not answer.done():
            await during.pass_time(0.1)
            await asyncio.sleep(0.1)
        line = await answer
        assert line, "the crowd has died: see its errors above"
        said = dict(json.loads(line))
        assert "error" not in said, said["error"]
        return said


@asynccontextmanager
async def crowd(port: int, most: int, **options: object) -> AsyncIterator[Crowd]:
    """Up to so many clients of a server on this machine."""
    words = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
    process = await asyncio.create_subprocess_exec(
        await asyncio.to_thread(build, "crowd"),
        *(f"--port={port}", f"--connections={most}", *words),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield Crowd(process)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()
