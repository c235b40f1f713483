"""The end of tasks."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

log = logging.getLogger("polyfeed")

T = TypeVar("T")

AGAIN_SECONDS = 0.2


async def cancelled(tasks: Sequence[asyncio.Task[Any]]) -> None:
    """Returns when the tasks have ended, whatever they end with.

    They are cancelled until they do: `wait_for` in Python 3.11 loses a cancellation that comes together with what it
    waits for (python/cpython#86296).
    """
    while pending := [task for task in tasks if not task.done()]:
        for task in pending:
            task.cancel()
        await asyncio.wait(pending, timeout=AGAIN_SECONDS)
    await asyncio.gather(*tasks, return_exceptions=True)


async def before_any_ends(tasks: Sequence[asyncio.Task[Any]], work: Coroutine[Any, Any, T]) -> T:
    """What the work gives, while tasks go on that it needs: when one of them ends first, the work is broken off.

    Raises what the work raises, or what the task ended with (RuntimeError when that was nothing).
    """
    main = asyncio.ensure_future(work)
    try:
        await asyncio.wait({main, *tasks}, return_when=asyncio.FIRST_COMPLETED)
        if main.done():
            return main.result()
    finally:
        await cancelled([main])
    for task in tasks:
        if task.done():
            task.result()
    raise RuntimeError("a task that was to go on has ended")


class Asides:
    """Tasks that nobody waits for: kept until they end, and what one raises is in the log."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def add(self, work: Coroutine[Any, Any, None]) -> None:
        """Starts one."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("a task has failed", exc_info=task.exception())
