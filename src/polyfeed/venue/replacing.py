"""Ending a resting order and entering another in its place, in one decision: both or neither."""

from __future__ import annotations

from polyfeed.model.batches import Outcome
from polyfeed.model.commands import PlaceOrder, ReplaceOrder
from polyfeed.model.enums import CloseReason
from polyfeed.venue.draft import Draft
from polyfeed.venue.entry import check_funds, checked, enter
from polyfeed.venue.lifecycle import close
from polyfeed.venue.state import State


def replace(state: State, command: ReplaceOrder, draft: Draft) -> Outcome:
    """Puts a new order in an old one's place.

    The new one has the old one's side, self-trade mode and post-only flag, and for its size what the old one had left
    unless the command says otherwise. The old one's money is there for it. All that would refuse it as an order of its
    own refuses the replacement; what ends it on arrival ends it after the old one has gone.
    """
    old = state.order(command.account, command.order_id)
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
    )
    order = checked(state, terms)
    check_funds(order, order.price, order.left, freed=old.held)
    close(state, old, CloseReason.REPLACED, draft)
    return enter(state, order, terms, draft, replaces=old.id)
