"""What the listing of a perpetual asks for, and brings."""

from __future__ import annotations

from polyfeed.model.enums import Detail, InstrumentKind, Refusal
from polyfeed.model.events import AccountOpened
from polyfeed.model.instruments import Instrument
from polyfeed.venue.accounts import FUND, Account
from polyfeed.venue.draft import Draft
from polyfeed.venue.refused import Refused
from polyfeed.venue.state import State


def check_kind(instrument: Instrument) -> None:
    """Whether an instrument has the terms that its kind needs, and no others."""
    name, terms = instrument.name, instrument.perpetual
    decided = instrument.kind is InstrumentKind.PERPETUAL and instrument.detail is Detail.ORDERS
    if terms is None:
        if decided:
            raise Refused(Refusal.INVALID_TERMS, f"{name}: a perpetual that takes orders needs terms; send `perpetual`")
        return
    if not decided:
        raise Refused(
            Refusal.INVALID_TERMS, f"{name}: only a perpetual that takes orders has such terms; leave them out"
        )
    flaw = terms.flaw()
    if flaw is not None:
        raise Refused(Refusal.INVALID_TERMS, f"{name}: {flaw}")


def open_fund(state: State, draft: Draft) -> None:
    """Opens the insurance fund's account, with the first perpetual."""
    if FUND not in state.accounts:
        state.accounts[FUND] = Account(FUND, False, None, None)
        draft.own(FUND).append(AccountOpened("insurance fund"))
