"""All that the venue remembers. Handlers get it and the draft; nothing else outlives a command."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from polyfeed.model.enums import Refusal
from polyfeed.model.instruments import Currency
from polyfeed.venue.accounts import FEES, Account
from polyfeed.venue.markets import Market
from polyfeed.venue.orders import Order
from polyfeed.venue.refused import Refused

if TYPE_CHECKING:
    from polyfeed.venue.work import Work


class State:
    """Currencies, markets (by instrument id), accounts, the owners of valid keys, resting orders, the last ids given,
    unfinished work.
    """

    __slots__ = ("accounts", "currencies", "keys", "last_order_id", "last_trade_id", "markets", "orders", "work")

    def __init__(self) -> None:
        self.currencies: dict[str, Currency] = {}
        self.markets: list[Market] = []
        self.accounts: dict[int, Account] = {FEES: Account(FEES, True, None, None)}
        self.keys: dict[str, int] = {}
        self.orders: dict[int, Order] = {}
        self.last_order_id = 0
        self.last_trade_id = 0
        self.work: deque[Work] = deque()

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
        """A resting order of an account. Raises Refused, also when it is another one's."""
        account = self.account(account_id)
        order = self.orders.get(order_id)
        if order is None:
            raise Refused(
                Refusal.UNKNOWN_ORDER,
                f"order {order_id} is in no book: it was never placed, or is filled or ended; list the open orders",
            )
        if order.account is not account:
            raise Refused(
                Refusal.NOT_ITS_OWNER,
                f"order {order_id} is not account {account_id}'s; name the account that placed it",
            )
        return order

    def currency(self, code: str) -> Currency:
        """A currency by its code. Raises Refused."""
        currency = self.currencies.get(code)
        if currency is None:
            raise Refused(Refusal.UNKNOWN_CURRENCY, f"there is no currency {code!r}; define it first")
        return currency
