"""Orders for an amount of the quote currency."""

import pytest

from polyfeed.model.commands import AmendOrder, PlaceOrder
from polyfeed.model.enums import CloseReason, OrderKind, OrderStatus, Refusal, SelfTrade, Side, Trigger
from polyfeed.model.events import (
    UNKNOWN_LEVEL,
    OrderClosed,
    OrderOpened,
    OrderReduced,
    OwnFill,
    OwnOrderOpened,
    OwnOrderUpdated,
    OwnSelfTrade,
    Trade,
)
from tests.venue.driver import ANN, BOB, HOUSE, Driver, balances, last, order_id, trades, trading

BUY, SELL = Side.BUY, Side.SELL
INSTANT, CASH_SELL = OrderKind.INSTANT, OrderKind.CASH_SELL
PERCENT = 10_000


def closed(driver: Driver, command: PlaceOrder) -> tuple[list[tuple[int, int]], CloseReason, OrderStatus]:
    """What an order traded and how it ended."""
    batch = driver.do(command)
    told = last(batch.private[command.account], OwnOrderUpdated)
    return trades(batch), last(batch.public, OrderClosed).reason, told.status


def asks(**terms: int) -> Driver:
    """2 at 100, 3 at 110."""
    driver = trading(**terms)
    driver.sell(BOB, 2, 100)
    driver.sell(BOB, 3, 110)
    return driver


def test_an_instant_order_buys_for_its_amount_fees_included() -> None:
    """202 for 2 at 100; of 345 are left 143, which pay for 1 at 110 and its fee of 1 (rounded down)."""
    driver = trading(taker_fee_ppm=PERCENT)
    b, c = order_id(driver.sell(BOB, 2, 100)), order_id(driver.sell(BOB, 3, 110))
    batch = driver.do(PlaceOrder(ANN, 0, BUY, INSTANT, 0, amount=345))
    a = order_id(batch)
    assert batch.public == [
        OrderOpened(0, a, BUY, 0, 0, INSTANT, amount=345),
        Trade(0, 1, 100, 2, BUY, INSTANT, a, b, 0, 0, 0),
        Trade(0, 2, 110, 1, BUY, INSTANT, a, c, 0, 2, 2),
        OrderClosed(0, a, BUY, 0, 0, CloseReason.FILLED, UNKNOWN_LEVEL, last_price=110),
    ]
    told = [event for event in batch.private[ANN] if isinstance(event, OwnOrderUpdated | OwnFill | OwnOrderOpened)]
    assert told == [
        OwnOrderOpened(a, 0, BUY, INSTANT, 0, 0, amount=345),
        OwnFill(a, 0, 1, BUY, 100, 2, 200, 2, False, 0),
        OwnOrderUpdated(a, OrderStatus.OPEN, 0, 2, 200, 2, False),
        OwnFill(a, 0, 2, BUY, 110, 1, 110, 1, False, 0),
        OwnOrderUpdated(a, OrderStatus.OPEN, 0, 3, 310, 3, False),
        OwnOrderUpdated(a, OrderStatus.FILLED, 0, 3, 310, 3, False),
    ]
    assert balances(batch, ANN) == {"USD": (1_000_000 - 313, 0), "BTC": (1_000_003, 0)}


@pytest.mark.parametrize(
    ("amount", "filled", "reason"),
    [
        (99, [], CloseReason.MARKET_REST),
        (100, [(100, 1)], CloseReason.FILLED),
        (309, [(100, 2)], CloseReason.FILLED),
        (310, [(100, 2), (110, 1)], CloseReason.FILLED),
        (530, [(100, 2), (110, 3)], CloseReason.FILLED),
        (531, [(100, 2), (110, 3)], CloseReason.MARKET_REST),
    ],
)
def test_how_far_an_amount_reaches(amount: int, filled: list[tuple[int, int]], reason: CloseReason) -> None:
    told = closed(asks(), PlaceOrder(ANN, 0, BUY, INSTANT, 0, amount=amount))
    status = OrderStatus.FILLED if reason is CloseReason.FILLED else OrderStatus.CANCELLED
    assert told == (filled, reason, status)


def test_a_worst_price_stops_it() -> None:
    told = closed(asks(), PlaceOrder(ANN, 0, BUY, INSTANT, 0, 105, amount=1000))
    assert told == ([(100, 2)], CloseReason.MARKET_REST, OrderStatus.CANCELLED)


def test_a_market_order_has_a_worst_price_too() -> None:
    batch = asks().buy(ANN, 5, 105, kind=OrderKind.MARKET)
    assert trades(batch) == [(100, 2)]
    assert last(batch.public, OrderClosed) == OrderClosed(
        0, order_id(batch), BUY, 105, 3, CloseReason.MARKET_REST, UNKNOWN_LEVEL, last_price=100
    )


def test_a_rebate_is_spent_too() -> None:
    """100 buy 1; its rebate of 50 and the 50 that were left buy another one at 100."""
    driver = asks(taker_fee_ppm=-50 * PERCENT)
    batch = driver.do(PlaceOrder(ANN, 0, BUY, INSTANT, 0, amount=200))
    assert trades(batch) == [(100, 2)], "200, and 100 come back, of which nothing can be bought at 110"
    driver = trading(taker_fee_ppm=-50 * PERCENT)
    driver.sell(BOB, 1, 100)
    driver.sell(BOB, 1, 100)
    assert trades(driver.do(PlaceOrder(ANN, 0, BUY, INSTANT, 0, amount=150))) == [(100, 1), (100, 1)]


