"""The market as a whole: numbering, what is announced and when, names, and whose clock drives what."""

from typing import get_args

import pytest
from msgspec.structs import replace

from polyfeed.market.book import Level
from polyfeed.market.changes import LevelChange
from polyfeed.market.errors import UnknownInstrument
from polyfeed.market.folds import FOLDS
from polyfeed.market.market import Market
from polyfeed.market.price_history import Funding
from polyfeed.model.batches import Batch
from polyfeed.model.enums import Detail, InstrumentKind, InstrumentStatus, OrderKind, Side
from polyfeed.model.errors import BatchOutOfOrder
from polyfeed.model.events import (
    AnnouncementMade,
    BookReset,
    CurrencyDefined,
    DeleveragingStateSet,
    FundingRateSet,
    FundingSettled,
    IndexPriceSet,
    InstrumentListed,
    InstrumentStatusSet,
    InsuranceFundSet,
    LevelSet,
    MarkPriceSet,
    OpenInterestSet,
    OrderOpened,
    OrderRested,
    PositionLiquidated,
    PublicEvent,
    RelayedFrame,
    SystemStatusSet,
    Trade,
)
from polyfeed.model.instruments import Currency
from polyfeed.model.trades import TapeEntry
from tests.market.words import DAY, HOUR, MINUTE, MONDAY, RECORDING, SECOND, Driven, instrument, trade


@pytest.fixture
def driven() -> Driven:
    """A matched instrument (0) and a recorded one (1)."""
    return Driven(instrument(kraken="XBT/USD"), instrument(1, Detail.LEVELS, kraken="ETH/USD", peatio="ethusd"))


# --- numbering ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("seq", "seen"), [(0, True), (1, True), (3, False), (99, False)])
def test_a_batch_that_is_not_the_next_is_refused_before_anything_changes(driven: Driven, seq: int, seen: bool) -> None:
    before = driven.market.state_hash()
    with pytest.raises(BatchOutOfOrder, match=f"batch {seq} of epoch 1 came where 2 was expected") as refused:
        driven.market.apply(Batch(1, seq, 50, public=[SystemStatusSet("maintenance")]))
    assert (refused.value.epoch, refused.value.seq, refused.value.expected) == (1, seq, 2)
    assert refused.value.seen is seen
    assert driven.market.state_hash() == before
    driven.send(SystemStatusSet("maintenance"))
    assert driven.market.system_status == "maintenance"


def test_a_history_starts_with_its_first_batch() -> None:
    with pytest.raises(BatchOutOfOrder):
        Market().apply(Batch(5, 2, 0))


def test_every_epoch_counts_its_own_batches(driven: Driven) -> None:
    driven.send(LevelSet(1, Side.BUY, 100, 5), ts=70, epoch=RECORDING)
    driven.send(ts=90)
    driven.send(LevelSet(1, Side.BUY, 100, 6), ts=80, epoch=RECORDING)
    market = driven.market
    assert market.seen == {1: 2, RECORDING: 2}
    assert (market.epoch, market.seq, market.ts) == (RECORDING, 2, 80)
    with pytest.raises(BatchOutOfOrder):
        market.apply(Batch(RECORDING, 2, 0))


def test_a_recordings_instrument_has_its_history_from_its_first_event_on(driven: Driven) -> None:
    driven.send(InstrumentStatusSet(1, InstrumentStatus.ONLINE), ts=70, epoch=RECORDING)
    assert driven.market.instruments[1].epoch == 1
    driven.send(LevelSet(1, Side.BUY, 100, 5), ts=80, epoch=RECORDING)
    driven.send(InstrumentStatusSet(1, InstrumentStatus.ONLINE), ts=90)
    market = Market.restore(driven.market.snapshot())
    assert [state.epoch for state in market.instruments] == [1, RECORDING]
    assert [market.time_of(epoch) for epoch in (1, RECORDING, 99)] == [90, 80, 0]


def test_an_unknown_instrument_is_an_error(driven: Driven) -> None:
    for number in (2, -1):
        with pytest.raises(UnknownInstrument):
            driven.send(LevelSet(number, Side.BUY, 100, 5))


@pytest.mark.parametrize("number", [0, 1, 3])
def test_instruments_are_listed_in_the_order_of_their_numbers(driven: Driven, number: int) -> None:
    with pytest.raises(UnknownInstrument, match=f"instrument {number} is not one of the 2"):
        driven.send(InstrumentListed(instrument(number)))


def test_every_public_event_is_folded(driven: Driven) -> None:
    folded = set(FOLDS) | set(driven.market._folds)
    assert folded == set(get_args(PublicEvent))


# --- the venue as a whole -------------------------------------------------------------------------------------------


