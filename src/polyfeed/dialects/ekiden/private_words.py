"""Ekiden's names for what an order, an execution or a position is (spec/ekiden.md 6)."""

from __future__ import annotations

from collections.abc import Callable, Collection

from polyfeed.model.enums import CloseReason, ExecutionKind, MarginMode, OrderStatus, Side, TimeInForce, Trigger
from polyfeed.model.events import OwnOrderOpened, PositionSet
from polyfeed.model.orders import OwnOrder

FUNDING = "Funding"

EXECUTIONS = {
    ExecutionKind.TRADE: "Trade",
    ExecutionKind.POSITION_LIQUIDATION: "BustTrade",
    ExecutionKind.COLLATERAL_LIQUIDATION: "BustTrade",
    ExecutionKind.MARKET_WIDE_CLOSURE: "Settle",
    ExecutionKind.ASSIGNMENT: "BustTrade",
    ExecutionKind.DELEVERAGING: "AdlTrade",
}

MARGIN_MODES = {MarginMode.CROSS: "Cross", MarginMode.ISOLATED: "Isolated"}
ADL_RANKS = ("Zero", "One", "Two", "Three", "Four", "Five")

_STATUSES = {
    OrderStatus.OPEN: ("New", "PartiallyFilled"),
    OrderStatus.FILLED: ("Filled", "Filled"),
    OrderStatus.CANCELLED: ("Canceled", "PartiallyFilledCanceled"),
    OrderStatus.EXPIRED: ("Expired", "Expired"),
    OrderStatus.UNTRIGGERED: ("Untriggered", "Untriggered"),
    OrderStatus.TRIGGERED: ("Triggered", "Triggered"),
    OrderStatus.REJECTED: ("Rejected", "Rejected"),
}
"""Without and with something filled."""

_CANCELS = {
    CloseReason.USER: "CancelByUser",
    CloseReason.AMENDED: "CancelByUser",
    CloseReason.REPLACED: "CancelByUser",
    CloseReason.SELF_TRADE: "CancelBySmp",
    CloseReason.REDUCE_ONLY: "CancelByReduceOnly",
    CloseReason.OPERATOR: "CancelByAdmin",
    CloseReason.DISCONNECT: "CancelByDcp",
    CloseReason.LIQUIDATION: "CancelAllBeforeLiq",
}
"""Everything else the system did."""

_REJECTS = {
    CloseReason.POST_ONLY: "EcPostOnlyWillTakeLiquidity",
    CloseReason.FOK: "EcNoImmediateQtyToFill",
    CloseReason.IOC: "EcNoImmediateQtyToFill",
    CloseReason.MARKET_REST: "EcNoEnoughQtyToFill",
    CloseReason.NO_FUNDS: "EcInsufficientFunds",
    CloseReason.SELF_TRADE: "EcBySelfMatch",
}

_STOPS = {
    Trigger.STOP_LOSS: "StopLoss",
    Trigger.TAKE_PROFIT: "TakeProfit",
    Trigger.TRAILING_STOP_LOSS: "TrailingStop",
    Trigger.TRAILING_TAKE_PROFIT: "TrailingStop",
}

_CREATES = {
    Trigger.NONE: "CreateByUser",
    Trigger.STOP_LOSS: "CreateByStopLoss",
    Trigger.TAKE_PROFIT: "CreateByTakeProfit",
    Trigger.TRAILING_STOP_LOSS: "CreateByTrailingStop",
    Trigger.TRAILING_TAKE_PROFIT: "CreateByTrailingProfit",
}

_CREATED_BY_VENUE = {
    ExecutionKind.POSITION_LIQUIDATION: "CreateByLiq",
    ExecutionKind.COLLATERAL_LIQUIDATION: "CreateByLiq",
    ExecutionKind.MARKET_WIDE_CLOSURE: "CreateBySettle",
    ExecutionKind.ASSIGNMENT: "CreateByTakeOverPassThrough",
    ExecutionKind.DELEVERAGING: "CreateByAdlPassThrough",
}
"""For orders that nobody entered."""

_TIMES = {TimeInForce.GTC: "GTC", TimeInForce.IOC: "IOC", TimeInForce.FOK: "FOK", TimeInForce.DAY: "Day"}


def order_status(order: OwnOrder) -> str:
    """Where an order is in its life."""
    return _STATUSES[order.status][order.filled > 0]


def statuses_of(names: Collection[str]) -> tuple[OrderStatus, ...]:
    """The statuses that orders of these names may have."""
    return tuple(status for status, words in _STATUSES.items() if any(word in names for word in words))


def cancel_type(order: OwnOrder) -> str | None:
    """Who ended an order that did not fill whole; None while it lives."""
    if order.status not in (OrderStatus.CANCELLED, OrderStatus.EXPIRED):
        return None
    return _CANCELS.get(order.reason, "CancelBySystem")


def reject_reason(order: OwnOrder) -> str | None:
    """Why an order ended that nobody asked to; None otherwise."""
    return _REJECTS.get(order.reason) if order.ended else None


def create_type(terms: OwnOrderOpened) -> str:
    """What made an order."""
    return _CREATED_BY_VENUE.get(terms.execution) or _CREATES[terms.trigger]


def stop_order_type(terms: OwnOrderOpened) -> str | None:
    """What kind of waiting order it was entered as."""
    return _STOPS.get(terms.trigger)


def time_in_force(terms: OwnOrderOpened) -> str | dict[str, int]:
    """A word, or the millisecond until which it stands."""
    if terms.tif is TimeInForce.GTD:
        return {"GTD": terms.expire_ts // 1000}
    return _TIMES[terms.tif]


def trigger(terms: OwnOrderOpened, price: Callable[[int], str]) -> dict[str, str] | None:
    """The condition of a waiting order. A stop loss waits for the price to go against it, a take profit for the
    other."""
    if terms.trigger is Trigger.NONE:
        return None
    stop = terms.trigger in (Trigger.STOP_LOSS, Trigger.TRAILING_STOP_LOSS)
    up = stop == (terms.side is Side.BUY)
    return {
        "trigger_price": price(terms.trigger_price),
        "trigger_direction": "Up" if up else "Down",
        "trigger_by": "LastPrice",
    }


def position_status(position: PositionSet) -> str:
    """Whether a position is being taken over."""
    return "Liq" if position.liquidating else "Normal"
