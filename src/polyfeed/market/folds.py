"""What each kind of event does to the instrument that it names.

A fold takes in one event as a whole and gives the changes to announce: the event itself, then the level that it
changed. So between two announcements the books by order and by level, the tape and the statistics always agree.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from polyfeed.market.changes import Change
from polyfeed.market.instrument import InstrumentState
from polyfeed.market.perpetual import PerpetualEvent
from polyfeed.model.enums import Side
from polyfeed.model.events import (
    BookReset,
    DeleveragingStateSet,
    FundingRateSet,
    FundingSettled,
    IndexPriceSet,
    InstrumentStatusSet,
    LevelSet,
    MarkPriceSet,
    OpenInterestSet,
    OrderClosed,
    OrderOpened,
    OrderReduced,
    OrderRested,
    PositionLiquidated,
    Trade,
)
from polyfeed.model.trades import TapeEntry

Changes = tuple[Change, ...]

_OTHER = (Side.SELL, Side.BUY)


def _opened(state: InstrumentState, event: OrderOpened, ts: int) -> Changes:
    state.happened(ts)
    if state.orders is not None:
        state.orders.opened(event)
    return (event,)


def _rested(state: InstrumentState, event: OrderRested, ts: int) -> Changes:
    state.happened(ts)
    if state.orders is not None and event.left > 0 and event.level_size > 0:
        state.orders.rested(event)
    return _with_level(state, event, event.side, event.price, event.level_size, ts)


def _reduced(state: InstrumentState, event: OrderReduced, ts: int) -> Changes:
    state.happened(ts)
    if state.orders is not None:
        state.orders.reduced(event)
    return _with_level(state, event, event.side, event.price, event.level_size, ts)


def _closed(state: InstrumentState, event: OrderClosed, ts: int) -> Changes:
    state.happened(ts)
    if state.orders is not None:
        state.orders.closed(event)
    return _with_level(state, event, event.side, event.price, event.level_size, ts)


def _trade(state: InstrumentState, event: Trade, ts: int) -> Changes:
    ts = event.ts or ts
    state.happened(ts)
    price, size = event.price, event.size
    state.tape.append(
        TapeEntry(
            event.trade_id,
            price,
            size,
            ts,
            event.taker_side,
            event.taker_kind,
            event.taker_id,
            event.maker_id,
            event.execution,
        )
    )
    state.candles.trade(price, size, ts)
    state.stats.trade(price, size)
    if state.orders is not None:
        state.orders.traded(event)
    return _with_level(state, event, _OTHER[event.taker_side], price, event.level_size, ts)


def _with_level(state: InstrumentState, event: Change, side: Side, price: int, size: int, ts: int) -> Changes:
    if size < 0:
        return (event,)
    change = state.level(side, price, size, ts)
    return (event,) if change is None else (event, change)


def _level_set(state: InstrumentState, event: LevelSet, ts: int) -> Changes:
    ts = event.ts or ts
    state.happened(ts)
    change = state.level(event.side, event.price, event.size, ts)
    return () if change is None else (change,)


def _book_reset(state: InstrumentState, event: BookReset, ts: int) -> Changes:
    state.happened(ts)
    state.book.bids.replace(event.bids)
    state.book.asks.replace(event.asks)
    if state.orders is not None:
        state.orders.clear()
    return (event,)


def _status(state: InstrumentState, event: InstrumentStatusSet, _: int) -> Changes:
    state.status = event.status
    return (event,)


def _perpetual(state: InstrumentState, event: PerpetualEvent, ts: int) -> Changes:
    state.perpetual.assign(event)
    if state.prices is not None:
        state.prices.assign(event, ts)
    return (event,)


PLAYED = frozenset({LevelSet, BookReset, Trade})
"""What a recording is made of."""

FOLDS: dict[type, Callable[[InstrumentState, Any, int], Changes]] = {
    OrderOpened: _opened,
    OrderRested: _rested,
    OrderReduced: _reduced,
    OrderClosed: _closed,
    Trade: _trade,
    LevelSet: _level_set,
    BookReset: _book_reset,
    InstrumentStatusSet: _status,
    IndexPriceSet: _perpetual,
    MarkPriceSet: _perpetual,
    FundingRateSet: _perpetual,
    FundingSettled: _perpetual,
    OpenInterestSet: _perpetual,
    PositionLiquidated: _perpetual,
    DeleveragingStateSet: _perpetual,
}
"""What each event that names an instrument does to it, given the time of its batch."""
