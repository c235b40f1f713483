"""What an account chooses for its positions: leverage, margin mode, the margin of an isolated one."""

from __future__ import annotations

from polyfeed.model.batches import ACCEPTED, Outcome
from polyfeed.model.commands import AddMargin, SetLeverage
from polyfeed.model.enums import MarginMode, Refusal
from polyfeed.model.events import LeverageSet
from polyfeed.venue.draft import Draft
from polyfeed.venue.perpetuals.margin import equity_of, needed, refresh
from polyfeed.venue.perpetuals.positions import Position
from polyfeed.venue.perpetuals.prices import contract_of
from polyfeed.venue.perpetuals.settling import position_of
from polyfeed.venue.perpetuals.telling import note
from polyfeed.venue.refused import Refused
from polyfeed.venue.state import State

ISOLATED = MarginMode.ISOLATED
ALL = -1


def set_leverage(state: State, command: SetLeverage, draft: Draft) -> Outcome:
    """Gives an account another leverage or margin mode, in one perpetual or in all: everywhere or nowhere."""
    account = state.account(command.account)
    if command.instrument == ALL:
        markets = [market for market in state.markets if market.contract is not None]
    else:
        markets = [state.market(command.instrument)]
        contract_of(markets[0])
    if not markets:
        raise Refused(Refusal.UNKNOWN_INSTRUMENT, "no perpetual is listed that could have a leverage")
    positions = [position_of(account, market) for market in markets]
    for position in positions:
        check_choice(position, command)
    before = [(one.leverage, one.mode, one.margin) for one in positions]
    for position in positions:
        choose(position, command)
    for currency in dict.fromkeys(market.quote for market in markets):
        balance = account.balance(currency)
        lacking = needed(account, currency) - (balance.total - balance.held + balance.margin)
        if lacking > 0 and not account.house:
            for position, (leverage, mode, margin) in zip(positions, before, strict=True):
                position.leverage, position.mode, position.margin = leverage, mode, margin
            raise Refused(
                Refusal.INSUFFICIENT_FUNDS,
                f"account {account.id} lacks {lacking} units of {currency} for its positions and orders at leverage "
                f"{command.leverage}; choose a higher one or close some",
            )
    for position in positions:
        refresh(account, position.market.quote)
        draft.touch(account.balance(position.market.quote))
        if position.size:
            note(position, draft)
    draft.own(account.id).append(LeverageSet(command.instrument, command.leverage, command.mode))
    return ACCEPTED


def check_choice(position: Position, command: SetLeverage) -> None:
    """Whether a leverage and a mode can be chosen in a market."""
    market, most = position.market, position.contract.terms.max_leverage
    if not 1 <= command.leverage <= most:
        raise Refused(
            Refusal.INVALID_TERMS, f"leverage {command.leverage} of {market.name} is not between 1 and {most}"
        )
    if command.mode is not position.mode and (position.size or position.orders):
        raise Refused(
            Refusal.INVALID_TERMS,
            f"the margin mode of {market.name} cannot change while there is a position or an order; close them first",
        )


def choose(position: Position, command: SetLeverage) -> None:
    """Takes over what was chosen; an isolated position takes what it then lacks."""
    position.leverage, position.mode = command.leverage, command.mode
    if position.mode is ISOLATED and position.size:
        position.margin += max(0, position.initial(position.value) - equity_of(position))


def add_margin(state: State, command: AddMargin, draft: Draft) -> Outcome:
    """Moves money of the account behind an isolated position, or what it does not need to begin with back."""
    account = state.account(command.account)
    market = state.market(command.instrument)
    contract_of(market)
    position = position_of(account, market)
    balance = account.balance(market.quote)
    if position.mode is not ISOLATED or not position.size or not command.amount:
        raise Refused(
            Refusal.INVALID_TERMS, f"account {account.id} has no isolated position in {market.name} to add margin to"
        )
    spare = min(position.margin, equity_of(position)) - position.initial(position.value)
    most = balance.available if command.amount > 0 else spare
    if abs(command.amount) > most and not (account.house and command.amount > 0):
        raise Refused(
            Refusal.INSUFFICIENT_FUNDS, f"{max(0, most)} units of {market.quote} can be moved, not {command.amount}"
        )
    position.margin += command.amount
    refresh(account, market.quote)
    draft.touch(balance)
    note(position, draft)
    return ACCEPTED
