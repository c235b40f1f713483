"""Orders that wait for a price: worked by hand."""

from typing import Any

import pytest

from polyfeed.model.commands import AmendOrder, CancelOrder, PlaceOrder, ReplaceOrder
from polyfeed.model.enums import CloseReason, OrderKind, OrderStatus, Refusal, SelfTrade, Side, TimeInForce, Trigger
from polyfeed.model.events import (
    UNKNOWN_LEVEL,
    OrderClosed,
    OrderOpened,
    OrderRested,
    OwnOrderAmended,
    OwnOrderOpened,
    OwnOrderUpdated,
    OwnTriggered,
    Trade,
)
from tests.venue.driver import ANN, BOB, CAT, HOUSE, Driver, balances, last, order_id, trades, trading

BUY, SELL = Side.BUY, Side.SELL
STOP_LOSS, TAKE_PROFIT = Trigger.STOP_LOSS, Trigger.TAKE_PROFIT
TRAILING_STOP_LOSS, TRAILING_TAKE_PROFIT = Trigger.TRAILING_STOP_LOSS, Trigger.TRAILING_TAKE_PROFIT
LIMIT, MARKET = OrderKind.LIMIT, OrderKind.MARKET


def at(driver: Driver, price: int) -> list[int]:
    """A trade of two strangers at a price. Gives the ids of what it triggered."""
    driver.sell(HOUSE, 1, price, self_trade=SelfTrade.ALLOW)
    batch = driver.buy(HOUSE, 1, price, self_trade=SelfTrade.ALLOW)
    assert (price, 1) in trades(batch)
    return [event.order_id for event in batch.public if isinstance(event, OrderOpened) and event.trigger]


def test_a_stop_waits_outside_the_book_and_only_its_owner_knows() -> None:
    driver = trading()
    at(driver, 100)
    batch = driver.sell(ANN, 5, trigger=STOP_LOSS, trigger_price=95)
    assert batch.public == []
    assert batch.private[ANN][0] == OwnOrderOpened(
        *(order_id(batch), 0, SELL, MARKET, 0, 5),
        status=OrderStatus.UNTRIGGERED,
        trigger=STOP_LOSS,
        trigger_price=95,
        last_price=100,
    )
    assert balances(batch, ANN) == {"BTC": (1_000_000, 5)}


def test_the_life_of_a_stop() -> None:
    driver = trading()
    bid = order_id(driver.buy(BOB, 3, 95))
    lower = order_id(driver.buy(BOB, 9, 90))
    stop = order_id(driver.sell(ANN, 5, trigger=STOP_LOSS, trigger_price=95))
    batch = driver.sell(CAT, 1, 95)
    assert batch.public == [
        OrderOpened(0, order_id(batch), SELL, 95, 1),
        Trade(0, 1, 95, 1, SELL, LIMIT, order_id(batch), bid, 0, 2, 2),
        OrderOpened(0, stop, SELL, 0, 5, MARKET, trigger=STOP_LOSS),
        Trade(0, 2, 95, 2, SELL, MARKET, stop, bid, 3, 0, 0),
        Trade(0, 3, 90, 3, SELL, MARKET, stop, lower, 0, 6, 6),
    ]
    assert batch.private[ANN][0] == OwnTriggered(stop, True)
    assert last(batch.private[ANN], OwnOrderUpdated).status is OrderStatus.FILLED
    assert balances(batch, ANN) == {"USD": (1_000_460, 0), "BTC": (999_995, 0)}
    assert driver.refused(CancelOrder(ANN, stop)) is Refusal.UNKNOWN_ORDER


@pytest.mark.parametrize(
    ("side", "trigger", "not_yet", "now"),
    [
        (SELL, STOP_LOSS, 96, 95),
        (SELL, TAKE_PROFIT, 94, 95),
        (BUY, STOP_LOSS, 94, 95),
        (BUY, TAKE_PROFIT, 96, 95),
        (SELL, STOP_LOSS, 96, 80),
        (BUY, STOP_LOSS, 94, 120),
    ],
)
def test_the_direction_that_each_kind_waits_for(side: Side, trigger: Trigger, not_yet: int, now: int) -> None:
    driver = trading()
    stop = order_id(driver.place(ANN, side, 1, trigger=trigger, trigger_price=95))
    assert at(driver, not_yet) == []
    assert at(driver, now) == [stop]
    assert at(driver, not_yet) == []
    assert at(driver, now) == [], "once only"


