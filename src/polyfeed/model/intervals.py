"""The candle intervals of the five exchanges, and where each one starts and ends.

An interval is named by its length in seconds, the two that have no fixed start after the epoch by a negative key. Times
are venue microseconds since the epoch, UTC.
"""

from __future__ import annotations

from datetime import date

SECOND = 1_000_000
MINUTE = 60 * SECOND
DAY = 86_400 * SECOND

MONTH = -1
"""Calendar month, UTC."""

WEEK_MONDAY = -2
"""Week that starts on Monday, UTC; 604800 is the week counted from the epoch, which was a Thursday."""

FIXED = (60, 180, 300, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400, 259200, 604800, 1296000)
INTERVALS = (*FIXED, MONTH, WEEK_MONDAY)

_WEEK = 7 * DAY
_MONDAY = 4 * DAY  # 1970-01-05
_EPOCH_DAY = date(1970, 1, 1).toordinal()


def interval_start(interval: int, ts: int) -> int:
    """The start of the interval that `ts` lies in. Raises ValueError for what is no positive number and no key."""
    if interval > 0:
        return ts - ts % (interval * SECOND)
    if interval == WEEK_MONDAY:
        return ts - (ts - _MONDAY) % _WEEK
    if interval == MONTH:
        return _day_start(_date(ts).replace(day=1))
    raise ValueError(f"{interval} is no interval")


def interval_end(interval: int, start: int) -> int:
    """The start of the interval after the one that starts at `start`. Raises ValueError like `interval_start`."""
    if interval > 0:
        return start + interval * SECOND
    if interval == WEEK_MONDAY:
        return start + _WEEK
    if interval == MONTH:
        first = _date(start).replace(day=1)
        return _day_start(date(first.year + first.month // 12, first.month % 12 + 1, 1))
    raise ValueError(f"{interval} is no interval")


def _date(ts: int) -> date:
    return date.fromordinal(_EPOCH_DAY + ts // DAY)


def _day_start(day: date) -> int:
    return (day.toordinal() - _EPOCH_DAY) * DAY
