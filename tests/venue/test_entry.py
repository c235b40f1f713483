"""What an arriving order makes happen, event by event."""

import pytest

from polyfeed.model.enums import BalanceCause, CloseReason, OrderKind, OrderStatus, SelfTrade, Side, TimeInForce
from polyfeed.model.events import (
    UNKNOWN_LEVEL,
    BalanceSet,
    OrderClosed,
    OrderOpened,
    OrderRested,
    OwnFill,
    OwnOrderOpened,
    OwnOrderUpdated,
    Trade,
)
from polyfeed.model.ids import order_id_ms
from tests.venue.driver import ANN, BOB, CAT, HOUSE, last, opened, order_id, trades, trading

BUY, SELL = Side.BUY, Side.SELL
LIMIT, MARKET = OrderKind.LIMIT, OrderKind.MARKET
IOC, FOK = TimeInForce.IOC, TimeInForce.FOK
OPEN, FILLED, CANCELLED, REJECTED = (
    OrderStatus.OPEN,
    OrderStatus.FILLED,
    OrderStatus.CANCELLED,
    OrderStatus.REJECTED,
)


def test_an_order_that_meets_nobody_rests() -> None:
    driver = trading()
    batch = driver.buy(ANN, 3, 100, client_id="mine")
    a = batch.outcome.order_id
    assert batch.public == [OrderOpened(0, a, BUY, 100, 3), OrderRested(0, a, BUY, 100, 3, level_size=3)]
    assert batch.private == {
        ANN: [
            OwnOrderOpened(a, 0, BUY, LIMIT, 100, 3, client_id="mine"),
            OwnOrderUpdated(a, OPEN, left=3, filled=0, value=0, fees=0, rested=True),
            BalanceSet("USD", 1_000_000, 300, BalanceCause.HOLD, 0),
        ]
    }


def test_an_order_is_announced_whole_and_then_trades_at_the_makers_price() -> None:
    driver = trading()
    a = order_id(driver.sell(ANN, 5, 100))
    batch = driver.buy(BOB, 8, 102)
    b = order_id(batch)
    assert batch.public == [
        OrderOpened(0, b, BUY, 102, 8),
        Trade(0, 1, 100, 5, BUY, LIMIT, b, a, taker_left=3, maker_left=0, level_size=0),
        OrderRested(0, b, BUY, 102, 3, level_size=3),
    ]
    assert batch.private == {
        BOB: [
            OwnOrderOpened(b, 0, BUY, LIMIT, 102, 8),
            OwnFill(b, 0, 1, BUY, 100, 5, value=500, fee=0, maker=False, left=3),
            OwnOrderUpdated(b, OPEN, left=3, filled=5, value=500, fees=0, rested=False),
            OwnOrderUpdated(b, OPEN, left=3, filled=5, value=500, fees=0, rested=True),
            BalanceSet("BTC", 1_000_005, 0, BalanceCause.FILL, 5),
            BalanceSet("USD", 999_500, 306, BalanceCause.FILL, -500),
        ],
        ANN: [
            OwnFill(a, 0, 1, SELL, 100, 5, value=500, fee=0, maker=True, left=0),
            OwnOrderUpdated(a, FILLED, left=0, filled=5, value=500, fees=0, rested=False),
            BalanceSet("BTC", 999_995, 0, BalanceCause.FILL, -5),
            BalanceSet("USD", 1_000_500, 0, BalanceCause.FILL, 500),
        ],
    }


def test_an_order_that_is_filled_has_no_ending_of_its_own() -> None:
    driver = trading()
    driver.sell(ANN, 5, 100)
    batch = driver.buy(BOB, 5, 100)
    assert [type(event) for event in batch.public] == [OrderOpened, Trade]
    assert last(batch.private[BOB], OwnOrderUpdated).status is FILLED


