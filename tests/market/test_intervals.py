"""Where the intervals start and end."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyfeed.model.intervals import FIXED, INTERVALS, MONTH, WEEK_MONDAY, interval_end, interval_start
from tests.market.words import DAY, MONDAY, SECOND


def micros(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * SECOND


@pytest.mark.parametrize(
    ("interval", "start", "end"),
    [
        (60, "2021-12-30 23:59:00", "2021-12-31 00:00:00"),
        (180, "2021-12-30 23:57:00", "2021-12-31 00:00:00"),
        (14400, "2021-12-30 20:00:00", "2021-12-31 00:00:00"),
        (86400, "2021-12-30 00:00:00", "2021-12-31 00:00:00"),
        (259200, "2021-12-29 00:00:00", "2022-01-01 00:00:00"),
        (604800, "2021-12-30 00:00:00", "2022-01-06 00:00:00"),
        (1296000, "2021-12-29 00:00:00", "2022-01-13 00:00:00"),
        (MONTH, "2021-12-01 00:00:00", "2022-01-01 00:00:00"),
        (WEEK_MONDAY, "2021-12-27 00:00:00", "2022-01-03 00:00:00"),
    ],
)
def test_a_thursday_evening(interval: int, start: str, end: str) -> None:
    assert interval_start(interval, micros("2021-12-30 23:59:59") + 999_999) == micros(start)
    assert interval_end(interval, micros(start)) == micros(end)


def test_months_have_their_own_lengths() -> None:
    starts = [interval_start(MONTH, micros(day)) for day in ("2024-02-29 12:00:00", "2023-12-31 23:59:59")]
    assert starts == [micros("2024-02-01 00:00:00"), micros("2023-12-01 00:00:00")]
    assert interval_end(MONTH, starts[0]) == micros("2024-03-01 00:00:00")
    assert interval_end(MONTH, starts[1]) == micros("2024-01-01 00:00:00")


def test_weeks_start_on_monday_or_on_the_epochs_thursday() -> None:
    assert interval_start(WEEK_MONDAY, MONDAY) == MONDAY
    assert interval_start(WEEK_MONDAY, MONDAY - 1) == MONDAY - 7 * DAY
    assert interval_start(604800, MONDAY) == MONDAY - 4 * DAY


@given(st.sampled_from(INTERVALS), st.integers(0, 4_000_000_000 * SECOND))
def test_a_time_lies_between_its_start_and_its_end(interval: int, ts: int) -> None:
    start = interval_start(interval, ts)
    end = interval_end(interval, start)
    assert start <= ts < end
    assert interval_start(interval, end - 1) == start
    assert interval_start(interval, end) == end
    assert start % (60 * SECOND) == 0


def test_fixed_intervals_count_from_the_epoch() -> None:
    assert all(interval_start(interval, interval * SECOND * 7 + 5) == interval * SECOND * 7 for interval in FIXED)


@pytest.mark.parametrize("interval", [0, -3])
def test_other_intervals_are_refused(interval: int) -> None:
    with pytest.raises(ValueError, match="no interval"):
        interval_start(interval, 0)
    with pytest.raises(ValueError, match="no interval"):
        interval_end(interval, 0)
