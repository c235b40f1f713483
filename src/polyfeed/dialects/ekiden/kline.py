"""`kline.<interval>.<symbol>` and the candles of `market/kline` (spec/ekiden.md 5).

The running candle is told at a full second when it had a trade since the last one, and once more when it is over,
before the first message of the next; a candle without trades repeats the price before it. Before the first trade
ever there is no candle.
"""

from __future__ import annotations

from collections.abc import Sequence

from polyfeed.dialects._base.effects import FeedKey
from polyfeed.dialects._base.feeds import OnLag
from polyfeed.dialects.ekiden import spec
from polyfeed.dialects.ekiden.desk import Desk
from polyfeed.dialects.ekiden.feeds import ListingFeed
from polyfeed.dialects.ekiden.numbers import Numbers
from polyfeed.dialects.ekiden.public_objects import Object
from polyfeed.dialects.ekiden.symbols import Listing
from polyfeed.dialects.ekiden.wire import encode, event, event_head, milliseconds
from polyfeed.market.candles import KEPT
from polyfeed.model.batches import Batch
from polyfeed.model.candle import Candle
from polyfeed.model.intervals import interval_end, interval_start

CLOSES_AT_ONCE = 60
"""Candles that are told to be over at one mark; after a longer silence the others between are left out."""


class KlineFeed(ListingFeed):
    """The candles of the interval `key.parameter`, a key of the market's."""

    wants = ()
    on_lag = OnLag.SNAPSHOT
    rank = spec.RANKS[spec.KLINE]
    timed = True

    def __init__(self, key: FeedKey, listing: Listing, numbers: Numbers, desk: Desk) -> None:
        super().__init__(key, listing, numbers, desk)
        now = numbers.now
        self.head = event_head(f"{spec.KLINE}.{spec.INTERVAL_NAMES[key.parameter]}.{listing.symbol}")
        self._start = interval_start(key.parameter, now)
        self._second = now - now % spec.SECOND

    def tick(self, ts: int) -> Sequence[str]:
        """The candles that are over by now, or the running one."""
        since = self._second
        self._second = ts - ts % spec.SECOND
        running = interval_start(self.key.parameter, ts)
        self._start = min(self._start, running)  # a recording's first event brings its own, earlier time
        if running > self._start:
            return self._closed(running, ts)
        if self._second > since and self.numbers.traded >= since:
            return self._texts([self._start], ts)
        return ()

    def flush(self, batch: Batch) -> Sequence[str]:
        """Nothing between the marks."""
        return ()

    def snapshot(self) -> Sequence[str]:
        """The running candle."""
        return self._texts([self._start], self.numbers.now)

    def _closed(self, running: int, ts: int) -> Sequence[str]:
        starts: list[int] = []
        while self._start < running and len(starts) < CLOSES_AT_ONCE:
            starts.append(self._start)
            self._start = interval_end(self.key.parameter, self._start)
        self._start = running
        return self._texts(starts, ts)

    def _texts(self, starts: list[int], ts: int) -> list[str]:
        found = candles(self.listing, self.key.parameter, starts)
        return [event(self.head, ts, encode(candle)) for candle in found]


def candles(listing: Listing, interval: int, starts: list[int]) -> list[Object]:
    """The candles that start at these times, ascending; those before the first that is known are left out."""
    return shown(listing, interval, starts, listing.state.candles.history(interval, KEPT if len(starts) > 1 else 2))


def shown(listing: Listing, interval: int, starts: list[int], known: Sequence[Candle]) -> list[Object]:
    """The same, of known candles, oldest first."""
    return [_object(listing, interval, start, candle) for start, candle in _standing(known, starts)]


def price_shown(listing: Listing, starts: list[int], known: Sequence[Candle]) -> list[Object]:
    """As `shown`, of a price that was told, such as a perpetual's mark: it stands until the next one."""
    text = listing.price
    rows: list[Object] = []
    for start, candle in _standing(known, starts):
        told = candle.start == start
        levels = (candle.open, candle.high, candle.low, candle.close) if told else (candle.close,) * 4
        rows.append({"t": milliseconds(start), **dict(zip("ohlc", map(text, levels), strict=True))})
    return rows


def _standing(known: Sequence[Candle], starts: list[int]) -> list[tuple[int, Candle]]:
    """Each start with the last candle that had begun by then; without those before the first that is known."""
    found: list[tuple[int, Candle]] = []
    place = 0
    for start in starts:
        while place + 1 < len(known) and known[place + 1].start <= start:
            place += 1
        if place < len(known) and known[place].start <= start:
            found.append((start, known[place]))
    return found


def _object(listing: Listing, interval: int, start: int, candle: Candle) -> Object:
    """The candle at `start`: this one, or an empty one after it."""
    price = listing.price
    traded = candle.start == start
    close = price(candle.close)
    return {
        "t": milliseconds(start),
        "i": spec.INTERVAL_NAMES[interval],
        "o": price(candle.open) if traded else close,
        "h": price(candle.high) if traded else close,
        "l": price(candle.low) if traded else close,
        "c": close,
        "T": milliseconds(interval_end(interval, start)),
        "v": listing.size(candle.volume) if traded else "0",
        "n": str(candle.count) if traded else "0",
    }
