"""Closing a liquidated position against others: by the insurance fund, by deleveraging, by assignment."""

from __future__ import annotations

from polyfeed.model.enums import ExecutionKind, Side
from polyfeed.model.events import DeleveragingStateSet
from polyfeed.model.margin import profit
from polyfeed.venue.accounts import FUND
from polyfeed.venue.draft import Draft
from polyfeed.venue.perpetuals.items import Liquidation, Revaluation, Stage
from polyfeed.venue.perpetuals.margin import equity_of, fits
from polyfeed.venue.perpetuals.positions import Position
from polyfeed.venue.perpetuals.revaluing import ranked
from polyfeed.venue.perpetuals.settling import exchange, position_of
from polyfeed.venue.state import State

EXCHANGE = 16
"""The most events that one closing against another account adds: of either three of an order, a settlement, a position,
a balance; what becomes of the open interest, the fund and the state of deleveraging."""


def deleverage(state: State, item: Liquidation, price: int, draft: Draft) -> bool:
    """Closes what is left of a position at its bankruptcy price: one step."""
    if not draft.claim(EXCHANGE):
        return False
    target = item.target
    if taken_over(state, target, price, draft):
        return True
    if not item.queue:
        item.queue = ranked(target.contract, -1 if target.size > 0 else 1)
        item.queue.reverse()
        say(target, True, draft)
    while item.queue:
        other = item.queue.pop()
        size = min(abs(target.size), abs(other.size))
        if size and bears(other, size, price):
            exchange(state, target, other, size, price, ExecutionKind.DELEVERAGING, draft)
            item.payers[other.account.id] = other
            state.work.append(Revaluation([other]))
            if item.queue or not target.size:
                if not target.size:
                    say(target, False, draft)
                return True
    item.queue = ranked(target.contract, -1 if target.size > 0 else 1)
    item.queue.reverse()
    item.stage = Stage.ASSIGNMENT
    return True


def taken_over(state: State, target: Position, price: int, draft: Draft) -> bool:
    """Lets the insurance fund have the position, if it has the margin for it. It may have all the leverage there is."""
    if target.account.id == FUND:
        return False
    position = position_of(state.accounts[FUND], target.market)
    position.leverage = target.contract.terms.max_leverage
    size = abs(target.size)
    if not fits(position, Side.BUY if target.size > 0 else Side.SELL, size, price, 0):
        return False
    exchange(state, target, position, size, price, ExecutionKind.ASSIGNMENT, draft)
    return True


def bears(position: Position, size: int, price: int) -> bool:
    """Whether an account can be deleveraged by so much at a price: it keeps a profit, and nothing of it is missing."""
    if position.account.house:
        return True
    divisor, mark = position.market.divisor, position.contract.mark
    sign = 1 if position.size > 0 else -1
    gives_up = sign * (mark - price) * size // divisor + 1
    return profit(position.size, position.basis, price, divisor) >= 0 and equity_of(position) >= gives_up


def assign(state: State, item: Liquidation, draft: Draft) -> bool:
    """Closes what is left at the mark price, which takes nothing from the others: one step."""
    if not draft.claim(EXCHANGE):
        return False
    target = item.target
    other = item.queue.pop()
    size = min(abs(target.size), abs(other.size))
    if size:
        exchange(state, target, other, size, target.contract.mark, ExecutionKind.ASSIGNMENT, draft)
        item.payers[other.account.id] = other
    if not target.size:
        item.stage = Stage.END
        say(target, False, draft)
    return True


def say(target: Position, active: bool, draft: Draft) -> None:
    """Announces that deleveraging began in a market, or that it ended."""
    if target.contract.deleveraging != active:
        target.contract.deleveraging = active
        reason = "the insurance fund cannot take a position over" if active else ""
        draft.public.append(DeleveragingStateSet(target.market.id, active, reason))
