"""The twenty traps of spec/bitstamp.md 11, one test each, in its order."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.desk import Client
from tests.dialects.bitstamp.desk import VenueDesk, add_user, listed
from tests.dialects.bitstamp.signing import post, signed, token

SECOND = 1_000_000


@pytest.fixture
def desk() -> VenueDesk:
    one = listed()
    add_user(one, 1001, "alice")
    add_user(one, 1002, "bob")
    return one


def ask(desk: VenueDesk, client: Client, channel: str, **more: Any) -> list[str]:
    desk.receive(client, json.dumps({"event": "bts:subscribe", "data": {"channel": channel, **more}}))
    return client.take()


def error(message: str, code: int | None = None) -> list[str]:
    shown = "null" if code is None else code
    return [f'{{"event":"bts:error","channel":"","data":{{"code":{shown},"message":"{message}"}}}}']


def frames(client: Client) -> list[dict[str, Any]]:
    return [json.loads(text) for text in client.take()]


def test_01_the_acknowledgement_comes_before_the_first_data(desk: VenueDesk) -> None:
    post(desk, "alice", "buy/btcusd/", amount="1", price="10")
    client = desk.client()
    assert [text[:36] for text in ask(desk, client, "diff_order_book_btcusd")] == [
        '{"event":"bts:subscription_succeeded'
    ]
    desk.advance(desk.now + 100_000)
    assert frames(client)[0]["event"] == "data"


def test_02_a_second_subscription_doubles_nothing(desk: VenueDesk) -> None:
    client = desk.client("live_orders_btcusd")
    assert len(ask(desk, client, "live_orders_btcusd")) == 1
    post(desk, "alice", "buy/btcusd/", amount="1", price="10")
    assert len(client.take()) == 1


def test_03_an_unknown_market_is_acknowledged_and_silent(desk: VenueDesk) -> None:
    client = desk.client()
    assert "succeeded" in ask(desk, client, "order_book_fooxyz-perp")[0]
    desk.advance(desk.now + SECOND)
    assert client.take() == []


def test_04_wrong_case(desk: VenueDesk) -> None:
    assert ask(desk, desk.client(), "order_book_BTCUSD-PERP") == error("Invalid channel provided.")


def test_05_error_texts_have_the_code_null(desk: VenueDesk) -> None:
    client = desk.client()
    for text, message in (
        ("no json", "Incorrect JSON format."),
        ('{"event":"bts:subscribe"}', "Bad subscription string."),
        ('{"event":"bts:ping"}', "Bad subscription string."),
    ):
        desk.receive(client, text)
        assert client.take() == error(message)


def test_06_a_frame_of_600_bytes(desk: VenueDesk) -> None:
    client = desk.client()
    desk.receive(client, "x" * 600)
    assert client.closed == (1009, "read limited at 513 bytes")


def test_07_the_1025th_channel(desk: VenueDesk) -> None:
    client = desk.client(*(f"live_trades_m{number}" for number in range(1024)))
    assert client.closed is None
    ask(desk, client, "live_trades_btcusd")
    assert client.closed is not None


def test_08_a_heartbeat(desk: VenueDesk) -> None:
    client = desk.client()
    desk.receive(client, '{"event":"bts:heartbeat"}')
    assert client.take() == ['{"event":"bts:heartbeat","channel":"","data":{"status":"success"}}']


def test_09_ids_are_numbers_and_text(desk: VenueDesk) -> None:
    client = desk.client("live_orders_btcusd", "live_trades_btcusd")
    post(desk, "alice", "buy/btcusd/", amount="1", price="10")
    order = frames(client)[0]["data"]
    assert order["id"] == int(order["id_str"]) < 2**53
    post(desk, "bob", "sell/btcusd/", amount="1", price="10")
    trade = next(frame["data"] for frame in frames(client) if frame["event"] == "trade")
    assert all(type(trade[name]) is int for name in ("id", "buy_order_id", "sell_order_id", "type"))


def test_10_amount_traded_is_of_the_event(desk: VenueDesk) -> None:
    post(desk, "alice", "buy/btcusd/", amount="1", price="10")
    client = desk.client("live_orders_btcusd")
    for amount in ("0.1", "0.2"):
        post(desk, "bob", "sell/btcusd/", amount=amount, price="10")
    changed = [frame["data"] for frame in frames(client) if frame["event"] == "order_changed"]
    assert [one["amount_traded"] for one in changed] == ["0.10000000", "0.20000000"]
    assert [one["amount_str"] for one in changed] == ["0.90000000", "0.70000000"]


def test_11_datetime_rounds_and_timestamp_floors(desk: VenueDesk) -> None:
    client = desk.client("live_orders_btcusd", "live_trades_btcusd")
    desk.now += 861_947
    post(desk, "alice", "buy/btcusd/", amount="1", price="10")
    post(desk, "bob", "sell/btcusd/", amount="1", price="10")
    for frame in frames(client):
        exact = int(frame["data"]["microtimestamp"])
        assert exact % 1000 == 0
        if frame["event"] == "trade":
            assert int(frame["data"]["timestamp"]) == exact // 10**6
        else:
            assert int(frame["data"]["datetime"]) == exact // 10**6 + 1


def test_12_a_post_only_reject_is_created_and_deleted(desk: VenueDesk) -> None:
    post(desk, "alice", "buy/btcusd/", amount="1", price="10")
    client = desk.client("live_orders_btcusd")
    post(desk, "bob", "sell/btcusd/", amount="1", price="10", moc_order="True")
    created, deleted = frames(client)
    assert (created["event"], deleted["event"]) == ("order_created", "order_deleted")
    assert {**deleted["data"]} == {**created["data"]}
    assert (deleted["data"]["order_subtype"], deleted["data"]["amount_str"]) == (5, "1.00000000")


def test_13_the_taker_comes_before_the_maker(desk: VenueDesk) -> None:
    maker = post(desk, "alice", "buy/btcusd/", amount="1", price="10")["id"]
    client = desk.client("live_orders_btcusd")
    taker = post(desk, "bob", "sell/btcusd/", amount="0.5", price="9")["id"]
    assert [frame["data"]["id_str"] for frame in frames(client)] == [taker, taker, maker]


def test_14_the_chain_goes_on_across_a_reconnect(desk: VenueDesk) -> None:
    """Whether or not anybody listened in between, and a gap is filled by order_data."""
    client = desk.client("live_orders_btcusd")
    post(desk, "alice", "buy/btcusd/", amount="1", price="10")
    last = frames(client)[-1]["event_id"]
    desk.receive(client, "x" * 600)
    post(desk, "alice", "buy/btcusd/", amount="1", price="11")
    again = desk.client("live_orders_btcusd")
    post(desk, "alice", "buy/btcusd/", amount="1", price="12")
    first = frames(again)[0]
    assert first["pre_event_id"] != last
    missed = post(desk, "alice", "order_data/", market="BTC/USD", since_id=last, until_id=first["event_id"])
    assert [row["event_id"] for row in missed] == [last, first["pre_event_id"]]


def test_15_a_token_is_good_for_a_minute(desk: VenueDesk) -> None:
    text, client = token(desk, "alice"), desk.client()
    for name in ("my_orders", "my_trades"):
        assert "succeeded" in ask(desk, client, f"private-{name}_btcusd-1001", auth=text)[0]
    desk.advance(desk.now + 61 * SECOND)
    refused = ask(desk, client, "private-live_trades_btcusd-1001", auth=text)
    assert refused == error("Connection is unauthorized.", 4009)


def test_16_hosts_and_empty_bodies(desk: VenueDesk) -> None:
    for host in ("127.0.0.1", "127.0.0.1:9002", "http://127.0.0.1:9002", "www.bitstamp.net"):
        for form in ({}, {"foo": "bar"}):
            assert desk.call(signed(desk, "alice", "websockets_token/", form, signed_host=host)).status == 200
    with_type = signed(desk, "alice", "websockets_token/", content_type="application/x-www-form-urlencoded")
    assert json.loads(desk.call(with_type).body)["code"] == "API0020"


def test_17_a_reconnect_is_asked_for_and_then_comes_the_close(desk: VenueDesk) -> None:
    client = desk.client("live_orders_btcusd")
    desk.drain()
    assert client.take() == ['{"event":"bts:request_reconnect","channel":"","data":""}']
    post(desk, "alice", "buy/btcusd/", amount="1", price="10")
    assert len(client.take()) == 1
    desk.advance(desk.now + 5 * SECOND)
    assert client.closed == (1001, "reconnect")


def test_18_small_numbers(desk: VenueDesk) -> None:
    client = desk.client("live_orders_btcusd")
    post(desk, "alice", "buy/btcusd/", amount="0.00000001", price="10")
    (text,) = client.take()
    assert '"amount":1e-8,"amount_str":"0.00000001"' in text
    assert '"price":10,"price_str":"10.00"' in text


def test_19_removals_have_the_decimals_of_the_market(desk: VenueDesk) -> None:
    post(desk, "alice", "buy/btcusd/", amount="1", price="10")
    desk.advance(desk.now + SECOND)
    client = desk.client("diff_order_book_btcusd")
    post(desk, "alice", "cancel_all_orders/")
    desk.advance(desk.now + SECOND)
    assert frames(client)[0]["data"]["bids"] == [["10.00", "0.00000000"]]


def test_20_nothing_is_said_when_nothing_changed(desk: VenueDesk) -> None:
    post(desk, "alice", "buy/btcusd/", amount="1", price="10")
    desk.advance(desk.now + SECOND)
    client = desk.client("diff_order_book_btcusd", "order_book_btcusd", "detail_order_book_btcusd")
    post(desk, "alice", "buy/btcusd/", amount="1", price="9")
    post(desk, "alice", "cancel_all_orders/btcusd/")
    post(desk, "alice", "buy/btcusd/", amount="1", price="10")
    desk.advance(desk.now + 5 * SECOND)
    assert [frame["channel"] for frame in frames(client)] == ["detail_order_book_btcusd"], (
        "another order, the same level"
    )
