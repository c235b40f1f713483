"""A trade as it is remembered."""

from __future__ import annotations

from typing import NamedTuple

from polyfeed.model.enums import ExecutionKind, OrderKind, Side


class TapeEntry(NamedTuple):
    """A trade: price and size scaled by the instrument, venue microseconds, ids (0 where a recording has none)."""

    trade_id: int
    price: int
    size: int
    ts: int
    taker_side: Side
    taker_kind: OrderKind
    taker_id: int
    maker_id: int
    execution: ExecutionKind = ExecutionKind.TRADE
