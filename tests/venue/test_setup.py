"""Currencies, instruments, accounts, statuses."""

from typing import Any, get_args

import pytest

from polyfeed.model.batches import Batch
from polyfeed.model.commands import (
    AnyCommand,
    Clock,
    DefineCurrency,
    Deposit,
    ListInstrument,
    OpenAccount,
    PlaceOrder,
    RevokeKey,
    SetInstrumentStatus,
    SetKey,
    SetSystemStatus,
)
from polyfeed.model.enums import (
    Detail,
    InstrumentKind,
    InstrumentStatus,
    OrderKind,
    Refusal,
    Side,
    TimeInForce,
    Trigger,
)
from polyfeed.model.events import (
    AccountOpened,
    CurrencyDefined,
    InstrumentListed,
    InstrumentStatusSet,
    KeyRevoked,
    KeySet,
    SystemStatusSet,
)
from polyfeed.model.instruments import Currency
from polyfeed.venue.limits import MAX_TS
from polyfeed.venue.venue import HANDLERS
from tests.venue.driver import ANN, BOB, FEES, HOUSE, START, Driver, instrument, trading

LIMIT, MARKET = OrderKind.LIMIT, OrderKind.MARKET
SUB = 8


def test_the_first_currency_brings_the_fee_account() -> None:
    driver = Driver()
    usd, btc = Currency("USD", 4), Currency("BTC", 8)
    batch = driver.do(DefineCurrency(usd))
    assert batch.public == [CurrencyDefined(usd)]
    assert batch.private == {FEES: [AccountOpened("fees", house=True)]}
    batch = driver.do(DefineCurrency(btc))
    assert (batch.public, batch.private) == ([CurrencyDefined(btc)], {})


@pytest.mark.parametrize(
    ("currency", "refusal"),
    [
        (Currency("USD", 0), Refusal.ALREADY_EXISTS),
        (Currency("", 0), Refusal.INVALID_TERMS),
        (Currency("EUR", -1), Refusal.INVALID_TERMS),
        (Currency("EUR", 19), Refusal.INVALID_TERMS),
    ],
)
def test_currencies_that_cannot_be(currency: Currency, refusal: Refusal) -> None:
    assert trading().refused(DefineCurrency(currency)) is refusal


def test_an_instrument_is_listed() -> None:
    driver = trading()
    listed = instrument(id=1, name="USD-BTC", base="USD", quote="BTC", symbols={"kraken": "USD/XBT"})
    batch = driver.do(ListInstrument(listed))
    assert (batch.public, batch.private) == ([InstrumentListed(listed)], {})


INSTANT = {"kind": OrderKind.INSTANT, "price": 0, "size": 0, "amount": 200}


@pytest.mark.parametrize(
    ("terms", "refusal"),
    [
        ({"id": 2}, Refusal.INVALID_TERMS),
        ({"id": 0}, Refusal.INVALID_TERMS),
        ({"name": ""}, Refusal.INVALID_TERMS),
        ({"name": "BTC-USD"}, Refusal.ALREADY_EXISTS),
        ({"symbols": {"kraken": "XBT/USD"}}, Refusal.ALREADY_EXISTS),
        ({"base": "EUR"}, Refusal.UNKNOWN_CURRENCY),
        ({"quote": "EUR"}, Refusal.UNKNOWN_CURRENCY),
        ({"base": "USD"}, Refusal.INVALID_TERMS),
        ({"kind": InstrumentKind.PERPETUAL}, Refusal.INVALID_TERMS),
        ({"tick": 0}, Refusal.INVALID_TERMS),
        ({"tick": 2**62}, Refusal.INVALID_TERMS),
        ({"lot": -1}, Refusal.INVALID_TERMS),
        ({"min_size": -1}, Refusal.INVALID_TERMS),
        ({"min_cost": -1}, Refusal.INVALID_TERMS),
        ({"min_cost": 2**61}, Refusal.INVALID_TERMS),
        ({"price_scale": -1}, Refusal.INVALID_TERMS),
        ({"price_scale": 2**60}, Refusal.INVALID_TERMS),
        ({"size_scale": 1}, Refusal.INVALID_TERMS),
        ({"maker_fee_ppm": -1_000_001}, Refusal.INVALID_TERMS),
        ({"taker_fee_ppm": 1_000_001}, Refusal.INVALID_TERMS),
    ],
)
def test_instruments_that_cannot_be(terms: dict[str, Any], refusal: Refusal) -> None:
    driver = trading(symbols={"kraken": "XBT/USD"})
    assert driver.refused(ListInstrument(instrument(**{"id": 1, "name": "other"} | terms))) is refusal