def test_better_prices_come_first_and_at_one_price_the_older_order() -> None:
    driver = trading()
    third = order_id(driver.sell(ANN, 1, 102))
    first = order_id(driver.sell(BOB, 1, 100))
    second = order_id(driver.sell(ANN, 2, 101))
    later = order_id(driver.sell(CAT, 2, 101))
    batch = driver.buy(HOUSE, 5, 102)
    makers = [(e.maker_id, e.price, e.size, e.level_size) for e in batch.public if isinstance(e, Trade)]
    assert makers == [(first, 100, 1, 0), (second, 101, 2, 2), (later, 101, 2, 0)]
    batch = driver.buy(HOUSE, 1)
    assert [e.maker_id for e in batch.public if isinstance(e, Trade)] == [third]


def test_a_partly_filled_maker_keeps_its_place() -> None:
    driver = trading()
    first = order_id(driver.buy(ANN, 5, 100))
    driver.buy(BOB, 5, 100)
    driver.sell(CAT, 2, 100)
    batch = driver.sell(CAT, 2, 100)
    assert [(e.maker_id, e.maker_left) for e in batch.public if isinstance(e, Trade)] == [(first, 1)]


def test_a_post_only_order_that_would_trade_is_announced_and_ended() -> None:
    driver = trading()
    driver.sell(ANN, 5, 100)
    batch = driver.buy(BOB, 8, 100, post_only=True)
    b = order_id(batch)
    assert batch.public == [
        OrderOpened(0, b, BUY, 100, 8, post_only=True),
        OrderClosed(0, b, BUY, 100, 8, CloseReason.POST_ONLY, UNKNOWN_LEVEL),
    ]
    assert batch.private == {
        BOB: [
            OwnOrderOpened(b, 0, BUY, LIMIT, 100, 8, post_only=True),
            OwnOrderUpdated(b, REJECTED, 8, 0, 0, 0, False, CloseReason.POST_ONLY),
        ]
    }, "what was held and released again is not worth a balance"


def test_a_post_only_order_one_tick_away_rests() -> None:
    driver = trading()
    driver.sell(ANN, 5, 100)
    assert isinstance(driver.buy(BOB, 8, 99, post_only=True).public[-1], OrderRested)


def test_an_ioc_order_fills_what_it_can_and_ends() -> None:
    driver = trading()
    a = order_id(driver.sell(ANN, 5, 100))
    batch = driver.buy(BOB, 8, 101, tif=IOC)
    b = order_id(batch)
    assert batch.public == [
        OrderOpened(0, b, BUY, 101, 8, tif=IOC),
        Trade(0, 1, 100, 5, BUY, LIMIT, b, a, 3, 0, 0),
        OrderClosed(0, b, BUY, 101, 3, CloseReason.IOC, UNKNOWN_LEVEL, last_price=100),
    ]
    assert last(batch.private[BOB], OwnOrderUpdated) == OwnOrderUpdated(
        b, CANCELLED, 3, 5, 500, 0, False, CloseReason.IOC
    )
    assert last(batch.private[BOB], BalanceSet).held == 0


def test_an_ioc_order_that_meets_nobody_ends_at_once() -> None:
    batch = trading().buy(BOB, 8, 101, tif=IOC)
    assert batch.public[1:] == [OrderClosed(0, opened(batch), BUY, 101, 8, CloseReason.IOC, UNKNOWN_LEVEL)]


def test_a_market_order_takes_what_there_is_and_ends() -> None:
    driver = trading()
    driver.buy(ANN, 2, 100)
    driver.buy(ANN, 3, 90)
    batch = driver.sell(BOB, 9)
    b = order_id(batch)
    assert trades(batch) == [(100, 2), (90, 3)]
    assert batch.public[0] == OrderOpened(0, b, SELL, 0, 9, kind=MARKET)
    assert batch.public[-1] == OrderClosed(0, b, SELL, 0, 4, CloseReason.MARKET_REST, UNKNOWN_LEVEL, last_price=90)


@pytest.mark.parametrize("tif", [TimeInForce.GTC, IOC])
def test_a_market_order_in_an_empty_market_ends(tif: TimeInForce) -> None:
    batch = trading().buy(ANN, 9, tif=tif)
    assert batch.public[-1] == OrderClosed(
        0, opened(batch), BUY, 0, 9, CloseReason.MARKET_REST, UNKNOWN_LEVEL, last_price=0
    )


