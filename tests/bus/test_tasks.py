"""Tasks end when they are to, and none ends unheard."""

from __future__ import annotations

import asyncio

import pytest

from polyfeed.bus.tasks import Asides, before_any_ends, cancelled


async def deaf() -> None:
    """Loses the first cancellation, as Python 3.11's `wait_for` may."""
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        await asyncio.Event().wait()


async def fails() -> None:
    raise OSError("the disk")


async def test_a_lost_cancellation_is_repeated() -> None:
    task = asyncio.create_task(deaf())
    await asyncio.sleep(0)
    await asyncio.wait_for(cancelled([task]), 10.0)
    assert task.cancelled()


async def test_work_ends_with_what_it_needs() -> None:
    ended: list[str] = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("work")

    with pytest.raises(OSError, match="the disk"):
        await before_any_ends([asyncio.create_task(fails())], work())
    assert ended == ["work"]


async def test_work_that_ends_first_is_what_counts() -> None:
    async def work() -> int:
        return 7

    task = asyncio.create_task(asyncio.Event().wait())
    assert await before_any_ends([task], work()) == 7
    assert not task.done()
    await cancelled([task])


async def test_what_nobody_waits_for_fails_aloud(caplog: pytest.LogCaptureFixture) -> None:
    asides = Asides()
    asides.add(fails())
    while not caplog.records:
        await asyncio.sleep(0)
    assert "the disk" in caplog.text