def test_a_trigger_that_the_last_price_has_reached_fires_at_once() -> None:
    driver = trading()
    at(driver, 90)
    driver.buy(BOB, 9, 89)
    batch = driver.sell(ANN, 5, 80, trigger=STOP_LOSS, trigger_price=95)
    stop = order_id(batch)
    assert [type(event) for event in batch.private[ANN][:2]] == [OwnOrderOpened, OwnTriggered]
    assert batch.public[0] == OrderOpened(0, stop, SELL, 80, 5, trigger=STOP_LOSS)
    assert trades(batch) == [(89, 5)]


def test_a_meeting_that_nobody_can_pay_for_fires_nothing() -> None:
    driver = trading(money=0)
    driver.do(PlaceOrder(HOUSE, 0, SELL, LIMIT, 1, 3, trigger=STOP_LOSS, trigger_price=95))
    driver.sell(HOUSE, 1, 90)
    batch = driver.buy(ANN, 1)
    assert [type(event) for event in batch.public] == [OrderOpened, OrderClosed]


def test_a_limit_body_rests_and_keeps_its_trigger_as_a_term() -> None:
    driver = trading()
    at(driver, 100)
    stop = order_id(driver.buy(ANN, 5, 99, trigger=STOP_LOSS, trigger_price=105))
    driver.sell(BOB, 1, 105)
    batch = driver.buy(HOUSE, 1, 105)
    assert batch.public[-2:] == [
        OrderOpened(0, stop, BUY, 99, 5, trigger=STOP_LOSS),
        OrderRested(0, stop, BUY, 99, 5, 5),
    ]
    assert last(batch.private[ANN], OwnOrderUpdated) == OwnOrderUpdated(stop, OrderStatus.OPEN, 5, 0, 0, 0, True)
    assert balances(batch, ANN) == {}, "its money was held from the start"
    amended = driver.amend(ANN, stop, price=98)
    assert amended.public[1] == OrderOpened(0, stop, BUY, 98, 5, trigger=STOP_LOSS, amended=True)
    replaced = driver.do(ReplaceOrder(ANN, stop, 97))
    assert replaced.public[1] == OrderOpened(0, order_id(replaced), BUY, 97, 5), "it fires only once"


@pytest.mark.parametrize(
    ("terms", "filled", "reason"),
    [
        ({"post_only": True}, 0, CloseReason.POST_ONLY),
        ({"tif": TimeInForce.FOK, "size": 50}, 0, CloseReason.FOK),
        ({"tif": TimeInForce.IOC, "size": 50}, 9, CloseReason.IOC),
        ({"kind": MARKET, "size": 50, "price": 0}, 9, CloseReason.MARKET_REST),
    ],
)
def test_the_bodys_other_terms_count_when_it_becomes_active(
    terms: dict[str, Any], filled: int, reason: CloseReason
) -> None:
    driver = trading()
    driver.buy(BOB, 1, 94)
    driver.buy(BOB, 9, 89)
    body: dict[str, Any] = {"size": 5, "price": 89, "kind": LIMIT} | terms
    driver.do(PlaceOrder(ANN, 0, SELL, trigger=STOP_LOSS, trigger_price=95, **body))
    batch = driver.sell(HOUSE, 1, 94)
    assert trades(batch)[1:] == ([(89, filled)] if filled else [])
    assert last(batch.public, OrderClosed).reason is reason


def test_several_fire_by_price_and_then_by_time() -> None:
    driver = trading()
    at(driver, 100)
    far = order_id(driver.sell(ANN, 1, 200, trigger=STOP_LOSS, trigger_price=90))
    near = order_id(driver.sell(ANN, 1, 200, trigger=STOP_LOSS, trigger_price=95))
    near_too = order_id(driver.buy(BOB, 1, 2, trigger=TAKE_PROFIT, trigger_price=95))
    above = order_id(driver.buy(BOB, 1, 3, trigger=STOP_LOSS, trigger_price=105))
    nearer_above = order_id(driver.buy(BOB, 1, 3, trigger=STOP_LOSS, trigger_price=101))
    assert at(driver, 90) == [near, near_too, far]
    assert at(driver, 110) == [nearer_above, above]


