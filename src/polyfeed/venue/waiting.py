"""The life of an order with a trigger until it is in the market: it waits outside the book, then becomes active.

Meanwhile only its owner knows of it. What it would hold in the book is held from the start; what is paid as it goes (a
market buy, a CASH_SELL) is looked for when it trades. A trigger that the last price has reached already fires at once.

Every last price that a trade makes may fire some. They come into the market one by one, in the order in which they
fired, after the order that made the price has been dealt with; each may make prices that fire others, which come after
all that fired before. A status that the market got meanwhile does not stop them: where there are trades, they may join.
"""

from __future__ import annotations

from polyfeed.model.enums import CloseReason, OrderKind
from polyfeed.model.events import OwnTriggered
from polyfeed.venue.checks import level_is_full
from polyfeed.venue.draft import ACTIVATION, Draft
from polyfeed.venue.items import Sweep
from polyfeed.venue.lifecycle import close, publish
from polyfeed.venue.matching import arrive, fire
from polyfeed.venue.orders import Order
from polyfeed.venue.state import State


def wait(state: State, order: Order) -> None:
    """An accepted order begins to wait."""
    market = order.market
    state.remember(order)
    market.watch.add(order)
    if market.last_price:
        fire(state, market)


def activate(state: State, order: Order, draft: Draft) -> bool:
    """A fired order comes into the market, and is the next to be matched if it can be. False when the batch is full."""
    if not draft.claim(ACTIVATION):
        return False
    order.stop = None
    draft.own(order.account.id).append(OwnTriggered(order.id, True))
    publish(order, draft)
    if order.kind is OrderKind.LIMIT and level_is_full(order.market, order.side, order.price, order.left):
        close(state, order, CloseReason.NO_FUNDS, draft)
    elif arrive(state, order, draft):
        state.work.insert(1, Sweep(order))  # after this, before whatever else was fired
    return True
