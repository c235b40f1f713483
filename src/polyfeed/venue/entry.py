"""Entering an order. Everything is checked first (and may raise Refused), then it is done."""

from __future__ import annotations

from polyfeed.model.batches import Outcome
from polyfeed.model.commands import PlaceOrder
from polyfeed.model.enums import OrderKind, Refusal, Trigger
from polyfeed.model.ids import next_order_id
from polyfeed.venue import checks, expiry
from polyfeed.venue.draft import Draft
from polyfeed.venue.items import Sweep
from polyfeed.venue.ledger import fund, hold, required
from polyfeed.venue.lifecycle import acknowledge, publish
from polyfeed.venue.matching import arrive
from polyfeed.venue.orders import Order
from polyfeed.venue.perpetuals.gate import check_order
from polyfeed.venue.refused import Refused
from polyfeed.venue.state import State
from polyfeed.venue.terms import check_terms
from polyfeed.venue.triggers import Stop
from polyfeed.venue.waiting import wait

LIMIT = OrderKind.LIMIT


def place(state: State, command: PlaceOrder, draft: Draft) -> Outcome:
    """Enters an order."""
    order = checked(state, command, draft.ts)
    check_funds(order, order.price, order.left)
    if command.bound:
        bind(order, draft)
    return enter(state, order, command, draft)


def checked(state: State, command: PlaceOrder, now: int) -> Order:
    """The order that a command asks for, when all but the money for it is there."""
    account = state.account(command.account)
    market = state.market(command.instrument)
    checks.check_status(market, command.kind, command.post_only)
    check_terms(market, command, account.house, now)
    if command.kind is LIMIT:
        checks.check_cost(market, command.price, command.size)
        checks.check_level(market, command.side, command.price, command.size)
    if command.order_id:
        checks.check_imported_id(state, account, command.order_id)
    order = Order(account, market, command)
    order.expire_ts = expiry.end_of(command, now)
    if command.trigger is not Trigger.NONE:
        order.stop = Stop(command)
    return order


def enter(state: State, order: Order, command: PlaceOrder, draft: Draft, replaces: int = 0) -> Outcome:
    """Accepts an order and lets it arrive, or wait for its trigger."""
    order.id = give_id(state, command.order_id, draft.ts)
    if order.expire_ts or order.stop is not None:
        state.last_entry += 1
        order.entry = state.last_entry
    if order.stop is None:
        publish(order, draft)
    acknowledge(order, command, replaces, draft)
    hold(order, draft)
    if order.stop is not None:
        wait(state, order)
    elif arrive(state, order, draft):
        state.work.append(Sweep(order))
    return Outcome(order_id=order.id)


def bind(order: Order, draft: Draft) -> None:
    """Binds an order that was not accepted yet to the gateway that asks for it. Raises Refused."""
    if draft.gateway <= 0:
        raise Refused(
            Refusal.INVALID_TERMS, "an order is bound to the gateway that sends it; send it by one, or not bound"
        )
    order.gateway = draft.gateway


def give_id(state: State, imported: int, ts: int) -> int:
    """The new order's id: its own, or one higher than any before, imported ones included."""
    order_id = imported or next_order_id(state.last_order_id, ts)
    state.last_order_id = max(state.last_order_id, order_id)
    return order_id


def check_funds(order: Order, price: int, left: int, instead: Order | None = None) -> None:
    """Whether an account has the money that an order of it must hold, counting what it holds already and what an
    order that makes way for it sets free.
    """
    if order.market.contract is not None:
        check_order(order, price, left, instead)
        return
    if order.account.house:
        return
    need = required(order, price, left)
    balance = fund(order)
    free = balance.available + order.held + (0 if instead is None else instead.held)
    if need > free:
        raise Refused(
            Refusal.INSUFFICIENT_FUNDS,
            f"account {order.account.id} has {free} units of {balance.currency} for this order, which needs {need}; "
            "send a smaller size or free some",
        )
