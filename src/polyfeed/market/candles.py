"""The candles of every interval that any of the five exchanges shows.

A trade touches only the candle of its minute. Every interval consists of whole minutes, so the others are made of
finished minutes when a new one begins, and of the unfinished one when somebody looks.
"""

from __future__ import annotations

from collections import deque
from itertools import islice

from msgspec import Struct

from polyfeed.model.candle import Candle, copied, first_of, pack, records, unpack
from polyfeed.model.intervals import INTERVALS, MINUTE, interval_end, interval_start

KEPT = 720
"""Candles kept per interval, the current one included (what Kraken's REST call gives)."""

_LONGER = tuple(interval for interval in INTERVALS if interval != 60)


class CandlesImage(Struct, frozen=True, array_like=True):
    """Candles as a value: packed records, in the order of `INTERVALS`; `begun` without the minute, empty for none."""

    minute: bytes
    begun: list[bytes]
    finished: list[bytes]


class Candles:
    """The last candles of all `INTERVALS` of one instrument.

    Only intervals with trades have a candle, and one ends when a trade comes after it: filling quiet intervals is the
    matter of the exchanges that do it. A trade that is late (its minute is over) counts in the minute that runs.
    """

    __slots__ = ("_begun", "_ends", "_finished", "_minute")

    def __init__(self) -> None:
        self._minute: Candle | None = None
        # For each longer interval what the finished minutes of its current candle come to, if there are any.
        self._begun: dict[int, Candle] = {}
        self._ends: dict[int, int] = {}
        self._finished: dict[int, deque[bytes]] = {interval: deque(maxlen=KEPT - 1) for interval in INTERVALS}

    def trade(self, price: int, size: int, ts: int) -> None:
        """Takes in a trade."""
        minute = self._minute
        if minute is not None:
            if ts < minute.start + MINUTE:
                minute.add(price, size, ts)
                return
            self._finish(minute, ts)
        self._minute = first_of(ts - ts % MINUTE, price, size, ts)

    def current(self, interval: int) -> Candle | None:
        """A copy of the last candle that had a trade, however old. Raises ValueError for an unknown interval."""
        minute = self._minute
        if interval not in self._finished:
            raise ValueError(f"{interval} is no interval")
        if minute is None:
            return None
        begun = self._begun.get(interval)
        if begun is None:
            return copied(interval_start(interval, minute.start), minute)
        candle = copied(begun.start, begun)
        candle.merge(minute)
        return candle

    def history(self, interval: int, n: int) -> list[Candle]:
        """The last `n` candles (at most 720, the current one included), oldest first; like `current` otherwise."""
        current = self.current(interval)
        if current is None or n <= 0:
            return []
        finished = self._finished[interval]
        older = islice(finished, max(0, len(finished) - n + 1), None)
        return [*map(unpack, older), current]

    def image(self) -> CandlesImage:
        """All of it as a value."""
        begun = (self._begun.get(interval) for interval in _LONGER)
        return CandlesImage(
            pack(self._minute) if self._minute else b"",
            [pack(candle) if candle else b"" for candle in begun],
            [b"".join(self._finished[interval]) for interval in INTERVALS],
        )

    def restore(self, image: CandlesImage) -> None:
        """Becomes what `image` shows; for new candles."""
        self._minute = unpack(image.minute) if image.minute else None
        self._begun = {
            interval: unpack(record) for interval, record in zip(_LONGER, image.begun, strict=True) if record
        }
        self._ends = {interval: interval_end(interval, candle.start) for interval, candle in self._begun.items()}
        for interval, data in zip(INTERVALS, image.finished, strict=True):
            self._finished[interval] = deque(records(data), KEPT - 1)

    def _finish(self, minute: Candle, ts: int) -> None:
        """The minute is over: it joins the longer candles, and those that `ts` lies behind are finished too."""
        self._finished[60].append(pack(minute))
        begun, ends = self._begun, self._ends
        for interval in _LONGER:
            candle = begun.get(interval)
            if candle is None:
                start = interval_start(interval, minute.start)
                candle = begun[interval] = copied(start, minute)
                ends[interval] = interval_end(interval, start)
            else:
                candle.merge(minute)
            if ts >= ends[interval]:
                self._finished[interval].append(pack(candle))
                del begun[interval], ends[interval]
