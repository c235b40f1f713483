"""What a command has begun and one batch may be too small for: a queue of plain items, each done in steps.

The venue works the queue off, in order, until it is empty or the batch is full; `Proceed` goes on where it stopped. An
item says only what is left to do, never how, so it can be put on the queue from anywhere.
"""

from __future__ import annotations

from polyfeed.model.enums import CloseReason
from polyfeed.venue.draft import WITHDRAWAL, Draft
from polyfeed.venue.lifecycle import close
from polyfeed.venue.matching import sweep
from polyfeed.venue.orders import Order
from polyfeed.venue.state import State


class Sweep:
    """An arrived order that is being matched."""

    __slots__ = ("taker",)

    def __init__(self, taker: Order) -> None:
        self.taker = taker


class Withdrawal:
    """Resting orders to be cancelled by their owner; the next one is the last of the list."""

    __slots__ = ("orders",)

    def __init__(self, orders: list[Order]) -> None:
        self.orders = orders


Work = Sweep | Withdrawal


def run(state: State, draft: Draft) -> None:
    """Works the queue off as far as the batch has room."""
    work = state.work
    while work:
        item = work[0]
        done = sweep(state, item.taker, draft) if isinstance(item, Sweep) else withdraw(state, item.orders, draft)
        if not done:
            return
        work.popleft()


def withdraw(state: State, orders: list[Order], draft: Draft) -> bool:
    """Cancels orders until none is left (True) or the batch is full (False)."""
    while orders:
        if not draft.claim(WITHDRAWAL):
            return False
        close(state, orders.pop(), CloseReason.USER, draft)
    return True
