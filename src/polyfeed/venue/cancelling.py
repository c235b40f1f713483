"""Cancelling orders."""

from __future__ import annotations

from polyfeed.model.batches import ACCEPTED, Outcome
from polyfeed.model.commands import CancelAll, CancelOrder, EndGateway
from polyfeed.model.enums import CloseReason, InstrumentStatus
from polyfeed.venue.checks import check_cancelling
from polyfeed.venue.draft import Draft
from polyfeed.venue.items import Withdrawal
from polyfeed.venue.lifecycle import close
from polyfeed.venue.state import State


def cancel(state: State, command: CancelOrder, draft: Draft) -> Outcome:
    """Takes one open order out."""
    order = state.order(command.account, command.order_id)
    check_cancelling(order.market)
    close(state, order, CloseReason.USER, draft)
    return Outcome(order_id=order.id)


def cancel_all(state: State, command: CancelAll, _draft: Draft) -> Outcome:
    """Takes an account's orders out, of one instrument or of all; where all are meant, halted markets keep theirs."""
    orders = state.account(command.account).orders.values()
    if command.instrument == -1:
        chosen = [order for order in orders if order.market.status is not InstrumentStatus.HALTED]
    else:
        market = state.market(command.instrument)
        check_cancelling(market)
        chosen = [order for order in orders if order.market is market]
    chosen.reverse()
    state.work.append(Withdrawal(chosen, CloseReason.USER))
    return ACCEPTED


def end_gateway(state: State, command: EndGateway, _draft: Draft) -> Outcome:
    """Takes out what is bound to a gateway that is gone, halted markets' orders too."""
    chosen = sorted(state.bound.get(command.gateway, ()), reverse=True)
    state.work.append(Withdrawal([state.orders[number] for number in chosen], CloseReason.DISCONNECT))
    return ACCEPTED
