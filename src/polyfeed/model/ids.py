"""Order numbers: one 53-bit integer made of the command's time and a counter.

The form is the one measured on Bitstamp's wire, `((ms - 1288834974657) << 12) | n` (spec/bitstamp.md 4.5), because it
is the narrowest any of the five dialects shows: it stays below 2^53, so JavaScript reads it exactly, and every other
dialect's identifier is a reversible function of it.
"""

from __future__ import annotations

ORDER_EPOCH_MS = 1_288_834_974_657
COUNTER_BITS = 12

INSURANCE_FUND = -1
"""The account of the venue's insurance fund, to deposit to; no command opens one with a number below 0."""


def next_order_id(last: int, ts: int) -> int:
    """The id after `last` for a command stamped `ts` (venue microseconds): strictly increasing.

    More than 4,096 orders in one millisecond borrow from the next one.
    """
    return max(last + 1, (ts // 1000 - ORDER_EPOCH_MS) << COUNTER_BITS)


def order_id_ms(order_id: int) -> int:
    """The millisecond since the epoch in which the id was made."""
    return (order_id >> COUNTER_BITS) + ORDER_EPOCH_MS
