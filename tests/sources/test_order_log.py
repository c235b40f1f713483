"""Order events read back as commands: the grammar of Bitstamp's wire (spec/bitstamp.md 4.5), rule by rule."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from polyfeed.model.commands import CancelOrder, PlaceOrder
from polyfeed.model.enums import OrderKind, SelfTrade, Side, TimeInForce
from polyfeed.sources.bitstamp_sample import BTCUSD
from polyfeed.sources.order_log import OrderLog, commands_of
from polyfeed.sources.orders_csv import OrderCapture, OrderRow, TradeRow, read_order_capture

T = 1_777_689_381_262_000
BUY, SELL = Side.BUY, Side.SELL
ACCOUNT = 9


def row(text: str) -> OrderRow:
    """`order ms price left action side`, price and size in whole units of 1 and 1e-8."""
    order, ms, price, left, action, side = text.split()
    return OrderRow(
        int(order), T + int(ms) * 1000, int(price) * 100, int(left), f"{action}d", BUY if side == "bid" else SELL
    )


def log(*events: str, seeds: tuple[str, ...] = (), stale: tuple[int, ...] = ()) -> OrderLog:
    capture = OrderCapture([row(text) for text in seeds], [row(text) for text in events], [])
    return commands_of(capture, ACCOUNT, BTCUSD, stale)


def order(order_id: int, side: Side, size: int, price: int, **terms: object) -> PlaceOrder:
    kind = terms.pop("kind", OrderKind.LIMIT)
    return PlaceOrder(ACCOUNT, 0, side, kind, size, price * 100, order_id=order_id, self_trade=SelfTrade.ALLOW, **terms)


def commands(made: OrderLog) -> list[object]:
    return [record.command for record in made.records]


ASKS = ("1 0 100 50 create ask", "2 0 101 70 create ask")


def test_an_order_that_rests_and_its_owners_cancel() -> None:
    made = log("5 1 99 30 create bid", "5 8 99 30 delete bid")
    assert commands(made) == [order(5, BUY, 30, 99), CancelOrder(ACCOUNT, 5)]
    assert [record.ts - T for record in made.records] == [1000, 8000]
    assert made.cancelled == {5: 30}
    assert made.report.cancels == 1


def test_a_taker_that_is_filled_by_two() -> None:
    made = log(
        "5 1 101 80 create bid",
        "5 1 100 30 change bid",
        "1 1 100 0 delete ask",
        "5 1 101 0 delete bid",
        "2 1 101 40 change ask",
        seeds=ASKS,
    )
    assert commands(made)[2:] == [order(5, BUY, 80, 101)]
    assert made.report.matches == 2
    assert made.report.unexplained == []


def test_a_takers_remainder_rests_at_its_limit_and_may_be_cancelled() -> None:
    made = log(
        "5 1 100 80 create bid",
        "5 1 100 30 change bid",
        "1 1 100 0 delete ask",
        "5 9 100 30 delete bid",
        seeds=ASKS,
    )
    assert commands(made)[2:] == [order(5, BUY, 80, 100), CancelOrder(ACCOUNT, 5)]
    assert made.cancelled == {5: 30}


def test_an_ioc_is_ended_in_its_own_millisecond_with_something_left() -> None:
    made = log(
        "5 1 100 80 create bid",
        "5 1 100 30 change bid",
        "1 1 100 0 delete ask",
        "5 1 100 30 delete bid",
        seeds=ASKS,
    )
    assert commands(made)[2:] == [order(5, BUY, 80, 100, tif=TimeInForce.IOC)]
    assert (made.report.ioc, made.report.ioc_unfilled) == (1, 0)


def test_ended_at_once_and_it_crossed_is_post_only() -> None:
    made = log("5 1 100 30 create bid", "5 1 100 30 delete bid", seeds=ASKS)
    assert commands(made)[2:] == [order(5, BUY, 30, 100, post_only=True)]
    assert made.report.post_only == 1


def test_ended_at_once_and_it_did_not_cross_is_an_ioc() -> None:
    made = log("5 1 99 30 create bid", "5 1 99 30 delete bid", seeds=ASKS)
    assert commands(made)[2:] == [order(5, BUY, 30, 99, tif=TimeInForce.IOC)]
    assert made.report.ioc_unfilled == 1


def test_ended_a_millisecond_later_is_its_owners_cancel() -> None:
    made = log("5 1 99 30 create bid", "5 2 99 30 delete bid", seeds=ASKS)
    assert commands(made)[2:] == [order(5, BUY, 30, 99), CancelOrder(ACCOUNT, 5)]


def test_a_market_order_to_sell_has_price_zero() -> None:
    made = log(
        "5 1 0 60 create ask",
        "5 1 99 10 change ask",
        "3 1 99 0 delete bid",
        "5 1 99 10 delete ask",
        seeds=("3 0 99 50 create bid",),
    )
    assert commands(made)[1:] == [order(5, SELL, 60, 0, kind=OrderKind.MARKET)]


@pytest.mark.parametrize("dust", ["0", "1"])
def test_a_market_order_to_buy_names_no_size_and_gets_that_of_its_matches(dust: str) -> None:
    made = log(
        "5 1 999999999 0 create bid",
        f"5 1 100 {dust} change bid",
        "1 1 100 26 change ask",
        f"5 1 100 {dust} delete bid",
        seeds=ASKS,
    )
    assert commands(made)[2:] == [order(5, BUY, 24, 0, kind=OrderKind.MARKET)]


def test_another_orders_cancel_beside_a_taker_is_no_match() -> None:
    made = log("5 1 99 30 create bid", "1 1 100 50 delete ask", seeds=ASKS)
    assert commands(made)[2:] == [order(5, BUY, 30, 99), CancelOrder(ACCOUNT, 1)]


def test_what_the_capture_lost_is_left_out_and_reported() -> None:
    made = log(
        "7 1 99 30 delete bid",
        "8 1 99 30 change bid",
        seeds=(*ASKS, "4 0 102 1 create ask", "6 0 0 10 create bid"),
        stale=(4,),
    )
    assert commands(made) == [order(1, SELL, 50, 100), order(2, SELL, 70, 101)]
    assert made.report.stale_seeds == [4]
    assert made.report.priceless == [6]
    assert made.report.unknown_deletes == [7]
    assert [row.order_id for row in made.report.unexplained] == [8]


def test_the_files(tmp_path: Path) -> None:
    rows = [
        "id,timestamp,exchange_timestamp,price,volume,action,direction",
        "11,1777689383201,1777689380521,78318.0,1.53453667,created,bid",
        "12,1777689383202,1777689383817,78319.5,1e-08,created,ask",
        "11,1777689383900,1777689390000,78318.0,1.53453667,deleted,bid",
    ]
    (tmp_path / "orders.csv.gz").write_bytes(gzip.compress("\n".join(rows).encode()))
    (tmp_path / "trades.csv").write_text(
        "trade_id,timestamp,exchange_timestamp,price,amount,buy_order_id,sell_order_id,side\n"
        "568694537,1777689383889,1777689383817,78319.0,0.121,2002347659919360,2002347637526531,buy\n"
    )
    (tmp_path / "meta.json").write_text('{"synthetic_created": 1, "synthetic_deleted": 1, "pair": "btcusd"}')
    assert read_order_capture(tmp_path, BTCUSD) == OrderCapture(
        [OrderRow(11, 1777689380521000, 7831800, 153453667, "created", BUY)],
        [OrderRow(12, 1777689383817000, 7831950, 1, "created", SELL)],
        [TradeRow(568694537, 1777689383817000, 7831900, 12100000, 2002347659919360, 2002347637526531, BUY)],
    )


def test_a_number_with_more_decimals_than_the_market_is_an_error(tmp_path: Path) -> None:
    rows = "id,timestamp,exchange_timestamp,price,volume,action,direction\n11,1,1,1.001,1.0,created,bid\n"
    (tmp_path / "orders.csv.gz").write_bytes(gzip.compress(rows.encode()))
    (tmp_path / "meta.json").write_text('{"synthetic_created": 0, "synthetic_deleted": 0}')
    with pytest.raises(ValueError, match="more than 2 decimals"):
        read_order_capture(tmp_path, BTCUSD)
