"""How the items that perpetuals put on the queue of work are done."""

from __future__ import annotations

from polyfeed.venue.draft import Draft
from polyfeed.venue.perpetuals.funding import pay
from polyfeed.venue.perpetuals.items import Payment, PerpetualWork, Revaluation, Trim, Unwinding
from polyfeed.venue.perpetuals.liquidation import liquidate
from polyfeed.venue.perpetuals.revaluing import revalue, trim, unwind
from polyfeed.venue.state import State


def step(state: State, item: PerpetualWork, draft: Draft) -> bool:
    """Goes on with an item: True when it is done or other work has come before it, False when the batch is full."""
    match item:
        case Payment():
            return pay(state, item, draft)
        case Revaluation():
            return revalue(state, item, draft)
        case Trim():
            return trim(state, item, draft)
        case Unwinding():
            return unwind(state, item, draft)
    return liquidate(state, item, draft)