def test_its_amount_must_be_there() -> None:
    driver = trading(money=0)
    driver.deposit(ANN, "USD", 500)
    assert driver.refused(PlaceOrder(ANN, 0, BUY, INSTANT, 0, amount=501)) is Refusal.INSUFFICIENT_FUNDS
    assert driver.do(PlaceOrder(ANN, 0, BUY, INSTANT, 0, amount=500))
    assert driver.do(PlaceOrder(HOUSE, 0, BUY, INSTANT, 0, amount=5000))


def bids(**terms: int) -> Driver:
    """2 at 110, 9 at 100."""
    driver = trading(**terms)
    driver.buy(BOB, 2, 110)
    driver.buy(BOB, 9, 100)
    return driver


@pytest.mark.parametrize(
    ("amount", "filled", "reason"),
    [
        (1, [(110, 1)], CloseReason.FILLED),
        (110, [(110, 1)], CloseReason.FILLED),
        (111, [(110, 2)], CloseReason.FILLED),
        (220, [(110, 2)], CloseReason.FILLED),
        (221, [(110, 2), (100, 1)], CloseReason.FILLED),
        (1120, [(110, 2), (100, 9)], CloseReason.FILLED),
        (1121, [(110, 2), (100, 9)], CloseReason.MARKET_REST),
    ],
)
def test_a_cash_sell_sells_until_its_amount_is_reached(
    amount: int, filled: list[tuple[int, int]], reason: CloseReason
) -> None:
    """Before fees, whatever they are."""
    for fees in (0, 20 * PERCENT):
        told = closed(bids(taker_fee_ppm=fees), PlaceOrder(ANN, 0, SELL, CASH_SELL, 0, amount=amount))
        status = OrderStatus.FILLED if reason is CloseReason.FILLED else OrderStatus.CANCELLED
        assert told == (filled, reason, status)


def test_a_cash_sell_keeps_to_the_lot() -> None:
    driver = trading(lot=2, min_size=2, price_scale=1)
    driver.buy(BOB, 10, 105)  # 10.5 each
    batch = driver.do(PlaceOrder(ANN, 0, SELL, CASH_SELL, 0, amount=22))
    assert trades(batch) == [(105, 4)], "2 are worth 21, 3 would be enough and are no lot"


def test_a_cash_sell_sells_no_more_than_there_is() -> None:
    driver = bids()
    driver.deposit(ANN, "BTC", -1_000_000 + 5)
    driver.sell(ANN, 2, 500)
    told = closed(driver, PlaceOrder(ANN, 0, SELL, CASH_SELL, 0, amount=1000))
    assert told == ([(110, 2), (100, 1)], CloseReason.NO_FUNDS, OrderStatus.CANCELLED)


def test_an_instant_order_is_offset_for_what_it_would_have_cost() -> None:
    driver = trading()
    own = order_id(driver.sell(ANN, 2, 100))
    driver.sell(BOB, 3, 110)
    batch = driver.do(PlaceOrder(ANN, 0, BUY, INSTANT, 0, amount=345, self_trade=SelfTrade.DECREMENT))
    assert OwnSelfTrade(0, order_id(batch), own, 100, 2, BUY, ANN, ANN) in batch.private[ANN]
    assert trades(batch) == [(110, 1)], "145 are left"
    assert last(batch.public, OrderClosed).reason is CloseReason.FILLED


def test_an_own_order_that_is_larger_ends_a_quote_sized_one() -> None:
    driver = trading()
    own = order_id(driver.buy(ANN, 9, 100))
    batch = driver.do(PlaceOrder(ANN, 0, SELL, CASH_SELL, 0, amount=345, self_trade=SelfTrade.DECREMENT))
    assert batch.public[1:] == [
        OrderReduced(0, own, BUY, 100, 5, 5),
        OrderClosed(0, order_id(batch), SELL, 0, 0, CloseReason.SELF_TRADE, UNKNOWN_LEVEL),
    ]


def test_a_waiting_instant_order_holds_its_amount_and_has_no_size_to_amend() -> None:
    driver = asks()
    batch = driver.do(PlaceOrder(ANN, 0, BUY, INSTANT, 0, trigger=Trigger.STOP_LOSS, trigger_price=100, amount=400))
    a = order_id(batch)
    assert batch.public == []
    assert balances(batch, ANN) == {"USD": (1_000_000, 400)}
    assert driver.refused(AmendOrder(ANN, a, size=3)) is Refusal.INVALID_TERMS
    assert driver.refused(AmendOrder(ANN, a)) is Refusal.INVALID_TERMS
    told = driver.amend(ANN, a, price=115).private[ANN][-1]
    assert told == OwnOrderUpdated(a, OrderStatus.UNTRIGGERED, 0, 0, 0, 0, False)
    batch = driver.buy(HOUSE, 1, 100)
    assert trades(batch) == [(100, 1), (100, 1), (110, 2)]
    assert balances(batch, ANN) == {"USD": (1_000_000 - 320, 0), "BTC": (1_000_003, 0)}
    assert driver.do(PlaceOrder(ANN, 0, SELL, CASH_SELL, 0, trigger=Trigger.TAKE_PROFIT, trigger_price=500, amount=1))
