"""Entering an order. Everything is checked first (and may raise Refused), then it is done."""

from __future__ import annotations

from polyfeed.model.batches import Outcome
from polyfeed.model.commands import PlaceOrder
from polyfeed.model.enums import OrderKind, Refusal
from polyfeed.model.ids import next_order_id
from polyfeed.venue import checks
from polyfeed.venue.draft import Draft
from polyfeed.venue.ledger import fund, hold, required
from polyfeed.venue.lifecycle import announce
from polyfeed.venue.matching import arrive
from polyfeed.venue.orders import Order
from polyfeed.venue.refused import Refused
from polyfeed.venue.state import State
from polyfeed.venue.work import Sweep

LIMIT = OrderKind.LIMIT


def place(state: State, command: PlaceOrder, draft: Draft) -> Outcome:
    """Enters an order."""
    account = state.account(command.account)
    market = state.market(command.instrument)
    checks.check_status(market, command.kind, command.post_only)
    checks.check_terms(market, command)
    if command.kind is LIMIT:
        checks.check_cost(market, command.price, command.size)
        checks.check_level(market, command.side, command.price, command.size)
    if command.order_id:
        checks.check_imported_id(state, account, command.order_id)
    order = Order(account, market, command)
    check_funds(order, order.price, order.left)
    order.id = give_id(state, command.order_id, draft.ts)
    announce(order, command, draft)
    hold(order, draft)
    if arrive(state, order, draft):
        state.work.append(Sweep(order))
    return Outcome(order_id=order.id)


def give_id(state: State, imported: int, ts: int) -> int:
    """The new order's id: its own, or one higher than any before, imported ones included."""
    order_id = imported or next_order_id(state.last_order_id, ts)
    state.last_order_id = max(state.last_order_id, order_id)
    return order_id


def check_funds(order: Order, price: int, left: int) -> None:
    """Whether an account has the money that an order of it must hold, counting what it holds already."""
    if order.account.house:
        return
    need = required(order, price, left)
    balance = fund(order)
    if need - order.held > balance.available:
        raise Refused(
            Refusal.INSUFFICIENT_FUNDS,
            f"account {order.account.id} has {balance.available + order.held} units of {balance.currency} for this "
            f"order, which needs {need}; send a smaller size or free some",
        )
