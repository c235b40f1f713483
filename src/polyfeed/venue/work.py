"""What a command has begun and one batch may be too small for: a queue of plain items, each done in steps.

The venue works the queue off, in order, until it is empty or the batch is full; `Proceed` goes on where it stopped.
"""

from __future__ import annotations

from polyfeed.venue.draft import WITHDRAWAL, Draft
from polyfeed.venue.items import Activation, Sweep, Withdrawal
from polyfeed.venue.lifecycle import close
from polyfeed.venue.matching import sweep
from polyfeed.venue.perpetuals.steps import step
from polyfeed.venue.state import State
from polyfeed.venue.waiting import activate


def run(state: State, draft: Draft) -> None:
    """Works the queue off as far as the batch has room."""
    work = state.work
    while work:
        item = work[0]
        if isinstance(item, Sweep):
            done = sweep(state, item.taker, draft)
        elif isinstance(item, Withdrawal):
            done = withdraw(state, item, draft)
        elif isinstance(item, Activation):
            done = activate(state, item.order, draft)
        else:
            done = step(state, item, draft)
        if not done:
            return
        if work[0] is item:
            work.popleft()


def withdraw(state: State, item: Withdrawal, draft: Draft) -> bool:
    """Ends orders until none is left (True) or the batch is full (False)."""
    while item.orders:
        if not draft.claim(WITHDRAWAL):
            return False
        close(state, item.orders.pop(), item.reason, draft)
    return True
