"""`position/*`: what positions there are, what was closed of them, and the leverage (spec/ekiden.md 7).

`set-leverage` is of the documents' later pages; it keeps the margin mode, which an order sets (`order_terms.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from polyfeed.dialects._base.rest import RestAnswer, RestResponse, RestSubmit
from polyfeed.dialects.ekiden import position_objects
from polyfeed.dialects.ekiden.desk import Desk
from polyfeed.dialects.ekiden.ids import order_uuid
from polyfeed.dialects.ekiden.order_terms import leverage_given
from polyfeed.dialects.ekiden.rest_scope import Row, Scope, fits, within
from polyfeed.dialects.ekiden.rest_values import Call, CallRefused, account_of, body_of, listing_of, page, reply
from polyfeed.dialects.ekiden.wire import milliseconds
from polyfeed.model.batches import Outcome
from polyfeed.model.commands import SetLeverage


class Positions:
    """Answers from the accounts as they are. Every method may raise CallRefused."""

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
        """What orders closed of positions, those that ended last coming first."""
        found: list[tuple[int, Row]] = []
        for account in self._scope.accounts(call):
            for order in (*account.closed.values(), *account.orders.values()):
                listing = self._desk.symbols.by_id(order.terms.instrument)
                if order.closing is not None and listing is not None and within(call, order.updated_ts):
                    row = position_objects.closed_profit(listing, self._market, account, order, order.closing)
                    if fits(call, row):
                        found.append((order.updated_ts, (order_uuid(order.order_id), row)))
        found.sort(key=lambda one: one[0])
        return page(call, [row for _, row in reversed(found)])

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


def _set(now: int, outcome: Outcome) -> RestResponse:
    if not outcome.accepted:
        return CallRefused.of(outcome).response()
    return reply({"success": True, "time": milliseconds(now)})
