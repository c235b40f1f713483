"""Orders whose outcome was missed, and what `cancelOnDisconnect` owes of them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from polyfeed.model.commands import PlaceOrder
from polyfeed.model.enums import OrderKind, Side
from tests.dialects.rails.rig import Client, Rig

NAME, OTHER = "00000001-9c4b-4c1e-8f3a-5b6d7e8f9a0b", "00000002-9c4b-4c1e-8f3a-5b6d7e8f9a0b"


def create(client: Client, price: str, name: str = "") -> None:
    """Asks for an order; nothing is decided yet."""
    terms = {"orderType": "buy", "tradeType": "limit", "quantity": "1", "price": price}
    send(client, "createOrder", **terms, **({"clientRequestId": name} if name else {}))


def send(client: Client, message: str, **content: Any) -> None:
    client.send(json.dumps({"message": message, "content": content}))


def prices(rig: Rig) -> list[int]:
    """Those of the open orders, in whole units."""
    account = rig.accounts.get(1001)
    assert account is not None
    return [order.price // 100 for order in account.orders.values()]


@pytest.mark.parametrize("cancels", [True, False])
@pytest.mark.parametrize("went", ["before", "after"])
def test_an_order_whose_outcome_was_missed_ends_with_its_connection(went: str, cancels: bool) -> None:
    rig = Rig("BTC-USD", "ETH-USD")
    client = rig.client(cancelOnDisconnect=str(cancels).lower())
    create(client, "100", NAME)
    create(client, "101", OTHER)
    if went == "before":
        rig.fan.exit(client.connection)
    rig.miss()
    assert prices(rig) == [100, 101]
    if went == "after":
        client.leave()
    rig.settle()
    assert prices(rig) == ([] if cancels else [100, 101])


@pytest.mark.parametrize("name", ["", NAME])
def test_one_that_took_the_place_of_another_ends_too(name: str) -> None:
    rig = Rig("BTC-USD", "ETH-USD")
    client = rig.client(cancelOnDisconnect="true")
    create(client, "100")
    rig.settle()
    number = next(json.loads(text)["data"]["order"]["orderId"] for text in client.take())
    send(client, "modifyOrder", orderId=number, price="102", **({"clientRequestId": name} if name else {}))
    rig.miss()
    assert prices(rig) == [102]
    client.leave()
    assert prices(rig) == []


def test_orders_that_did_not_come_by_the_connection_stay() -> None:
    """Also one that had the same name before, and one without a name: nothing says whose it is."""
    rig = Rig("BTC-USD", "ETH-USD")
    steady = rig.client()
    create(steady, "99", NAME)
    rig.settle()
    client = rig.client(cancelOnDisconnect="true")
    create(client, "100", NAME)
    create(client, "101")
    rig.queue(PlaceOrder(1001, 0, Side.BUY, OrderKind.LIMIT, 10**8, 102_00, client_id=OTHER))
    rig.queue(PlaceOrder(1001, 1, Side.BUY, OrderKind.LIMIT, 10**8, 103_00, client_id=NAME))
    rig.miss()
    client.leave()
    assert prices(rig) == [99, 101, 102, 103]


def test_who_heard_nothing_and_stays_keeps_the_order_until_the_end() -> None:
    rig = Rig("BTC-USD", "ETH-USD")
    client = rig.client(subscriptions="orders", cancelOnDisconnect="true")
    create(client, "100", NAME)
    send(client, "unsubscribe", subscriptions=["orders"])
    rig.miss()
    assert client.closed is None
    assert "the outcome is not known" in client.take()[-1]
    rig.settle()
    assert prices(rig) == [100]
    client.leave()
    assert prices(rig) == []
