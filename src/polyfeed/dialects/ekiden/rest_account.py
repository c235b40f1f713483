"""What a user may ask of the own accounts: orders, executions, balances, addresses, keys (spec/ekiden.md 7).

Lists are of all accounts of the user, or of the one that `sub_account_address` names, newest first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from polyfeed.accounts.account import Account
from polyfeed.accounts.orders import OwnOrder
from polyfeed.dialects.ekiden import position_objects, spec
from polyfeed.dialects.ekiden import private_objects as objects
from polyfeed.dialects.ekiden.balances import balances
from polyfeed.dialects.ekiden.desk import Desk
from polyfeed.dialects.ekiden.ids import account_address, order_uuid
from polyfeed.dialects.ekiden.public_objects import Object
from polyfeed.dialects.ekiden.rest_scope import Row, Scope, fits, within
from polyfeed.dialects.ekiden.rest_values import Call, page

Handler = Callable[[Call], object]

CLOSED_REALTIME = 500
"""Ended orders that `order/realtime` goes back (the documents' number)."""


class Accounts:
    """Answers from the accounts as they are. Every method may raise CallRefused."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._market = desk.context.market
        self._scope = Scope(desk)

    def calls(self) -> dict[str, Handler]:
        """The calls by their path."""
        return {
            "/order/realtime": self.realtime,
            "/order/history": self.history,
            "/execution/list": self.executions,
            "/account/balance": self.balances,
            "/user/root-account": self.root,
            "/user/sub-accounts": lambda call: {"sub_accounts": [account_address(one) for one in call.accounts]},
            "/user/api-keys": self.keys,
        }

    def realtime(self, call: Call) -> object:
        """Open orders; with `open_only=false` those that ended lately instead, as the documents have it."""
        if not call.flag("open_only", True):
            return page(call, self._closed(call)[:CLOSED_REALTIME])
        accounts = self._scope.accounts(call)
        rows = [row for account in accounts for row in self._orders(call, account, account.orders.values())]
        return page(call, sorted(rows, reverse=True, key=lambda row: row[0]))

    def history(self, call: Call) -> object:
        """The orders that ended lately."""
        statuses = set(call.request.query.get("order_status", ()))
        rows = self._closed(call)
        return page(call, [row for row in rows if not statuses or row[1]["order_status"] in statuses])

    def executions(self, call: Call) -> object:
        """The last matches and funding payments."""
        found: list[tuple[int, Object]] = []
        for account in self._scope.accounts(call):
            found += [(ts, row) for ts, row in self._executed(account) if within(call, ts) and fits(call, row)]
        found.sort(key=lambda one: one[0])
        return page(call, [(row["exec_id"], row) for _, row in reversed(found)])

    def balances(self, call: Call) -> object:
        """The settlement currency of each account, and what else there is of any."""
        rows: list[Object] = []
        for account in self._scope.accounts(call):
            owned = [code for code, balance in account.balances.items() if balance.total or balance.held]
            rows += balances(self._desk, account, owned)
        return {"list": rows}

    def root(self, call: Call) -> object:
        """The main account of the user, also for a sub-account's key."""
        account = self._desk.context.accounts.get(call.account)
        return {"root_addr": account_address(account.parent if account and account.parent else call.account)}

    def keys(self, call: Call) -> object:
        """The user's public keys."""
        return {
            "list": [
                {
                    "api_key": f"0x{key.key_id}",
                    "permissions": list(key.permissions),
                    "sub_account_address": account_address(account.account_id),
                }
                for account in self._scope.accounts(call)
                for key in account.keys.values()
                if key.scheme == spec.KEY_SCHEME
            ]
        }

    # --- parts ------------------------------------------------------------------------------------------------------

    def _executed(self, account: Account) -> Iterator[tuple[int, Object]]:
        """When, and what: matches and funding, each kind oldest first."""
        symbols = self._desk.symbols
        for one in account.fills:
            listing = symbols.by_id(one.fill.instrument)
            if listing is not None:
                yield one.ts, objects.execution(listing, self._market, account, one.fill, one.terms, one.ts)
        for payment in account.payments:
            listing = symbols.by_id(payment.paid.instrument)
            if listing is not None:
                yield payment.ts, position_objects.funding(listing, account, payment.paid, payment.ts)

    def _closed(self, call: Call) -> list[Row]:
        accounts = self._scope.accounts(call)
        rows = [row for account in accounts for row in self._orders(call, account, account.closed.values())]
        return sorted(rows, reverse=True, key=lambda row: row[0])

    def _orders(self, call: Call, account: Account, orders: Iterable[OwnOrder]) -> Iterator[Row]:
        for order in orders:
            listing = self._desk.symbols.by_id(order.terms.instrument)
            if listing is not None and within(call, order.opened_ts):
                row = objects.order(listing, self._market, account, order)
                if fits(call, row):
                    yield order_uuid(order.order_id), row
