"""One order makes way for another."""

from polyfeed.model.commands import CancelOrder, ReplaceOrder, SetInstrumentStatus
from polyfeed.model.enums import CloseReason, InstrumentStatus, OrderKind, OrderStatus, Refusal, SelfTrade, Side
from polyfeed.model.events import (
    UNKNOWN_LEVEL,
    OrderClosed,
    OrderOpened,
    OrderRested,
    OwnOrderOpened,
    OwnOrderUpdated,
)
from tests.venue.driver import ANN, BOB, balances, last, order_id, trades, trading

BUY = Side.BUY


def test_the_old_order_ends_and_the_new_one_comes_with_an_id_of_its_own() -> None:
    driver = trading()
    old = order_id(driver.buy(ANN, 5, 100, client_id="old", self_trade=SelfTrade.DECREMENT))
    batch = driver.do(ReplaceOrder(ANN, old, 99, 7, "new"))
    new = order_id(batch)
    assert new > old
    assert batch.public == [
        OrderClosed(0, old, BUY, 100, 5, CloseReason.REPLACED, level_size=0),
        OrderOpened(0, new, BUY, 99, 7),
        OrderRested(0, new, BUY, 99, 7, level_size=7),
    ]
    assert batch.private[ANN][:3] == [
        OwnOrderUpdated(old, OrderStatus.CANCELLED, 5, 0, 0, 0, False, CloseReason.REPLACED),
        OwnOrderOpened(
            *(new, 0, BUY, OrderKind.LIMIT, 99, 7), self_trade=SelfTrade.DECREMENT, client_id="new", replaces=old
        ),
        OwnOrderUpdated(new, OrderStatus.OPEN, 7, 0, 0, 0, True),
    ]
    assert balances(batch, ANN) == {"USD": (1_000_000, 693)}
    assert driver.refused(CancelOrder(ANN, old)) is Refusal.UNKNOWN_ORDER


def test_the_new_size_is_what_the_old_one_had_left() -> None:
    driver = trading()
    old = order_id(driver.buy(ANN, 5, 100))
    driver.sell(BOB, 2, 100)
    assert last(driver.do(ReplaceOrder(ANN, old)).public, OrderRested).left == 3


def test_the_old_orders_money_is_there_for_the_new_one() -> None:
    driver = trading(money=1000)
    old = order_id(driver.buy(ANN, 9, 100))
    assert driver.refused(ReplaceOrder(ANN, old, 101, 10)) is Refusal.INSUFFICIENT_FUNDS
    assert balances(driver.do(ReplaceOrder(ANN, old, 100, 10)), ANN) == {"USD": (1000, 1000)}


def test_the_new_order_may_match_or_be_ended() -> None:
    driver = trading()
    driver.sell(BOB, 2, 105)
    old = order_id(driver.buy(ANN, 5, 100))
    new = order_id(driver.do(ReplaceOrder(ANN, old, 104)))
    assert trades(driver.do(ReplaceOrder(ANN, new, 105))) == [(105, 2)]
    driver.sell(BOB, 2, 110)
    post_only = order_id(driver.buy(ANN, 5, 100, post_only=True))
    batch = driver.do(ReplaceOrder(ANN, post_only, 110))
    assert [type(event) for event in batch.public] == [OrderClosed, OrderOpened, OrderClosed]
    assert last(batch.public, OrderClosed) == OrderClosed(
        0, order_id(batch), BUY, 110, 5, CloseReason.POST_ONLY, UNKNOWN_LEVEL
    )


def test_both_or_neither() -> None:
    driver = trading(tick=5, lot=2, min_size=4, min_cost=200)
    old = order_id(driver.buy(ANN, 8, 100))
    assert driver.refused(ReplaceOrder(BOB, old, 95)) is Refusal.NOT_ITS_OWNER
    assert driver.refused(ReplaceOrder(ANN, old + 1, 95)) is Refusal.UNKNOWN_ORDER
    assert driver.refused(ReplaceOrder(ANN, old, 96)) is Refusal.INVALID_PRICE
    assert driver.refused(ReplaceOrder(ANN, old, size=7)) is Refusal.INVALID_SIZE
    assert driver.refused(ReplaceOrder(ANN, old, size=2)) is Refusal.SIZE_TOO_SMALL
    assert driver.refused(ReplaceOrder(ANN, old, price=20)) is Refusal.COST_TOO_SMALL
    driver.do(SetInstrumentStatus(0, InstrumentStatus.POST_ONLY))
    assert driver.refused(ReplaceOrder(ANN, old, 95)) is Refusal.MARKET_CLOSED
    assert driver.cancel(ANN, old)
