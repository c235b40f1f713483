"""The end of tasks."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

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
