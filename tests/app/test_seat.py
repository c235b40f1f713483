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
