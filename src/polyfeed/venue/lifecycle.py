"""The stations of an order's life, each with the events that tell of it: accepted, opened, rested, reduced, ended."""

from __future__ import annotations

from polyfeed.model.commands import PlaceOrder
from polyfeed.model.enums import CloseReason, OrderStatus, Side
from polyfeed.model.events import (
    UNKNOWN_LEVEL,
    OrderClosed,
    OrderOpened,
    OrderReduced,
    OrderRested,
    OwnOrderOpened,
    OwnOrderUpdated,
)
from polyfeed.venue.book import BookSide
from polyfeed.venue.draft import Draft
from polyfeed.venue.ledger import hold, release
from polyfeed.venue.orders import Order
from polyfeed.venue.state import State

BUY = Side.BUY
STATUS_OPEN = OrderStatus.OPEN
STATUS_FILLED = OrderStatus.FILLED
STATUS_CANCELLED = OrderStatus.CANCELLED

ENDS = {
    CloseReason.POST_ONLY: OrderStatus.REJECTED,
    CloseReason.FOK: OrderStatus.REJECTED,
    CloseReason.EXPIRED: OrderStatus.EXPIRED,
    CloseReason.FILLED: OrderStatus.FILLED,
}
"""What an end is to the owner. REJECTED: the order's terms were never met at all. Every other one is a cancellation."""


def side_of(order: Order) -> BookSide:
    """The side of the book that an order rests on."""
    market = order.market
    return market.bids if order.side is BUY else market.asks


def publish(order: Order, draft: Draft, amended: bool = False) -> None:
    """An order comes into the market: at its entry, when its trigger fires, or with new terms that cost its place."""
    draft.public.append(
        OrderOpened(
            order.market.id,
            order.id,
            order.side,
            order.price,
            order.left,
            order.kind,
            order.tif,
            order.post_only,
            order.trigger,
            order.amount,
            order.liquidation,
            amended,
        )
    )


def acknowledge(order: Order, command: PlaceOrder, replaces: int, draft: Draft) -> None:
    """An order was accepted, in the place of another one or (0) of none: its owner is told all its terms."""
    draft.own(order.account.id).append(
        OwnOrderOpened(
            order.id,
            order.market.id,
            order.side,
            order.kind,
            order.price,
            order.left,
            order.tif,
            order.post_only,
            order.self_trade,
            command.client_id,
            STATUS_OPEN if order.stop is None else OrderStatus.UNTRIGGERED,
            order.amount,
            order.expire_ts,
            order.trigger,
            command.trigger_price,
            command.activation_price,
            command.trailing_bps,
            order.reduce_only,
            command.close_on_trigger,
            order.liquidation,
            replaces,
            order.market.last_price,
            order.execution,
        )
    )


def report(order: Order, draft: Draft) -> None:
    """Tells the owner of a live or filled order where it stands. A quote-sized one is filled when it ends."""
    left = order.left
    status = STATUS_OPEN if left or order.amount else STATUS_FILLED
    if order.stop is not None:
        status = OrderStatus.UNTRIGGERED
    draft.own(order.account.id).append(
        OwnOrderUpdated(
            order.id,
            status,
            left,
            order.filled,
            order.value,
            order.fees,
            order.level is not None,
        )
    )


def rest(state: State, order: Order, draft: Draft) -> None:
    """What is left of an order goes to the end of the queue at its price."""
    order.last_price = 0
    level_size = side_of(order).add(order)
    state.remember(order)
    draft.public.append(OrderRested(order.market.id, order.id, order.side, order.price, order.left, level_size))
    report(order, draft)


def shrink(order: Order, size: int, draft: Draft) -> None:
    """A resting order becomes smaller by `size`, something is left of it, and it keeps its place."""
    level_size = side_of(order).reduce(order, size)
    hold(order, draft)
    draft.public.append(OrderReduced(order.market.id, order.id, order.side, order.price, order.left, level_size))


def close(state: State, order: Order, reason: CloseReason, draft: Draft) -> None:
    """An order ends with what it has left. Of one that waited for its trigger the public has never heard."""
    release(order, draft)
    state.forget(order)
    if order.stop is not None:
        order.market.watch.remove(order)
    else:
        level_size = UNKNOWN_LEVEL if order.level is None else side_of(order).remove(order)
        draft.public.append(
            OrderClosed(
                order.market.id,
                order.id,
                order.side,
                order.price,
                order.left,
                reason,
                level_size,
                order.last_price,
            )
        )
    draft.own(order.account.id).append(
        OwnOrderUpdated(
            order.id,
            ENDS.get(reason, STATUS_CANCELLED),
            order.left,
            order.filled,
            order.value,
            order.fees,
            False,
            reason,
        )
    )
