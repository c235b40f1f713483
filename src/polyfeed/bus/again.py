"""Trying again, for as long as it takes."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

MOST_SAID = 100
"""Reasons that are remembered: one with a number in it may be another one each time."""


async def until_done(
    attempt: Callable[[], Awaitable[T]],
    failures: tuple[type[Exception], ...],
    seconds: float,
    say: Callable[[str], None],
) -> T:
    """What `attempt` gives once it raises none of `failures`; `say` is told each reason once.

    Between attempts it waits `seconds`, shortened by up to a half, by chance: who failed at the same moment does not
    come back at the same moment.
    """
    said: set[str] = set()
    while True:
        try:
            return await attempt()
        except failures as error:
            reason = str(error) or type(error).__name__
        if reason not in said and len(said) < MOST_SAID:
            said.add(reason)
            say(reason)
        await asyncio.sleep(seconds * random.uniform(0.5, 1.0))
