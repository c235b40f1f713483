"""One timer for all deadlines: a timer for each of many thousand connections would cost more than what it times."""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from typing import Generic, TypeVar

T = TypeVar("T")

SLOT_US = 20_000
"""Deadlines are rounded up to slots of 20 ms, which no dialect's timers notice."""


class TimerWheel(Generic[T]):
    """Holds things until their deadline. Pure: `now` is an argument, in microseconds.

    Nothing is ever taken out before its time: the owner looks at a thing that comes due and decides whether the
    deadline still stands.
    """

    def __init__(self) -> None:
        self._slots: dict[int, list[T]] = {}
        self._order: list[int] = []

    def add(self, deadline: int, thing: T) -> None:
        """Has `thing` come due at the end of the slot in which `deadline` lies."""
        slot = -(-deadline // SLOT_US)
        things = self._slots.get(slot)
        if things is None:
            self._slots[slot] = [thing]
            heapq.heappush(self._order, slot)
        else:
            things.append(thing)

    def next_due(self) -> int | None:
        """When `pop_due` has something to give, None for never."""
        return self._order[0] * SLOT_US if self._order else None

    def pop_due(self, now: int) -> Iterable[T]:
        """All whose time has come, earliest slot first."""
        while self._order and self._order[0] * SLOT_US <= now:
            yield from self._slots.pop(heapq.heappop(self._order))
