"""Bitstamp order-by-order captures (those that the package ob-analytics carries) read from their files.

A capture is a folder: `orders.csv.gz` has the orders that rested at its start and then one row per `live_orders` event,
`trades.csv` the `live_trades` beside them, `meta.json` the counts. `order_log.py` makes commands of them.
"""

from __future__ import annotations

import csv
import gzip
import io
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import msgspec

from polyfeed.model.enums import Side
from polyfeed.model.instruments import Instrument


class OrderRow(NamedTuple):
    """One order event. `left` is what remains of the order; `ts` is microseconds, in steps of a millisecond."""

    order_id: int
    ts: int
    price: int
    left: int
    action: str
    side: Side


class TradeRow(NamedTuple):
    """One trade as recorded; its side is the taker's."""

    trade_id: int
    ts: int
    price: int
    size: int
    buy_order_id: int
    sell_order_id: int
    taker_side: Side


class OrderCapture(NamedTuple):
    """The orders resting at the start, best first and in time priority; every order event after it; every trade."""

    seeds: list[OrderRow]
    events: list[OrderRow]
    trades: list[TradeRow]


class _Meta(msgspec.Struct):
    """What we need of `meta.json`: how many rows at the start and at the end of the orders no exchange sent."""

    synthetic_created: int
    synthetic_deleted: int


def read_order_capture(folder: Path, instrument: Instrument) -> OrderCapture:
    """Reads the three files of a capture; prices and sizes become the instrument's integers.

    The rows that delete what is left at the end of the capture, so that every order has an end, are left out.
    Raises OSError, ValueError or msgspec.DecodeError when a file is missing or not as described.
    """
    price_scale, size_scale = instrument.price_scale, instrument.size_scale
    meta = msgspec.json.decode((folder / "meta.json").read_bytes(), type=_Meta)
    with gzip.open(folder / "orders.csv.gz") as raw:
        lines = csv.reader(io.TextIOWrapper(raw, encoding="ascii", newline=""))
        next(lines)
        rows = [_order_row(line, price_scale, size_scale) for line in lines]
    end = len(rows) - meta.synthetic_deleted
    with (folder / "trades.csv").open(encoding="ascii", newline="") as text:
        lines = csv.reader(text)
        next(lines)
        trades = [_trade_row(line, price_scale, size_scale) for line in lines]
    return OrderCapture(rows[: meta.synthetic_created], rows[meta.synthetic_created : end], trades)


def _order_row(line: list[str], price_scale: int, size_scale: int) -> OrderRow:
    order_id, _received, ms, price, volume, action, direction = line
    side = Side.BUY if direction == "bid" else Side.SELL
    return OrderRow(
        int(order_id), int(ms) * 1000, _scaled(price, price_scale), _scaled(volume, size_scale), action, side
    )


def _trade_row(line: list[str], price_scale: int, size_scale: int) -> TradeRow:
    trade_id, _received, ms, price, amount, buy, sell, side = line
    return TradeRow(
        int(trade_id),
        int(ms) * 1000,
        _scaled(price, price_scale),
        _scaled(amount, size_scale),
        int(buy),
        int(sell),
        Side.BUY if side == "buy" else Side.SELL,
    )


@lru_cache(maxsize=4096)
def _scaled(text: str, scale: int) -> int:
    """The files spell small numbers as 1e-08, which the wire never does."""
    value = Decimal(text).scaleb(scale)
    if value != (whole := int(value)):
        raise ValueError(f"{text!r} has more than {scale} decimals")
    return whole
