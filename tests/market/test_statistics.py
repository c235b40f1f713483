"""Statistics of today and of the last 24 hours: a stepped clock, and equality with sums over all trades."""

import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polyfeed.market.clock import Clock
from polyfeed.market.statistics import Statistics
from polyfeed.market.window import Window
from tests.market import twins
from tests.market.twins import Print
from tests.market.words import DAY, HOUR, MINUTE, MONDAY, SECOND


class Stepped:
    """Statistics and the clock that drives them."""

    def __init__(self) -> None:
        self.clock = Clock(MONDAY)
        self.stats = Statistics(self.clock)
        self.trades: list[Print] = []

    def at(self, ts: int, price: int = 0, size: int = 1) -> Statistics:
        self.clock.advance(ts)
        if price:
            self.trades.append(Print(price, size, ts))
            self.stats.trade(price, size)
        return self.stats

    def assert_equal(self) -> None:
        now = self.clock.now
        assert_shows(self.stats.today, twins.today(self.trades, now))
        assert_shows(self.stats.rolling, twins.rolling(self.trades, now))
        for ago in (MINUTE, HOUR, DAY):
            assert self.stats.price_ago(ago // SECOND) == twins.price_ago(self.trades, now, ago)


def assert_shows(window: Window, expected: twins.Summary) -> None:
    assert window == Window(expected.volume, expected.value, expected.count, expected.low, expected.high, expected.open)
    assert window.vwap() == expected.vwap


def figures(window: Window) -> tuple[int, int, int, int, int, int]:
    return window.open, window.high, window.low, window.vwap(), window.volume, window.count


def test_before_the_first_trade_ever_all_is_zero() -> None:
    stats = Stepped().at(MONDAY + HOUR)
    assert figures(stats.today) == figures(stats.rolling) == (0, 0, 0, 0, 0, 0)
    assert (stats.last, stats.last_size, stats.price_ago(3600), stats.price_ago(86400)) == (0, 0, 0, 0)


def test_a_day_of_trades() -> None:
    steps = Stepped()
    steps.at(MONDAY + HOUR, 100, 2)
    steps.at(MONDAY + 2 * HOUR, 120, 1)
    stats = steps.at(MONDAY + 3 * HOUR, 90, 1)
    assert figures(stats.today) == figures(stats.rolling) == (100, 120, 90, 103, 4, 3)  # 410 / 4 = 102.5
    assert (stats.last, stats.last_size) == (90, 1)
    assert stats.price_ago(3600) == 100
    assert stats.price_ago(86400) == 100


def test_today_ends_at_midnight_and_shows_the_last_price_until_the_next_trade() -> None:
    steps = Stepped()
    steps.at(MONDAY + 23 * HOUR, 100, 2)
    steps.at(MONDAY + DAY - 1, 110, 2)
    assert figures(steps.stats.today) == (100, 110, 100, 105, 4, 2)
    stats = steps.at(MONDAY + DAY)
    assert figures(stats.today) == (110, 110, 110, 110, 0, 0)
    assert figures(stats.rolling) == (100, 110, 100, 105, 4, 2)
    steps.at(MONDAY + DAY + MINUTE, 90, 1)
    assert figures(stats.today) == (90, 90, 90, 90, 1, 1)


def test_24_hours_really_roll_while_nobody_trades() -> None:
    steps = Stepped()
    steps.at(MONDAY + 10 * HOUR + 30 * SECOND, 100, 1)
    steps.at(MONDAY + 11 * HOUR, 150, 1)
    stats = steps.at(MONDAY + 12 * HOUR, 120, 2)
    assert figures(stats.rolling) == (100, 150, 100, 123, 4, 3)  # 490 / 4 = 122.5
    steps.at(MONDAY + DAY + 10 * HOUR + 30 * SECOND)
    assert figures(stats.rolling) == (100, 150, 100, 123, 4, 3)
    steps.at(MONDAY + DAY + 10 * HOUR + MINUTE - 1)
    assert figures(stats.rolling) == (100, 150, 100, 123, 4, 3)
    steps.at(MONDAY + DAY + 10 * HOUR + MINUTE)  # the minute of the first trade is 24 hours old
    assert figures(stats.rolling) == (150, 150, 120, 130, 3, 2)
    assert stats.price_ago(86400) == 100
    steps.at(MONDAY + DAY + 11 * HOUR + MINUTE)
    assert figures(stats.rolling) == (120, 120, 120, 120, 2, 1)
    assert stats.price_ago(86400) == 150
    steps.at(MONDAY + DAY + 12 * HOUR + MINUTE)
    assert figures(stats.rolling) == (120, 120, 120, 120, 0, 0)
    assert stats.price_ago(86400) == 120
    steps.at(MONDAY + 9 * DAY, 80, 5)
    assert figures(stats.rolling) == (80, 80, 80, 80, 5, 1)
    assert stats.price_ago(86400) == stats.price_ago(3600) == 120
    assert stats.last == 80


def test_a_trade_that_comes_after_days_of_silence_finds_the_window_empty() -> None:
    steps = Stepped()
    steps.at(MONDAY, 100, 1)
    stats = steps.at(MONDAY + 3 * DAY, 50, 2)
    assert figures(stats.today) == figures(stats.rolling) == (50, 50, 50, 50, 2, 1)


def test_the_price_an_hour_ago_is_that_of_the_last_trade_until_then() -> None:
    steps = Stepped()
    for minute in range(0, 180, 10):
        steps.at(MONDAY + minute * MINUTE, 100 + minute)
    stats = steps.at(MONDAY + 170 * MINUTE + 30 * SECOND)
    assert stats.price_ago(3600) == 200  # the trade of minute 100; that of minute 110 is not an hour old throughout
    assert steps.at(MONDAY + 171 * MINUTE).price_ago(3600) == 210
    assert steps.at(MONDAY + 12 * HOUR).price_ago(3600) == 270


@pytest.mark.parametrize("seconds", [86401, -1])
def test_further_back_than_24_hours_nothing_is_known(seconds: int) -> None:
    with pytest.raises(ValueError, match="not within 24 hours"):
        Stepped().stats.price_ago(seconds)


def test_the_window_holds_at_most_one_record_per_minute() -> None:
    steps = Stepped()
    for number in range(5000):
        steps.at(MONDAY + number * 30 * SECOND, 100 + number % 7)
    assert len(steps.stats.image().minutes) <= 1441 * 96
    steps.assert_equal()


GAPS = st.one_of(
    st.integers(0, 90 * SECOND),
    st.integers(0, 3 * HOUR),
    st.integers(0, 3 * DAY),
    st.sampled_from((MINUTE, HOUR, DAY, DAY + MINUTE)),
)
STEPS = st.lists(st.tuples(GAPS, st.one_of(st.just(0), st.integers(1, 50)), st.integers(1, 2**40)), max_size=50)


@given(STEPS, st.booleans())
@settings(deadline=None, max_examples=200)
def test_equals_sums_over_all_trades(steps: list[tuple[int, int, int]], looks: bool) -> None:
    """Whether somebody looks after each step or only at the end."""
    stepped, ts = Stepped(), MONDAY
    for gap, price, size in steps:
        ts += gap
        stepped.at(ts, price, size)
        if looks:
            stepped.assert_equal()
    stepped.assert_equal()


def minute_by_minute(rng: random.Random) -> int:
    return MINUTE


def hastily(rng: random.Random) -> int:
    return rng.randrange(5 * SECOND)


def at_times(rng: random.Random) -> int:
    return int(rng.expovariate(1 / (20 * MINUTE)))


@pytest.mark.parametrize("pace", [minute_by_minute, hastily, at_times])
def test_across_a_whole_day(pace: Callable[[random.Random], int]) -> None:
    """A price that climbs, falls and climbs, so that every extreme leaves the window at some time."""
    rng = random.Random(3)
    stepped, ts = Stepped(), MONDAY + 22 * HOUR
    for number in range(4000):
        ts += pace(rng)
        stepped.at(ts, 1000 + abs(number % 1000 - 500) + rng.randrange(20), rng.randrange(1, 10**10))
        if number % 97 == 0:
            stepped.assert_equal()
    for _ in range(60):
        ts += 30 * MINUTE
        stepped.at(ts)
        stepped.assert_equal()
