"""Lists that are asked for something rare: no call walks through all that there is."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from polyfeed.dialects.ekiden.rest_account import MORE
from polyfeed.model.commands import CancelAll, PlaceOrder
from polyfeed.model.enums import OrderKind, Side
from polyfeed.model.history import Query
from tests.dialects.ekiden.rig import Rig, instrument

TAKER, MAKER = 1001, 1002
ORDERS, FILLS = 60, 30
LIMIT = 4


@pytest.fixture
def rig() -> Rig:
    """The maker's orders were filled one by one, `rare` first of all; later ones were cancelled."""
    rig = Rig()
    rig.list(instrument(0, "BTC-USDC"))
    for account in (TAKER, MAKER):
        rig.user(account)
    for number in range(FILLS):
        rig.must(PlaceOrder(MAKER, 0, Side.SELL, OrderKind.LIMIT, 10, 100, client_id="" if number else "rare"))
        rig.must(PlaceOrder(TAKER, 0, Side.BUY, OrderKind.LIMIT, 10, 100))
    rig.must(*(PlaceOrder(MAKER, 0, Side.SELL, OrderKind.LIMIT, 10, 500) for _ in range(ORDERS)))
    rig.must(CancelAll(MAKER))
    return rig


def pages(rig: Rig, path: str) -> tuple[list[Any], list[int]]:
    """The rows of all pages, and how often history was asked for each."""
    owner = rig.accounts.get(MAKER)
    assert owner is not None
    headers = {"authorization": f"Bearer {rig.dialect.token(rig.now, owner)}"}
    rows: list[Any] = []
    asked: list[int] = []
    memory = rig.ask

    def ask(query: Query) -> Sequence[Any]:
        asked[-1] += 1
        return memory(query)

    rig.ask = ask
    cursor = ""
    while True:
        asked.append(0)
        page = json.loads(rig.rest("GET", f"/api/v1{path}&limit={LIMIT}&cursor={cursor}", headers=headers).body)
        rows += page["list"]
        cursor = page["next_page_cursor"]
        if not cursor:
            rig.ask = memory
            return rows, asked


def test_matches_of_an_order_by_its_own_name(rig: Rig) -> None:
    rows, asked = pages(rig, "/execution/list?order_link_id=rare")
    assert [row["order_link_id"] for row in rows] == ["rare"]
    assert asked == [1]


def test_orders_of_a_rare_status(rig: Rig) -> None:
    """None was cancelled with a part filled, which history knows as cancelled, like all the others."""
    rows, asked = pages(rig, "/order/history?order_status=PartiallyFilledCanceled")
    assert rows == []
    assert max(asked) == MORE + 1
    assert len(asked) > 1
    rig.must(PlaceOrder(MAKER, 0, Side.SELL, OrderKind.LIMIT, 10, 100))
    rig.must(PlaceOrder(TAKER, 0, Side.BUY, OrderKind.LIMIT, 5, 100))
    rig.must(CancelAll(MAKER))
    rows, asked = pages(rig, "/order/history?order_status=PartiallyFilledCanceled")
    assert [row["order_status"] for row in rows] == ["PartiallyFilledCanceled"]


def test_all_orders_that_ended_page_by_page(rig: Rig) -> None:
    rows, asked = pages(rig, "/order/history?order_status=Canceled&order_status=Filled")
    numbers = [row["order_id"] for row in rows]
    assert len(numbers) == len(set(numbers)) == ORDERS + FILLS
    assert max(asked) == 1
