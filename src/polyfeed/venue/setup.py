"""What the operator decides: currencies, instruments, accounts, statuses, deposits.

Nothing of it is ever taken back: a currency, an instrument or an account stays as it was first made.
"""

from __future__ import annotations

from polyfeed.model.batches import ACCEPTED, Outcome
from polyfeed.model.commands import (
    DefineCurrency,
    Deposit,
    ListInstrument,
    OpenAccount,
    SetInstrumentStatus,
    SetSystemStatus,
)
from polyfeed.model.enums import BalanceCause, Refusal
from polyfeed.model.events import (
    AccountOpened,
    CurrencyDefined,
    InstrumentListed,
    InstrumentStatusSet,
    InsuranceFundSet,
    SystemStatusSet,
)
from polyfeed.model.instruments import Instrument
from polyfeed.venue.accounts import FEES, FUND, Account
from polyfeed.venue.draft import Draft
from polyfeed.venue.limits import MAX_AMOUNT, MAX_FEE_PPM, MAX_NUMBER, MAX_SCALE, MAX_TOTAL
from polyfeed.venue.markets import open_market
from polyfeed.venue.perpetuals.listing import check_kind, open_fund
from polyfeed.venue.refused import Refused
from polyfeed.venue.state import State


def define_currency(state: State, command: DefineCurrency, draft: Draft) -> Outcome:
    """Makes a currency known. The first one brings the fee account, which has been there without a word."""
    currency = command.currency
    if not currency.code:
        raise Refused(Refusal.INVALID_TERMS, "a currency needs a code; send one such as BTC")
    if currency.code in state.currencies:
        raise Refused(Refusal.ALREADY_EXISTS, f"currency {currency.code} is defined; it cannot be changed")
    check_scale(currency.code, currency.scale)
    if not state.currencies:
        draft.own(FEES).append(AccountOpened("fees", True))
    state.currencies[currency.code] = currency
    draft.public.append(CurrencyDefined(currency))
    return ACCEPTED


def check_scale(name: str, scale: int) -> None:
    """Whether a number of decimals is one."""
    if not 0 <= scale <= MAX_SCALE:
        raise Refused(
            Refusal.INVALID_TERMS, f"{name}: {scale} decimals are not between 0 and {MAX_SCALE}; choose others"
        )


def list_instrument(state: State, command: ListInstrument, draft: Draft) -> Outcome:
    """Opens a market."""
    instrument = command.instrument
    check_identity(state, instrument)
    check_grid(instrument)
    check_fees(instrument.name, instrument.maker_fee_ppm, instrument.taker_fee_ppm)
    base, quote = state.currency(instrument.base), state.currency(instrument.quote)
    if base.scale < instrument.size_scale:
        raise Refused(
            Refusal.INVALID_TERMS,
            f"{instrument.name}: sizes have {instrument.size_scale} decimals, balances of {base.code} only "
            f"{base.scale}; give the currency more or the instrument fewer",
        )
    try:
        state.markets.append(open_market(instrument, base, quote))
    except ValueError as error:
        raise Refused(Refusal.INVALID_TERMS, str(error)) from None
    if instrument.perpetual is not None:
        open_fund(state, draft)
    draft.public.append(InstrumentListed(instrument))
    return ACCEPTED


def check_identity(state: State, instrument: Instrument) -> None:
    """Whether an instrument's number, name and symbols are its own."""
    name = instrument.name
    if instrument.id != len(state.markets):
        raise Refused(
            Refusal.INVALID_TERMS,
            f"{name}: the next instrument has the number {len(state.markets)}, not {instrument.id}",
        )
    if not name or instrument.base == instrument.quote:
        raise Refused(Refusal.INVALID_TERMS, f"{name!r}: an instrument needs a name and two different currencies")
    check_kind(instrument)
    for market in state.markets:
        other = market.instrument
        if other.name == name:
            raise Refused(Refusal.ALREADY_EXISTS, f"{name} is listed as instrument {other.id}; choose another name")
        for dialect, symbol in instrument.symbols.items():
            if other.symbols.get(dialect) == symbol:
                raise Refused(
                    Refusal.ALREADY_EXISTS, f"{name}: {symbol!r} is {other.name}'s symbol in {dialect}; choose another"
                )


