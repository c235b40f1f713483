"""Orders that end at a time."""

import pytest

from polyfeed.model.commands import (
    CancelAll,
    CancelOrder,
    Clock,
    Deposit,
    Origin,
    PlaceOrder,
    Proceed,
    ReplaceOrder,
    SetInstrumentStatus,
)
from polyfeed.model.enums import (
    BalanceCause,
    CloseReason,
    InstrumentStatus,
    OrderKind,
    OrderStatus,
    Refusal,
    Side,
    TimeInForce,
    Trigger,
)
from polyfeed.model.events import BalanceSet, OrderClosed, OrderRested, OwnOrderOpened, OwnOrderUpdated
from tests.venue.driver import ANN, BOB, HOUSE, START, Driver, balances, last, order_id, trades, trading

BUY, SELL = Side.BUY, Side.SELL
DAY, GTD, GTC = TimeInForce.DAY, TimeInForce.GTD, TimeInForce.GTC
LIMIT = OrderKind.LIMIT
END = START + 1_000_000
MIDNIGHT = 1_700_006_400_000_000  # 2023-11-15 00:00 UTC; START is 22:13:20 of the day before


def expired(order: int, left: int = 5) -> OwnOrderUpdated:
    return OwnOrderUpdated(order, OrderStatus.EXPIRED, left, 0, 0, 0, False, CloseReason.EXPIRED)


def later(driver: Driver, ts: int) -> None:
    """The next command comes at that time."""
    driver.ts = ts - driver.step_us


def test_an_order_ends_at_its_time_and_not_before() -> None:
    driver = trading()
    assert driver.venue.deadline() is None
    a = order_id(driver.buy(ANN, 5, 100, tif=GTD, expire_ts=END))
    assert driver.venue.deadline() == END
    later(driver, END - 1)
    assert driver.do(Clock()).public == []
    later(driver, END)
    batch = driver.do(Clock())
    assert batch.public == [OrderClosed(0, a, BUY, 100, 5, CloseReason.EXPIRED, level_size=0)]
    assert batch.private[ANN] == [expired(a), BalanceSet("USD", 1_000_000, 0, BalanceCause.RELEASE)]
    assert driver.venue.deadline() is None
    later(driver, 2 * END)
    assert driver.do(Clock()).public == []


def test_a_day_order_ends_at_the_next_midnight_utc() -> None:
    driver = trading()
    batch = driver.buy(ANN, 5, 100, tif=DAY)
    assert last(batch.private[ANN], OwnOrderOpened).expire_ts == MIDNIGHT
    assert driver.venue.deadline() == MIDNIGHT
    later(driver, MIDNIGHT)
    batch = driver.buy(ANN, 5, 100, tif=DAY)
    assert driver.venue._state.orders.keys() == {order_id(batch)}, "the new one has another day"
    assert batch.private[ANN][0].status is OrderStatus.EXPIRED  # type: ignore[union-attr]
    assert driver.venue.deadline() == MIDNIGHT + 86_400_000_000


def test_those_that_are_due_end_by_time_and_then_by_entry() -> None:
    driver = trading()
    late, one, early, two = (
        order_id(driver.buy(ANN, 5, 100, tif=GTD, expire_ts=END + after)) for after in (9, 5, 1, 5)
    )
    later(driver, END + 9)
    batch = driver.do(Clock())
    assert [event.order_id for event in batch.public if isinstance(event, OrderClosed)] == [early, one, two, late]


def test_an_expired_order_does_not_meet_the_command_that_it_ends_before() -> None:
    driver = trading()
    a = order_id(driver.buy(ANN, 5, 100, tif=GTD, expire_ts=END))
    b = order_id(driver.buy(BOB, 5, 99))
    later(driver, END)
    batch = driver.sell(HOUSE, 5, 99)
    assert isinstance(batch.public[0], OrderClosed)
    assert trades(batch) == [(99, 5)]
    assert {a, b}.isdisjoint(driver.venue._state.orders)


def test_a_refused_command_lets_orders_expire_too() -> None:
    driver = trading()
    a = order_id(driver.buy(ANN, 5, 100, tif=GTD, expire_ts=END))
    later(driver, END)
    batch = driver.send(CancelOrder(ANN, a))
    assert batch.outcome.refusal is Refusal.UNKNOWN_ORDER
    assert [type(event) for event in batch.public] == [OrderClosed]
    assert batch.private[ANN][0] == expired(a)


