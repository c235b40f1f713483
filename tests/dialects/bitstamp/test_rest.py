"""The REST calls: shapes, refusals, and what they do."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

import pytest

from polyfeed.dialects._base.rest import RestRequest, RestResponse, RestSubmit
from polyfeed.dialects.bitstamp import BitstampSettings
from polyfeed.model.commands import SetInstrumentStatus
from polyfeed.model.enums import InstrumentStatus, OrderKind, SelfTrade, Side, TimeInForce, Trigger
from tests.dialects.bitstamp.desk import VenueDesk, add_user, instrument, listed
from tests.dialects.bitstamp.signing import answer, post, signed

MINUTE = 60_000_000


@pytest.fixture
def desk() -> VenueDesk:
    one = listed()
    add_user(one, 1001, "alice")
    add_user(one, 1002, "bob")
    return one


def get(desk: VenueDesk, path: str, **query: str) -> Any:
    response = desk.get(path, **query)
    assert response.content_type == "application/json"
    return json.loads(response.body)


def trade(desk: VenueDesk, price: str = "100.00", amount: str = "1") -> None:
    post(desk, "alice", "sell/btcusd/", amount=amount, price=price)
    post(desk, "bob", "buy/btcusd/", amount=amount, price=price)


# --- public -----------------------------------------------------------------------------------------------------------


def test_the_order_book_is_that_of_the_last_diff(desk: VenueDesk) -> None:
    """With and without the slash, whole depth, stamped as the diff; what is newer comes with the next one."""
    client = desk.client("diff_order_book_btcusd")
    post(desk, "alice", "buy/btcusd/", amount="1", price="100")
    assert get(desk, "order_book/btcusd/")["bids"] == []
    desk.advance(desk.now + 100_000)
    diff = json.loads(client.take()[0])["data"]
    desk.now += 10
    post(desk, "alice", "buy/btcusd/", amount="1", price="101")
    for path in ("order_book/btcusd", "order_book/btcusd/"):
        book = get(desk, path)
        assert list(book) == ["timestamp", "microtimestamp", "bids", "asks"]
        assert book == {**diff, "bids": [["100.00", "1.00000000"]], "asks": []}
    assert desk.get("order_book/btcusd/").body.startswith(b'{"timestamp": "')


def test_the_order_book_order_by_order(desk: VenueDesk) -> None:
    post(desk, "alice", "buy/btcusd/", amount="1", price="100")
    post(desk, "bob", "buy/btcusd/", amount="2", price="100")
    ids = [str(order_id) for order_id in desk.opened]
    rows = [["100.00", "1.00000000"], ["100.00", "2.00000000"]]
    assert get(desk, "order_book/btcusd/", group="0")["bids"] == rows
    book = get(desk, "order_book/btcusd/", group="2")
    assert book["bids"] == [[*row, order_id] for row, order_id in zip(rows, ids, strict=True)]
    last = desk.market.instruments[0].ts
    assert int(book["microtimestamp"]) == last - last % 1000 - 1, "every event of the last millisecond comes after it"
    assert get(desk, "order_book/btcusd/", group="3")["reason"] == "Invalid GET parameter."


def test_an_order_book_that_was_never_changed(desk: VenueDesk) -> None:
    book = get(desk, "order_book/ethusd/")
    assert (book["bids"], book["asks"]) == ([], [])
    client = desk.client("diff_order_book_ethusd")
    post(desk, "alice", "buy/ethusd/", amount="1", price="10")
    desk.advance(desk.now + 100_000)
    assert json.loads(client.take()[0])["data"]["microtimestamp"] > book["microtimestamp"]


def test_markets() -> None:
    desk = listed(
        markets=(
            instrument(0, "btcusd", "BTC", "USD", price_scale=5, tick=10_000, min_size=20_000, min_cost=10 * 10**8),
            instrument(1, "dogebtc", "DOGE", "BTC", symbols={"bitstamp": "dogebtc", "kraken": "XDG/XBT"}),
            instrument(2, "ethusd", "ETH", "USD", symbols={"kraken": "ETH/USD"}),
        )
    )
    desk.do(SetInstrumentStatus(1, InstrumentStatus.HALTED))
    one, two = get(desk, "markets/")
    assert one == {
        "name": "BTC/USD",
        "market_symbol": "btcusd",
        "base_currency": "BTC",
        "base_decimals": 8,
        "counter_currency": "USD",
        "counter_decimals": 1,
        "minimum_order_value": "10",
        "minimum_order_amount": "0.00020000",
        "trading": "Enabled",
        "instant_order_counter_decimals": 1,
        "instant_and_market_orders": "Enabled",
        "description": "Bitcoin / U.S. dollar",
        "market_type": "SPOT",
        "tick_size": "0.1",
    }
    assert (two["name"], two["description"], two["trading"]) == ("DOGE/BTC", "Dogecoin / Bitcoin", "Disabled")
    info = get(desk, "trading-pairs-info/")[0]
    assert (info["name"], info["url_symbol"], info["minimum_order"]) == ("BTC/USD", "btcusd", "10 USD")


def test_tickers(desk: VenueDesk) -> None:
    trade(desk, "100.00")
    desk.advance(desk.now + 2 * MINUTE)
    trade(desk, "103.00", "2")
    post(desk, "alice", "buy/btcusd/", amount="1", price="102")
    ticker = get(desk, "ticker/btcusd/")
    assert list(ticker)[:8] == ["timestamp", "last", "high", "low", "vwap", "volume", "bid", "ask"]
    assert (ticker["last"], ticker["high"], ticker["low"], ticker["vwap"]) == ("103.00", "103.00", "100.00", "102.00")
    assert (ticker["volume"], ticker["bid"], ticker["ask"]) == ("3.00000000", "102.00", "0.00")
    assert (ticker["open"], ticker["open_24"], ticker["percent_change_24"]) == ("100.00", "100.00", "3.00")
    assert (ticker["side"], ticker["market_type"]) == ("0", "SPOT")
    assert [(row["pair"], row["last"]) for row in get(desk, "ticker/")] == [("BTC/USD", "103.00"), ("ETH/USD", "0.00")]
    assert get(desk, "ticker/btcusd/", x="1")["response_code"] == "400.018"
    desk.advance(desk.now + 59 * MINUTE + 30_000_000)
    hour = get(desk, "ticker_hour/btcusd/")
    assert (hour["volume"], hour["low"], hour["open"]) == ("2.00000000", "103.00", "103.00")


def test_transactions(desk: VenueDesk) -> None:
    trade(desk, "100.00")
    desk.advance(desk.now + 2 * MINUTE)
    trade(desk, "101.00")
    newest = {"date": str(desk.now // 10**6), "tid": "2", "amount": "1.00000000", "price": "101.00", "type": "0"}
    assert get(desk, "transactions/btcusd/", time="minute") == [newest]
    assert [row["tid"] for row in get(desk, "transactions/btcusd/")] == ["2", "1"]
    assert get(desk, "transactions/btcusd/", time="year")["status"] == "error"


def test_ohlc(desk: VenueDesk) -> None:
    trade(desk, "100.00")
    desk.advance(desk.now + 3 * MINUTE)
    trade(desk, "101.00")
    start = (desk.now - 3 * MINUTE) // MINUTE * 60
    body = get(desk, "ohlc/btcusd/", step="60", limit="10")["data"]
    assert (body["pair"], body["market"]) == ("BTC/USD", "BTC/USD")
    rows = [(int(row["timestamp"]) - start, row["open"], row["close"], row["volume"]) for row in body["ohlc"]]
    assert rows == [
        (0, "100.00", "100.00", "1.00000000"),
        (60, "100.00", "100.00", "0.00000000"),
        (120, "100.00", "100.00", "0.00000000"),
        (180, "101.00", "101.00", "1.00000000"),
    ]
    assert len(get(desk, "ohlc/btcusd/", step="60", limit="2")["data"]["ohlc"]) == 2
    only = get(desk, "ohlc/btcusd/", step="60", limit="1", start=str(start + 60))["data"]["ohlc"]
    assert int(only[0]["timestamp"]) == start + 60
    last = get(desk, "ohlc/btcusd/", step="60", limit="9", end=str(start + 60))["data"]["ohlc"]
    assert [int(row["timestamp"]) - start for row in last] == [0, 60]
    shorter = get(desk, "ohlc/btcusd/", step="60", limit="9", exclude_current_candle="true")["data"]["ohlc"]
    assert len(shorter) == 3
    for query, text in (
        ({"step": "60"}, "Missing data for required field."),
        ({"step": "7", "limit": "1"}, "Not a valid choice."),
        ({"step": "60", "limit": "1001"}, "Must be between 1 and 1000."),
    ):
        assert text in str(get(desk, "ohlc/btcusd/", **query)["reason"])


def test_unknown_things(desk: VenueDesk) -> None:
    assert desk.call(RestRequest("GET", "/index.html")).status == 404
    for path, code in (("order_book/foousd/", "404.007"), ("nowhere/", "404.001"), ("", "404.001")):
        response = desk.get(path)
        assert (response.status, json.loads(response.body)["response_code"]) == (404, code)
    response = desk.call(RestRequest("POST", "/api/v2/order_book/btcusd/"))
    assert (response.status, json.loads(response.body)["reason"]) == (405, "POST method not allowed for this request.")
    response = desk.get("account_balances/")
    assert (response.status, json.loads(response.body)["reason"]) == (405, "GET method not allowed.")


# --- accounts ---------------------------------------------------------------------------------------------------------


def test_balances(desk: VenueDesk) -> None:
    post(desk, "alice", "buy/btcusd/", amount="1", price="100")
    rows = {row["currency"]: row for row in post(desk, "alice", "account_balances/")}
    dollars = {"currency": "usd", "total": "1000000.00000000", "available": "999900.00000000"}
    assert rows["usd"] == dollars | {"reserved": "100.00000000"}
    assert post(desk, "alice", "account_balances/usd/") == rows["usd"]
    assert post(desk, "alice", "account_balances/xyz/")["response_code"] == "404.006"
    older = post(desk, "alice", "balance/")
    assert (older["usd_available"], older["usd_reserved"]) == ("999900.00000000", "100.00000000")
    assert older["btcusd_fee"] == "0.00000"
    assert post(desk, "alice", "balance/btcusd/")["btc_balance"] == "1000000.00000000"


def test_fees_and_markets() -> None:
    desk = listed(markets=(instrument(0, "btcusd", "BTC", "USD", maker_fee_ppm=1600, taker_fee_ppm=2600),))
    add_user(desk, 1001, "alice")
    fees = {"currency_pair": "btcusd", "market": "btcusd", "fees": {"maker": "0.16000", "taker": "0.26000"}}
    assert post(desk, "alice", "fees/trading/") == [fees]
    assert post(desk, "alice", "fees/trading/btcusd/") == fees
    assert {row["currency"] for row in post(desk, "alice", "fees/withdrawal/")} == {"btc", "usd"}
    request = signed(desk, "alice", "my_markets/", method="GET")
    assert json.loads(desk.call(request).body) == [{"name": "BTC/USD", "url_symbol": "btcusd"}]


# --- orders -----------------------------------------------------------------------------------------------------------


def test_a_limit_order_from_entry_to_cancel(desk: VenueDesk) -> None:
    placed = post(desk, "alice", "buy/btcusd/", amount="0.5", price="100.10", client_order_id="mine")
    assert placed["datetime"].startswith("2026-09-15 ")
    assert len(placed["datetime"]) == len("2022-01-31 14:43:15.796000")
    assert {**placed, "datetime": ""} == {
        "id": str(desk.opened[0]),
        "market": "BTC/USD",
        "datetime": "",
        "type": "0",
        "price": "100.10",
        "amount": "0.50000000",
        "currency_pair": "BTC/USD",
        "client_order_id": "mine",
    }
    for path in ("open_orders/", "open_orders/all/", "open_orders/btcusd/"):
        (row,) = post(desk, "alice", path)
        assert (row["id"], row["amount"], row["amount_at_create"]) == (placed["id"], "0.50000000", "0.50000000")
        assert (row["currency_pair"], row["client_order_id"]) == ("BTC/USD", "mine")
    assert post(desk, "alice", "open_orders/ethusd/") == []
    status = post(desk, "alice", "order_status/", client_order_id="mine")
    assert (status["id"], status["status"], status["amount_remaining"]) == (desk.opened[0], "Open", "0.50000000")
    cancelled = answer(desk, "alice", "cancel_order/", id=placed["id"])
    assert (
        cancelled.body
        == (
            f'{{"id": {placed["id"]}, "amount": 0.5, "price": 100.1, "type": 0, "market": "BTC/USD", "status": "Canceled"}}'
        ).encode()
    )
    assert post(desk, "alice", "order_status/", id=placed["id"])["status"] == "Canceled"
    assert post(desk, "alice", "cancel_order/", id=placed["id"]) == {"error": "Order not found"}


def test_a_filled_order(desk: VenueDesk) -> None:
    trade(desk, "100.00", "0.5")
    status = post(desk, "alice", "order_status/", id=str(desk.opened[0]))
    assert (status["status"], status["amount_remaining"]) == ("Finished", "0.00000000")
    (fill,) = status["transactions"]
    assert set(fill) == {"tid", "price", "usd", "btc", "fee", "datetime", "type"}, "ccxt takes exactly these"
    assert (fill["price"], fill["usd"], fill["btc"], fill["type"]) == ("100.00", "50.00000000", "0.50000000", 2)
    (row,) = post(desk, "alice", "user_transactions/btcusd/")
    assert (row["type"], row["btc"], row["usd"], row["btc_usd"]) == ("2", "-0.50000000", "50.00000000", 100)
    assert row["order_id"] == desk.opened[0]
    assert post(desk, "bob", "user_transactions/")[0]["btc"] == "0.50000000"
    without = post(desk, "alice", "order_status/", id=str(desk.opened[0]), omit_transactions="True")
    assert without["transactions"] == []


def test_user_transactions(desk: VenueDesk) -> None:
    for price in ("100", "101", "102"):
        trade(desk, price)
        desk.advance(desk.now + MINUTE)
    ids = [row["id"] for row in post(desk, "alice", "user_transactions/")]
    assert ids == [3, 2, 1]
    for form, expected in (
        ({"sort": "asc"}, [1, 2, 3]),
        ({"limit": "1"}, [3]),
        ({"offset": "1"}, [2, 1]),
        ({"since_id": "2"}, [3, 2]),
        ({"since_timestamp": str(desk.now // 10**6 - 130)}, [3, 2]),
        ({"until_timestamp": str(desk.now // 10**6 - 130)}, [1]),
    ):
        assert [row["id"] for row in post(desk, "alice", "user_transactions/", **form)] == expected
    for form, code in (
        ({"sort": "up"}, "400.012"),
        ({"limit": "1001"}, "400.011"),
        ({"offset": "-1"}, "400.010"),
        ({"since_timestamp": "x"}, "400.013"),
        ({"until_timestamp": "x"}, "400.034"),
    ):
        assert post(desk, "alice", "user_transactions/", **form)["response_code"] == code


def test_market_orders(desk: VenueDesk) -> None:
    post(desk, "bob", "sell/btcusd/", amount="1", price="100")
    post(desk, "bob", "sell/btcusd/", amount="1", price="102")
    placed = post(desk, "alice", "buy/market/btcusd/", amount="2")
    assert (placed["price"], placed["amount"], placed["type"]) == ("101.00", "2.00000000", "0")
    assert post(desk, "alice", "sell/market/btcusd/", amount="0.1")["price"] == "0.00", "nobody was there"


def test_replacing(desk: VenueDesk) -> None:
    old = post(desk, "alice", "sell/btcusd/", amount="1", price="100", client_order_id="a")["id"]
    replaced = post(desk, "alice", "replace_order/", id=old, amount="0.5", price="99.5", client_order_id="b")
    assert replaced["datetime"].endswith("Z")
    assert {**replaced, "datetime": ""} == {
        "order_id": desk.opened[1],
        "order_type": "1",
        "market": "BTC/USD",
        "amount": 0.5,
        "price": 99.5,
        "datetime": "",
        "orig_order_id": int(old),
        "orig_client_order_id": "a",
        "status": "Open",
    }
    again = post(desk, "alice", "replace_order/", orig_client_order_id="b", amount="1", price="98")
    assert again["orig_order_id"] == desk.opened[1]
    assert [row["price"] for row in post(desk, "alice", "open_orders/")] == ["98.00"]
    for form, error in (
        ({"id": old, "amount": "1", "price": "98"}, "Order not found"),
        ({"amount": "1", "price": "98"}, "Missing id POST param."),
        ({"id": "x", "amount": "1", "price": "98"}, "Invalid id POST param."),
        ({"id": str(desk.opened[2]), "amount": "1"}, "Missing price POST param."),
        ({"id": str(desk.opened[2]), "price": "1"}, "Missing amount POST param."),
    ):
        assert post(desk, "alice", "replace_order/", **form) == {"error": error}


def test_cancelling_all(desk: VenueDesk) -> None:
    for symbol in ("btcusd", "btcusd", "ethusd"):
        post(desk, "alice", f"buy/{symbol}/", amount="1", price="10")
    gone = post(desk, "alice", "cancel_all_orders/btcusd/")
    assert gone["success"] is True
    assert [row["id"] for row in gone["canceled"]] == desk.opened[:2]
    assert gone["canceled"][0]["currency_pair"] == "BTC/USD"
    assert [row["id"] for row in post(desk, "alice", "cancel_all_orders/")["canceled"]] == desk.opened[2:]
    assert post(desk, "alice", "cancel_all_orders/") == {"canceled": [], "success": True}


def test_what_was_filled_before_all_was_cancelled_is_not_told_as_cancelled(desk: VenueDesk) -> None:
    for price in ("10", "9"):
        post(desk, "alice", "buy/btcusd/", amount="2", price=price)
    asked = desk.dialect.rest(desk.now, signed(desk, "alice", "cancel_all_orders/btcusd/", {}))
    assert isinstance(asked, RestSubmit)
    post(desk, "bob", "sell/btcusd/", amount="3", price="9")
    answer = asked.reply(desk.do(asked.command)[0].outcome)
    assert isinstance(answer, RestResponse)
    told = json.loads(answer.body)
    assert told["success"] is True
    assert [(row["id"], row["amount"]) for row in told["canceled"]] == [(desk.opened[1], 1)]


def test_cancelling_by_name_and_what_cannot_be_cancelled(desk: VenueDesk) -> None:
    post(desk, "alice", "buy/btcusd/", amount="1", price="10", client_order_id="mine")
    assert post(desk, "alice", "cancel_order/", client_order_id="mine")["status"] == "Canceled"
    others = post(desk, "bob", "buy/btcusd/", amount="1", price="10")["id"]
    for form, error in (
        ({}, "Missing id POST param."),
        ({"id": "-5"}, "Invalid id POST param."),
        ({"id": others}, "Order not found"),
        ({"client_order_id": "mine"}, "Order not found"),
    ):
        assert post(desk, "alice", "cancel_order/", **form) == {"error": error}
    desk.do(SetInstrumentStatus(0, InstrumentStatus.HALTED))
    assert "trade halt" in post(desk, "bob", "cancel_order/", id=others)["error"]


@pytest.mark.parametrize(
    ("path", "form", "code", "text"),
    [
        ("buy/btcusd/", {}, "400.005", "Missing amount and/or price POST parameters"),
        ("buy/btcusd/", {"amount": "1"}, "400.006", "Missing amount and/or price POST parameters"),
        ("buy/btcusd/", {"amount": "x", "price": "1"}, "400.026", 'Enter a number. Use "." as a decimal point.'),
        ("buy/btcusd/", {"amount": "1", "price": "1,5"}, "400.041", 'Enter a number. Use "." as a decimal point.'),
        ("buy/btcusd/", {"amount": "1", "price": "1.005"}, "400.041", "Ensure that there are no more than 2 decimal"),
        ("buy/btcusd/", {"amount": "-1", "price": "1"}, "400.026", "Enter a number"),
        ("buy/btcusd/", {"amount": "9" * 30, "price": "1"}, "400.026", "Provided order amount is too large."),
        ("buy/btcusd/", {"amount": "0", "price": "1"}, "400.026", "Ensure this value is greater than"),
        ("buy/btcusd/", {"amount": "1", "price": "2000000"}, "400.009", "You need 2000000.00000000 USD to open that"),
        (
            "sell/btcusd/",
            {"amount": "2000000", "price": "1"},
            "400.009",
            "You have only 1000000.00000000 BTC available",
        ),
        ("sell/btcusd/", {"amount": "1", "price": "1", "limit_price": "2"}, "400.025", "limit_price"),
        (
            "buy/btcusd/",
            {"amount": "1", "price": "1", "ioc_order": "True", "moc_order": "true"},
            "400.024",
            "Only one of",
        ),
        ("buy/btcusd/", {"amount": "1", "price": "1", "gtd_order": "True"}, "400.022", "expire_time"),
        ("buy/btcusd/", {"amount": "1", "price": "1", "gtd_order": "1", "expire_time": "x"}, "400.023", "expire_time"),
        ("buy/btcusd/", {"amount": "1", "price": "1", "subtype": "STOP"}, "400.049", "Not a valid choice."),
        ("buy/market/btcusd/", {"amount": "1", "subtype": "STOP_LOSS_LIMIT"}, "400.049", "Not a valid choice."),
        ("buy/market/btcusd/", {"amount": "1", "subtype": "STOP_LOSS"}, "400.059", "Either stop price or trailing"),
        ("buy/market/btcusd/", {}, "400.005", "Missing amount"),
        ("buy/instant/btcusd/", {}, "400.005", "Missing amount"),
        ("buy/btcusd/", {"amount": "1", "price": "1", "client_order_id": "x" * 181}, "400.008", "client_order_id"),
        ("buy/foousd/", {"amount": "1", "price": "1"}, "404.007", "Market not found"),
        ("buy/", {"amount": "1", "price": "1"}, "404.001", "Unknown not found error."),
    ],
)
def test_refused_orders(desk: VenueDesk, path: str, form: dict[str, str], code: str, text: str) -> None:
    body = post(desk, "alice", path, **form)
    assert (body["status"], body["response_code"]) == ("error", code)
    reasons = body["reason"] if isinstance(body["reason"], str) else " ".join(*body["reason"].values())
    assert text in reasons


def test_minimums() -> None:
    desk = listed(markets=(instrument(0, "btcusd", "BTC", "USD", min_size=20_000, min_cost=10 * 10**8),))
    add_user(desk, 1001, "alice")
    assert post(desk, "alice", "buy/btcusd/", amount="0.01", price="100")["reason"] == {
        "__all__": ["Minimum order size is 10 USD."]
    }
    assert "Minimum order size is 0.00020000 BTC." in str(
        post(desk, "alice", "buy/btcusd/", amount="0.0001", price="1")
    )
    desk.do(SetInstrumentStatus(0, InstrumentStatus.HALTED))
    refused = post(desk, "alice", "buy/btcusd/", amount="1", price="100")
    assert (refused["reason"], refused["response_code"]) == ({"__all__": ["Order could not be placed."]}, "400.003")


@pytest.mark.parametrize(
    ("path", "form", "terms"),
    [
        ("buy/btcusd/", {"price": "9"}, {"price": 900, "size": 10**8}),
        ("buy/btcusd/", {"price": "9", "ioc_order": "True"}, {"tif": TimeInForce.IOC}),
        ("buy/btcusd/", {"price": "9", "fok_order": "true"}, {"tif": TimeInForce.FOK}),
        ("buy/btcusd/", {"price": "9", "daily_order": "1"}, {"tif": TimeInForce.DAY}),
        ("buy/btcusd/", {"price": "9", "moc_order": "True"}, {"post_only": True, "tif": TimeInForce.GTC}),
        (
            "buy/btcusd/",
            {"price": "9", "gtd_order": "True", "expire_time": "1789500000000"},
            {"tif": TimeInForce.GTD, "expire_ts": 1_789_500_000_000_000},
        ),
        ("sell/market/btcusd/", {}, {"kind": OrderKind.MARKET, "size": 10**8, "price": 0, "side": Side.SELL}),
        ("buy/instant/btcusd/", {}, {"kind": OrderKind.INSTANT, "amount": 10**8, "size": 0}),
        ("sell/instant/btcusd/", {}, {"kind": OrderKind.MARKET, "size": 10**8}),
        (
            "sell/instant/btcusd/",
            {"amount_in_counter": "True"},
            {"kind": OrderKind.CASH_SELL, "amount": 10**8, "size": 0},
        ),
        (
            "sell/market/btcusd/",
            {"subtype": "STOP_LOSS", "stop_price": "90", "trigger": "LAST_TRADED_PRICE", "reduce_only": "True"},
            {"kind": OrderKind.MARKET, "trigger": Trigger.STOP_LOSS, "trigger_price": 9000, "reduce_only": True},
        ),
        (
            "buy/btcusd/",
            {"subtype": "take_profit_limit", "price": "91", "stop_price": "90"},
            {"kind": OrderKind.LIMIT, "trigger": Trigger.TAKE_PROFIT, "trigger_price": 9000, "price": 9100},
        ),
        (
            "sell/market/btcusd/",
            {"subtype": "TRAILING_STOP_LOSS", "trailing_delta": "500", "activation_price": "120"},
            {"trigger": Trigger.TRAILING_STOP_LOSS, "trailing_bps": 500, "activation_price": 12000, "trigger_price": 0},
        ),
        (
            "buy/btcusd/",
            {"subtype": "TRAILING_TAKE_PROFIT_LIMIT", "trailing_delta": "1", "price": "91"},
            {"trigger": Trigger.TRAILING_TAKE_PROFIT, "trailing_bps": 1, "kind": OrderKind.LIMIT},
        ),
    ],
)
def test_every_form_of_an_order(desk: VenueDesk, path: str, form: dict[str, str], terms: dict[str, Any]) -> None:
    answered = desk.dialect.rest(desk.now, signed(desk, "alice", path, {"amount": "1", **form}))
    command = getattr(answered, "command", answered)
    assert {name: getattr(command, name) for name in terms} == terms
    assert (command.account, command.instrument, command.self_trade) == (1001, 0, SelfTrade.DECREMENT)


def test_forms_may_be_json(desk: VenueDesk) -> None:
    request = signed(desk, "alice", "order_status/", {"id": "1"})
    body = b'{"id": 1, "omit_transactions": true}'
    headers = {**request.headers, "content-type": "application/json"}
    text = f"BITSTAMP alicePOST127.0.0.1:9002{request.path}application/json{headers['x-auth-nonce']}"
    text += f"{headers['x-auth-timestamp']}v2"
    headers["x-auth-signature"] = hmac.new(b"alice", text.encode() + body, hashlib.sha256).hexdigest()
    reply = json.loads(desk.call(RestRequest("POST", request.path, {}, headers, body)).body)
    assert (reply["reason"], reply["response_code"]) == ("Order not found.", "404.002")


# --- what was missed --------------------------------------------------------------------------------------------------


def test_order_data_fills_a_gap(desk: VenueDesk) -> None:
    """The events from one id (inclusive) to another (exclusive) are those of the socket."""
    client = desk.client("live_orders_btcusd")
    for price in ("10", "11", "12", "13"):
        post(desk, "alice", "buy/btcusd/", amount="1", price=price)
        desk.now += 700
    frames = [json.loads(text) for text in client.take()]
    ids = [frame["event_id"] for frame in frames]
    rows = post(desk, "alice", "order_data/", market="BTC/USD", since_id=ids[1], until_id=ids[3])
    assert [row["event_id"] for row in rows] == ids[1:3]
    assert list(rows[0]) == ["event", "event_id", "order_source", "data"]
    assert [row["data"] for row in rows] == [frame["data"] for frame in frames[1:3]]
    assert len(post(desk, "alice", "order_data/", market="btcusd")) == 4
    desk.advance(desk.now + 86_400_000_000)
    assert post(desk, "alice", "order_data/", market="BTC/USD")["response_code"] == "404.008", "a day back by default"
    assert len(post(desk, "alice", "order_data/", market="BTC/USD", since_id=ids[0])) == 4


def test_account_order_data(desk: VenueDesk) -> None:
    post(desk, "alice", "buy/btcusd/", amount="1", price="10", client_order_id="mine")
    post(desk, "bob", "sell/btcusd/", amount="0.5", price="10")
    rows = post(desk, "alice", "account_order_data/", market="BTC/USD", order_source="orderbook")
    assert [row["event"] for row in rows] == ["order_created", "order_changed"]
    assert list(rows[0]) == ["event", "event_id", "order_source", "trade_account_id", "data"]
    assert rows[0]["data"]["client_order_id"] == "mine"
    none = post(desk, "alice", "account_order_data/", market="BTC/USD", order_source="stop_order")
    assert none["response_code"] == "404.008"


def test_what_is_wrong_with_a_range(desk: VenueDesk) -> None:
    post(desk, "alice", "buy/btcusd/", amount="1", price="10")
    good, later = "00065b80-e408-fe00-0000-000100000020", "00065b80-e408-fe00-0001-000100000020"
    other_market, stop = "00065b80-e408-fe00-0000-000200000020", "00065b80-e408-fe00-0000-000100000021"
    for form, code in (
        ({}, "400.079"),
        ({"market": "FOO/USD"}, "404.007"),
        ({"market": "BTC/USD", "since_id": "x"}, "400.081"),
        ({"market": "BTC/USD", "until_id": "x"}, "400.082"),
        ({"market": "BTC/USD", "since_id": other_market}, "400.083"),
        ({"market": "BTC/USD", "since_id": stop}, "400.084"),
        ({"market": "BTC/USD", "since_id": later, "until_id": good}, "400.085"),
        ({"market": "BTC/USD", "since_id": good, "until_id": good}, "400.085"),
        ({"market": "ETH/USD"}, "404.008"),
    ):
        assert post(desk, "alice", "order_data/", **form)["response_code"] == code
    for form, code in (({"market": "BTC/USD"}, "400.078"), ({"market": "BTC/USD", "order_source": "x"}, "400.080")):
        assert post(desk, "alice", "account_order_data/", **form)["response_code"] == code


def test_what_is_remembered_is_bounded() -> None:
    desk = listed(BitstampSettings(order_events=3))
    add_user(desk, 1001, "alice")
    for price in range(10, 15):
        post(desk, "alice", "buy/btcusd/", amount="1", price=str(price))
    prices = [row["data"]["price"] for row in post(desk, "alice", "order_data/", market="BTC/USD")]
    assert prices == [12, 13, 14]
    rows = post(desk, "alice", "account_order_data/", market="BTC/USD", order_source="orderbook")
    assert len(rows) == 3