def check_grid(instrument: Instrument) -> None:
    """Whether an instrument's scales and steps are usable."""
    check_scale(f"prices of {instrument.name}", instrument.price_scale)
    check_scale(f"sizes of {instrument.name}", instrument.size_scale)
    if not (0 < instrument.tick < MAX_NUMBER and 0 < instrument.lot < MAX_NUMBER):
        raise Refused(
            Refusal.INVALID_TERMS,
            f"{instrument.name}: tick {instrument.tick} and lot {instrument.lot} must be between 1 and "
            f"{MAX_NUMBER - 1}",
        )
    if not (0 <= instrument.min_size <= MAX_AMOUNT and 0 <= instrument.min_cost <= MAX_AMOUNT):
        raise Refused(
            Refusal.INVALID_TERMS,
            f"{instrument.name}: minimum size {instrument.min_size} and minimum cost {instrument.min_cost} must be "
            f"between 0 and {MAX_AMOUNT}",
        )


def check_fees(name: str, *rates: int | None) -> None:
    """Whether fee rates are such that a seller keeps what is left of a sale."""
    for rate in rates:
        if rate is not None and abs(rate) > MAX_FEE_PPM:
            raise Refused(
                Refusal.INVALID_TERMS, f"{name}: a fee of {rate} ppm is not between -{MAX_FEE_PPM} and {MAX_FEE_PPM}"
            )


def set_instrument_status(state: State, command: SetInstrumentStatus, draft: Draft) -> Outcome:
    """Halts, restricts or reopens a market."""
    market = state.market(command.instrument)
    market.status = command.status
    draft.public.append(InstrumentStatusSet(command.instrument, command.status))
    return ACCEPTED


def set_system_status(_state: State, command: SetSystemStatus, draft: Draft) -> Outcome:
    """Tells everybody a text."""
    draft.public.append(SystemStatusSet(command.text))
    return ACCEPTED


def open_account(state: State, command: OpenAccount, draft: Draft) -> Outcome:
    """Makes an account."""
    if not 0 <= command.account < MAX_NUMBER:
        raise Refused(Refusal.INVALID_TERMS, f"account number {command.account} is not between 1 and {MAX_NUMBER - 1}")
    if command.account in state.accounts:
        raise Refused(Refusal.ALREADY_EXISTS, f"account {command.account} is open; choose another number")
    check_fees(f"account {command.account}", command.maker_fee_ppm, command.taker_fee_ppm)
    if command.parent and state.account(command.parent).parent:
        raise Refused(
            Refusal.INVALID_TERMS, f"account {command.parent} is a sub-account itself; name its main account as parent"
        )
    state.accounts[command.account] = Account(
        command.account, command.house, command.maker_fee_ppm, command.taker_fee_ppm, command.parent
    )
    draft.own(command.account).append(AccountOpened(command.name, command.house, command.parent, command.tier))
    return ACCEPTED


def deposit(state: State, command: Deposit, draft: Draft) -> Outcome:
    """Credits an account from outside, or pays out to it."""
    account = state.account(command.account)
    currency = state.currency(command.currency)
    balance = account.balance(currency.code)
    total = balance.total + command.amount
    if not command.amount or abs(total) > MAX_TOTAL:
        raise Refused(
            Refusal.INVALID_AMOUNT,
            f"{command.amount} units of {currency.code} on account {account.id}, which has {balance.total}: the amount "
            f"must not be 0 and the sum not beyond {MAX_TOTAL}",
        )
    if command.amount < 0 and not account.house and total < balance.held:
        raise Refused(
            Refusal.INSUFFICIENT_FUNDS,
            f"account {account.id} has {balance.available} units of {currency.code} that no order holds, not "
            f"{-command.amount}; pay out less or cancel orders",
        )
    if balance.parts:  # what funding did before this command, in the same batch
        draft.own(account.id).append(balance.news(BalanceCause.FILL))
    balance.total = total
    cause = BalanceCause.DEPOSIT if command.amount > 0 else BalanceCause.WITHDRAWAL
    draft.own(account.id).append(balance.news(cause))
    if account.id == FUND:
        draft.public.append(InsuranceFundSet(currency.code, total))
    return ACCEPTED