def test_a_partly_filled_order_ends_with_what_is_left() -> None:
    driver = trading()
    a = order_id(driver.buy(ANN, 5, 100, tif=GTD, expire_ts=END))
    driver.sell(BOB, 2, 100)
    later(driver, END)
    assert driver.do(Clock()).public == [OrderClosed(0, a, BUY, 100, 3, CloseReason.EXPIRED, level_size=0)]


def test_an_order_that_ended_before_does_not_end_again() -> None:
    driver = trading()
    driver.cancel(ANN, driver.buy(ANN, 5, 100, tif=GTD, expire_ts=END))
    driver.buy(ANN, 5, 100, tif=GTD, expire_ts=END)
    driver.sell(BOB, 5, 100)
    assert driver.venue.deadline() is None
    later(driver, END)
    assert driver.do(Clock()).private == {}


def test_an_amended_order_keeps_its_end_and_so_does_a_replaced_one() -> None:
    driver = trading()
    a = order_id(driver.buy(ANN, 5, 100, tif=GTD, expire_ts=END))
    driver.amend(ANN, a, price=99)
    driver.amend(ANN, a, size=7)
    b = order_id(driver.do(ReplaceOrder(ANN, order_id(driver.buy(ANN, 5, 98, tif=GTD, expire_ts=END + 1)), 97)))
    later(driver, END + 1)
    batch = driver.do(Clock())
    assert [event.order_id for event in batch.public if isinstance(event, OrderClosed)] == [a, b]


def test_a_waiting_order_ends_without_a_public_word() -> None:
    driver = trading()
    a = order_id(driver.sell(ANN, 5, trigger=Trigger.STOP_LOSS, trigger_price=90, tif=DAY))
    later(driver, MIDNIGHT)
    batch = driver.do(Clock())
    assert batch.public == []
    assert batch.private[ANN][0] == expired(a)
    assert balances(batch, ANN) == {"BTC": (1_000_000, 0)}


def test_orders_end_in_a_halted_market_too() -> None:
    driver = trading()
    driver.buy(ANN, 5, 100, tif=GTD, expire_ts=END)
    driver.do(SetInstrumentStatus(0, InstrumentStatus.HALTED))
    later(driver, END)
    assert len(driver.do(Clock()).public) == 1


def test_a_deposit_of_the_same_moment_is_told_first() -> None:
    driver = trading()
    driver.buy(ANN, 5, 100, tif=GTD, expire_ts=END)
    later(driver, END)
    batch = driver.do(Deposit(ANN, "USD", 7))
    told = [event for event in batch.private[ANN] if isinstance(event, BalanceSet)]
    assert told == [BalanceSet("USD", 1_000_007, 0, BalanceCause.DEPOSIT, 7)]


@pytest.mark.parametrize("limit", [16, 50])
def test_a_command_waits_until_all_that_are_due_have_ended(limit: int) -> None:
    """What it does is the same as if all had fitted; its outcome comes with its origin, in the batch that does it."""
    one, many = trading(), trading(batch_limit=limit)
    for driver in (one, many):
        driver.step_us = 1
        for _ in range(60):
            driver.buy(ANN, 1, 100, tif=DAY)
        later(driver, MIDNIGHT)
    origin = Origin(1, 2)
    command = PlaceOrder(BOB, 0, SELL, LIMIT, 3, 100, post_only=True)
    whole = one.send(command, origin)
    batches = [many.send(command, origin)]
    while batches[-1].more:
        batches.append(many.send(Proceed(), origin))
    assert len(batches) > 3
    assert [batch.origin for batch in batches] == [None] * (len(batches) - 1) + [origin]
    assert [event for batch in batches for event in batch.public] == whole.public
    assert last(batches[-1].public, OrderRested).order_id == order_id(batches[-1])
    assert whole.outcome.accepted
    assert batches[-1].outcome.accepted


def test_a_command_that_waited_may_be_refused_and_is_never_lost() -> None:
    driver = trading(batch_limit=16)
    ids = [order_id(driver.buy(ANN, 1, 100, tif=DAY)) for _ in range(20)]
    later(driver, MIDNIGHT)
    first = driver.send(CancelOrder(ANN, ids[-1]))
    assert first.more
    assert first.outcome.accepted
    batch = first
    while batch.more:
        batch = driver.send(Proceed())
    assert batch.outcome.refusal is Refusal.UNKNOWN_ORDER
    assert driver.do(CancelAll(ANN)).private == {}
