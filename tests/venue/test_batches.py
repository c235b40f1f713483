"""Batches: their place in history, their size, and what goes on from them."""

import pytest

from polyfeed.model.batches import ACCEPTED, Batch
from polyfeed.model.commands import AmendOrder, CancelAll, Clock, OpenAccount, Origin, PlaceOrder, Proceed, Stamped
from polyfeed.model.enums import OrderKind, Refusal, SelfTrade, Side
from polyfeed.model.events import OrderClosed, OrderOpened, OrderRested, OwnOrderUpdated, Trade
from polyfeed.venue import Venue
from polyfeed.venue.limits import MAX_TS
from tests.venue.driver import ANN, BOB, HOUSE, START, Driver, balances, last, order_id, trading

BUY, SELL = Side.BUY, Side.SELL
SMALLEST = 16


def events(batch: Batch) -> int:
    return len(batch.public) + sum(map(len, batch.private.values()))


def test_a_batch_has_the_place_and_the_origin_of_its_command() -> None:
    venue, origin = Venue(epoch=7), Origin(1, 2)
    batch = venue.apply(Stamped(1, START, Clock(), origin))
    assert (batch.epoch, batch.seq, batch.ts, batch.origin, batch.outcome) == (7, 1, START, origin, ACCEPTED)
    refused = venue.apply(Stamped(2, START + 1, CancelAll(5), origin))
    assert (refused.epoch, refused.seq, refused.ts, refused.origin) == (7, 2, START + 1, origin)


@pytest.mark.parametrize(
    "stamped",
    [
        Stamped(1, START + 1, Clock()),
        Stamped(3, START + 1, Clock()),
        Stamped(2, START, Clock()),
        Stamped(2, START - 1, Clock()),
        Stamped(2, MAX_TS, Clock()),
    ],
    ids=["a number twice", "a number left out", "the same time", "an earlier time", "a time without ids"],
)
def test_a_broken_history_raises_and_changes_nothing(stamped: Stamped) -> None:
    venue = Venue()
    venue.apply(Stamped(1, START, Clock()))
    with pytest.raises(ValueError, match="command"):
        venue.apply(stamped)
    assert venue.apply(Stamped(2, START + 1, Clock())).seq == 2


def test_there_is_nothing_to_proceed_with() -> None:
    assert Driver().refused(Proceed()) is Refusal.INVALID_TERMS


def test_a_limit_below_one_match_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least 16"):
        Venue(batch_limit=SMALLEST - 1)


def sellers(driver: Driver, count: int) -> None:
    """As many accounts, each of which sells 1 at 100."""
    for account in range(100, 100 + count):
        driver.do(OpenAccount(account, ""))
        driver.deposit(account, "BTC", 1)
        driver.sell(account, 1, 100)


@pytest.mark.parametrize("limit", [SMALLEST, 17, 50, 100])
def test_a_long_sweep_goes_on_in_further_batches(limit: int) -> None:
    driver = trading(batch_limit=limit, maker_fee_ppm=10_000)
    sellers(driver, 40)
    batches = driver.whole(PlaceOrder(ANN, 0, BUY, OrderKind.LIMIT, 50, 100))
    assert len(batches) > 3
    assert all(events(batch) <= limit for batch in batches)
    assert batches[0].outcome.order_id > 0
    assert all(batch.outcome == ACCEPTED for batch in batches[1:])
    public = [event for batch in batches for event in batch.public]
    assert [type(event) for event in public] == [OrderOpened, *[Trade] * 40, OrderRested]
    assert [event.trade_id for event in public if isinstance(event, Trade)] == list(range(1, 41))
    for batch in batches:  # every batch tells the balances as they are at its end
        filled = last(batch.private[ANN], OwnOrderUpdated).filled
        assert balances(batch, ANN)["BTC"] == (1_000_000 + filled, 0)


def test_the_last_price_of_a_market_order_is_known_across_batches() -> None:
    driver = trading(batch_limit=SMALLEST)
    sellers(driver, 1)
    batches = driver.whole(PlaceOrder(ANN, 0, BUY, OrderKind.MARKET, 2))
    assert last(batches[-1].public, OrderClosed).last_price == 100


def test_a_long_cancellation_goes_on_in_further_batches() -> None:
    driver = trading(batch_limit=100)
    ids = [order_id(driver.buy(ANN, 1, 100 + n)) for n in range(200)]
    batches = driver.whole(CancelAll(ANN))
    assert 6 <= len(batches) <= 8
    assert all(events(batch) <= 100 for batch in batches)
    assert [event.order_id for batch in batches for event in batch.public if isinstance(event, OrderClosed)] == ids
    assert balances(batches[-1], ANN) == {"USD": (1_000_000, 0)}


def test_self_trades_count_against_the_limit_too() -> None:
    for mode in (SelfTrade.CANCEL_MAKER, SelfTrade.DECREMENT):
        driver = trading(batch_limit=30)
        for _ in range(20):
            driver.sell(ANN, 1, 100)
        batches = driver.whole(PlaceOrder(ANN, 0, BUY, OrderKind.LIMIT, 50, 100, self_trade=mode))
        assert len(batches) > 3
        assert all(events(batch) <= 30 for batch in batches)


def test_nothing_but_proceed_comes_before_a_decision_is_finished() -> None:
    driver = trading(batch_limit=SMALLEST)
    sellers(driver, 3)
    batch = driver.buy(ANN, 3, 100)
    unfinished = batch.more
    assert unfinished
    with pytest.raises(RuntimeError, match="Proceed"):
        driver.venue.apply(Stamped(driver.seq + 1, driver.ts + 1, Clock()))
    while batch.more:
        batch = driver.do(Proceed())
    driver.do(Clock())


def test_an_amendment_that_sweeps_fits_the_limit() -> None:
    driver = trading(batch_limit=SMALLEST, maker_fee_ppm=10_000, taker_fee_ppm=10_000)
    a = order_id(driver.buy(BOB, 5, 90))
    sellers(driver, 3)
    batches = driver.whole(AmendOrder(BOB, a, price=100))
    assert len(batches) == 3
    assert all(events(batch) <= SMALLEST for batch in batches)
    assert balances(driver.cancel(BOB, a), BOB) == {"USD": (1_000_000 - 303, 0)}


def test_a_thousand_makers_in_one_level_are_swept_in_order() -> None:
    driver = trading()
    ids = [order_id(driver.sell(HOUSE, 1, 100)) for _ in range(1000)]
    batches = driver.whole(PlaceOrder(ANN, 0, BUY, OrderKind.LIMIT, 1000, 100))
    assert [e.maker_id for batch in batches for e in batch.public if isinstance(e, Trade)] == ids
