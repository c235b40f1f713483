"""What the streams make of events that the venue of today does not give: recordings, triggers, other dialects' orders."""

from __future__ import annotations

import json
from typing import Any

import pytest

from polyfeed.model.batches import Batch
from polyfeed.model.commands import AmendOrder, CancelAll, PlaceOrder
from polyfeed.model.enums import CloseReason, Detail, OrderKind, OrderStatus, SelfTrade, Side, TimeInForce, Trigger
from polyfeed.model.events import (
    BookReset,
    LevelSet,
    OwnFill,
    OwnOrderOpened,
    OwnOrderUpdated,
    OwnTriggered,
    PublicEvent,
    Trade,
)
from tests.dialects.rails.rig import START, Client, Rig, instrument

EPOCH = 5
ORDER = 6_000_000_000_000_001


class Told:
    """A rig that is told batches of another epoch."""

    def __init__(self) -> None:
        self.rig = Rig(instrument(0, "BTC-USD", detail=Detail.LEVELS), "ETH-USD")
        self.seq = 0

    def tell(self, *public: PublicEvent, own: list[Any] | None = None, ts: int = START) -> None:
        self.seq += 1
        self.rig.publish(Batch(EPOCH, self.seq, ts, public=list(public), private={1001: own or []}))
        self.rig.settle()


def heard(client: Client) -> list[Any]:
    return [json.loads(text) for text in client.take()]


@pytest.fixture
def told() -> Told:
    return Told()


def level(side: Side, price: int, size: int) -> LevelSet:
    return LevelSet(0, side, price, size)


def test_a_level_that_comes_and_goes_in_one_batch_is_not_told(told: Told) -> None:
    client = told.rig.client(subscriptions="publicOrderBook")
    told.tell(level(Side.BUY, 100, 5), level(Side.BUY, 100, 0))
    assert heard(client) == []
    told.tell(level(Side.BUY, 100, 5), level(Side.BUY, 101, 6), level(Side.BUY, 101, 0))
    rows = [{"orderType": "buy", "price": "1", "quantity": "0.00000005"}]
    assert [one["data"]["orders"] for one in heard(client)] == [rows]
    told.tell(level(Side.BUY, 100, 0), level(Side.BUY, 100, 7))
    assert heard(client)[0]["data"]["orders"] == [{"orderType": "buy", "price": "1", "quantity": "0.00000007"}]


def test_a_book_that_was_replaced_is_told_whole(told: Told) -> None:
    clients = [told.rig.client(subscriptions="publicOrderBook", market=market) for market in ("BTC-USD", "ALL")]
    told.tell(level(Side.BUY, 100, 5), ts=START + 7000)
    told.tell(BookReset(0, [(98, 1, 0)], [(102, 3, 0), (101, 2, 0)]), level(Side.SELL, 101, 9), ts=START + 8000)
    messages = [client.take() for client in clients]
    assert messages[0] == messages[1]
    whole = json.loads(messages[0][1])
    assert whole["resultType"] == "publicOrderBook"
    assert [(row["price"], row["quantity"]) for row in whole["data"]["orders"]] == [
        ("1.01", "0.00000009"),
        ("1.02", "0.00000003"),
        ("0.98", "0.00000001"),
    ]
    assert whole["data"]["ts"] == (START + 8000) // 1000