def test_one_stop_makes_the_price_that_fires_the_next() -> None:
    driver = trading()
    at(driver, 100)
    for price in (95, 90, 85):
        driver.buy(HOUSE, 1, price)
    second = order_id(driver.sell(BOB, 1, trigger=STOP_LOSS, trigger_price=90))
    first = order_id(driver.sell(ANN, 1, trigger=STOP_LOSS, trigger_price=95))
    batch = driver.sell(CAT, 1, 95)
    assert trades(batch) == [(95, 1), (90, 1), (85, 1)]
    assert [e.taker_id for e in batch.public if isinstance(e, Trade)] == [order_id(batch), first, second]


def test_a_cascade_goes_on_in_further_batches() -> None:
    """Forty stops, each of which makes the price of the next."""
    told = []
    for limit in (16, 30, 1000):
        driver = trading(batch_limit=limit)
        at(driver, 100)
        for step in range(41):
            driver.buy(HOUSE, 1, 90 - step)
        for step in range(40):
            driver.sell(ANN, 1, trigger=STOP_LOSS, trigger_price=90 - step)
        batches = driver.whole(PlaceOrder(CAT, 0, SELL, MARKET, 1))
        assert (len(batches) > 10) == (limit < 100)
        assert all(len(b.public) + sum(map(len, b.private.values())) <= limit for b in batches)
        assert [price for batch in batches for price, _ in trades(batch)] == list(range(90, 49, -1))
        told.append([event for batch in batches for event in batch.public])
    assert told[0] == told[1] == told[2]


def test_a_fired_stop_comes_after_the_order_that_fired_it_has_come_to_rest() -> None:
    driver = trading()
    driver.sell(BOB, 1, 105)
    stop = order_id(driver.sell(ANN, 1, 104, trigger=TAKE_PROFIT, trigger_price=105))
    batch = driver.buy(CAT, 3, 105)
    assert [type(event) for event in batch.public] == [OrderOpened, Trade, OrderRested, OrderOpened, Trade]
    assert last(batch.public, Trade).taker_id == stop
    assert trades(batch) == [(105, 1), (105, 1)]


@pytest.mark.parametrize("trigger", [TRAILING_STOP_LOSS, TRAILING_TAKE_PROFIT])
def test_a_trailing_sell_follows_the_highest_price_and_fires_below(trigger: Trigger) -> None:
    driver = trading()
    at(driver, 1000)
    stop = order_id(driver.sell(ANN, 1, 2000, trigger=trigger, trailing_bps=333))
    for price in (967, 1200, 1161, 1199):  # 966.7, 1160.04: nothing yet
        assert at(driver, price) == []
    assert at(driver, 1160) == [stop]


def test_a_trailing_buy_follows_the_lowest_price_and_fires_above() -> None:
    driver = trading()
    at(driver, 1000)
    stop = order_id(driver.buy(ANN, 1, 2, trigger=TRAILING_STOP_LOSS, trailing_bps=333))
    for price in (1033, 900, 929, 901):  # 1033.3, 929.97: nothing yet
        assert at(driver, price) == []
    assert at(driver, 930) == [stop]


def test_without_a_trade_a_trailing_order_is_armed_by_the_first() -> None:
    driver = trading()
    stop = order_id(driver.sell(ANN, 1, 2000, trigger=TRAILING_STOP_LOSS, trailing_bps=1000))
    assert at(driver, 100) == []
    assert at(driver, 91) == []
    assert at(driver, 90) == [stop]


@pytest.mark.parametrize(
    ("side", "trigger", "unarmed", "armed", "fired"),
    [
        (SELL, TRAILING_TAKE_PROFIT, 40, 110, 99),  # armed by a rise to 105, then 10 % off 110
        (SELL, TRAILING_STOP_LOSS, 104.5 * 2, 105, 94),  # armed by a fall to 105
        (BUY, TRAILING_TAKE_PROFIT, 300, 100, 110),
        (BUY, TRAILING_STOP_LOSS, 50, 105, 116),
    ],
)
def test_a_trailing_order_is_armed_at_its_activation_price(
    side: Side, trigger: Trigger, unarmed: float, armed: int, fired: int
) -> None:
    driver = trading()
    at(driver, int(unarmed))
    price = 2000 if side is SELL else 2
    stop = order_id(driver.place(ANN, side, 1, price, trigger=trigger, trailing_bps=1000, activation_price=105))
    assert at(driver, int(unarmed)) == []
    assert at(driver, armed) == []
    assert at(driver, fired - 1 if side is BUY else fired + 1) == []
    assert at(driver, fired) == [stop]