def test_names(driven: Driven) -> None:
    assert driven.market.by_symbol("kraken", "XBT/USD") is driven[0]
    assert driven.market.by_symbol("peatio", "ethusd") is driven[1]
    assert driven.market.by_symbol("peatio", "XBT/USD") is None


def test_currencies_statuses_and_what_is_only_passed_on(driven: Driven) -> None:
    assert driven.market.system_status == "online"
    assert driven.send(CurrencyDefined(Currency("USD", 5))) == []
    assert driven.market.currencies == {"USD": Currency("USD", 5)}
    events = [
        SystemStatusSet("maintenance"),
        InstrumentStatusSet(1, InstrumentStatus.HALTED),
        AnnouncementMade(7, "published", "{}"),
        RelayedFrame("btcusd.trades", b"{}"),
        InsuranceFundSet("USD", 12345),
        InstrumentListed(instrument(2)),
    ]
    assert driven.send(*events) == events
    assert driven.market.system_status == "maintenance"
    assert [state.status for state in driven.market.instruments] == ["online", "halted", "online"]
    assert driven.market.insurance == {"USD": 12345}


def test_a_perpetual(driven: Driven) -> None:
    events = [
        IndexPriceSet(0, 1001),
        MarkPriceSet(0, 1002),
        FundingRateSet(0, -130, 5 * HOUR),
        FundingSettled(0, 125, 1000),
        OpenInterestSet(0, 77),
        PositionLiquidated(0, Side.SELL, 5, 990, "maintenance margin"),
        DeleveragingStateSet(0, True, "fund exhausted"),
    ]
    assert driven.send(*events, ts=9) == events
    perpetual = driven[0].perpetual
    assert (perpetual.index_price, perpetual.mark_price) == (1001, 1002)
    assert (perpetual.funding_rate_ppm, perpetual.next_funding_ts, perpetual.paid_rate_ppm) == (-130, 5 * HOUR, 125)
    assert (perpetual.open_interest, perpetual.deleveraging) == (77, True)
    assert perpetual.deleveraging_reason == "fund exhausted"
    assert driven[0].prices is None, "a spot market"


def test_the_prices_and_the_funding_of_a_perpetual_are_kept() -> None:
    driven = Driven(replace(instrument(), kind=InstrumentKind.PERPETUAL))
    for ts, mark in ((HOUR, 100), (HOUR + 1, 104), (HOUR + 2, 98), (HOUR + MINUTE, 101)):
        driven.send(IndexPriceSet(0, mark - 1), MarkPriceSet(0, mark), ts=ts)
    driven.send(FundingSettled(0, 125, 101), ts=2 * HOUR)
    prices = driven[0].prices
    assert prices is not None
    first, second = prices.mark.history(60, 5)
    assert (first.start, first.open, first.high, first.low, first.close) == (HOUR, 100, 104, 98, 98)
    assert (first.count, first.volume, second.open) == (3, 0, 101)
    whole = prices.index.current(3600)
    assert whole is not None
    assert (whole.open, whole.high, whole.low, whole.close) == (99, 103, 97, 100)
    assert list(prices.fundings) == [Funding(2 * HOUR, 125, 101)]


# --- levels and trades ----------------------------------------------------------------------------------------------


def test_a_level_set_is_a_change_even_when_only_its_time_is_new(driven: Driven) -> None:
    first = driven.send(LevelSet(1, Side.BUY, 100, 5, ts=40), ts=50, epoch=RECORDING)
    assert first == [LevelChange(1, Side.BUY, 100, 5, 40, 0, True)]
    again = driven.send(LevelSet(1, Side.BUY, 100, 5), ts=60, epoch=RECORDING)
    assert again == [LevelChange(1, Side.BUY, 100, 5, 60, 0, False)]
    assert driven[1].book.bids.best() == Level(100, 5, 60)
    assert driven[1].ts == 60


def test_the_removal_of_an_unknown_level_is_no_change(driven: Driven) -> None:
    assert driven.send(LevelSet(1, Side.BUY, 100, 0), epoch=RECORDING) == []


def test_removals_tell_the_rank_that_the_level_had(driven: Driven) -> None:
    levels = [LevelSet(1, Side.SELL, price, 5) for price in (100, 101, 102)]
    driven.send(*levels, epoch=RECORDING)
    gone = driven.send(LevelSet(1, Side.SELL, 101, 0), ts=70, epoch=RECORDING)
    assert gone == [LevelChange(1, Side.SELL, 101, 0, 70, 1, False)]


def test_a_reset_replaces_the_whole_book(driven: Driven) -> None:
    driven.send(LevelSet(1, Side.BUY, 100, 5), epoch=RECORDING)
    reset = BookReset(1, [(99, 2, 11), (98, 3, 12)], [(101, 4, 13)])
    assert driven.send(reset, ts=20, epoch=RECORDING) == [reset]
    assert driven[1].book.bids.top(9) == [Level(99, 2, 11), Level(98, 3, 12)]
    assert driven[1].book.asks.top(9) == [Level(101, 4, 13)]