def test_trades_of_a_recording_have_their_own_times_and_ids(told: Told) -> None:
    client = told.rig.client(subscriptions="publicTrades")
    told.tell(
        Trade(0, 0, 100, 5, Side.SELL, OrderKind.LIMIT, ts=START + 1000),
        Trade(0, 0, 100, 5, Side.SELL, OrderKind.LIMIT, ts=START + 2000),
    )
    rows = heard(client)[0]["data"]["orders"]
    assert [row["updatedAt"] for row in rows] == [START // 1000 + 1, START // 1000 + 2]
    assert rows[0]["matchId"] != rows[1]["matchId"]
    snapshot = client.ask("emitPublicCompletedOrders")[0]["data"]["orders"]
    assert snapshot == rows


def test_an_order_with_a_trigger(told: Told) -> None:
    client = told.rig.client(subscriptions="orders,trades", market="ETH-USD")
    opened = OwnOrderOpened(
        ORDER,
        1,
        Side.SELL,
        OrderKind.LIMIT,
        9000,
        10**8,
        status=OrderStatus.UNTRIGGERED,
        trigger=Trigger.STOP_LOSS,
        trigger_price=9500,
    )
    told.tell(own=[opened])
    accepted = heard(client)[0]["data"]
    assert accepted["body"] == "order accepted"
    shown = accepted["order"]
    assert (shown["orderStatus"], shown["triggerType"], shown["triggerPrice"]) == ("pending", "stopLoss", "95")
    fill = OwnFill(ORDER, 1, 77, Side.SELL, 9100, 10**8, 91 * 10**8, 5_000_000, False, 0)
    filled = OwnOrderUpdated(ORDER, OrderStatus.FILLED, 0, 10**8, 91 * 10**8, 5_000_000, False)
    told.tell(own=[OwnTriggered(ORDER, False)])
    assert heard(client)[0]["data"]["body"] == "order waiting for its trigger"
    told.tell(own=[OwnTriggered(ORDER, True), fill, filled], ts=START + 5000)
    triggered, done, row = heard(client)
    assert (triggered["resultType"], triggered["data"]["body"]) == ("createOrder", "order triggered")
    assert triggered["data"]["order"]["orderStatus"] == "active"
    assert (done["resultType"], done["data"]["order"]["avgFillPrice"]) == ("fillOrder", "91")
    told_row = row["data"][0]
    assert (told_row["triggerType"], told_row["triggerPrice"]) == ("stopLoss", "95")
    assert (told_row["triggerCreatedAt"], told_row["fees"]) == (START // 1000, "0.05")


@pytest.mark.parametrize(
    ("status", "reason", "result", "state", "text"),
    [
        (OrderStatus.CANCELLED, CloseReason.LIQUIDATION, "cancelOrder", "cancelled", "order cancelled"),
        (OrderStatus.EXPIRED, CloseReason.EXPIRED, "cancelOrder", "cancelled", "order cancelled"),
        (
            OrderStatus.REJECTED,
            CloseReason.FOK,
            "rejectOrder",
            "active",
            "Order rejected as it could not be filled completely",
        ),
        (OrderStatus.REJECTED, CloseReason.REDUCE_ONLY, "rejectOrder", "active", "Order rejected"),
    ],
)
def test_ends_that_rails_clients_do_not_ask_for(
    told: Told, status: OrderStatus, reason: CloseReason, result: str, state: str, text: str
) -> None:
    client = told.rig.client(subscriptions="orders", market="ETH-USD")
    told.tell(own=[OwnOrderOpened(ORDER, 1, Side.BUY, OrderKind.LIMIT, 9000, 10)])
    told.tell(own=[OwnOrderUpdated(ORDER, status, 10, 0, 0, 0, False, reason)])
    message = heard(client)[1]
    assert (message["resultType"], message["data"]["order"]["orderStatus"]) == (result, state)
    assert message["data"]["body"] == text


def test_an_order_in_place_amended_by_another_dialect() -> None:
    rig = Rig("BTC-USD")
    client = rig.client(subscriptions="orders")
    rig.command(PlaceOrder(1001, 0, Side.BUY, OrderKind.LIMIT, 10**8, 10_000))
    number = next(iter(rig.accounts.get(1001).orders))  # type: ignore[union-attr]
    rig.command(AmendOrder(1001, number, size=5 * 10**7))
    created, amended = heard(client)
    assert (amended["resultType"], amended["data"]["body"]) == ("modifyOrder", "order modified")
    assert amended["data"]["order"]["orderId"] == created["data"]["order"]["orderId"]
    assert amended["data"]["order"]["quantity"] == "0.5"


def test_both_sides_of_an_own_match() -> None:
    """For each match the taker's notice, then the maker's; then all rows in the same order."""
    rig = Rig("BTC-USD")
    for _ in range(2):
        rig.command(PlaceOrder(1001, 0, Side.SELL, OrderKind.LIMIT, 10**8, 10_000))
    client = rig.client()
    rig.command(PlaceOrder(1001, 0, Side.BUY, OrderKind.LIMIT, 2 * 10**8, 10_000, self_trade=SelfTrade.ALLOW))
    told = heard(client)
    assert [one["resultType"] for one in told] == [
        "createOrder",
        "partialFillOrder",
        "fillOrder",
        "fillOrder",
        "fillOrder",
        "completedOrdersDelta",
        "publicCompletedOrdersDelta",
        "publicOrderBookDelta",
    ]
    assert [one["data"]["order"]["orderType"] for one in told[1:5]] == ["buy", "sell", "buy", "sell"]
    rows = told[5]["data"]
    assert [row["executionType"] for row in rows] == ["taker", "maker", "taker", "maker"]
    assert [row["orderId"] for row in rows] == [one["data"]["order"]["orderId"] for one in told[1:5]]
    public = [row["matchId"] for row in told[6]["data"]["orders"]]
    assert [row["matchId"] for row in rows] == [public[0], public[0], public[1], public[1]]


def test_a_hundred_trades_where_no_number_is_asked_for() -> None:
    rig = Rig("BTC-USD")
    client = rig.client(subscriptions="publicTrades")
    for number in range(1, 151):
        rig.command(PlaceOrder(1002, 0, Side.SELL, OrderKind.LIMIT, number, 10_000))
        rig.command(PlaceOrder(1001, 0, Side.BUY, OrderKind.LIMIT, number, 10_000))
    said = [row for one in heard(client) for row in one["data"]["orders"]]
    assert len(said) == 150
    assert client.ask("emitPublicCompletedOrders")[0]["data"]["orders"] == said[50:]
    assert client.ask("emitPublicCompletedOrders", limit=500)[0]["data"]["orders"] == said


def test_a_decision_that_takes_many_batches() -> None:
    """Each batch gives its own messages; together they are whole, for the market and for all of them."""
    rig = Rig("BTC-USD", "ETH-USD")
    rig.venue.batch_limit = 60
    one, every = rig.client(market="BTC-USD"), rig.client(market="ALL")
    for price in range(100):
        rig.command(PlaceOrder(1001, 0, Side.SELL, OrderKind.LIMIT, 10**7, 10_000 + price))
    for client in (one, every):
        client.take()
    rig.command(PlaceOrder(1002, 0, Side.BUY, OrderKind.LIMIT, 50 * 10**7, 20_000, TimeInForce.IOC))
    rig.command(CancelAll(1001))
    said = one.take()
    assert said == every.take()
    kinds = [json.loads(text)["resultType"] for text in said]
    assert (kinds.count("fillOrder"), kinds.count("cancelOrder")) == (50, 50)
    book: dict[str, str] = {}
    for text in said:
        if '"publicOrderBookDelta"' in text:
            book |= {row["price"]: row["quantity"] for row in json.loads(text)["data"]["orders"]}
    assert len(book) == 100
    assert set(book.values()) == {"0"}
