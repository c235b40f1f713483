"""Every bound of what the venue takes: the last value that it takes, and the first that it does not."""

from __future__ import annotations

from typing import Any

import pytest

from polyfeed.model.commands import (
    DefineCurrency,
    Deposit,
    ListInstrument,
    OpenAccount,
    PlaceOrder,
    SetInstrumentStatus,
)
from polyfeed.model.enums import InstrumentStatus, OrderKind, Refusal, SelfTrade, Side, TimeInForce
from polyfeed.model.instruments import Currency
from polyfeed.venue.limits import MAX_AMOUNT, MAX_NUMBER, MAX_TOTAL
from tests.venue.driver import ANN, HOUSE, Driver, instrument, trading


def limit(account: int, size: int, price: int, **terms: Any) -> PlaceOrder:
    return PlaceOrder(account, 0, Side.SELL, OrderKind.LIMIT, size, price, self_trade=SelfTrade.ALLOW, **terms)


@pytest.mark.parametrize(
    ("terms", "good", "bad", "refusal"),
    [
        ({"price_scale": 6}, limit(HOUSE, 1, MAX_NUMBER - 1), limit(HOUSE, 1, MAX_NUMBER), Refusal.INVALID_PRICE),
        ({}, limit(HOUSE, 1, 1), limit(HOUSE, 1, 0), Refusal.INVALID_PRICE),
        ({"tick": 5}, limit(HOUSE, 1, 5), limit(HOUSE, 1, 4), Refusal.INVALID_PRICE),
        ({}, limit(HOUSE, 1, 1), limit(HOUSE, 0, 1), Refusal.INVALID_SIZE),
        ({"lot": 5}, limit(HOUSE, 5, 1), limit(HOUSE, 6, 1), Refusal.INVALID_SIZE),
        ({}, limit(HOUSE, MAX_AMOUNT, 1), limit(HOUSE, MAX_AMOUNT + 1, 1), Refusal.INVALID_SIZE),
        ({}, limit(HOUSE, MAX_AMOUNT // 2, 2), limit(HOUSE, MAX_AMOUNT // 2 + 1, 2), Refusal.INVALID_SIZE),
        ({"min_size": 7}, limit(ANN, 7, 1), limit(ANN, 6, 1), Refusal.SIZE_TOO_SMALL),
        ({"min_cost": 21}, limit(ANN, 7, 3), limit(ANN, 5, 4), Refusal.COST_TOO_SMALL),
        ({}, limit(HOUSE, 1, 1, order_id=1), limit(HOUSE, 1, 1, order_id=-1), Refusal.INVALID_TERMS),
        ({}, limit(HOUSE, 1, 1, order_id=2**52 - 1), limit(HOUSE, 1, 1, order_id=2**52), Refusal.INVALID_TERMS),
        ({}, limit(HOUSE, 1, 1, order_id=5), limit(ANN, 1, 1, order_id=6), Refusal.INVALID_TERMS),
        ({}, limit(HOUSE, 1, 1, order_id=5), limit(HOUSE, 1, 1, order_id=5), Refusal.DUPLICATE_ORDER_ID),
        ({}, limit(ANN, 1_000_000, 1), limit(ANN, 1, 1), Refusal.INSUFFICIENT_FUNDS),
    ],
)
def test_orders(terms: dict[str, Any], good: PlaceOrder, bad: PlaceOrder, refusal: Refusal) -> None:
    driver = trading(**terms)
    driver.do(good)
    assert driver.refused(bad) is refusal


def test_the_house_may_enter_less_than_the_smallest_size() -> None:
    trading(min_size=7).do(limit(HOUSE, 1, 1))


def test_a_level_that_can_still_be_counted() -> None:
    driver = trading()
    for _ in range(3):
        driver.do(limit(HOUSE, MAX_AMOUNT, 1))
    assert driver.refused(limit(HOUSE, MAX_AMOUNT, 1)) is Refusal.INVALID_SIZE  # 4 * 2^60 are 2^62
    driver.do(limit(HOUSE, MAX_AMOUNT - 1, 1))


def test_an_imported_id_raises_the_next_one() -> None:
    driver = trading()
    driver.do(limit(HOUSE, 1, 1, order_id=2**52 - 1))
    assert driver.do(limit(HOUSE, 1, 1)).outcome.order_id == 2**52
    driver.do(limit(HOUSE, 1, 1, order_id=7))
    assert driver.do(limit(HOUSE, 1, 1)).outcome.order_id == 2**52 + 1


STATUSES = {
    InstrumentStatus.ONLINE: (True, True, True),
    InstrumentStatus.LIMIT_ONLY: (False, True, True),
    InstrumentStatus.POST_ONLY: (False, False, True),
    InstrumentStatus.CANCEL_ONLY: (False, False, False),
    InstrumentStatus.HALTED: (False, False, False),
}


@pytest.mark.parametrize("status", InstrumentStatus)
def test_what_a_status_lets_in(status: InstrumentStatus) -> None:
    driver = trading()
    resting = driver.sell(ANN, 1, 50)
    driver.do(SetInstrumentStatus(0, status))
    orders = (
        PlaceOrder(ANN, 0, Side.BUY, OrderKind.MARKET, 1, tif=TimeInForce.IOC, self_trade=SelfTrade.ALLOW),
        limit(ANN, 1, 60),
        limit(ANN, 1, 60, post_only=True),
    )
    for order, good in zip(orders, STATUSES[status], strict=True):
        batch = driver.send(order)
        assert batch.outcome.refusal == (None if good else Refusal.MARKET_CLOSED)
    if status is InstrumentStatus.ONLINE:
        return  # the market order took it
    if status is InstrumentStatus.HALTED:
        with pytest.raises(AssertionError, match="cannot be cancelled"):
            driver.cancel(ANN, resting)
    else:
        driver.cancel(ANN, resting)


@pytest.mark.parametrize(("good", "bad"), [(0, -1), (18, 19)])
def test_decimals(good: int, bad: int) -> None:
    driver = Driver()
    driver.do(DefineCurrency(Currency("A", good)))
    assert driver.refused(DefineCurrency(Currency("B", bad))) is Refusal.INVALID_TERMS


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ({"tick": MAX_NUMBER - 1}, {"tick": MAX_NUMBER}),
        ({"tick": 1}, {"tick": 0}),
        ({"lot": MAX_NUMBER - 1}, {"lot": MAX_NUMBER}),
        ({"lot": 1}, {"lot": 0}),
        ({"min_size": MAX_AMOUNT}, {"min_size": MAX_AMOUNT + 1}),
        ({"min_size": 0}, {"min_size": -1}),
        ({"min_cost": MAX_AMOUNT}, {"min_cost": MAX_AMOUNT + 1}),
        ({"min_cost": 0}, {"min_cost": -1}),
        ({"maker_fee_ppm": 1_000_000}, {"maker_fee_ppm": 1_000_001}),
        ({"taker_fee_ppm": -1_000_000}, {"taker_fee_ppm": -1_000_001}),
        ({"price_scale": 0}, {"price_scale": -1}),
        ({"price_scale": 18}, {"price_scale": 19}),
        ({"symbols": {"kraken": "B"}}, {"symbols": {"kraken": "A"}}),
        ({"symbols": {"rails": "A"}}, {"symbols": {"kraken": "A", "rails": "B"}}),
        ({"name": "other"}, {"name": "BTC-USD"}),
        ({"name": "other"}, {"name": ""}),
        ({"base": "BTC"}, {"base": "USD"}),
    ],
)
def test_instruments(good: dict[str, Any], bad: dict[str, Any]) -> None:
    driver = trading(symbols={"kraken": "A"})
    terms: dict[str, Any] = {"id": 1, "name": "other"}
    refused = driver.refused(ListInstrument(instrument(**terms | bad)))
    assert refused in (Refusal.INVALID_TERMS, Refusal.ALREADY_EXISTS)
    driver.do(ListInstrument(instrument(**terms | good)))


