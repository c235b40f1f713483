"""What a call is about: which instruments, which accounts, which times, which objects."""

from __future__ import annotations

from typing import Any

from polyfeed.accounts.account import Account
from polyfeed.dialects.ekiden.desk import Desk
from polyfeed.dialects.ekiden.public_objects import Object
from polyfeed.dialects.ekiden.rest_values import Call, account_of, listing_of, period_of
from polyfeed.dialects.ekiden.symbols import Listing

Row = tuple[str, Object]
"""An object with the name that a cursor may give it."""


class Listings:
    """The instruments that calls are about. Every method may raise CallRefused."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def one(self, call: Call) -> Listing:
        """The one that `symbol` names."""
        return listing_of(self._desk.symbols, call.text("symbol"))

    def chosen(self, call: Call) -> list[Listing]:
        """That one, or all."""
        return [self.one(call)] if call.text("symbol") else list(self._desk.symbols)

    def now(self, listing: Listing) -> int:
        """The time of its history (microseconds)."""
        return self._desk.projection.of(listing.id).now


class Scope:
    """The accounts that calls are about."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def accounts(self, call: Call) -> list[Account]:
        """All that the caller has, or the one that `sub_account_address` names. Raises CallRefused for one of others,
        and for an unknown symbol."""
        address = call.text("sub_account_address")
        if call.text("symbol"):
            listing_of(self._desk.symbols, call.text("symbol"))
        numbers = [account_of(call, address)] if address else call.accounts
        found = (self._desk.context.accounts.get(number) for number in numbers)
        return [account for account in found if account is not None]

    def asked(self, call: Call) -> dict[str, Any]:
        """The accounts, instruments and times that a call is about, as queries have them. Raises CallRefused."""
        symbol, (since, until) = call.text("symbol"), period_of(call)
        listings = [listing_of(self._desk.symbols, symbol)] if symbol else self._desk.symbols
        return {
            "accounts": tuple(account.account_id for account in self.accounts(call)),
            "instruments": tuple(listing.id for listing in listings),
            "since": since,
            "until": until,
        }


def within(call: Call, ts: int) -> bool:
    """Whether a time (microseconds) lies in what the call asks for, in milliseconds. Raises CallRefused."""
    since, until = period_of(call)
    return since <= ts <= until


def fits(call: Call, row: Object) -> bool:
    """Whether an object is what the call asks for."""
    asked = {name: call.text(name) for name in ("symbol", "order_id", "order_link_id")}
    return all(not text or row.get(name) == text for name, text in asked.items())
