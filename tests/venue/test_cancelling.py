"""Orders are taken out."""

from polyfeed.model.commands import CancelAll, CancelOrder, ListInstrument, SetInstrumentStatus
from polyfeed.model.enums import BalanceCause, CloseReason, Detail, InstrumentStatus, OrderStatus, Refusal, Side
from polyfeed.model.events import BalanceSet, OrderClosed, OwnOrderUpdated
from tests.venue.driver import ANN, BOB, Driver, instrument, order_id, trades, trading

BUY, SELL = Side.BUY, Side.SELL


def two_markets() -> Driver:
    driver = trading()
    driver.do(ListInstrument(instrument(id=1, name="USD-BTC", base="USD", quote="BTC")))
    return driver


def closed(batch_events: list[object]) -> list[int]:
    return [event.order_id for event in batch_events if isinstance(event, OrderClosed)]


def test_a_cancelled_order_leaves_the_book() -> None:
    driver = trading()
    a = order_id(driver.buy(ANN, 5, 100))
    driver.buy(BOB, 4, 100)
    driver.sell(BOB, 1, 100)
    batch = driver.cancel(ANN, a)
    assert batch.outcome.order_id == a
    assert batch.public == [OrderClosed(0, a, BUY, 100, 4, CloseReason.USER, level_size=4)]
    assert batch.private == {
        ANN: [
            OwnOrderUpdated(a, OrderStatus.CANCELLED, 4, 1, 100, 0, False, CloseReason.USER),
            BalanceSet("USD", 999_900, 0, BalanceCause.RELEASE, 0),
        ]
    }
    assert trades(driver.sell(BOB, 4)) == []


def test_what_is_not_there_or_not_ones_own_is_not_cancelled() -> None:
    driver = trading()
    a = order_id(driver.buy(ANN, 5, 100))
    assert driver.refused(CancelOrder(BOB, a)) is Refusal.NOT_ITS_OWNER
    assert driver.refused(CancelOrder(77, a)) is Refusal.UNKNOWN_ACCOUNT
    assert driver.refused(CancelOrder(ANN, 0)) is Refusal.UNKNOWN_ORDER
    driver.cancel(ANN, a)
    assert driver.refused(CancelOrder(ANN, a)) is Refusal.UNKNOWN_ORDER


def test_cancel_all_goes_by_the_order_of_entry_and_leaves_others_alone() -> None:
    driver = two_markets()
    first = order_id(driver.sell(ANN, 5, 100))
    other = order_id(driver.buy(BOB, 5, 99))
    second = order_id(driver.buy(ANN, 5, 90, instrument=1))
    third = order_id(driver.buy(ANN, 5, 95))
    driver.amend(ANN, first, price=101)  # a new price, but still the oldest order
    assert closed(list(driver.cancel_all(ANN).public)) == [first, second, third]
    assert driver.cancel_all(ANN).public == []
    assert closed(list(driver.cancel_all(BOB).public)) == [other]


def test_cancel_all_of_one_market() -> None:
    driver = two_markets()
    first = order_id(driver.sell(ANN, 5, 100))
    second = order_id(driver.buy(ANN, 5, 90, instrument=1))
    assert closed(list(driver.cancel_all(ANN, 1).public)) == [second]
    assert closed(list(driver.cancel_all(ANN, 0).public)) == [first]


def test_cancel_all_needs_an_account_and_a_market_of_the_venues_own() -> None:
    driver = two_markets()
    driver.do(ListInstrument(instrument(id=2, name="tape", detail=Detail.LEVELS)))
    assert driver.refused(CancelAll(77)) is Refusal.UNKNOWN_ACCOUNT
    assert driver.refused(CancelAll(ANN, 3)) is Refusal.UNKNOWN_INSTRUMENT
    assert driver.refused(CancelAll(ANN, -2)) is Refusal.UNKNOWN_INSTRUMENT
    assert driver.refused(CancelAll(ANN, 2)) is Refusal.MARKET_CLOSED


def test_a_halted_market_keeps_its_orders_and_the_others_still_cancel() -> None:
    driver = two_markets()
    kept = order_id(driver.sell(ANN, 5, 100))
    taken = order_id(driver.buy(ANN, 5, 90, instrument=1))
    driver.do(SetInstrumentStatus(0, InstrumentStatus.HALTED))
    assert driver.refused(CancelOrder(ANN, kept)) is Refusal.MARKET_CLOSED
    assert driver.refused(CancelAll(ANN, 0)) is Refusal.MARKET_CLOSED
    assert closed(list(driver.cancel_all(ANN).public)) == [taken]
    driver.do(SetInstrumentStatus(0, InstrumentStatus.CANCEL_ONLY))
    assert closed(list(driver.cancel_all(ANN).public)) == [kept]
