"""Orders that end at a time: DAY ones at the next UTC midnight, GTD ones when they say.

An order expires by venue time, before the first command at or after its time is carried out, whatever that command is
and whether it is then refused or not. Those that expire before the same command go in the order of their times, then of
their entry. The state of the market does not matter: they end while it is halted, too.
"""

from __future__ import annotations

from polyfeed.model.commands import PlaceOrder
from polyfeed.model.enums import CloseReason, Refusal, TimeInForce
from polyfeed.venue.items import Withdrawal
from polyfeed.venue.limits import MAX_TS
from polyfeed.venue.refused import Refused
from polyfeed.venue.state import State

DAY_US = 86_400_000_000

TIMED = (TimeInForce.DAY, TimeInForce.GTD)


def check_expiry(command: PlaceOrder, now: int) -> None:
    """Whether an order says when it ends if and only if it must. Raises Refused. Times are venue microseconds."""
    if command.tif is not TimeInForce.GTD:
        if command.expire_ts:
            raise Refused(
                Refusal.INVALID_TERMS,
                f"only a GTD order has an expiry time, {command.tif.name} has none; send 0 or use GTD",
            )
    elif not now < command.expire_ts < MAX_TS:
        raise Refused(
            Refusal.INVALID_TERMS,
            f"expiry time {command.expire_ts} is not after now, {now}, and before {MAX_TS}; send microseconds",
        )


def end_of(command: PlaceOrder, now: int) -> int:
    """The time at which an order ends that is entered now; 0 for one that has none."""
    return (now // DAY_US + 1) * DAY_US if command.tif is TimeInForce.DAY else command.expire_ts


def expire(state: State, now: int) -> None:
    """Puts all that is due on the queue of work."""
    orders = state.expiring.take(now)
    for order in orders:
        order.expire_ts = 0  # it is no longer on the list
    orders.reverse()
    state.work.append(Withdrawal(orders, CloseReason.EXPIRED))