def test_a_quote_currency_finer_than_price_times_size_is_refused() -> None:
    driver = trading()
    driver.do(DefineCurrency(Currency("EUR", 1)))
    assert driver.refused(ListInstrument(instrument(id=1, name="x", quote="EUR"))) is Refusal.INVALID_TERMS


def test_an_account_is_opened() -> None:
    driver = trading()
    batch = driver.do(OpenAccount(5, "eve"))
    assert (batch.public, batch.private) == ([], {5: [AccountOpened("eve")]})
    batch = driver.do(OpenAccount(6, "her bot", parent=5, tier="bots"))
    assert batch.private == {6: [AccountOpened("her bot", parent=5, tier="bots")]}


@pytest.mark.parametrize(
    ("command", "refusal"),
    [
        (OpenAccount(ANN, "again"), Refusal.ALREADY_EXISTS),
        (OpenAccount(FEES, "fees", True), Refusal.ALREADY_EXISTS),
        (OpenAccount(-1, "x"), Refusal.INVALID_TERMS),
        (OpenAccount(2**62, "x"), Refusal.INVALID_TERMS),
        (OpenAccount(5, "x", parent=5), Refusal.UNKNOWN_ACCOUNT),
        (OpenAccount(5, "x", parent=SUB), Refusal.INVALID_TERMS),
        (OpenAccount(5, "x", maker_fee_ppm=-1_000_001), Refusal.INVALID_TERMS),
        (OpenAccount(5, "x", taker_fee_ppm=1_000_001), Refusal.INVALID_TERMS),
    ],
)
def test_accounts_that_cannot_be(command: OpenAccount, refusal: Refusal) -> None:
    driver = trading()
    driver.do(OpenAccount(SUB, "ann's bot", parent=ANN))
    assert driver.refused(command) is refusal


def test_a_key_has_one_owner_until_it_is_revoked() -> None:
    driver = trading()
    batch = driver.do(SetKey(ANN, "k", "hmac", b"v", ("read",)))
    assert (batch.public, batch.private) == ([], {ANN: [KeySet("k", "hmac", b"v", ("read",))]})
    assert driver.do(SetKey(ANN, "k", "hmac", b"w")).private == {ANN: [KeySet("k", "hmac", b"w")]}
    assert driver.refused(SetKey(BOB, "k", "hmac", b"x")) is Refusal.ALREADY_EXISTS
    assert driver.refused(SetKey(BOB, "", "hmac", b"x")) is Refusal.INVALID_TERMS
    assert driver.refused(SetKey(77, "l", "hmac", b"x")) is Refusal.UNKNOWN_ACCOUNT
    assert driver.refused(RevokeKey(BOB, "k")) is Refusal.INVALID_TERMS
    assert driver.do(RevokeKey(ANN, "k")).private == {ANN: [KeyRevoked("k")]}
    assert driver.refused(RevokeKey(ANN, "k")) is Refusal.INVALID_TERMS
    assert driver.do(SetKey(BOB, "k", "hmac", b"x"))


def test_every_command_has_a_handler() -> None:
    assert set(HANDLERS) == set(get_args(AnyCommand))


def test_what_the_operator_says_reaches_everybody() -> None:
    driver = trading()
    assert driver.do(SetSystemStatus("maintenance")).public == [SystemStatusSet("maintenance")]
    batch = driver.do(SetInstrumentStatus(0, InstrumentStatus.HALTED))
    assert batch.public == [InstrumentStatusSet(0, InstrumentStatus.HALTED)]
    for unknown in (-1, 1):
        command = SetInstrumentStatus(unknown, InstrumentStatus.ONLINE)
        assert driver.refused(command) is Refusal.UNKNOWN_INSTRUMENT


def test_time_passes_without_a_word() -> None:
    driver = trading()
    batch = driver.do(Clock())
    assert (batch.public, batch.private, batch.more) == ([], {}, False)
    assert driver.venue.deadline() is None


