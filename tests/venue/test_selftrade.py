"""Two orders of one account meet: the arriving order's mode decides."""

import pytest

from polyfeed.model.commands import OpenAccount, PlaceOrder
from polyfeed.model.enums import CloseReason, OrderKind, OrderStatus, SelfTrade, Side, TimeInForce
from polyfeed.model.events import (
    UNKNOWN_LEVEL,
    BalanceSet,
    OrderClosed,
    OrderOpened,
    OrderReduced,
    OrderRested,
    OwnOrderUpdated,
    OwnSelfTrade,
    Trade,
)
from tests.venue.driver import ANN, BOB, Driver, balances, last, order_id, trades, trading

BUY, SELL = Side.BUY, Side.SELL
SELF_TRADE = CloseReason.SELF_TRADE
FOK = TimeInForce.FOK


def asks() -> tuple[Driver, int, int]:
    """Bob sells 2 at 100, then Ann 3 at 100, then Bob 4 at 101. Gives the ids of Ann's and of Bob's second order."""
    driver = trading()
    driver.sell(BOB, 2, 100)
    own = order_id(driver.sell(ANN, 3, 100))
    return driver, own, order_id(driver.sell(BOB, 4, 101))


def test_cancel_taker_ends_the_arriving_order_where_it_meets_its_own() -> None:
    driver, own, _ = asks()
    batch = driver.buy(ANN, 9, 101, self_trade=SelfTrade.CANCEL_TAKER)
    assert trades(batch) == [(100, 2)]
    assert batch.public[-1] == OrderClosed(0, order_id(batch), BUY, 101, 7, SELF_TRADE, UNKNOWN_LEVEL, last_price=100)
    assert balances(batch, ANN)["USD"] == (1_000_000 - 200, 0)
    assert driver.cancel(ANN, own)


def test_cancel_maker_ends_the_resting_order_and_goes_on() -> None:
    driver, own, other = asks()
    batch = driver.buy(ANN, 9, 101, self_trade=SelfTrade.CANCEL_MAKER)
    b = order_id(batch)
    assert batch.public[2:] == [
        OrderClosed(0, own, SELL, 100, 3, SELF_TRADE, level_size=0),
        Trade(0, 2, 101, 4, BUY, OrderKind.LIMIT, b, other, 3, 0, 0),
        OrderRested(0, b, BUY, 101, 3, 3),
    ]
    assert OwnOrderUpdated(own, OrderStatus.CANCELLED, 3, 0, 0, 0, False, SELF_TRADE) in batch.private[ANN]
    assert balances(batch, ANN) == {"USD": (1_000_000 - 200 - 404, 303), "BTC": (1_000_006, 0)}


def test_cancel_both_ends_the_resting_order_and_then_the_arriving_one() -> None:
    driver, own, _ = asks()
    batch = driver.buy(ANN, 9, 101, self_trade=SelfTrade.CANCEL_BOTH)
    assert batch.public[2:] == [
        OrderClosed(0, own, SELL, 100, 3, SELF_TRADE, level_size=0),
        OrderClosed(0, order_id(batch), BUY, 101, 7, SELF_TRADE, UNKNOWN_LEVEL, last_price=100),
    ]


def test_decrement_takes_the_resting_order_off_the_larger_arriving_one() -> None:
    driver, own, other = asks()
    batch = driver.buy(ANN, 9, 101, self_trade=SelfTrade.DECREMENT)
    b = order_id(batch)
    assert batch.public[2:] == [
        OrderClosed(0, own, SELL, 100, 0, SELF_TRADE, level_size=0),
        Trade(0, 2, 101, 4, BUY, OrderKind.LIMIT, b, other, taker_left=0, maker_left=0, level_size=0),
    ]
    told = [event for event in batch.private[ANN] if isinstance(event, OwnSelfTrade | OwnOrderUpdated)]
    assert told[1:4] == [
        OwnSelfTrade(0, b, own, 100, 3, BUY, ANN, ANN),
        OwnOrderUpdated(own, OrderStatus.CANCELLED, 0, 0, 0, 0, False, SELF_TRADE),
        OwnOrderUpdated(b, OrderStatus.OPEN, left=4, filled=2, value=200, fees=0, rested=False),
    ]
    assert told[-1] == OwnOrderUpdated(b, OrderStatus.FILLED, left=0, filled=6, value=604, fees=0, rested=False)


def test_decrement_takes_the_arriving_order_off_the_larger_resting_one() -> None:
    driver, own, _ = asks()
    batch = driver.buy(ANN, 4, 101, self_trade=SelfTrade.DECREMENT)
    b = order_id(batch)
    assert batch.public[2:] == [
        OrderReduced(0, own, SELL, 100, left=1, level_size=1),
        OrderClosed(0, b, BUY, 101, 0, SELF_TRADE, UNKNOWN_LEVEL, last_price=100),
    ]
    assert balances(batch, ANN) == {"USD": (1_000_000 - 200, 0), "BTC": (1_000_002, 1)}


def test_what_is_offset_of_an_arriving_order_is_no_longer_held_for_it() -> None:
    driver = trading()
    driver.sell(ANN, 3, 100)
    batch = driver.buy(ANN, 9, 101, self_trade=SelfTrade.DECREMENT)
    assert last(batch.public, OrderRested).left == 6
    assert balances(batch, ANN) == {"USD": (1_000_000, 606), "BTC": (1_000_000, 0)}


