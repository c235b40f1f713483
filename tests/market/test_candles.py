"""Candles: worked examples, and equality with candles made anew from all trades."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polyfeed.market.candles import KEPT, Candles
from polyfeed.model.candle import Candle, pack, records, unpack
from polyfeed.model.intervals import INTERVALS, MONTH, WEEK_MONDAY, interval_start
from tests.market import twins
from tests.market.twins import Print
from tests.market.words import DAY, HOUR, MINUTE, MONDAY, SECOND


def shown(candle: Candle) -> tuple[int, int, twins.Summary]:
    return (
        candle.start,
        candle.last_ts,
        twins.Summary(
            candle.open,
            candle.high,
            candle.low,
            candle.close,
            candle.volume,
            candle.value,
            candle.count,
            candle.vwap(),
        ),
    )


def assert_equal(candles: Candles, trades: list[Print], interval: int) -> None:
    expected = twins.candles(trades, lambda ts: interval_start(interval, ts))[-KEPT:]
    assert [shown(candle) for candle in candles.history(interval, KEPT)] == expected
    current = candles.current(interval)
    assert (None if current is None else shown(current)) == (expected[-1] if expected else None)


def test_three_trades_in_one_minute_and_one_in_the_next() -> None:
    candles = Candles()
    for price, size, ts in ((100, 2, 5), (110, 1, 10), (90, 1, 59)):
        candles.trade(price, size, MONDAY + ts * SECOND)
    candles.trade(95, 3, MONDAY + 61 * SECOND)
    first = Candle(MONDAY, 100, 110, 90, 90, 4, 400, 3, MONDAY + 59 * SECOND)
    second = Candle(MONDAY + MINUTE, 95, 95, 95, 95, 3, 285, 1, MONDAY + 61 * SECOND)
    both = Candle(MONDAY, 100, 110, 90, 95, 7, 685, 4, MONDAY + 61 * SECOND)
    assert candles.history(60, 10) == [first, second]
    assert candles.history(60, 1) == [second]
    assert candles.current(60) == second
    assert candles.history(180, 10) == [both]
    assert candles.current(86400) == candles.current(WEEK_MONDAY) == both
    assert first.vwap() == 100
    assert both.vwap() == 98  # 685 / 7 = 97.86


def test_the_average_is_exact_and_rounds_half_up() -> None:
    candles = Candles()
    candles.trade(10, 1, MONDAY)
    candles.trade(11, 1, MONDAY)
    current = candles.current(60)
    assert current is not None
    assert current.vwap() == 11  # 10.5
    huge = 2**62 + 1
    candles.trade(huge, huge, MONDAY)
    current = candles.current(60)
    assert current is not None
    assert current.value == huge * huge + 21
    assert unpack(pack(current)) == current


def test_the_current_candle_is_the_last_with_a_trade_and_a_copy() -> None:
    candles = Candles()
    candles.trade(100, 2, MONDAY)
    before = candles.current(60)
    candles.trade(101, 2, MONDAY)
    assert before == Candle(MONDAY, 100, 100, 100, 100, 2, 200, 1, MONDAY)


def test_quiet_intervals_have_no_candle() -> None:
    candles = Candles()
    candles.trade(100, 2, MONDAY)
    candles.trade(100, 2, MONDAY + 10 * MINUTE)
    assert [candle.start for candle in candles.history(60, 10)] == [MONDAY, MONDAY + 10 * MINUTE]


def test_a_late_trade_counts_in_the_minute_that_runs() -> None:
    candles = Candles()
    candles.trade(100, 2, MONDAY + MINUTE)
    candles.trade(50, 1, MONDAY)
    assert candles.history(60, 10) == [Candle(MONDAY + MINUTE, 100, 100, 50, 50, 3, 250, 2, MONDAY)]


def test_a_trade_at_the_very_end_of_an_interval_begins_the_next() -> None:
    candles = Candles()
    for price, ts in ((1, 0), (2, 59 * MINUTE), (3, HOUR), (4, DAY - 1), (5, DAY)):
        candles.trade(price, 1, MONDAY + ts)
    assert [(candle.start - MONDAY, candle.close) for candle in candles.history(3600, 9)] == [
        (0, 2),
        (HOUR, 3),
        (23 * HOUR, 4),
        (DAY, 5),
    ]
    assert [candle.close for candle in candles.history(86400, 9)] == [4, 5]


def test_no_more_than_720_candles_are_kept() -> None:
    candles = Candles()
    for minute in range(1000):
        candles.trade(minute + 1, 1, MONDAY + minute * MINUTE)
    assert [candle.open for candle in candles.history(60, 5000)] == list(range(281, 1001))
    assert [candle.open for candle in candles.history(60, 720)] == list(range(281, 1001))
    assert [candle.open for candle in candles.history(60, 3)] == [998, 999, 1000]


def test_before_the_first_trade_there_is_nothing() -> None:
    candles = Candles()
    assert candles.current(60) is None
    assert candles.history(60, 5) == []
    candles.trade(1, 1, MONDAY)
    assert candles.history(60, 0) == []


def test_an_unknown_interval_is_refused() -> None:
    for ask in (Candles().current, lambda interval: Candles().history(interval, 5)):
        with pytest.raises(ValueError, match="61 is no interval"):
            ask(61)


def test_records_are_cut_apart_where_they_were_joined() -> None:
    candles = [Candle(number, 1, 2, 3, 4, 5, 6, 7, 8) for number in range(3)]
    assert [unpack(record) for record in records(b"".join(map(pack, candles)))] == candles


GAPS = st.one_of(
    st.integers(0, 2 * MINUTE),
    st.integers(0, 30 * HOUR),
    st.integers(0, 40 * DAY),
    st.sampled_from((MINUTE, 5 * MINUTE, HOUR, DAY, 7 * DAY)),
)


@given(
    st.lists(
        st.tuples(
            st.integers(1, 100),
            st.integers(1, 2**40),
            GAPS,
        ),
        max_size=40,
    )
)
@settings(deadline=None, max_examples=100)
def test_equals_candles_made_anew_from_all_trades(steps: list[tuple[int, int, int]]) -> None:
    candles, trades, ts = Candles(), [], MONDAY
    for price, size, gap in steps:
        ts += gap
        trades.append(Print(price, size, ts))
        candles.trade(*trades[-1])
    for interval in INTERVALS:
        assert_equal(candles, trades, interval)


@pytest.mark.parametrize("seed", range(4))
def test_many_trades_over_months(seed: int) -> None:
    rng = random.Random(seed)
    candles, trades, ts = Candles(), [], MONDAY
    for number in range(1500):
        ts += int(rng.expovariate(1 / (2 * HOUR if number % 300 > 200 else MINUTE)))
        trades.append(Print(rng.randrange(1, 1000), rng.randrange(1, 10**12), ts))
        candles.trade(*trades[-1])
    assert len(candles.history(MONTH, KEPT)) >= 2
    for interval in INTERVALS:
        assert_equal(candles, trades, interval)