def test_a_recorded_book_takes_no_orders_but_has_a_status() -> None:
    driver = trading()
    driver.do(ListInstrument(instrument(id=1, name="tape", detail=Detail.LEVELS, kind=InstrumentKind.PERPETUAL)))
    assert driver.refused(PlaceOrder(ANN, 1, Side.BUY, LIMIT, 1, 100)) is Refusal.MARKET_CLOSED
    assert driver.do(SetInstrumentStatus(1, InstrumentStatus.HALTED)).public


def place(driver: Driver, kind: OrderKind, post_only: bool, tif: TimeInForce) -> Batch:
    price = 100 if kind is LIMIT else 0
    return driver.send(PlaceOrder(ANN, 0, Side.BUY, kind, 1, price, tif, post_only))


@pytest.mark.parametrize(
    ("status", "market", "limit", "post_only"),
    [
        (InstrumentStatus.ONLINE, True, True, True),
        (InstrumentStatus.LIMIT_ONLY, False, True, True),
        (InstrumentStatus.POST_ONLY, False, False, True),
        (InstrumentStatus.CANCEL_ONLY, False, False, False),
        (InstrumentStatus.HALTED, False, False, False),
    ],
)
def test_a_status_means_what_it_says(status: InstrumentStatus, market: bool, limit: bool, post_only: bool) -> None:
    for driver in (trading(), trading(status=status)):
        driver.do(SetInstrumentStatus(0, status))
        gtc, ioc = TimeInForce.GTC, TimeInForce.IOC
        for kind, flag, tif, taken in (
            (MARKET, False, gtc, market),
            (LIMIT, False, gtc, limit),
            (LIMIT, False, ioc, limit),
            (LIMIT, True, gtc, post_only),
        ):
            batch = place(driver, kind, flag, tif)
            assert batch.outcome.refusal is (None if taken else Refusal.MARKET_CLOSED)