def test_decrement_names_buyer_and_seller_by_their_sides() -> None:
    driver = trading()
    own = order_id(driver.buy(ANN, 3, 100))
    batch = driver.sell(ANN, 3, 90, self_trade=SelfTrade.DECREMENT)
    assert OwnSelfTrade(0, own, order_id(batch), 100, 3, SELL, ANN, ANN) in batch.private[ANN]
    assert [(e.order_id, e.left) for e in batch.public if isinstance(e, OrderClosed)] == [
        (own, 0),
        (order_id(batch), 0),
    ]


def test_what_was_offset_counts_as_done_when_the_order_is_amended() -> None:
    driver, own, _ = asks()
    driver.buy(ANN, 3, 100, self_trade=SelfTrade.DECREMENT)  # 2 of Bob's, then 1 off Ann's own 3
    assert last(driver.amend(ANN, own, size=2).public, OrderReduced).left == 1


def test_allow_trades() -> None:
    driver, own, _ = asks()
    batch = driver.buy(ANN, 5, 100, self_trade=SelfTrade.ALLOW)
    assert [(e.maker_id == own, e.size) for e in batch.public if isinstance(e, Trade)] == [(False, 2), (True, 3)]
    assert balances(batch, ANN) == {"USD": (1_000_000 - 200, 0), "BTC": (1_000_002, 0)}


@pytest.mark.parametrize(
    ("mode", "size", "filled"),
    [
        (SelfTrade.CANCEL_TAKER, 2, True),
        (SelfTrade.CANCEL_TAKER, 3, False),
        (SelfTrade.CANCEL_BOTH, 2, True),
        (SelfTrade.CANCEL_BOTH, 3, False),
        (SelfTrade.DECREMENT, 2, True),
        (SelfTrade.DECREMENT, 3, False),
        (SelfTrade.CANCEL_MAKER, 6, True),
        (SelfTrade.CANCEL_MAKER, 7, False),
        (SelfTrade.ALLOW, 9, True),
        (SelfTrade.ALLOW, 10, False),
    ],
)
def test_a_fok_order_counts_only_what_its_mode_lets_it_fill(mode: SelfTrade, size: int, filled: bool) -> None:
    driver, own, _ = asks()
    batch = driver.buy(ANN, size, 101, tif=FOK, self_trade=mode)
    if filled:
        assert sum(traded for _, traded in trades(batch)) == size
        assert not any(isinstance(e, OrderClosed) and e.order_id == order_id(batch) for e in batch.public)
    else:
        assert [type(event) for event in batch.public] == [OrderOpened, OrderClosed]
        assert last(batch.public, OrderClosed).reason is CloseReason.FOK
        driver.amend(ANN, own, size=1)  # the own order is untouched


def test_a_post_only_order_is_ended_by_its_owners_order_too() -> None:
    driver = trading()
    driver.sell(ANN, 3, 100)
    batch = driver.buy(ANN, 3, 100, post_only=True, self_trade=SelfTrade.CANCEL_MAKER)
    assert last(batch.public, OrderClosed).reason is CloseReason.POST_ONLY
    assert not any(isinstance(event, BalanceSet) for event in batch.private[ANN])


def test_a_resting_orders_mode_does_not_count() -> None:
    driver = trading()
    driver.do(PlaceOrder(ANN, 0, SELL, OrderKind.LIMIT, 3, 100, self_trade=SelfTrade.ALLOW))
    assert trades(driver.buy(ANN, 3, 100)) == []


def family() -> Driver:
    """Ann (1) with two sub-accounts, 11 and 12."""
    driver = trading()
    for account in (11, 12):
        driver.do(OpenAccount(account, "", parent=ANN))
        driver.deposit(account, "USD", 10_000)
        driver.deposit(account, "BTC", 100)
    return driver


@pytest.mark.parametrize(("seller", "buyer"), [(ANN, 11), (11, ANN), (11, 12)])
def test_accounts_of_one_user_do_not_trade_with_each_other(seller: int, buyer: int) -> None:
    for mode, left in ((SelfTrade.CANCEL_TAKER, [5]), (SelfTrade.CANCEL_MAKER, [5]), (SelfTrade.CANCEL_BOTH, [5, 5])):
        driver = family()
        driver.sell(seller, 5, 100)
        batch = driver.buy(buyer, 5, 100, self_trade=mode)
        assert trades(batch) == []
        assert [event.left for event in batch.public if isinstance(event, OrderClosed)] == left
    driver = family()
    driver.sell(seller, 5, 100)
    assert trades(driver.buy(buyer, 5, 100, self_trade=SelfTrade.ALLOW)) == [(100, 5)]


def test_both_accounts_are_told_of_an_offset() -> None:
    driver = family()
    sell = order_id(driver.sell(11, 5, 100))
    batch = driver.buy(12, 3, 101, self_trade=SelfTrade.DECREMENT)
    event = OwnSelfTrade(0, order_id(batch), sell, 100, 3, BUY, 12, 11)
    assert event in batch.private[11]
    assert event in batch.private[12]
    assert OwnOrderUpdated(sell, OrderStatus.OPEN, 2, 0, 0, 0, True) in batch.private[11]
    assert balances(batch, 11) == {"BTC": (100, 2)}
    assert balances(batch, 12) == {}


def test_a_fok_buy_does_not_pay_with_what_its_users_other_account_earns() -> None:
    driver = family()
    driver.deposit(12, "USD", -9_900)
    driver.sell(11, 1, 100)
    driver.sell(BOB, 1, 100)
    assert trades(driver.buy(12, 2, tif=FOK, self_trade=SelfTrade.ALLOW)) == []
