"""A recording as market data: batches, their times, speed, loop and steps."""

from __future__ import annotations

import pytest

from polyfeed.dialects.kraken.inbound import KrakenInbound
from polyfeed.market.market import Market
from polyfeed.model.batches import Batch
from polyfeed.model.enums import Detail, OrderKind, Side
from polyfeed.model.events import UNKNOWN_LEVEL, BookReset, InstrumentListed, LevelSet, Trade
from polyfeed.sources.capture_source import CaptureSource
from polyfeed.sources.captures import shipped_captures
from polyfeed.sources.demo import listing_events
from polyfeed.sources.pairs import currencies_of, instruments_of, read_pairs
from polyfeed.sources.timeline import Moment, Timeline
from tests.sources.rig import SECOND, START, SYMBOL, book, by_symbol, trades

T = 1_617_666_423_000_000
EPOCH = 7
INSTRUMENTS = instruments_of(read_pairs(), Detail.LEVELS)
XBT = by_symbol(INSTRUMENTS, [SYMBOL])

RECORDING = [
    book(T, {"10.0": "1.0"}, {"11.0": "2.0"}, reset=True),
    trades(T + SECOND, Side.BUY, ("11.0", "0.5"), ("11.0", "0.25"), kind=OrderKind.MARKET),
    book(T + SECOND, {}, {"11.0": "1.25"}),
    book(T + 3 * SECOND, {"10.1": "7.0"}, {}),
]


def source(recording: list[Moment] = RECORDING, **options: object) -> CaptureSource:
    return CaptureSource(recording, XBT, EPOCH, **options)


def test_each_message_is_a_batch_at_the_engines_time() -> None:
    played = source(loop=False)
    assert played.due == 0
    batches = played.step(START) + played.step(START + 3 * SECOND)
    assert batches == [
        Batch(EPOCH, 1, T, public=[BookReset(0, [(1_000_000, 100_000_000, T)], [(1_100_000, 200_000_000, T)])]),
        Batch(
            EPOCH,
            2,
            T + SECOND,
            public=[
                Trade(0, 1, 1_100_000, 50_000_000, Side.BUY, OrderKind.MARKET, 0, 0, 0, 0, UNKNOWN_LEVEL, T + SECOND),
                Trade(0, 2, 1_100_000, 25_000_000, Side.BUY, OrderKind.MARKET, 0, 0, 0, 0, UNKNOWN_LEVEL, T + SECOND),
            ],
        ),
        Batch(EPOCH, 3, T + SECOND, public=[LevelSet(0, Side.SELL, 1_100_000, 125_000_000, T + SECOND)]),
        Batch(EPOCH, 4, T + 3 * SECOND, public=[LevelSet(0, Side.BUY, 1_010_000, 700_000_000, T + 3 * SECOND)]),
    ]
    assert played.due is None
    assert played.step(START + 9 * SECOND) == []


@pytest.mark.parametrize(("speed", "factor"), [(1, 1.0), (0.1, 10.0), (100, 0.01)])
def test_the_speed(speed: float, factor: float) -> None:
    played = source(speed=speed)
    assert len(played.step(START)) == 1
    assert played.due == START + SECOND * factor
    assert played.step(int(START + SECOND * factor) - 1) == []
    assert len(played.step(int(START + SECOND * factor))) == 2
    assert played.due == START + 3 * SECOND * factor


@pytest.mark.parametrize("speed", [0, 0.09, 101, -1, float("nan")])
def test_other_speeds_are_errors(speed: float) -> None:
    with pytest.raises(ValueError, match="0\\.1 to 100"):
        source(speed=speed)


def test_by_steps_each_call_gives_the_next_message() -> None:
    played = source(speed=None, loop=False)
    assert [len(played.step(START)) for _ in range(6)] == [1, 1, 1, 1, 0, 0]
    assert played.due is None


def test_a_loop_goes_on_in_time() -> None:
    played = source(speed=None)
    batches = [batch for _ in range(12) for batch in played.step(START)]
    assert [batch.seq for batch in batches] == list(range(1, 13))
    second = 3 * SECOND + SECOND  # how long a pass takes, and the gap after it
    assert [batch.ts - T for batch in batches[:4]] == [0, SECOND, SECOND, 3 * SECOND]
    assert [batch.ts - T - second for batch in batches[4:8]] == [0, SECOND, SECOND, 3 * SECOND]
    assert [batch.ts - T - 2 * second for batch in batches[8:]] == [0, SECOND, SECOND, 3 * SECOND]
    assert batches[4].public[0].bids == [(1_000_000, 100_000_000, T + second)]
    assert [trade.trade_id for batch in batches for trade in batch.public if isinstance(trade, Trade)] == [
        1,
        2,
        3,
        4,
        5,
        6,
    ]


def test_a_listing_comes_first() -> None:
    played = source(speed=None, listing=listing_events(currencies_of(read_pairs()), INSTRUMENTS))
    batches = played.step(START) + played.step(START)
    assert [batch.ts for batch in batches] == [T, T, T + SECOND]
    assert sum(isinstance(event, InstrumentListed) for event in batches[0].public) == 83


def test_what_is_not_wanted_is_left_out_and_what_says_nothing_is_empty() -> None:
    assert source([book(T, {"1.0": "1.0"}, {}, reset=True, symbol="XBT/EUR")]).step(START) == []
    assert source([], loop=True).step(START) == []


def test_a_price_with_more_decimals_than_the_instrument_is_an_error() -> None:
    with pytest.raises(ValueError, match="more than 5 decimals"):
        source([book(T, {"1.000001": "1.0"}, {}, reset=True)]).step(START)


def test_the_shipped_capture_fills_a_market() -> None:
    market = Market()
    pairs = read_pairs()
    timeline = Timeline(shipped_captures(), KrakenInbound)
    instruments = by_symbol(INSTRUMENTS, {moment.message.symbol for moment in timeline})
    assert len(instruments) == 10
    listing = listing_events(currencies_of(pairs), INSTRUMENTS)
    played = CaptureSource(timeline, instruments, EPOCH, speed=100, loop=False, listing=listing)
    last, now, count = 0, START, 0
    while (due := played.due) is not None:
        now = max(now, due)
        for batch in played.step(now):
            assert batch.ts >= last
            last = batch.ts
            count += 1
            for _ in market.apply(batch):
                pass
    assert count == 1 + 14_506 + 12
    assert now - START == pytest.approx(1.19 * SECOND, abs=0.02 * SECOND)
    book = market.instruments[0].book
    assert (len(book.bids), len(book.asks)) == (1000, 1000)
    assert sum(len(state.tape.recent(100)) for state in market.instruments) == 28
