"""Slow, obvious twins of everything in `polyfeed.market`: plain dicts and lists, sorted and added up anew each time."""

from collections.abc import Callable
from fractions import Fraction
from math import floor
from typing import NamedTuple

from polyfeed.market.book import Level
from polyfeed.model.enums import Side
from tests.market.words import DAY, MINUTE


class SlowBookSide:
    """What `BookSide` is, as a dict that is sorted whenever somebody asks."""

    def __init__(self, side: Side) -> None:
        self.side = side
        self.totals: dict[int, tuple[int, int]] = {}

    def levels(self) -> list[Level]:
        prices = sorted(self.totals, reverse=self.side is Side.BUY)
        return [Level(price, *self.totals[price]) for price in prices]

    def rank_of(self, price: int) -> int:
        better = [known for known in self.totals if (known > price if self.side is Side.BUY else known < price)]
        return len(better)

    def set(self, price: int, size: int, ts: int) -> tuple[int, bool] | None:
        if size <= 0 and price not in self.totals:
            return None
        added = price not in self.totals
        rank = self.rank_of(price)
        if size > 0:
            self.totals[price] = (size, ts)
        else:
            del self.totals[price]
        return rank, added


class Print(NamedTuple):
    """A trade that happened at `ts`."""

    price: int
    size: int
    ts: int


class Summary(NamedTuple):
    """What a candle or a window shows of some trades."""

    open: int
    high: int
    low: int
    close: int
    volume: int
    value: int
    count: int
    vwap: int


def summary(trades: list[Print], fallback: int = 0) -> Summary:
    if not trades:
        return Summary(fallback, fallback, fallback, fallback, 0, 0, 0, fallback)
    prices = [trade.price for trade in trades]
    volume = sum(trade.size for trade in trades)
    value = sum(trade.price * trade.size for trade in trades)
    average = floor(Fraction(value, volume) + Fraction(1, 2))
    return Summary(prices[0], max(prices), min(prices), prices[-1], volume, value, len(trades), average)


def candles(trades: list[Print], start_of: Callable[[int], int]) -> list[tuple[int, int, Summary]]:
    """(start, time of the last trade, summary) of each interval that had trades."""
    starts = sorted({start_of(trade.ts) for trade in trades})
    within = [[trade for trade in trades if start_of(trade.ts) == start] for start in starts]
    return [(start, inside[-1].ts, summary(inside)) for start, inside in zip(starts, within, strict=True)]


def minute_of(ts: int) -> int:
    return ts // MINUTE * MINUTE


def today(trades: list[Print], now: int) -> Summary:
    last = [trade.price for trade in trades if trade.ts // DAY < now // DAY][-1:]
    return summary([trade for trade in trades if trade.ts // DAY == now // DAY], *last)


def rolling(trades: list[Print], now: int) -> Summary:
    return summary(
        [trade for trade in trades if minute_of(trade.ts) >= minute_of(now) - DAY], *[t.price for t in trades][-1:]
    )


def price_ago(trades: list[Print], now: int, ago: int) -> int:
    older = [trade.price for trade in trades if minute_of(trade.ts) < minute_of(now) - ago]
    return older[-1] if older else trades[0].price if trades else 0
