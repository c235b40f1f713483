"""Liquidation: what becomes of positions whose maintenance margin is gone.

1. All orders of the account that share the margin end.
2. The position with the greatest maintenance margin is offered to the book, whole, at its bankruptcy price or better.
   What the book does not take is kept if it has its maintenance margin again: prices better than the bankruptcy price
   leave more behind it than there was.
3. Otherwise the insurance fund takes it at the bankruptcy price, if it has the margin for it. If not,
   it is deleveraged: closed against the other side's positions, in the order of their ranks, at the bankruptcy price,
   as far as it leaves their owners a profit and solvent. What even so is left is closed against them at the mark
   price.
4. What is left of the margin pays the liquidation fee. What is missing, the fund pays, and what it has not got, those
   on the other side (see `socialising`).

Then, if what shared the margin still has not enough, the next position is treated in the same way. The fund's own
positions are liquidated like everybody's, but there is no one to take them over. Liquidating orders pay no fee but
the liquidation fee: so at the bankruptcy price nothing is missing.
"""

from __future__ import annotations

from polyfeed.model.enums import BalanceCause, CloseReason, ExecutionKind, MarginAlertKind, MarginMode, Side
from polyfeed.model.events import InsurancePremiumPaid, PositionLiquidated, PositionSettled
from polyfeed.model.margin import bankruptcy_price, liquidation_fee
from polyfeed.venue.accounts import FUND
from polyfeed.venue.draft import WITHDRAWAL, Draft
from polyfeed.venue.lifecycle import close
from polyfeed.venue.limits import MAX_NUMBER
from polyfeed.venue.perpetuals.deleveraging import assign, deleverage
from polyfeed.venue.perpetuals.items import Liquidation, Stage
from polyfeed.venue.perpetuals.margin import equity_of, maintenance_of, refresh, scope_of
from polyfeed.venue.perpetuals.positions import Position
from polyfeed.venue.perpetuals.revaluing import alert, cancellable, offer
from polyfeed.venue.perpetuals.settling import forced, move
from polyfeed.venue.perpetuals.socialising import cover, share
from polyfeed.venue.perpetuals.telling import note
from polyfeed.venue.state import State

LIQUIDATION = 9
"""The most events that the start of one adds: the alert, PositionLiquidated, what an order adds, position, balance."""

CONCLUSION = 9
"""The most that its end adds: alert, premium, two settlements, two positions, two balances, the fund."""


def liquidate(state: State, item: Liquidation, draft: Draft) -> bool:
    """Goes on with a liquidation: True when it is over or waits for its order, False when the batch is full."""
    while item.stage is not Stage.DONE:
        if not STEPS[item.stage](state, item, draft):
            return False
        if state.work[0] is not item:
            return True
    return True


def withdraw(state: State, item: Liquidation, draft: Draft) -> bool:
    """Ends the orders, or finds that there is nothing to be done any more."""
    if not short_of_margin(item.position):
        item.stage = Stage.DONE
        return True
    for position in scope_of(item.position):
        for order in reversed(cancellable(position)):
            if not draft.claim(WITHDRAWAL):
                return False
            close(state, order, CloseReason.LIQUIDATION, draft)
    item.stage = Stage.BOOK
    return True


def short_of_margin(position: Position) -> bool:
    """Whether what secures a position is less than it and those that share it need."""
    return equity_of(position) < maintenance_of(position)


def begin(state: State, item: Liquidation, draft: Draft) -> bool:
    """Offers the next position to the book."""
    if not draft.claim(LIQUIDATION):
        return False
    target = max(scope_of(item.position), key=lambda one: (one.maintenance, -one.market.id))
    side = Side.SELL if target.size > 0 else Side.BUY
    price = bust_price(target)
    item.target, item.offered_value = target, target.value
    item.payers, item.queue = {}, []
    target.liquidating = True
    note(target, draft)
    alert(target, MarginAlertKind.LIQUIDATION_START, draft)
    draft.public.append(PositionLiquidated(target.market.id, side, abs(target.size), price, "maintenance margin"))
    item.stage = Stage.REST
    tick = target.market.tick
    limit = max(tick, -(-price // tick) * tick if side is Side.SELL else price // tick * tick)
    execution = ExecutionKind.POSITION_LIQUIDATION
    offer(state, forced(state, target, side, abs(target.size), execution, draft, limit), draft)
    return True


def bust_price(position: Position) -> int:
    """The bankruptcy price of a position as things stand."""
    found = bankruptcy_price(position.size, position.contract.mark, equity_of(position), position.market.divisor)
    return min(found, MAX_NUMBER - 1)


def rest(state: State, item: Liquidation, draft: Draft) -> bool:
    """What the book did not take goes to the fund, or is deleveraged. If the book left it secured again, it stays."""
    target = item.target
    if not target.size or not (item.queue or short_of_margin(target)):
        item.stage = Stage.END
        return True
    return deleverage(state, item, bust_price(target), draft)


def conclude(state: State, item: Liquidation, draft: Draft) -> bool:
    """The position is closed, or secured again: the fee is paid, or what is missing is."""
    if not draft.claim(CONCLUSION):
        return False
    target = item.target
    target.liquidating = False
    item.stage = Stage.ORDERS
    missing = -equity_of(target)
    if missing <= 0:
        charge(state, item, draft)
    elif target.mode is MarginMode.ISOLATED or not any(one.size for one in scope_of(target)):
        cover(state, item, missing, draft)
    if target.mode is MarginMode.ISOLATED and not target.size:
        target.margin = 0
    refresh(target.account, target.market.quote)
    note(target, draft)
    alert(target, MarginAlertKind.LIQUIDATION_CONCLUDED, draft)
    return True


def charge(state: State, item: Liquidation, draft: Draft) -> None:
    """The liquidation fee goes to the fund, as far as what is left is not needed for other positions."""
    target = item.target
    account, currency = target.account, target.market.quote
    spare = equity_of(target) - maintenance_of(target)
    fee = liquidation_fee(item.offered_value - target.value, target.contract.terms.liquidation_fee_ppm, spare)
    if not fee or account.id == FUND:
        return
    if target.mode is MarginMode.ISOLATED:
        target.margin -= fee
    move(account, currency, -fee, BalanceCause.INSURANCE, draft)
    move(state.accounts[FUND], currency, fee, BalanceCause.INSURANCE, draft)
    state.last_trade_id += 1
    number = 2 * state.last_trade_id
    own = draft.own(account.id)
    own.append(PositionSettled(target.market.id, target.id, number, 0, 0, -fee, 0, 0, -fee, 0, 0, not target.size))
    own.append(InsurancePremiumPaid(number, currency, fee))


STEPS = {
    Stage.ORDERS: withdraw,
    Stage.BOOK: begin,
    Stage.REST: rest,
    Stage.ASSIGNMENT: assign,
    Stage.END: conclude,
    Stage.LOSS: share,
}
