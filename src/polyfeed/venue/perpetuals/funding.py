"""Funding: what long and short positions pay each other, at the multiples of the interval since the epoch.

It is due with the first command at or after its time, before that command is carried out, and is exchanged once even if
several times have passed. Every payment goes through the insurance fund, which keeps what rounding leaves over; payers
come first, so that the fund never lends anything.
"""

from __future__ import annotations

from polyfeed.model.enums import BalanceCause, MarginMode
from polyfeed.model.events import FundingPaid, FundingRateSet, FundingSettled
from polyfeed.model.margin import funding_amount, funding_rate, portion
from polyfeed.venue.accounts import FUND
from polyfeed.venue.draft import Draft
from polyfeed.venue.limits import MAX_TS
from polyfeed.venue.markets import Market
from polyfeed.venue.perpetuals.contracts import Contract
from polyfeed.venue.perpetuals.items import Payment
from polyfeed.venue.perpetuals.margin import refresh
from polyfeed.venue.perpetuals.positions import Position
from polyfeed.venue.perpetuals.revaluing import revalue_all
from polyfeed.venue.perpetuals.settling import move
from polyfeed.venue.perpetuals.telling import note
from polyfeed.venue.state import State

PAYMENT = 4
"""The most events that one payment adds: FundingPaid, PositionSet, the balance, a reserve for the fund's."""


def begin(contract: Contract, now: int) -> None:
    """A new interval begins."""
    interval = contract.terms.funding_interval_us
    contract.funding_since = now
    contract.premium_sum = 0
    contract.next_funding_ts = (now // interval + 1) * interval


def rate_of(contract: Contract) -> int:
    """The rate as things stand: of the mean premium until the last index price."""
    elapsed = contract.priced_ts - contract.funding_since
    mean = portion(contract.premium_sum, 1, elapsed) if elapsed > 0 else contract.premium_ppm
    return funding_rate(mean, contract.terms)


def tell_rate(market: Market, contract: Contract, draft: Draft) -> None:
    """Announces the rate to come, if it is not what was announced."""
    rate = rate_of(contract)
    if rate != contract.rate_ppm:
        contract.rate_ppm = rate
        draft.public.append(FundingRateSet(market.id, rate, contract.next_funding_ts))


def schedule(state: State) -> None:
    """Notes the time of the next funding of any market."""
    contracts = (market.contract for market in state.markets)
    times = [one.next_funding_ts for one in contracts if one is not None and one.index]
    state.funding_ts = min(times, default=MAX_TS)


def settle_due(state: State, draft: Draft) -> None:
    """Begins the funding of every market whose time has come."""
    for market in state.markets:
        contract = market.contract
        if contract is not None and contract.index and contract.next_funding_ts <= draft.ts:
            rate = rate_of(contract)
            begin(contract, draft.ts)
            contract.priced_ts = draft.ts
            contract.rate_ppm = None
            draft.public.append(FundingSettled(market.id, rate, contract.mark))
            tell_rate(market, contract, draft)
            held = list(contract.positions.values())
            held.sort(key=lambda position: position.size * rate)  # receivers, then payers, who are taken first
            state.work.append(Payment(market, rate, held))
            revalue_all(state, contract)
    schedule(state)


def pay(state: State, item: Payment, draft: Draft) -> bool:
    """Exchanges funding until all have paid and received (True) or the batch is full (False)."""
    fund = state.accounts[FUND]
    while item.positions:
        if not draft.claim(PAYMENT):
            return False
        position = item.positions.pop()
        amount = funding_amount(position.size, position.contract.mark, item.rate_ppm, position.market.divisor)
        if amount:
            state.last_trade_id += 1
            pay_one(position, item.rate_ppm, amount, 2 * state.last_trade_id, draft)
            move(fund, item.market.quote, -amount, BalanceCause.FUNDING, draft)
    return True


def pay_one(position: Position, rate_ppm: int, amount: int, number: int, draft: Draft) -> None:
    """One account pays (< 0) or receives: an isolated position from its own margin. `number` is the transaction's."""
    account, currency = position.account, position.market.quote
    position.funding += amount
    position.funding_total += amount
    if position.mode is MarginMode.ISOLATED:
        position.margin += amount
    move(account, currency, amount, BalanceCause.FUNDING, draft)
    refresh(account, currency)
    mark, index = position.contract.mark, position.contract.index
    draft.own(account.id).append(
        FundingPaid(position.market.id, position.id, rate_ppm, position.size, amount, mark, number, index)
    )
    note(position, draft)