def test_a_waiting_order_is_cancelled_without_a_public_word() -> None:
    driver = trading()
    at(driver, 100)
    one = order_id(driver.sell(ANN, 5, 90, trigger=STOP_LOSS, trigger_price=95))
    two = order_id(driver.sell(ANN, 5, 90, trigger=TRAILING_STOP_LOSS, trailing_bps=100))
    batch = driver.cancel(ANN, one)
    assert batch.public == []
    assert batch.private[ANN][0] == OwnOrderUpdated(one, OrderStatus.CANCELLED, 5, 0, 0, 0, False, CloseReason.USER)
    assert balances(batch, ANN) == {"BTC": (1_000_000, 5)}
    resting = order_id(driver.sell(ANN, 1, 300))
    batch = driver.cancel_all(ANN)
    assert [e.order_id for e in batch.private[ANN] if isinstance(e, OwnOrderUpdated)] == [two, resting]
    assert [e.order_id for e in batch.public if isinstance(e, OrderClosed)] == [resting]
    assert at(driver, 50) == []


def test_a_waiting_order_is_amended_in_its_place() -> None:
    driver = trading(money=1000)
    at(driver, 100)
    stop = order_id(driver.buy(ANN, 5, 110, trigger=STOP_LOSS, trigger_price=105))
    assert driver.refused(AmendOrder(ANN, stop, 110, 10)) is Refusal.INSUFFICIENT_FUNDS
    assert driver.refused(AmendOrder(ANN, stop, 110, 5)) is Refusal.INVALID_TERMS
    batch = driver.amend(ANN, stop, 100, 8)
    assert batch.public == []
    assert batch.private[ANN][:2] == [
        OwnOrderAmended(stop, 100, 8, 8, kept_place=True),
        OwnOrderUpdated(stop, OrderStatus.UNTRIGGERED, 8, 0, 0, 0, False),
    ]
    assert balances(batch, ANN) == {"USD": (1000, 800)}
    assert balances(driver.amend(ANN, stop, size=2), ANN) == {"USD": (1000, 200)}
    assert at(driver, 105) == [stop]


def test_a_waiting_market_order_has_a_worst_price_to_amend() -> None:
    driver = trading()
    driver.buy(BOB, 9, 85)
    stop = order_id(driver.sell(ANN, 5, trigger=STOP_LOSS, trigger_price=95))
    driver.amend(ANN, stop, price=86)
    assert driver.refused(AmendOrder(ANN, stop, size=-5)) is Refusal.INVALID_SIZE
    driver.buy(HOUSE, 1, 95)
    batch = driver.sell(BOB, 1, 95)
    assert batch.public[-1] == OrderClosed(0, stop, SELL, 86, 5, CloseReason.MARKET_REST, UNKNOWN_LEVEL)


def test_a_replaced_waiting_order_waits_anew() -> None:
    driver = trading()
    at(driver, 100)
    old = order_id(driver.sell(ANN, 5, 90, trigger=TRAILING_STOP_LOSS, trailing_bps=1000))
    at(driver, 120)
    assert at(driver, 110) == []
    batch = driver.do(ReplaceOrder(ANN, old, size=6))
    new = order_id(batch)
    assert batch.public == []
    assert last(batch.private[ANN], OwnOrderOpened).status is OrderStatus.UNTRIGGERED
    assert at(driver, 100) == [], "10 % off 110, not off 120"
    assert at(driver, 99) == [new]


def test_a_halted_market_keeps_its_waiting_orders() -> None:
    driver = trading()
    stop = order_id(driver.buy(ANN, 5, trigger=STOP_LOSS, trigger_price=105))
    assert at(driver, 104) == []
    batch = driver.cancel(ANN, stop)
    assert balances(batch, ANN) == {}, "a market buy holds nothing"


def test_a_level_that_is_full_when_a_stop_fires_ends_it() -> None:
    driver = trading()
    stop = order_id(driver.buy(HOUSE, 2**60, 1, trigger=STOP_LOSS, trigger_price=95))
    for _ in range(3):
        driver.buy(HOUSE, 2**60, 1)
    driver.buy(HOUSE, 2**60 - 1, 1)
    driver.buy(ANN, 1, 95)
    batch = driver.sell(BOB, 1, 95)
    assert batch.public[-1] == OrderClosed(0, stop, BUY, 1, 2**60, CloseReason.NO_FUNDS, UNKNOWN_LEVEL)
