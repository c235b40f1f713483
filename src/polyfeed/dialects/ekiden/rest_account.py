"""What a user may ask of the own accounts: orders, executions, positions, balances, addresses, keys (spec/ekiden.md 7).

Lists are of all accounts of the user, or of the one that `sub_account_address` names, newest first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from polyfeed.accounts.account import Account
from polyfeed.accounts.orders import OwnOrder
from polyfeed.dialects.ekiden import position_objects, spec
from polyfeed.dialects.ekiden import private_objects as objects
from polyfeed.dialects.ekiden.balances import balances
from polyfeed.dialects.ekiden.ids import account_address, order_uuid
from polyfeed.dialects.ekiden.private import Desk
from polyfeed.dialects.ekiden.public_objects import Object
from polyfeed.dialects.ekiden.rest_values import Call, account_of, listing_of, page

Handler = Callable[[Call], object]
Row = tuple[str, Object]


class Accounts:
    """Answers from the accounts as they are. Every method may raise CallRefused."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._market = desk.context.market

    def calls(self) -> dict[str, Handler]:
        """The calls by their path."""
        return {
            "/order/realtime": self.realtime,
            "/order/history": self.history,
            "/execution/list": self.executions,
            "/position/list": self.positions,
            "/position/closed-pnl": self.closed_profit,
            "/account/balance": self.balances,
            "/user/root-account": lambda call: {"root_addr": account_address(call.account)},
            "/user/sub-accounts": lambda call: {"sub_accounts": [account_address(one) for one in call.accounts]},
            "/user/api-keys": self.keys,
        }

    def realtime(self, call: Call) -> object:
        """Open orders; with `open_only=false` those that ended lately as well."""
        rows = [row for account in self._accounts(call) for row in self._orders(call, account, account.orders.values())]
        if not call.flag("open_only", True):
            rows += self._closed(call)
        return page(call, sorted(rows, reverse=True))

    def history(self, call: Call) -> object:
        """The orders that ended lately."""
        statuses = set(call.request.query.get("order_status", ()))
        rows = self._closed(call)
        return page(call, [row for row in rows if not statuses or row[1]["order_status"] in statuses])

    def executions(self, call: Call) -> object:
        """The last matches."""
        found: list[tuple[int, str, Object]] = []
        for account in self._accounts(call):
            for ts, fill, terms in ((one.ts, one.fill, one.terms) for one in account.fills):
                listing = self._desk.symbols.by_id(fill.instrument)
                if listing is not None and self._within(call, ts):
                    row = objects.execution(listing, self._market, account, fill, terms, ts)
                    if _fits(call, row):
                        found.append((ts, row["exec_id"], row))
        found.sort(key=lambda one: one[:2], reverse=True)
        return page(call, [(name, row) for _, name, row in found])

    def positions(self, call: Call) -> object:
        """The open positions."""
        rows: list[Row] = []
        for account in self._accounts(call):
            for number, held in account.positions.items():
                listing = self._desk.symbols.by_id(number)
                if listing is not None:
                    changed = self._desk.projection.position(account.account_id, number)
                    row = position_objects.position(listing, self._market, account, held, changed)
                    rows.append((f"{row['symbol']}@{row['sub_account_address']}", row))
        return page(call, [row for row in rows if _fits(call, row[1])])

    def closed_profit(self, call: Call) -> object:
        """Profit of closed positions: none is kept."""
        self._accounts(call)
        return {"list": [], "next_page_cursor": ""}

    def balances(self, call: Call) -> object:
        """The settlement currency of each account, and what else there is of any."""
        rows: list[Object] = []
        for account in self._accounts(call):
            owned = [code for code, balance in account.balances.items() if balance.total or balance.held]
            rows += balances(self._market, account, self._desk.settlement, owned)
        return {"list": rows}

    def keys(self, call: Call) -> object:
        """The user's public keys."""
        return {
            "list": [
                {
                    "api_key": f"0x{key.key_id}",
                    "permissions": list(key.permissions),
                    "sub_account_address": account_address(account.account_id),
                }
                for account in self._accounts(call)
                for key in account.keys.values()
                if key.scheme == spec.KEY_SCHEME
            ]
        }

    # --- parts ------------------------------------------------------------------------------------------------------

    def _accounts(self, call: Call) -> list[Account]:
        """The accounts that a call is about, of those that the caller has."""
        address = call.text("sub_account_address")
        if call.text("symbol"):
            listing_of(self._desk.symbols, call.text("symbol"))
        numbers = [account_of(call, address)] if address else call.accounts
        found = (self._desk.context.accounts.get(number) for number in numbers)
        return [account for account in found if account is not None]

    def _closed(self, call: Call) -> list[Row]:
        rows = [row for account in self._accounts(call) for row in self._orders(call, account, account.closed.values())]
        return sorted(rows, reverse=True, key=lambda row: row[0])

    def _orders(self, call: Call, account: Account, orders: Iterable[OwnOrder]) -> Iterator[Row]:
        for order in orders:
            listing = self._desk.symbols.by_id(order.terms.instrument)
            if listing is not None and self._within(call, order.opened_ts):
                row = objects.order(listing, self._market, account, order)
                if _fits(call, row):
                    yield order_uuid(order.order_id), row

    def _within(self, call: Call, ts: int) -> bool:
        """Whether a time lies in what the call asks for, in milliseconds."""
        ms = ts // 1000
        return call.number("start_time", 0, 0, 1 << 62) <= ms <= call.number("end_time", 1 << 62, 0, 1 << 62)


def _fits(call: Call, row: Object) -> bool:
    """Whether an object is what the call asks for."""
    asked = {name: call.text(name) for name in ("symbol", "order_id", "order_link_id")}
    return all(not text or row.get(name) == text for name, text in asked.items())
