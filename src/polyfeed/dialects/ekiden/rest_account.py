"""What a user may ask of the own accounts: orders, balances, addresses, keys (spec/ekiden.md 7).

Lists are of all accounts of the user, or of the one that `sub_account_address` names, newest first.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from functools import partial

from msgspec.structs import replace

from polyfeed.dialects._base.rest import RestAnswer, RestAsk
from polyfeed.dialects.ekiden import private_objects as objects
from polyfeed.dialects.ekiden import private_words as words
from polyfeed.dialects.ekiden import spec
from polyfeed.dialects.ekiden.balances import balances
from polyfeed.dialects.ekiden.desk import Desk
from polyfeed.dialects.ekiden.ids import account_address, order_number, order_uuid
from polyfeed.dialects.ekiden.public_objects import Object
from polyfeed.dialects.ekiden.rest_scope import Row, Scope, fits, within
from polyfeed.dialects.ekiden.rest_values import EMPTY_PAGE, Call, page, page_limit, reply
from polyfeed.model.history import FOREVER, OrderRow, OrdersOf

Handler = Callable[[Call], object]

CLOSED_REALTIME = 500
"""Ended orders that `order/realtime` goes back (the documents' number)."""


MORE = 4
"""Times that one call asks history for more orders when those that came are not of the status that it is about. After
them its page has fewer rows than it may, and a cursor behind what was looked at."""


class Accounts:
    """Answers from the accounts as they are, and from history. Every method may raise CallRefused."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._market = desk.context.market
        self._scope = Scope(desk)

    def calls(self) -> dict[str, Handler]:
        """The calls by their path."""
        return {
            "/order/realtime": self.realtime,
            "/order/history": self.history,
            "/account/balance": self.balances,
            "/user/root-account": self.root,
            "/user/sub-accounts": lambda call: {"sub_accounts": [account_address(one) for one in call.accounts]},
            "/user/api-keys": self.keys,
        }

    def realtime(self, call: Call) -> object:
        """Open orders; with `open_only=false` those that ended lately instead, as the documents have it."""
        if not call.flag("open_only", True):
            query = self._ended(call, ())
            if query is None:
                return EMPTY_PAGE
            page_limit(call)  # a wrong one is refused now, not when history has answered
            latest = replace(query, limit=CLOSED_REALTIME)
            return RestAsk(latest, lambda rows: reply(page(call, self._rows(call, rows))))
        found = [
            OrderRow(account.account_id, order)
            for account in self._scope.accounts(call)
            for order in account.orders.values()
            if within(call, order.opened_ts)
        ]
        return page(call, sorted(self._rows(call, found), reverse=True, key=lambda row: row[0]))

    def history(self, call: Call) -> object:
        """The orders that ended, of the statuses that are asked for; the cursor is the last one's id."""
        names, limit = set(call.request.query.get("order_status", ())), page_limit(call)
        query = self._ended(call, names)
        if query is None:
            return EMPTY_PAGE
        cursor = call.text("cursor")
        before = (order_number(cursor) or 0) if cursor else FOREVER
        found: list[Row] = []

        def more(query: OrdersOf, left: int, rows: Sequence[OrderRow]) -> RestAnswer:
            found.extend(row for row in self._rows(call, rows) if not names or row[1]["order_status"] in names)
            last = found[limit - 1][0] if len(found) > limit else ""
            if not last and len(rows) == query.limit:
                following = replace(query, before=rows[-1].order.order_id)
                if left:
                    return RestAsk(following, partial(more, following, left - 1))
                last = order_uuid(following.before)
            return reply({"list": [row for _, row in found[:limit]], "next_page_cursor": last})

        query = replace(query, before=before, limit=limit + 1)
        return RestAsk(query, partial(more, query, MORE))

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

    def _ended(self, call: Call, names: Collection[str]) -> OrdersOf | None:
        """What asks for the orders that ended, of these names of statuses or any; None where there can be none."""
        asked = self._scope.asked(call)
        number = order_number(call.text("order_id")) if call.text("order_id") else 0
        statuses = words.statuses_of(names)
        if number is None or (names and not statuses):
            return None
        return OrdersOf(**asked, statuses=statuses, order_id=number, client_id=call.text("order_link_id"))

    def _rows(self, call: Call, orders: Iterable[OrderRow]) -> list[Row]:
        """Orders as objects, those that the call asks for."""
        rows: list[Row] = []
        for one in orders:
            account = self._desk.context.accounts.get(one.account)
            listing = self._desk.symbols.by_id(one.order.terms.instrument)
            if account is not None and listing is not None:
                row = objects.order(listing, self._market, account, one.order)
                if fits(call, row):
                    rows.append((order_uuid(one.order.order_id), row))
        return rows
