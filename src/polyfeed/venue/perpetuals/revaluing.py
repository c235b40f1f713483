"""What a new mark price does to each position: new requirements, alerts, and liquidation where the margin is gone.

An account meets the alerts in the order of `MarginAlertKind` as it sinks; each is told when it is crossed, the deepest
alone if several are at once, and again after it rose above and sank below. An account without initial margin for
its orders loses orders; one without maintenance margin for its positions loses these.
"""

from __future__ import annotations

from polyfeed.model.enums import CloseReason, ExecutionKind, MarginAlertKind, OrderKind, Side
from polyfeed.model.events import MarginAlert
from polyfeed.model.margin import alert_level, deleveraging_score, ratio
from polyfeed.venue.accounts import FUND
from polyfeed.venue.draft import WITHDRAWAL, Draft
from polyfeed.venue.items import Sweep
from polyfeed.venue.lifecycle import close, publish
from polyfeed.venue.limits import MAX_NUMBER
from polyfeed.venue.matching import arrive
from polyfeed.venue.orders import Order
from polyfeed.venue.perpetuals.contracts import Contract
from polyfeed.venue.perpetuals.items import Liquidation, Revaluation, Trim, Unwinding
from polyfeed.venue.perpetuals.margin import equity_of, initial_of, maintenance_of, refresh
from polyfeed.venue.perpetuals.positions import Position
from polyfeed.venue.perpetuals.settling import forced
from polyfeed.venue.perpetuals.telling import note
from polyfeed.venue.state import State

REVALUATION = 3
"""The most events that one position adds: MarginAlert, PositionSet, the balance."""

UNWINDING = 8
"""The most that an order of the fund adds besides its matches: it is acknowledged and opened, it ends, its owner hears
of it, its position, its balance, its premium."""

START = MarginAlertKind.LIQUIDATION_START
RANKS = 5


def revalue_all(state: State, contract: Contract) -> None:
    """Puts all open positions of a market on the queue of work, and ranks them for deleveraging."""
    rank(contract)
    positions = list({**contract.positions, **contract.ordering}.values())
    positions.reverse()
    if positions:
        state.work.append(Revaluation(positions))


def rank(contract: Contract) -> None:
    """Gives each position of either side its fifth, 5 to be deleveraged first; house accounts come after all others."""
    for sign in (1, -1):
        queue = ranked(contract, sign)
        for place, position in enumerate(queue):
            position.rank = RANKS - RANKS * place // len(queue)


def ranked(contract: Contract, sign: int) -> list[Position]:
    """The positions of a side (1: long) in the order in which they are deleveraged."""

    def order(position: Position) -> tuple[bool, int, int]:
        score = deleveraging_score(position.profit, position.basis, position.value, equity_of(position))
        return (position.account.house, -score, position.account.id)

    return sorted((one for one in contract.positions.values() if one.size * sign > 0), key=order)


def revalue(state: State, item: Revaluation, draft: Draft) -> bool:
    """Looks at positions until none is left (True) or the batch is full (False)."""
    while item.positions:
        if not draft.claim(REVALUATION):
            return False
        position = item.positions.pop()
        if not position.account.house:
            look_at(state, position, draft)
    return True


def look_at(state: State, position: Position, draft: Draft) -> None:
    """Brings what a position needs up to date, warns its owner, and begins what must be done."""
    account, currency = position.account, position.market.quote
    refresh(account, currency)
    balance = account.balance(currency)
    draft.touch(balance)
    if position.size:
        note(position, draft)
    needed = maintenance_of(position)
    level = alert_level(equity_of(position), initial_of(position), needed) if needed else None
    if position.size and level not in (None, START) and (position.alert is None or level > position.alert):
        alert(position, level, draft)
    position.alert = level
    if level is START:
        state.work.append(Liquidation(position))
    elif balance.available < 0 and any(one.orders for one in account.positions.values()):
        state.work.append(Trim(position))
    if account.id == FUND and position.size and level is not START:
        state.work.append(Unwinding(position))


def alert(position: Position, kind: MarginAlertKind, draft: Draft) -> None:
    """Tells the owner of a position how its margin stands."""
    equity = equity_of(position)
    draft.own(position.account.id).append(
        MarginAlert(
            position.id,
            kind,
            position.mode,
            min(ratio(equity, initial_of(position)), MAX_NUMBER),
            min(ratio(equity, maintenance_of(position)), MAX_NUMBER),
        )
    )


def trim(state: State, item: Trim, draft: Draft) -> bool:
    """Ends orders, the latest first, until the account can have those that are left (True) or the batch is full."""
    while True:
        found = excess(item.position)
        if found is None:
            return True
        if not draft.claim(WITHDRAWAL):
            return False
        close(state, *found, draft)


def excess(position: Position) -> tuple[Order, CloseReason] | None:
    """An order that an account should not have, and why: one that has nothing to reduce, or nothing to secure it."""
    for order in reversed(cancellable(position)):
        grows = position.size >= 0 if order.side is Side.BUY else position.size <= 0
        if order.reduce_only and grows:
            return order, CloseReason.REDUCE_ONLY
    account, currency = position.account, position.market.quote
    if not account.house and account.balance(currency).available < 0:
        for one in account.positions.values():
            for order in reversed(cancellable(one)):
                if one.market.quote == currency and not order.reduce_only:
                    return order, CloseReason.NO_FUNDS
    return None


def cancellable(position: Position) -> list[Order]:
    """The open orders of a position that can be ended now, oldest first: not those that are being matched, or next."""
    return [
        order
        for order in position.orders.values()
        if order.level is not None or (order.stop is not None and order.id in order.market.watch.orders)
    ]


def unwind(state: State, item: Unwinding, draft: Draft) -> bool:
    """Offers a position of the insurance fund to the book, within the band around the mark price."""
    position = item.position
    side = Side.SELL if position.size > 0 else Side.BUY
    market, contract = position.market, position.contract
    price = contract.bound(side)
    price -= price % -market.tick if side is Side.SELL else price % market.tick
    facing = market.bids if side is Side.SELL else market.asks
    if item.offered or not position.size or price <= 0 or not facing.meets(price):
        return True
    if not draft.claim(UNWINDING):
        return False
    order = forced(state, position, side, abs(position.size), ExecutionKind.TRADE, draft, price)
    item.offered = True
    offer(state, order, draft)
    return True


def offer(state: State, order: Order, draft: Draft) -> None:
    """An order of the venue's comes into the market, and is the next to be matched if it can be."""
    assert order.kind is OrderKind.LIMIT
    publish(order, draft)
    if arrive(state, order, draft):
        state.work.appendleft(Sweep(order))
