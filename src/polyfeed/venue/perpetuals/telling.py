"""What a batch ends with about perpetuals: positions as they are now, open interest, the insurance fund."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polyfeed.model import margin as formulas
from polyfeed.model.enums import MarginMode
from polyfeed.model.events import InsuranceFundSet, OpenInterestSet, PositionSet
from polyfeed.venue.accounts import FUND
from polyfeed.venue.draft import Draft
from polyfeed.venue.limits import MAX_NUMBER
from polyfeed.venue.perpetuals.margin import equity_of, maintenance_of

if TYPE_CHECKING:
    from polyfeed.venue.perpetuals.positions import Position


def note(position: Position, draft: Draft) -> None:
    """Notes that a position may have changed, to be told once at the end."""
    if position.told:
        position.told = False
        draft.positions.append(position)


def tell(draft: Draft) -> None:
    """Says all that was noted. A position's owner is told before the balances, the public after the trades."""
    for position in draft.positions:
        position.told = True
        draft.own(position.account.id).append(news(position))
        contract = position.contract
        if contract.told_interest != contract.open_interest:
            contract.told_interest = contract.open_interest
            draft.public.append(OpenInterestSet(position.market.id, contract.open_interest))
    for balance in draft.touched:
        if balance.account == FUND and balance.total != balance.told_total:
            draft.public.append(InsuranceFundSet(balance.currency, balance.total))


def news(position: Position) -> PositionSet:
    """A position as its owner sees it. Without a size it is closed, and only its profits are left to tell."""
    contract, divisor, size = position.contract, position.market.divisor, position.size
    liquidation = bankruptcy = initial = maintenance = 0
    if size:
        initial, maintenance = position.initial(position.value), position.maintenance
        if not position.account.house:
            mark, equity = contract.mark, equity_of(position)
            others = maintenance_of(position) - maintenance
            liquidation = formulas.liquidation_price(size, mark, equity, others, contract.terms.tiers, divisor)
            bankruptcy = formulas.bankruptcy_price(size, mark, equity, divisor)
    return PositionSet(
        position.market.id,
        position.id,
        size,
        formulas.entry_price(size, position.basis, divisor),
        contract.mark,
        min(liquidation, MAX_NUMBER),
        min(bankruptcy, MAX_NUMBER),
        position.leverage,
        position.mode,
        position.margin if position.mode is MarginMode.ISOLATED else initial,
        initial,
        maintenance,
        position.profit,
        position.realised,
        position.funding_total,
        position.opened_ts if size else 0,
        position.realised_total,
        position.rank if size else 0,
        position.liquidating,
    )
