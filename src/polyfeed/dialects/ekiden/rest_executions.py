"""`execution/list`: a user's matches and funding payments, newest first (spec/ekiden.md 7).

Both are asked of history and put in one order: by time, matches of a time before its funding, matches by their number,
funding by market and account. The cursor is the last row's `exec_id`, which says where it is in that order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from polyfeed.dialects._base.rest import RestAnswer, RestAsk
from polyfeed.dialects.ekiden import position_objects
from polyfeed.dialects.ekiden import private_objects as objects
from polyfeed.dialects.ekiden.desk import Desk
from polyfeed.dialects.ekiden.ids import execution_parts, funding_parts, order_number
from polyfeed.dialects.ekiden.public_objects import Object
from polyfeed.dialects.ekiden.rest_scope import Scope
from polyfeed.dialects.ekiden.rest_values import EMPTY_PAGE, Call, page_limit, reply
from polyfeed.model.history import FillRow, FillsOf, PaymentRow, PaymentsOf, place_before

Place = tuple[int, bool, tuple[int, ...]]
"""Where an execution is among all: its time, whether it is a match, and its place among those of its kind."""


class Executions:
    """Answers from history. Every method may raise CallRefused."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._market = desk.context.market
        self._scope = Scope(desk)

    def calls(self) -> dict[str, Callable[[Call], object]]:
        """The calls by their path."""
        return {"/execution/list": self.executions}

    def executions(self, call: Call) -> object:
        """The matches and funding payments. An order has no funding."""
        asked, limit = self._scope.asked(call), page_limit(call) + 1
        number = order_number(call.text("order_id")) if call.text("order_id") else 0
        if number is None:
            return EMPTY_PAGE
        fills = FillsOf(**asked, order_id=number, client_id=call.text("order_link_id"), limit=limit)
        payments = PaymentsOf(**asked, limit=limit)
        if not call.text("cursor"):
            return self._page(call, fills, payments)
        try:
            kind, first, low = execution_parts(call.text("cursor"))
        except ValueError:
            return EMPTY_PAGE
        if kind == "funding":
            behind = replace(fills, until=min(fills.until, first - 1))
            return self._page(call, behind, replace(payments, before=(first, *funding_parts(low))))
        place = place_before(first) + low
        behind = replace(fills, before=place)

        def found(rows: Sequence[FillRow]) -> RestAnswer:
            until = min(payments.until, rows[0].fill.ts) if rows else -1
            return self._page(call, behind, replace(payments, until=until))

        last = FillsOf(accounts=fills.accounts, first_trade=first, before=place + 1, oldest_first=True, limit=1)
        return RestAsk(last, found)

    # --- parts ------------------------------------------------------------------------------------------------------

    def _page(self, call: Call, fills: FillsOf, payments: PaymentsOf) -> RestAsk:
        limit = page_limit(call)
        found: list[tuple[Place, Object]] = []

        def matched(rows: Sequence[FillRow]) -> RestAnswer:
            for one in rows:
                row = self._match(one)
                if row is not None:
                    found.append(((one.fill.ts, True, (one.place,)), row))
            return told(()) if fills.order_id or fills.client_id else RestAsk(payments, told)

        def told(rows: Sequence[PaymentRow]) -> RestAnswer:
            for one in rows:
                row = self._funding(one)
                if row is not None:
                    found.append(((one.ts, False, (one.paid.instrument, one.account)), row))
            found.sort(key=lambda one: one[0], reverse=True)
            listed = [row for _, row in found[:limit]]
            return reply({"list": listed, "next_page_cursor": listed[-1]["exec_id"] if len(found) > limit else ""})

        return RestAsk(fills, matched)

    def _match(self, one: FillRow) -> Object | None:
        account, kept = self._desk.context.accounts.get(one.account), one.fill
        listing = self._desk.symbols.by_id(kept.fill.instrument)
        if account is None or listing is None:
            return None
        return objects.execution(listing, self._market, account, kept.fill, kept.terms, kept.ts)

    def _funding(self, one: PaymentRow) -> Object | None:
        account, listing = self._desk.context.accounts.get(one.account), self._desk.symbols.by_id(one.paid.instrument)
        if account is None or listing is None:
            return None
        return position_objects.funding(listing, account, one.paid, one.ts)