@pytest.mark.parametrize(("scale", "decimals", "good"), [(2, 2, True), (2, 3, False)])
def test_a_size_has_no_more_decimals_than_its_currency(scale: int, decimals: int, good: bool) -> None:
    driver = Driver()
    driver.do(DefineCurrency(Currency("BTC", scale)))
    driver.do(DefineCurrency(Currency("USD", 0)))
    batch = driver.send(ListInstrument(instrument(size_scale=decimals)))
    assert batch.outcome.refusal == (None if good else Refusal.INVALID_TERMS)


def test_accounts() -> None:
    driver = Driver()
    driver.do(DefineCurrency(Currency("USD", 0)))
    driver.do(OpenAccount(MAX_NUMBER - 1, "last"))
    assert driver.refused(OpenAccount(MAX_NUMBER, "one more")) is Refusal.INVALID_TERMS
    assert driver.refused(OpenAccount(-1, "the fund's")) is Refusal.INVALID_TERMS
    assert driver.refused(OpenAccount(0, "fees")) is Refusal.ALREADY_EXISTS
    driver.do(OpenAccount(1, "main", maker_fee_ppm=1_000_000))
    driver.do(OpenAccount(2, "sub", parent=1))
    assert driver.refused(OpenAccount(3, "sub of sub", parent=2)) is Refusal.INVALID_TERMS
    assert driver.refused(OpenAccount(3, "dear", taker_fee_ppm=1_000_001)) is Refusal.INVALID_TERMS


def test_deposits() -> None:
    driver = trading(money=0)
    assert driver.refused(Deposit(ANN, "USD", 0)) is Refusal.INVALID_AMOUNT
    assert driver.refused(Deposit(ANN, "USD", MAX_TOTAL + 1)) is Refusal.INVALID_AMOUNT
    driver.do(Deposit(ANN, "USD", MAX_TOTAL))
    assert driver.refused(Deposit(ANN, "USD", 1)) is Refusal.INVALID_AMOUNT
    driver.do(Deposit(HOUSE, "USD", -MAX_TOTAL))
    assert driver.refused(Deposit(HOUSE, "USD", -1)) is Refusal.INVALID_AMOUNT
    driver.buy(ANN, 10, 100)
    assert driver.refused(Deposit(ANN, "USD", -(MAX_TOTAL - 999))) is Refusal.INSUFFICIENT_FUNDS
    driver.do(Deposit(ANN, "USD", -(MAX_TOTAL - 1_000)))
