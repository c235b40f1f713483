"""`position/*`: what positions there are, what was closed of them, and the leverage (spec/ekiden.md 7).

`set-leverage` is of the documents' later pages; it keeps the margin mode, which an order sets (`order_terms.py`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial

from polyfeed.dialects._base.rest import RestAnswer, RestAsk, RestResponse, RestSubmit
from polyfeed.dialects.ekiden import position_objects
from polyfeed.dialects.ekiden.desk import Desk
from polyfeed.dialects.ekiden.ids import order_number, order_uuid
from polyfeed.dialects.ekiden.order_terms import leverage_given
from polyfeed.dialects.ekiden.public_objects import Object
from polyfeed.dialects.ekiden.rest_scope import Row, Scope, fits
from polyfeed.dialects.ekiden.rest_values import (
    EMPTY_PAGE,
    Call,
    CallRefused,
    account_of,
    body_of,
    listing_of,
    page,
    page_limit,
    reply,
)
from polyfeed.dialects.ekiden.wire import milliseconds
from polyfeed.model.batches import Outcome
from polyfeed.model.commands import SetLeverage
from polyfeed.model.history import FOREVER, ClosingsOf, OrderRow

_TIME = re.compile("[0-9]{1,18}")


class Positions:
    """Answers from the accounts as they are, and from history. Every method may raise CallRefused."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._market = desk.context.market
        self._scope = Scope(desk)

    def reading(self) -> dict[str, Callable[[Call], object]]:
        """The calls that only read, by their path."""
        return {"/position/list": self.positions, "/position/closed-pnl": self.closed_profit}

    def trading(self) -> dict[str, Callable[[Call], RestAnswer]]:
        """Those that change something."""
        return {"/position/set-leverage": self.set_leverage}

    def positions(self, call: Call) -> object:
        """The open positions."""
        rows: list[Row] = []
        for account in self._scope.accounts(call):
            for number, held in account.positions.items():
                listing = self._desk.symbols.by_id(number)
                if listing is not None:
                    numbers = self._desk.projection.position(account.account_id, number)
                    row = position_objects.position(listing, self._market, account, held, numbers)
                    rows.append((f"{row['symbol']}@{row['sub_account_address']}", row))
        return page(call, [row for row in rows if fits(call, row[1])])

    def closed_profit(self, call: Call) -> object:
        """What orders closed of positions, those that did so last coming first. The cursor is when and the order."""
        number = order_number(call.text("order_id")) if call.text("order_id") else 0
        behind = _behind(call.text("cursor"))
        asked = self._scope.asked(call)
        if number is None or behind is None:
            return EMPTY_PAGE
        limit = page_limit(call)

        def told(rows: Sequence[OrderRow]) -> RestResponse:
            listed = rows[:limit]
            last = listed[-1].order if len(rows) > limit else None
            cursor = f"{last.updated_ts}_{order_uuid(last.order_id)}" if last is not None else ""
            found = [row for one in listed if (row := self._closing(one)) is not None]
            return reply({"list": found, "next_page_cursor": cursor})

        link = call.text("order_link_id")
        return RestAsk(ClosingsOf(**asked, order_id=number, client_id=link, before=behind, limit=limit + 1), told)

    def set_leverage(self, call: Call) -> RestAnswer:
        """Another leverage for an account in a perpetual."""
        fields = body_of(call.request)
        listing = listing_of(self._desk.symbols, fields.get("symbol"))
        number = account_of(call, fields.get("sub_account_address"))
        account = self._desk.context.accounts.get(number)
        leverage = leverage_given(fields)
        if account is None or not leverage:
            raise CallRefused("leverage is missing")
        if not listing.linear:
            raise CallRefused(f"{listing.symbol} is a spot market, whose leverage is 1")
        command = SetLeverage(number, listing.id, leverage, account.leverage_in(listing.state.instrument).mode)
        return RestSubmit(command, partial(_set, call.now))

    def _closing(self, one: OrderRow) -> Object | None:
        account, listing = (
            self._desk.context.accounts.get(one.account),
            self._desk.symbols.by_id(one.order.terms.instrument),
        )
        if account is None or listing is None or one.order.closing is None:
            return None
        return position_objects.closed_profit(listing, self._market, account, one.order, one.order.closing)


def _behind(cursor: str) -> tuple[int, int] | None:
    """The place that a cursor names, None for what is none."""
    if not cursor:
        return FOREVER, 0
    ts, _, order = cursor.partition("_")
    number = order_number(order)
    return (int(ts), number) if number is not None and _TIME.fullmatch(ts) else None


def _set(now: int, outcome: Outcome) -> RestResponse:
    if not outcome.accepted:
        return CallRefused.of(outcome).response()
    return reply({"success": True, "time": milliseconds(now)})
