"""A resting order changes."""

from polyfeed.model.commands import AmendOrder, SetInstrumentStatus
from polyfeed.model.enums import CloseReason, InstrumentStatus, OrderKind, OrderStatus, Refusal, Side
from polyfeed.model.events import (
    UNKNOWN_LEVEL,
    OrderClosed,
    OrderOpened,
    OrderReduced,
    OrderRested,
    OwnFill,
    OwnOrderAmended,
    OwnOrderUpdated,
    Trade,
)
from tests.venue.driver import ANN, BOB, CAT, HOUSE, balances, last, order_id, trades, trading

BUY, SELL = Side.BUY, Side.SELL


def test_a_smaller_size_keeps_its_place() -> None:
    driver = trading()
    a = order_id(driver.buy(ANN, 5, 100))
    driver.buy(BOB, 5, 100)
    batch = driver.amend(ANN, a, size=2)
    assert batch.outcome.order_id == a
    assert batch.public == [OrderReduced(0, a, BUY, 100, left=2, level_size=7)]
    assert batch.private[ANN][:-1] == [
        OwnOrderAmended(a, 100, size=2, left=2, kept_place=True),
        OwnOrderUpdated(a, OrderStatus.OPEN, 2, 0, 0, 0, True),
    ]
    assert balances(batch, ANN) == {"USD": (1_000_000, 200)}
    assert last(driver.sell(CAT, 1, 100).public, Trade).maker_id == a


def test_a_larger_size_loses_its_place_and_the_level_never_lacks_it() -> None:
    driver = trading()
    a = order_id(driver.buy(ANN, 5, 100))
    b = order_id(driver.buy(BOB, 5, 100))
    batch = driver.amend(ANN, a, size=6)
    assert batch.public == [OrderRested(0, a, BUY, 100, 6, level_size=11)]
    assert batch.private[ANN][:-1] == [
        OwnOrderAmended(a, 100, size=6, left=6, kept_place=False),
        OwnOrderUpdated(a, OrderStatus.OPEN, 6, 0, 0, 0, True),
    ]
    assert balances(batch, ANN) == {"USD": (1_000_000, 600)}
    assert last(driver.sell(CAT, 1, 100).public, Trade).maker_id == b


def test_a_new_price_loses_the_place_even_with_a_smaller_size() -> None:
    driver = trading()
    driver.buy(BOB, 5, 99)
    a = order_id(driver.buy(ANN, 5, 100))
    batch = driver.amend(ANN, a, price=99, size=3)
    assert batch.public == [
        OrderClosed(0, a, BUY, 100, 5, CloseReason.AMENDED, level_size=0),
        OrderOpened(0, a, BUY, 99, 3, amended=True),
        OrderRested(0, a, BUY, 99, 3, level_size=8),
    ]
    assert balances(batch, ANN) == {"USD": (1_000_000, 297)}


def test_a_new_price_may_match() -> None:
    driver = trading()
    b = order_id(driver.sell(BOB, 2, 105))
    a = order_id(driver.buy(ANN, 5, 100))
    batch = driver.amend(ANN, a, price=106)
    assert batch.public == [
        OrderClosed(0, a, BUY, 100, 5, CloseReason.AMENDED, level_size=0),
        OrderOpened(0, a, BUY, 106, 5, amended=True),
        Trade(0, 1, 105, 2, BUY, OrderKind.LIMIT, a, b, 3, 0, 0),
        OrderRested(0, a, BUY, 106, 3, level_size=3),
    ]
    assert [type(event) for event in batch.private[ANN][:4]] == [
        OwnOrderAmended,
        OwnFill,
        OwnOrderUpdated,
        OwnOrderUpdated,
    ]
    assert balances(batch, ANN) == {"USD": (1_000_000 - 210, 318), "BTC": (1_000_002, 0)}


def test_an_amended_order_that_is_filled_is_gone() -> None:
    driver = trading()
    a = order_id(driver.buy(ANN, 5, 100))
    driver.sell(BOB, 9, 105)
    assert trades(driver.amend(ANN, a, price=105)) == [(105, 5)]
    assert driver.refused(AmendOrder(ANN, a, 100)) is Refusal.UNKNOWN_ORDER


def test_a_post_only_order_amended_to_cross_is_ended() -> None:
    driver = trading()
    driver.sell(BOB, 2, 105)
    a = order_id(driver.buy(ANN, 5, 100, post_only=True))
    batch = driver.amend(ANN, a, price=105)
    assert batch.public == [
        OrderClosed(0, a, BUY, 100, 5, CloseReason.AMENDED, level_size=0),
        OrderOpened(0, a, BUY, 105, 5, post_only=True, amended=True),
        OrderClosed(0, a, BUY, 105, 5, CloseReason.POST_ONLY, UNKNOWN_LEVEL),
    ]
    assert last(batch.private[ANN], OwnOrderUpdated).reason is CloseReason.POST_ONLY
    assert balances(batch, ANN) == {"USD": (1_000_000, 0)}


