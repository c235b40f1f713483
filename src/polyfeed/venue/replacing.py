"""Ending an open order and entering another in its place, in one decision: both or neither."""

from __future__ import annotations

from msgspec.structs import replace as replaced

from polyfeed.model.batches import Outcome
from polyfeed.model.commands import PlaceOrder, ReplaceOrder
from polyfeed.model.enums import CloseReason, TimeInForce
from polyfeed.venue.draft import Draft
from polyfeed.venue.entry import bind, check_funds, checked, enter
from polyfeed.venue.lifecycle import close
from polyfeed.venue.orders import Order
from polyfeed.venue.state import State


def replace(state: State, command: ReplaceOrder, draft: Draft) -> Outcome:
    """Puts a new order in an old one's place.

    The new one has the old one's other terms, and for its size what the old one had left unless the command says
    otherwise. It waits for the old one's trigger, from the start, if that has not fired. The old one's money is there
    for it. All that would refuse it as an order of its own refuses the replacement; what ends it on arrival ends it
    after the old one has gone.
    """
    old = state.order(command.account, command.order_id)
    terms = terms_of(old, command)
    order = checked(state, terms, draft.ts)
    check_funds(order, order.price, order.left, instead=old)
    order.gateway = old.gateway
    if command.bound:
        bind(order, draft)
    close(state, old, CloseReason.REPLACED, draft)
    return enter(state, order, terms, draft, replaces=old.id)


def terms_of(old: Order, command: ReplaceOrder) -> PlaceOrder:
    """The terms of the new order."""
    terms = PlaceOrder(
        command.account,
        old.market.id,
        old.side,
        old.kind,
        command.size or old.left,
        command.price or old.price,
        old.tif,
        old.post_only,
        old.self_trade,
        command.client_id,
        command.new_order_id,
        amount=old.amount,
        reduce_only=old.reduce_only,
        expire_ts=old.expire_ts if old.tif is TimeInForce.GTD else 0,
    )
    if old.stop is None:
        return terms
    return replaced(
        terms,
        trigger=old.trigger,
        trigger_price=old.stop.trigger_price,
        activation_price=old.stop.activation_price,
        trailing_bps=old.stop.trailing_bps,
    )
