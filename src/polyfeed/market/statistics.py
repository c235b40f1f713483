"""Statistics of today and of the last 24 hours of one instrument.

The 24 hours really roll, in memory that does not grow with the number of trades: trades are kept as one record per
minute (at most 1,441 of 96 bytes), and a minute leaves when all of it is 24 hours old. So the window covers the 24
hours before the start of the running minute, and what has run of that minute: a trade leaves it, exactly, with
everything that it contributed, between 24 h and 24 h 1 min after it happened.

Nothing needs to be told that time passes: whoever looks, looks at the clock first.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from struct import Struct as Layout

from msgspec import Struct

from polyfeed.market.clock import Clock
from polyfeed.market.extremes import Highest, Lowest
from polyfeed.market.window import Window, WindowImage
from polyfeed.model.candle import Candle, first_of, pack, records, unpack
from polyfeed.model.intervals import DAY, MINUTE, SECOND

_START = Layout("<q")


class StatisticsImage(Struct, frozen=True, array_like=True):
    """Statistics as a value, as of the clock's time. `minutes` are packed records, the running one last."""

    last: int
    last_size: int
    before: int
    today: WindowImage
    minutes: bytes


class Statistics:
    """Volumes, extremes and averages of trades at the time of the clock. Prices and sizes are scaled by the instrument.

    `last` and `last_size` are those of the last trade, 0 before the first. A late trade counts as happening now.
    """

    __slots__ = (
        "_before",
        "_clock",
        "_day",
        "_due",
        "_finished",
        "_highest",
        "_lowest",
        "_minute",
        "_rolling",
        "_today",
        "last",
        "last_size",
    )

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.last = 0
        self.last_size = 0
        self._today = Window()
        self._rolling = Window()
        self._minute: Candle | None = None  # the last minute with a trade, while it is in the window
        self._finished: deque[bytes] = deque()  # the minutes before it in the window
        self._highest = Highest()
        self._lowest = Lowest()
        self._before = 0  # the last price of the last minute that left the window
        self._day = 0  # start of today
        self._due = 0  # when the next thing ends: the day, or the oldest minute's 24 hours

    @property
    def today(self) -> Window:
        """Since midnight UTC."""
        self._roll()
        return self._today

    @property
    def rolling(self) -> Window:
        """The last 24 hours; `open` is the first price in them."""
        self._roll()
        return self._rolling

    def price_ago(self, seconds: int) -> int:
        """The price `seconds` (whole minutes, at most 24 h) before the start of the running minute.

        That is the last trade's price until then; the first price ever when there was none, 0 when there never was one.
        Raises ValueError for a longer time.
        """
        if not 0 <= seconds * SECOND <= DAY:
            raise ValueError(f"{seconds} s is not within 24 hours")
        self._roll()
        now = self._clock.now
        edge = now - now % MINUTE - seconds * SECOND
        if self._minute is None or self._minute.start < edge:
            return self.last
        older = bisect_left(self._finished, edge, key=_start_of)
        return unpack(self._finished[older - 1]).close if older else self._before or self._rolling.open

    def trade(self, price: int, size: int) -> None:
        """Takes in a trade that happens now."""
        now = self._clock.now
        if now >= self._due:
            self._roll()
        self.last = price
        self.last_size = size
        self._today.add(price, size)
        self._rolling.add(price, size)
        minute = self._minute
        if minute is not None and now < minute.start + MINUTE:
            minute.add(price, size, now)
            return
        if minute is not None:
            self._finish(minute)
        self._minute = first_of(now - now % MINUTE, price, size, now)

    def image(self) -> StatisticsImage:
        """All of it as a value."""
        self._roll()
        minutes = b"".join(self._finished) + (pack(self._minute) if self._minute else b"")
        return StatisticsImage(self.last, self.last_size, self._before, self._today.image(), minutes)

    def restore(self, image: StatisticsImage) -> None:
        """Becomes what `image` shows; for new statistics whose clock shows the time at which it was made."""
        self.last, self.last_size, self._before = image.last, image.last_size, image.before
        self._today = Window.of(image.today)
        self._day = self._clock.now - self._clock.now % DAY
        self._rolling.clear(self.last)
        for candle in map(unpack, records(image.minutes)):
            if self._minute is not None:
                self._finish(self._minute)
            self._minute = candle
            self._rolling.include(candle)
        self._set_due()

    def _finish(self, minute: Candle) -> None:
        self._finished.append(pack(minute))
        self._highest.push(minute.start, minute.high)
        self._lowest.push(minute.start, minute.low)

    def _roll(self) -> None:
        now = self._clock.now
        if now < self._due:
            return
        if now >= self._day + DAY:
            self._day = now - now % DAY
            self._today.clear(self.last)
        self._expire(now - now % MINUTE - DAY)
        self._set_due()

    def _expire(self, edge: int) -> None:
        """Takes the minutes that started before `edge` out of the window."""
        minute, finished, rolling = self._minute, self._finished, self._rolling
        if minute is None:
            return
        if minute.start < edge:
            self._before = self.last
            self._minute = None
            finished.clear()
            self._highest.clear()
            self._lowest.clear()
            rolling.clear(self.last)
            return
        gone: Candle | None = None
        while finished and _start_of(finished[0]) < edge:
            gone = unpack(finished.popleft())
            rolling.volume -= gone.volume
            rolling.value -= gone.value
            rolling.count -= gone.count
        if gone is not None:
            self._before = gone.close
            rolling.open = unpack(finished[0]).open if finished else minute.open
            rolling.high = self._highest.since(edge, minute.high)
            rolling.low = self._lowest.since(edge, minute.low)

    def _set_due(self) -> None:
        self._due = self._day + DAY
        if self._finished:
            self._due = min(self._due, _start_of(self._finished[0]) + MINUTE + DAY)
        elif self._minute is not None:
            self._due = min(self._due, self._minute.start + MINUTE + DAY)


def _start_of(record: bytes) -> int:
    return int(_START.unpack_from(record)[0])
