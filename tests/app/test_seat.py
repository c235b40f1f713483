"""The place of a worker, where its process is as it happens to be."""

from __future__ import annotations

import asyncio
import sys
from unittest.mock import AsyncMock, Mock

import pytest

from polyfeed.app import seat as module
from polyfeed.app.line import Kind
from polyfeed.app.seat import Seat


async def test_a_process_that_has_just_ended_cannot_be_killed_and_need_not_be(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither where it hangs nor where it does not end: the venue publishes a batch at that moment."""
    monkeypatch.setattr(module, "MOST_WAITING", 0)
    seat = Seat(1, Mock(), Mock(), AsyncMock(), Mock(), None, 0.0)
    seat._process = await asyncio.create_subprocess_exec(sys.executable, "-c", "")
    await seat._process.wait()
    with pytest.raises(ProcessLookupError):
        seat._process.kill()
    link = seat._link = Mock(waiting=1)
    seat.send(Kind.BATCH, b"")
    link.abort.assert_called_once_with()
    link.send.assert_not_called()
    await seat.close()


async def test_a_worker_that_was_killed_is_named_with_its_process_and_so_is_the_next_one(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    codes = iter(["import os; os.kill(os.getpid(), 9)", "input()"])
    real = asyncio.create_subprocess_exec

    async def start(*_: object, **__: object) -> asyncio.subprocess.Process:
        return await real(sys.executable, "-c", next(codes), stdin=asyncio.subprocess.PIPE)

    monkeypatch.setattr(asyncio, "create_subprocess_exec", start)
    monkeypatch.setattr(module, "encode", lambda _: b"")
    monkeypatch.setattr(module, "AGAIN_SECONDS", 0)
    ended = asyncio.Event()

    async def end(_: int) -> None:
        ended.set()

    seat = Seat(2, Mock(), Mock(), end, Mock(), None, 0.0)
    seat._task = asyncio.create_task(seat._keep())
    await ended.wait()
    first = seat._process
    assert first is not None
    while seat.pid is None:
        await asyncio.sleep(0)
    seat._hear(Kind.READY, b"")
    seat._hear(Kind.READY, b"")
    assert caplog.messages == [
        f"worker 2 is gone: process {first.pid} was killed by signal 9; another one takes its place",
        f"worker 2 is there again: process {seat.pid}",
    ]
    await seat.close()
