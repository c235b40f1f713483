"""Runs the client code that the console shows."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

DEADLINE = 40.0


async def first_line(program: Sequence[str]) -> bytes:
    """The first message that a program prints; empty when it ends before."""
    process = await asyncio.create_subprocess_exec(
        *program,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={"PYTHONUNBUFFERED": "1", "PATH": "/usr/bin:/bin"},
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(DEADLINE):
            line = b"Warning"
            while b"Warning" in line:  # of what is experimental, and how to see more of it
                line = await process.stdout.readline()
            assert b"Error" not in line and b"Traceback" not in line, line + await process.stdout.read()
            return line
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()