def test_a_trade_is_announced_before_the_level_that_it_took_from(driven: Driven) -> None:
    driven.send(OrderOpened(0, 1, Side.BUY, 100, 9), OrderRested(0, 1, Side.BUY, 100, 9, 9), ts=10)
    opened = OrderOpened(0, 2, Side.SELL, 100, 4)
    match = Trade(0, 55, 100, 4, Side.SELL, OrderKind.LIMIT, 2, 1, 0, 5, 5)
    assert driven.send(opened, match, ts=20) == [opened, match, LevelChange(0, Side.BUY, 100, 5, 20, 0, False)]
    assert driven[0].tape.recent(9) == [TapeEntry(55, 100, 4, 20, Side.SELL, OrderKind.LIMIT, 2, 1)]
    assert (driven[0].stats.last, driven[0].stats.today.volume) == (100, 4)
    candle = driven[0].candles.current(60)
    assert candle is not None
    assert (candle.close, candle.last_ts) == (100, 20)


def test_a_trade_of_a_recording_leaves_the_book_alone(driven: Driven) -> None:
    driven.send(LevelSet(1, Side.BUY, 100, 5), epoch=RECORDING)
    print_ = trade(100, 4, ts=33, number=1, side=Side.SELL)
    assert driven.send(print_, ts=40, epoch=RECORDING) == [print_]
    assert driven[1].book.bids.best() == Level(100, 5, 0)
    assert driven[1].tape.recent(1)[0].ts == 33


def test_each_change_finds_the_market_as_of_its_event(driven: Driven) -> None:
    """Several changes of one level in one batch: what was, what is, nothing of what will be."""
    batch = driven.batch([LevelSet(1, Side.BUY, 100, size) for size in (5, 0, 7)] + [trade(100, 2, number=1)])
    seen = []
    for change in driven.market.apply(batch):
        best = driven[1].book.bids.best()
        seen.append((type(change), best.size if best else None, driven[1].stats.last))
    assert seen == [(LevelChange, 5, 0), (LevelChange, None, 0), (LevelChange, 7, 0), (Trade, 7, 100)]


# --- clocks ---------------------------------------------------------------------------------------------------------


def test_time_passes_for_matched_instruments_with_every_batch_of_their_epoch() -> None:
    driven = Driven(instrument(0), instrument(1), ts=MONDAY)
    driven.send(trade(100, 4), ts=MONDAY + HOUR)
    driven.send(ts=MONDAY + DAY)
    assert (driven[0].stats.today.volume, driven[0].stats.rolling.volume) == (0, 4)
    driven.send(trade(90, 1, number=1), ts=MONDAY + DAY + HOUR + MINUTE)
    assert driven[0].stats.rolling.volume == 0
    assert driven[0].stats.rolling.low == 100
    assert driven[0].ts == MONDAY + HOUR


def test_time_passes_for_recorded_instruments_with_their_own_events() -> None:
    driven = Driven(instrument(0), instrument(1, Detail.LEVELS), instrument(2, Detail.LEVELS), ts=MONDAY)
    long_ago = MONDAY - 100 * DAY
    for number in (1, 2):
        driven.send(trade(100, 4, number=number), ts=long_ago, epoch=RECORDING)
    driven.send(InstrumentStatusSet(1, InstrumentStatus.POST_ONLY), ts=MONDAY + DAY)
    driven.send(LevelSet(2, Side.BUY, 100, 5), ts=long_ago + DAY + MINUTE, epoch=RECORDING)
    assert driven[1].stats.rolling.volume == 4
    assert driven[2].stats.rolling.volume == 0
    assert (driven[1].ts, driven[2].ts) == (long_ago, long_ago + DAY + MINUTE)


def test_an_events_own_time_counts_before_its_batchs() -> None:
    driven = Driven(instrument(0), ts=MONDAY)
    driven.send(trade(100, 4, ts=MONDAY + 59 * SECOND), ts=MONDAY + 61 * SECOND)
    assert [candle.start for candle in driven[0].candles.history(60, 9)] == [MONDAY]
    assert driven[0].ts == MONDAY + 59 * SECOND


def test_time_never_goes_back() -> None:
    driven = Driven(instrument(0), ts=MONDAY + DAY)
    driven.send(trade(100, 4), ts=MONDAY + DAY)
    driven.send(trade(90, 4), ts=MONDAY)
    assert driven[0].ts == driven[0].clock.now == MONDAY + DAY
    assert driven[0].stats.today.count == 2
    assert [candle.start for candle in driven[0].candles.history(60, 9)] == [MONDAY + DAY]