def test_the_size_is_the_total_size() -> None:
    driver = trading()
    a = order_id(driver.buy(ANN, 5, 100))
    driver.sell(BOB, 2, 100)
    assert driver.refused(AmendOrder(ANN, a, size=2)) is Refusal.SIZE_BELOW_FILLED
    assert last(driver.amend(ANN, a, size=4).public, OrderReduced).left == 2
    batch = driver.amend(ANN, a, size=7)
    assert batch.public == [OrderRested(0, a, BUY, 100, 5, level_size=5)]
    assert last(batch.private[ANN], OwnOrderAmended) == OwnOrderAmended(a, 100, 7, 5, False)
    assert last(batch.private[ANN], OwnOrderUpdated) == OwnOrderUpdated(a, OrderStatus.OPEN, 5, 2, 200, 0, True)


def test_an_amendment_needs_the_money_for_it_and_no_more() -> None:
    driver = trading(money=1000)
    a = order_id(driver.buy(ANN, 5, 100))
    driver.buy(ANN, 4, 100)
    assert driver.refused(AmendOrder(ANN, a, size=7)) is Refusal.INSUFFICIENT_FUNDS
    assert balances(driver.amend(ANN, a, size=6), ANN) == {"USD": (1000, 1000)}
    assert balances(driver.amend(ANN, a, price=60, size=10), ANN) == {}, "held as before: nothing to tell"


def test_an_amendment_must_change_something() -> None:
    driver = trading()
    a = order_id(driver.buy(ANN, 5, 100))
    assert driver.refused(AmendOrder(ANN, a)) is Refusal.INVALID_TERMS
    assert driver.refused(AmendOrder(ANN, a, 100, 5)) is Refusal.INVALID_TERMS


def test_an_amendment_keeps_to_the_grid_and_the_minimum() -> None:
    driver = trading(tick=5, lot=2, min_size=4, min_cost=200)
    a = order_id(driver.buy(ANN, 8, 100))
    assert driver.refused(AmendOrder(ANN, a, price=101)) is Refusal.INVALID_PRICE
    assert driver.refused(AmendOrder(ANN, a, price=-5)) is Refusal.INVALID_PRICE
    assert driver.refused(AmendOrder(ANN, a, size=5)) is Refusal.INVALID_SIZE
    assert driver.refused(AmendOrder(ANN, a, size=-2)) is Refusal.INVALID_SIZE
    assert driver.refused(AmendOrder(ANN, a, size=2)) is Refusal.SIZE_TOO_SMALL
    assert driver.refused(AmendOrder(ANN, a, price=20)) is Refusal.COST_TOO_SMALL
    assert driver.amend(ANN, a, price=25)


def test_an_amendment_never_makes_a_level_larger_than_can_be_counted() -> None:
    driver = trading()
    for size in (2**60, 2**60, 2**60, 2**60 - 1):
        driver.sell(HOUSE, size, 1)
    a = order_id(driver.sell(HOUSE, 1, 2))
    assert driver.refused(AmendOrder(HOUSE, a, price=1)) is Refusal.INVALID_SIZE
    driver.amend(HOUSE, a, price=3)


def test_a_level_that_is_nearly_full_takes_the_rest_of_an_order_in_it() -> None:
    driver = trading()
    for size in (2**60, 2**60, 2**60):
        driver.sell(HOUSE, size, 1)
    a = order_id(driver.sell(HOUSE, 2**60 - 2, 1))
    assert driver.refused(AmendOrder(HOUSE, a, size=2**60)) is Refusal.INVALID_SIZE
    assert last(driver.amend(HOUSE, a, size=2**60 - 1).public, OrderRested).level_size == 2**62 - 1


def test_the_operators_own_orders_may_be_smaller_than_the_minimum() -> None:
    driver = trading(lot=2, min_size=10)
    small = order_id(driver.buy(HOUSE, 4, 100))
    assert last(driver.amend(HOUSE, small, size=6).public, OrderRested).left == 6
    assert last(driver.amend(HOUSE, small, size=2).public, OrderReduced).left == 2
    assert driver.refused(AmendOrder(HOUSE, small, size=3)) is Refusal.INVALID_SIZE
    assert driver.refused(AmendOrder(ANN, order_id(driver.buy(ANN, 10, 100)), size=8)) is Refusal.SIZE_TOO_SMALL


def test_only_the_owner_amends() -> None:
    driver = trading()
    a = order_id(driver.buy(ANN, 5, 100))
    assert driver.refused(AmendOrder(BOB, a, size=3)) is Refusal.NOT_ITS_OWNER
    assert driver.refused(AmendOrder(77, a, size=3)) is Refusal.UNKNOWN_ACCOUNT
    assert driver.refused(AmendOrder(ANN, a + 1, size=3)) is Refusal.UNKNOWN_ORDER


def test_an_amendment_is_let_in_when_a_new_order_would_be() -> None:
    driver = trading()
    plain = order_id(driver.buy(ANN, 5, 100))
    post_only = order_id(driver.buy(ANN, 5, 100, post_only=True))
    for status, let_in in (
        (InstrumentStatus.LIMIT_ONLY, {plain, post_only}),
        (InstrumentStatus.POST_ONLY, {post_only}),
        (InstrumentStatus.CANCEL_ONLY, set()),
        (InstrumentStatus.HALTED, set()),
    ):
        driver.do(SetInstrumentStatus(0, status))
        size = {InstrumentStatus.LIMIT_ONLY: 4}.get(status, 3)
        for order in (plain, post_only):
            if order in let_in:
                driver.amend(ANN, order, size=size)
            else:
                assert driver.refused(AmendOrder(ANN, order, size=1)) is Refusal.MARKET_CLOSED
