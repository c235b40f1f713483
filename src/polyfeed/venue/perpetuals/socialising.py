"""What is missing after a liquidation: first the insurance fund pays, then those who gained by the other side.

Those are the accounts that the position was closed against, and all others with positions in the market. They pay in
proportion to what secures their positions, nobody more than that; a house account has credit for all of it. What then
is still missing nobody has, and the venue bears it (its account of fees). Each share is told as a settlement.
"""

from __future__ import annotations

from polyfeed.model.enums import BalanceCause, MarginMode
from polyfeed.model.events import PositionSettled
from polyfeed.model.margin import shares
from polyfeed.venue.accounts import FEES, FUND, Account
from polyfeed.venue.draft import Draft
from polyfeed.venue.perpetuals.items import Liquidation, Revaluation, Stage
from polyfeed.venue.perpetuals.margin import cross_equity, positions_of, refresh
from polyfeed.venue.perpetuals.positions import Position
from polyfeed.venue.perpetuals.settling import move
from polyfeed.venue.perpetuals.telling import note
from polyfeed.venue.state import State

SHARE = 4
"""The most events that one share adds: the settlement, the position, the balance, and the loser's."""


def cover(state: State, item: Liquidation, missing: int, draft: Draft) -> None:
    """Brings what an account is short of to it, or begins to collect it."""
    target = item.target
    account, currency = target.account, target.market.quote
    fund = state.accounts[FUND]
    paid = 0 if account is fund else min(missing, spare(fund, currency))
    transfer(fund, account, currency, paid, BalanceCause.INSURANCE, draft)
    missing -= paid
    if missing:
        payers = {**item.payers, **target.contract.positions}
        payers.pop(account.id, None)
        payers.pop(FUND, None)
        owing = list(payers.values())
        parts = shares(missing, [means(payer, missing) for payer in owing])
        transfer(state.accounts[FEES], account, currency, missing - sum(parts), BalanceCause.SOCIALISED_LOSS, draft)
        item.debts = [(payer, part) for payer, part in zip(owing, parts, strict=True) if part]
        item.stage = Stage.LOSS


def spare(fund: Account, currency: str) -> int:
    """What the fund has that its own positions do not need."""
    secured = sum(one.maintenance for one in positions_of(fund, currency))
    return max(0, min(fund.balance(currency).total, cross_equity(fund, currency) - secured))


def means(payer: Position, loss: int) -> int:
    """What a payer can give: what secures its cross positions, or this one where it is isolated."""
    if payer.account.house:
        return loss
    if payer.mode is MarginMode.ISOLATED and payer.size:
        return max(0, min(payer.margin, payer.margin + payer.profit))
    return max(0, cross_equity(payer.account, payer.market.quote))


def share(state: State, item: Liquidation, draft: Draft) -> bool:
    """Collects the shares until none is left (True) or the batch is full (False)."""
    target = item.target
    currency = target.market.quote
    while item.debts:
        if not draft.claim(SHARE):
            return False
        payer, part = item.debts.pop()
        transfer(payer.account, target.account, currency, part, BalanceCause.SOCIALISED_LOSS, draft)
        if payer.mode is MarginMode.ISOLATED and payer.size:
            payer.margin -= part
        refresh(payer.account, currency)
        note(payer, draft)
        state.last_trade_id += 1
        number, market = 2 * state.last_trade_id, payer.market.id
        draft.own(payer.account.id).append(
            PositionSettled(market, payer.id, number, 0, 0, -part, 0, 0, 0, 0, -part, not payer.size)
        )
        state.work.append(Revaluation([payer]))
    item.stage = Stage.ORDERS
    return True


def transfer(giver: Account, receiver: Account, currency: str, amount: int, cause: BalanceCause, draft: Draft) -> None:
    """Moves money from one account to another."""
    if amount:
        move(giver, currency, -amount, cause, draft)
        move(receiver, currency, amount, cause, draft)