@pytest.mark.parametrize(("size", "filled"), [(7, True), (8, False)])
@pytest.mark.parametrize("price", [101, 0], ids=["limit", "market"])
def test_a_fok_order_fills_whole_or_not_at_all(size: int, filled: bool, price: int) -> None:
    driver = trading()
    driver.sell(ANN, 5, 100)
    driver.sell(BOB, 2, 101)
    if price:
        driver.sell(BOB, 100, 102)
    batch = driver.buy(CAT, size, price, tif=FOK)
    if filled:
        assert trades(batch) == [(100, 5), (101, 2)]
        assert isinstance(batch.public[-1], Trade)
    else:
        assert batch.public[1:] == [
            OrderClosed(0, opened(batch), BUY, price, size, CloseReason.FOK, UNKNOWN_LEVEL, last_price=0)
        ]
        assert last(batch.private[CAT], OwnOrderUpdated).status is REJECTED


@pytest.mark.parametrize("tif", [IOC, FOK])
def test_a_market_order_may_have_a_worst_price(tif: TimeInForce) -> None:
    driver = trading()
    driver.buy(ANN, 2, 100)
    driver.buy(ANN, 3, 90)
    batch = driver.sell(BOB, 4, 95, kind=MARKET, tif=tif)
    killed = tif is FOK
    assert trades(batch) == ([] if killed else [(100, 2)])
    reason, left = (CloseReason.FOK, 4) if killed else (CloseReason.MARKET_REST, 2)
    price = 0 if killed else 100
    assert batch.public[-1] == OrderClosed(0, opened(batch), SELL, 95, left, reason, UNKNOWN_LEVEL, last_price=price)


def test_a_market_buy_stops_above_its_worst_price() -> None:
    driver = trading()
    for price in (100, 101, 102):
        driver.sell(ANN, 1, price)
    assert trades(driver.buy(BOB, 3, 101, kind=MARKET)) == [(100, 1), (101, 1)]
    assert trades(driver.buy(BOB, 3, 101, kind=MARKET)) == []


def test_an_opened_order_knows_the_last_price() -> None:
    driver = trading()
    driver.sell(ANN, 5, 100)
    assert last(driver.buy(BOB, 1, 101).private[BOB], OwnOrderOpened).last_price == 0
    assert last(driver.buy(BOB, 1, 99).private[BOB], OwnOrderOpened).last_price == 100


def test_a_fok_order_that_meets_nobody_is_killed() -> None:
    for batch in (trading().buy(ANN, 9, tif=FOK), trading().buy(ANN, 9, 100, tif=FOK)):
        assert last(batch.public, OrderClosed).reason is CloseReason.FOK


def test_trades_are_numbered_across_all_markets() -> None:
    driver = trading()
    driver.sell(ANN, 5, 100)
    driver.buy(BOB, 1, 100)
    assert last(driver.buy(BOB, 1, 100).public, Trade).trade_id == 2


def test_order_ids_carry_the_time_and_rise() -> None:
    driver = trading()
    driver.step_us = 1
    ids = [order_id(driver.buy(ANN, 1, 100)) for _ in range(5)]
    assert ids == sorted(set(ids))
    assert order_id_ms(ids[0]) == driver.ts // 1000


def test_a_house_account_may_bring_its_own_ids_and_the_venue_goes_on_above_them() -> None:
    driver = trading()
    assert order_id(driver.buy(HOUSE, 1, 100, order_id=77)) == 77
    own = order_id(driver.buy(ANN, 1, 100))
    assert order_id(driver.buy(HOUSE, 1, 100, order_id=own + 5000)) == own + 5000
    driver.step_us = 1
    assert order_id(driver.buy(ANN, 1, 100)) > own + 5000


def test_imported_flow_may_trade_with_itself() -> None:
    driver = trading()
    a = order_id(driver.sell(HOUSE, 5, 100, self_trade=SelfTrade.ALLOW))
    batch = driver.buy(HOUSE, 5, 100, self_trade=SelfTrade.ALLOW)
    assert trades(batch) == [(100, 5)]
    assert [e.maker for e in batch.private[HOUSE] if isinstance(e, OwnFill)] == [False, True]
    assert [e.order_id for e in batch.private[HOUSE] if isinstance(e, OwnFill)] == [order_id(batch), a]