@pytest.mark.parametrize(
    ("terms", "refusal"),
    [
        ({"account": 77}, Refusal.UNKNOWN_ACCOUNT),
        ({"instrument": 1}, Refusal.UNKNOWN_INSTRUMENT),
        ({"instrument": -1}, Refusal.UNKNOWN_INSTRUMENT),
        ({"price": 101}, Refusal.INVALID_PRICE),
        ({"price": 0}, Refusal.INVALID_PRICE),
        ({"price": -5}, Refusal.INVALID_PRICE),
        ({"price": 5 * 2**62}, Refusal.INVALID_PRICE),
        ({"size": 5}, Refusal.INVALID_SIZE),
        ({"size": 0}, Refusal.INVALID_SIZE),
        ({"size": -4}, Refusal.INVALID_SIZE),
        ({"size": 2**61}, Refusal.INVALID_SIZE),
        ({"size": 2**59}, Refusal.INVALID_SIZE),  # costs more than can be counted
        ({"size": 2}, Refusal.SIZE_TOO_SMALL),
        ({"price": 45}, Refusal.COST_TOO_SMALL),
        ({"kind": MARKET, "price": 101}, Refusal.INVALID_PRICE),
        ({"kind": MARKET, "price": -5}, Refusal.INVALID_PRICE),
        ({"trigger": Trigger.STOP_LOSS, "trigger_price": 96}, Refusal.INVALID_PRICE),
        ({"trigger_price": 95}, Refusal.INVALID_TERMS),
        ({"activation_price": 95}, Refusal.INVALID_TERMS),
        ({"trailing_bps": 1}, Refusal.INVALID_TERMS),
        ({"amount": 1}, Refusal.INVALID_TERMS),
        ({"expire_ts": 1}, Refusal.INVALID_TERMS),
        ({"reduce_only": True}, Refusal.INVALID_TERMS),
        ({"kind": MARKET, "price": 0, "post_only": True}, Refusal.INVALID_TERMS),
        ({"kind": OrderKind.INSTANT}, Refusal.INVALID_TERMS),
        ({"kind": OrderKind.CASH_SELL, "price": 0}, Refusal.INVALID_TERMS),
        ({"kind": MARKET, "price": 0, "tif": TimeInForce.DAY}, Refusal.INVALID_TERMS),
        ({"tif": TimeInForce.GTD}, Refusal.INVALID_TERMS),
        ({"tif": TimeInForce.GTD, "expire_ts": START}, Refusal.INVALID_TERMS),
        ({"tif": TimeInForce.GTD, "expire_ts": MAX_TS}, Refusal.INVALID_TERMS),
        ({"tif": TimeInForce.DAY, "expire_ts": 2 * START}, Refusal.INVALID_TERMS),
        ({**INSTANT, "side": Side.SELL}, Refusal.INVALID_TERMS),
        ({**INSTANT, "kind": OrderKind.CASH_SELL}, Refusal.INVALID_TERMS),
        ({**INSTANT, "size": 4}, Refusal.INVALID_TERMS),
        ({**INSTANT, "tif": TimeInForce.FOK}, Refusal.INVALID_TERMS),
        ({**INSTANT, "tif": TimeInForce.DAY}, Refusal.INVALID_TERMS),
        ({**INSTANT, "post_only": True}, Refusal.INVALID_TERMS),
        ({**INSTANT, "price": 101}, Refusal.INVALID_PRICE),
        ({**INSTANT, "amount": 0}, Refusal.INVALID_AMOUNT),
        ({**INSTANT, "amount": -1}, Refusal.INVALID_AMOUNT),
        ({**INSTANT, "amount": 2**60 + 1}, Refusal.INVALID_AMOUNT),
        ({**INSTANT, "amount": 199}, Refusal.COST_TOO_SMALL),
        ({**INSTANT, "amount": 1_000_001}, Refusal.INSUFFICIENT_FUNDS),
        ({"trigger": Trigger.STOP_LOSS}, Refusal.INVALID_PRICE),
        ({"trigger": Trigger.TAKE_PROFIT, "trigger_price": 95, "activation_price": 90}, Refusal.INVALID_TERMS),
        ({"trigger": Trigger.TAKE_PROFIT, "trigger_price": 95, "trailing_bps": 90}, Refusal.INVALID_TERMS),
        ({"trigger": Trigger.TRAILING_STOP_LOSS}, Refusal.INVALID_TERMS),
        ({"trigger": Trigger.TRAILING_STOP_LOSS, "trailing_bps": -1}, Refusal.INVALID_TERMS),
        ({"trigger": Trigger.TRAILING_STOP_LOSS, "trailing_bps": 10_000}, Refusal.INVALID_TERMS),
        ({"trigger": Trigger.TRAILING_STOP_LOSS, "trailing_bps": 9, "trigger_price": 95}, Refusal.INVALID_TERMS),
        ({"trigger": Trigger.TRAILING_STOP_LOSS, "trailing_bps": 9, "activation_price": 96}, Refusal.INVALID_PRICE),
        ({"trigger": Trigger.STOP_LOSS, "trigger_price": 95, "size": 200_000}, Refusal.INSUFFICIENT_FUNDS),
        ({"tif": TimeInForce.IOC, "post_only": True}, Refusal.INVALID_TERMS),
        ({"tif": TimeInForce.FOK, "post_only": True}, Refusal.INVALID_TERMS),
        ({"order_id": 5}, Refusal.INVALID_TERMS),
        ({"order_id": -5}, Refusal.INVALID_TERMS),
        ({"account": HOUSE, "order_id": -5}, Refusal.INVALID_TERMS),
        ({"account": HOUSE, "order_id": 2**52}, Refusal.INVALID_TERMS),
        ({"account": HOUSE, "order_id": 42}, Refusal.DUPLICATE_ORDER_ID),
        ({"size": 200_000}, Refusal.INSUFFICIENT_FUNDS),
    ],
)
def test_orders_that_cannot_be(terms: dict[str, Any], refusal: Refusal) -> None:
    driver = trading(tick=5, lot=2, min_size=4, min_cost=200)
    driver.buy(HOUSE, 10, 100, order_id=42)
    good = {"account": ANN, "instrument": 0, "side": Side.BUY, "kind": LIMIT, "size": 4, "price": 100}
    assert driver.refused(PlaceOrder(**good | terms)) is refusal
    assert driver.do(PlaceOrder(**good))  # type: ignore[arg-type]


def test_a_level_never_holds_more_than_can_be_counted() -> None:
    driver = trading()
    driver.do(Deposit(ANN, "BTC", 2**60))
    size = 2**60
    orders = [PlaceOrder(HOUSE, 0, Side.SELL, LIMIT, size, 1) for _ in range(4)]
    for order in orders[:3]:
        driver.do(order)
    assert driver.refused(orders[3]) is Refusal.INVALID_SIZE
    driver.sell(HOUSE, size - 1, 1)
    assert driver.refused(PlaceOrder(ANN, 0, Side.SELL, LIMIT, 1, 1)) is Refusal.INVALID_SIZE
    assert driver.sell(ANN, 1, 2)
