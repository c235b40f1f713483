"""Lists that have more than one page: 100 rows each, `last` of one is `start` of the next (spec/rails.md 10)."""

from __future__ import annotations

from typing import Any

from polyfeed.model.commands import PlaceOrder
from polyfeed.model.enums import OrderKind, SelfTrade, Side
from tests.dialects.rails.rig import Rig


def pages(rig: Rig, path: str, name: str, **query: str) -> list[list[Any]]:
    """All pages of a list, each checked for its length."""
    found: list[list[Any]] = []
    start: dict[str, str] = {}
    while True:
        status, body = rig.call("GET", path, **query, **start)
        assert status == 200
        assert len(body[name]) <= 100
        found.append(body[name])
        if "last" not in body:
            return found
        start = {"start": body["last"]}


def test_open_orders_oldest_first() -> None:
    rig = Rig("BTC-USD", "ETH-USD")
    for number in range(250):
        rig.command(PlaceOrder(1001, number % 2, Side.BUY, OrderKind.LIMIT, 10**8, 1 + number))
    found = pages(rig, "/api/v1/open-orders", "openOrders")
    assert [len(page) for page in found] == [100, 100, 50]
    prices = [row["price"] for page in found for row in page]
    assert len(set(prices)) == 250
    ids = [row["orderId"] for page in found for row in page]
    assert ids == sorted(ids)
    one = pages(rig, "/api/v1/open-orders", "openOrders", market="ETH-USD")
    assert [len(page) for page in one] == [100, 25]
    assert rig.call("GET", "/api/v1/open-orders", start="nothing")[0] == 400


def test_completed_orders_newest_first() -> None:
    """Both rows of an own match stay on one page."""
    rig = Rig("BTC-USD")
    for number in range(1, 122):
        seller = 1001 if number == 22 else 1002
        rig.command(PlaceOrder(seller, 0, Side.SELL, OrderKind.LIMIT, number, 10_000))
        rig.command(PlaceOrder(1001, 0, Side.BUY, OrderKind.LIMIT, number, 10_000, self_trade=SelfTrade.ALLOW))
    found = pages(rig, "/api/v1/completed-orders", "completedOrders")
    assert found.pop() == []
    assert [len(page) for page in found] == [99, 23]
    rows = [(row["quantity"], row["executionType"]) for page in found for row in page]
    assert len(set(rows)) == 122
    assert [float(quantity) for quantity, _ in rows] == sorted((float(row[0]) for row in rows), reverse=True)
    assert found[0][-1]["matchId"] != found[1][0]["matchId"]
    assert rig.call("GET", "/api/v1/completed-orders", start="nothing")[0] == 400


def test_completed_orders_between_two_times() -> None:
    rig = Rig("BTC-USD")
    start = rig.now // 1000
    for _ in range(5):
        rig.command(PlaceOrder(1002, 0, Side.SELL, OrderKind.LIMIT, 10**8, 10_000))
        rig.command(PlaceOrder(1001, 0, Side.BUY, OrderKind.LIMIT, 10**8, 10_000))
        rig.now += 1_000_000
    query = {"startDate": str(start + 1000), "endDate": str(start + 3500)}
    page, _ = pages(rig, "/api/v1/completed-orders", "completedOrders", **query)
    assert [row["filledAt"] - start for row in page] == [3000, 2000, 1000]
