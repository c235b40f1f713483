"""All that the venue remembers. Handlers get it and the draft; nothing else outlives a command."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from polyfeed.model.commands import AnyCommand
from polyfeed.model.enums import Refusal
from polyfeed.model.instruments import Currency
from polyfeed.venue.accounts import FEES, Account
from polyfeed.venue.limits import MAX_TS
from polyfeed.venue.markets import Market
from polyfeed.venue.orders import Order
from polyfeed.venue.ranked import Ranked
from polyfeed.venue.refused import Refused

if TYPE_CHECKING:
    from polyfeed.venue.items import Work


class State:
    """Currencies, markets (by instrument id), accounts, the owners of valid keys, resting and waiting orders, those of
    them that end at a time, those that are bound (by gateway, then by number), when the next funding is due, the last
    numbers given, unfinished work, and the command that waits until it is finished.
    """

    __slots__ = (
        "accounts",
        "bound",
        "currencies",
        "deferred",
        "expiring",
        "funding_ts",
        "keys",
        "last_entry",
        "last_order_id",
        "last_trade_id",
        "markets",
        "orders",
        "work",
    )

    def __init__(self) -> None:
        self.currencies: dict[str, Currency] = {}
        self.markets: list[Market] = []
        self.accounts: dict[int, Account] = {FEES: Account(FEES, True, None, None)}
        self.keys: dict[str, int] = {}
        self.orders: dict[int, Order] = {}
        self.expiring = Ranked()
        self.bound: dict[int, dict[int, Order]] = {}
        self.funding_ts = MAX_TS
        self.last_entry = 0
        self.last_order_id = 0
        self.last_trade_id = 0
        self.work: deque[Work] = deque()
        self.deferred: AnyCommand | None = None

    def account(self, account_id: int) -> Account:
        """An account by its number. Raises Refused."""
        account = self.accounts.get(account_id)
        if account is None:
            raise Refused(Refusal.UNKNOWN_ACCOUNT, f"there is no account {account_id}; open it first")
        return account

    def market(self, instrument: int) -> Market:
        """A market by its instrument's number. Raises Refused."""
        if not 0 <= instrument < len(self.markets):
            raise Refused(
                Refusal.UNKNOWN_INSTRUMENT,
                f"there is no instrument {instrument}; {len(self.markets)} are listed, numbered from 0",
            )
        return self.markets[instrument]

    def order(self, account_id: int, order_id: int) -> Order:
        """A resting or waiting order of an account. Raises Refused, also when it is another one's."""
        account = self.account(account_id)
        order = self.orders.get(order_id)
        if order is None:
            raise Refused(
                Refusal.UNKNOWN_ORDER,
                f"order {order_id} is not open: it was never placed, or is filled or ended; list the open orders",
            )
        if order.account is not account:
            raise Refused(
                Refusal.NOT_ITS_OWNER,
                f"order {order_id} is not account {account_id}'s; name the account that placed it",
            )
        return order

    def remember(self, order: Order) -> None:
        """Makes an accepted order known, so that it can be named, and ends when it must."""
        if order.id not in self.orders:
            self.orders[order.id] = order
            order.account.orders[order.id] = order
            if order.expire_ts:
                self.expiring.add(order.expire_ts, order)
            if order.gateway:
                self.bound.setdefault(order.gateway, {})[order.id] = order

    def forget(self, order: Order) -> None:
        """An order that is filled or ended is no longer known, if it ever was (it may never have rested)."""
        if self.orders.pop(order.id, None) is not None:
            del order.account.orders[order.id]
            if order.expire_ts:
                self.expiring.remove(order.expire_ts, order)
            if order.gateway:
                bound = self.bound[order.gateway]
                del bound[order.id]
                if not bound:
                    del self.bound[order.gateway]

    def currency(self, code: str) -> Currency:
        """A currency by its code. Raises Refused."""
        currency = self.currencies.get(code)
        if currency is None:
            raise Refused(Refusal.UNKNOWN_CURRENCY, f"there is no currency {code!r}; define it first")
        return currency
