"""The stations of an order's life, each with the events that tell of it: opened, rested, reduced, ended."""

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

REJECTED = frozenset({CloseReason.POST_ONLY, CloseReason.FOK})
"""Ends that mean the order's terms were never met at all; every other one is a cancellation to its owner."""


def side_of(order: Order) -> BookSide:
    """The side of the book that an order rests on."""
    market = order.market
    return market.bids if order.side is BUY else market.asks


def announce(order: Order, command: PlaceOrder, replaces: int, draft: Draft) -> None:
    """An order was accepted, in the place of another one or (0) of none."""
    market, side, kind, price, left = order.market.id, order.side, order.kind, order.price, order.left
    tif, post_only = order.tif, order.post_only
    draft.public.append(OrderOpened(market, order.id, side, price, left, kind, tif, post_only))
    draft.own(order.account.id).append(
        OwnOrderOpened(
            order.id,
            market,
            side,
            kind,
            price,
            left,
            tif,
            post_only,
            order.self_trade,
            command.client_id,
            replaces=replaces,
            last_price=order.market.last_price,
        )
    )


def report(order: Order, draft: Draft) -> None:
    """Tells the owner of a live or filled order where it stands."""
    left = order.left
    draft.own(order.account.id).append(
        OwnOrderUpdated(
            order.id,
            STATUS_OPEN if left else STATUS_FILLED,
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
    state.orders[order.id] = order
    order.account.orders[order.id] = order
    draft.public.append(OrderRested(order.market.id, order.id, order.side, order.price, order.left, level_size))
    report(order, draft)


def shrink(order: Order, size: int, draft: Draft) -> None:
    """A resting order becomes smaller by `size`, something is left of it, and it keeps its place."""
    level_size = side_of(order).reduce(order, size)
    hold(order, draft)
    draft.public.append(OrderReduced(order.market.id, order.id, order.side, order.price, order.left, level_size))


def close(state: State, order: Order, reason: CloseReason, draft: Draft) -> None:
    """An order ends with what it has left."""
    level_size = UNKNOWN_LEVEL if order.level is None else side_of(order).remove(order)
    release(order, draft)
    forget(state, order)
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
            OrderStatus.REJECTED if reason in REJECTED else OrderStatus.CANCELLED,
            order.left,
            order.filled,
            order.value,
            order.fees,
            False,
            reason,
        )
    )


def forget(state: State, order: Order) -> None:
    """An order that is filled or ended is no longer known, if it ever was (it may never have rested)."""
    if state.orders.pop(order.id, None) is not None:
        del order.account.orders[order.id]
