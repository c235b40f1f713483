"""A user's order: the terms it came with and where it stands; and what it matched."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from polyfeed.model.enums import CloseReason, ExecutionKind, OrderStatus
from polyfeed.model.events import (
    OwnFill,
    OwnOrderAmended,
    OwnOrderOpened,
    OwnOrderUpdated,
    OwnTriggered,
    PositionSettled,
)

OrderEvent = OwnOrderUpdated | OwnOrderAmended | OwnFill | OwnTriggered
"""What happens to an order after it was opened."""

ENDED = frozenset({OrderStatus.FILLED, OrderStatus.CANCELLED, OrderStatus.EXPIRED, OrderStatus.REJECTED})
"""The statuses after which nothing more happens to an order."""


class Closing(Struct, frozen=True, array_like=True, gc=False):
    """What an order closed of positions in `fills` matches, in all.

    `size` was entered for `entry_value` and left for `exit_value`, which made `profit`; `opening_fees` and
    `closing_fees` (negative when paid) are the trading fees of that part. `leverage` and `execution` are those of the
    last match.
    """

    size: int
    entry_value: int
    exit_value: int
    profit: int
    opening_fees: int
    closing_fees: int
    fills: int
    leverage: int
    execution: ExecutionKind

    @property
    def net(self) -> int:
        """The profit less its fees."""
        return self.profit + self.opening_fees + self.closing_fees


NOTHING_CLOSED = Closing(0, 0, 0, 0, 0, 0, 0, 0, ExecutionKind.TRADE)


class OwnOrder(Struct, frozen=True, array_like=True, gc=False):
    """An order as its owner sees it, as of one event.

    `terms` is how it was accepted, `price` and `size` what they are since the last amendment. `left` may still fill,
    `filled` has filled, for `value` and `fees` in the quote currency, in `trades` matches. `rested` says whether it
    is in the book, `reason` why it ended when `ended`. `closing` is what it closed of positions, None for nothing.
    Times are venue microseconds.
    """

    terms: OwnOrderOpened
    price: int
    size: int
    left: int
    status: OrderStatus
    opened_ts: int
    updated_ts: int
    filled: int = 0
    value: int = 0
    fees: int = 0
    trades: int = 0
    rested: bool = False
    reason: CloseReason = CloseReason.FILLED
    closing: Closing | None = None

    @property
    def order_id(self) -> int:
        """The venue's number of the order."""
        return self.terms.order_id

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.status in ENDED


class Fill(Struct, frozen=True, array_like=True, gc=False):
    """A match of an own order: when, what, and the order's terms (None when it was opened before all that is known)."""

    ts: int
    fill: OwnFill
    terms: OwnOrderOpened | None


def opened(event: OwnOrderOpened, ts: int) -> OwnOrder:
    """A new order."""
    return OwnOrder(event, event.price, event.size, event.size, event.status, ts, ts)


def moved(order: OwnOrder, event: OrderEvent, ts: int) -> OwnOrder:
    """The order after an event at `ts`. After a match, `OwnOrderUpdated` says what was filled in all."""
    match event:
        case OwnOrderUpdated():
            return replace(
                order,
                left=event.left,
                status=event.status,
                updated_ts=ts,
                filled=event.filled,
                value=event.value,
                fees=event.fees,
                rested=event.rested,
                reason=event.reason,
            )
        case OwnOrderAmended():
            return replace(order, price=event.price, size=event.size, left=event.left, updated_ts=ts)
        case OwnFill():
            return replace(order, left=event.left, trades=order.trades + 1, updated_ts=ts)
        case OwnTriggered():
            status = OrderStatus.TRIGGERED if event.active else OrderStatus.UNTRIGGERED
            return replace(order, status=status, updated_ts=ts)


def settled(order: OwnOrder, event: PositionSettled) -> OwnOrder:
    """The order after one of its matches closed a part of a position."""
    before = order.closing or NOTHING_CLOSED
    closing = Closing(
        before.size + event.closed_size,
        before.entry_value + event.entry_value,
        before.exit_value + event.exit_value,
        before.profit + event.from_price,
        before.opening_fees + event.from_trading_fees - event.closing_fee,
        before.closing_fees + event.closing_fee,
        before.fills + 1,
        event.leverage,
        event.execution,
    )
    return replace(order, closing=closing)
