"""Entering, replacing and cancelling orders (OpenAPI file, Orders)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

from polyfeed.accounts.account import Account
from polyfeed.dialects._base.rest import RestAnswer, RestSubmit
from polyfeed.dialects.bitstamp.markets import Listed, Markets
from polyfeed.dialects.bitstamp.rest_entry import read_order, subtype_row
from polyfeed.dialects.bitstamp.rest_form import (
    BareError,
    CallRefused,
    Form,
    read_order_id,
    refusable,
    refused_response,
    response,
)
from polyfeed.dialects.bitstamp.rest_refusals import TEMPORARY, refused_entry
from polyfeed.dialects.bitstamp.wire import Plain
from polyfeed.market.market import Market
from polyfeed.model.batches import Outcome
from polyfeed.model.commands import CancelAll, CancelOrder, PlaceOrder, ReplaceOrder
from polyfeed.model.enums import OrderKind, OrderStatus, Refusal, Side
from polyfeed.model.orders import OwnOrder

NOT_FOUND = "Order not found"


class OrderCalls:
    """Calls that end in a command of the caller's account."""

    def __init__(self, market: Market, markets: Markets) -> None:
        self._market = market
        self._markets = markets

    def place(self, account: Account, form: Form, listed: Listed, side: Side, way: str) -> RestAnswer:
        """buy, sell: limit, market or instant."""
        command = read_order(form, account.account_id, listed, side, way, self._quote_scale(listed))
        return RestSubmit(command, partial(self._placed, account, listed, command))

    def cancel(self, account: Account, form: Form) -> RestAnswer:
        """cancel_order, by either id."""
        order = self._chosen(account, form, "id", "client_order_id")
        command = CancelOrder(account.account_id, order.order_id)
        return RestSubmit(command, partial(self._cancelled, account, order))

    def cancel_all(self, account: Account, listed: Listed | None) -> RestAnswer:
        """cancel_all_orders, of one market or of all."""
        chosen = [one for one in account.orders.values() if listed is None or one.terms.instrument == listed.id]
        command = CancelAll(account.account_id, -1 if listed is None else listed.id)
        return RestSubmit(command, partial(self._all_cancelled, account, chosen))

    def replace(self, account: Account, form: Form) -> RestAnswer:
        """replace_order: a new order in the old one's place."""
        old = self._chosen(account, form, "id", "orig_client_order_id")
        listed = self._markets.by_id(old.terms.instrument)
        instrument = listed.instrument
        if not (form.text("amount") and form.text("price")):
            raise BareError(f"Missing {'price' if form.text('amount') else 'amount'} POST param.")
        size = form.decimal("amount", instrument.size_scale, listed.base_decimals, "400.026")
        price = form.decimal("price", instrument.price_scale, listed.counter_decimals, "400.041")
        name = form.name("client_order_id")
        command = ReplaceOrder(account.account_id, old.order_id, price, size, name)
        return RestSubmit(command, partial(self._replaced, account, old, listed, command))

    # --- replies ----------------------------------------------------------------------------------------------------

    def _placed(self, account: Account, listed: Listed, command: PlaceOrder, outcome: Outcome) -> RestAnswer:
        if not outcome.accepted:
            raise refused_entry(self._market, account, listed, command, outcome)
        price = command.price if command.kind is OrderKind.LIMIT else average(account, outcome.order_id)
        size = command.size or _filled(account, outcome.order_id)
        body: dict[str, Any] = {
            "id": str(outcome.order_id),
            "market": listed.name,
            "datetime": with_microseconds(self._market.ts),
            "type": str(int(command.side)),
            "price": listed.price(price),
            "amount": listed.amount(size),
            "currency_pair": listed.name,
        }
        if command.client_id:
            body["client_order_id"] = command.client_id
        return response(body | subtype_row(listed, command))

    def _cancelled(self, account: Account, order: OwnOrder, outcome: Outcome) -> RestAnswer:
        if not outcome.accepted:
            raise _refused_cancel(outcome)
        # As it ended: some of it may have been filled since it was asked for.
        return response(self._cancel_row(account.closed.get(order.order_id, order)) | {"status": "Canceled"})

    def _all_cancelled(self, account: Account, chosen: list[OwnOrder], outcome: Outcome) -> RestAnswer:
        # What was filled since it was asked for is gone too, and was not cancelled. Of more than the account remembers
        # nobody can say which it was: they are left out.
        ended = [account.closed[one.order_id] for one in chosen if one.order_id in account.closed]
        gone = [one for one in ended if one.status is OrderStatus.CANCELLED]
        rows = [self._cancel_row(order) for order in gone]
        rows = [row | {"currency_pair": row["market"]} for row in rows]
        open_still = any(one.order_id in account.orders for one in chosen)
        return response({"canceled": rows, "success": outcome.accepted and not open_still})

    def _replaced(
        self, account: Account, old: OwnOrder, listed: Listed, command: ReplaceOrder, outcome: Outcome
    ) -> RestAnswer:
        if not outcome.accepted:
            if outcome.refusal in (Refusal.UNKNOWN_ORDER, Refusal.NOT_ITS_OWNER):
                raise BareError(NOT_FOUND)
            terms = old.terms
            wanted = PlaceOrder(command.account, terms.instrument, terms.side, terms.kind, command.size, command.price)
            raise refused_entry(self._market, account, listed, wanted, outcome)
        body: dict[str, Any] = {
            "order_id": outcome.order_id,
            "order_type": str(int(old.terms.side)),
            "market": listed.name,
            "amount": Plain(listed.amount_number(command.size)),
            "price": Plain(listed.price_number(command.price)),
            "datetime": f"{moment(self._market.ts):%Y-%m-%dT%H:%M:%S.%fZ}",
            "orig_order_id": old.order_id,
        }
        if old.terms.client_id:
            body["orig_client_order_id"] = old.terms.client_id
        return response(body | {"status": "Open"})

    def _cancel_row(self, order: OwnOrder) -> dict[str, Any]:
        listed = self._markets.by_id(order.terms.instrument)
        return {
            "id": order.order_id,
            "amount": Plain(listed.amount_number(order.left)),
            "price": Plain(listed.price_number(order.price)),
            "type": int(order.terms.side),
            "market": listed.name,
        }

    # --- arguments --------------------------------------------------------------------------------------------------

    def _chosen(self, account: Account, form: Form, by_id: str, by_name: str) -> OwnOrder:
        """The caller's open order that a call names."""
        if form.text(by_id):
            order_id = read_order_id(form.text(by_id))
            if order_id is None:
                raise BareError(f"Invalid {by_id} POST param.")
            order = account.orders.get(order_id)
        elif form.text(by_name):
            order = find_by_name(account, form.name(by_name, "400.073"))
        else:
            raise BareError(f"Missing {by_id} POST param.")
        if order is None or not self._is_listed(order):
            raise BareError(NOT_FOUND)
        return order

    def _is_listed(self, order: OwnOrder) -> bool:
        return any(listed.id == order.terms.instrument for listed in self._markets)

    def _quote_scale(self, listed: Listed) -> int:
        currency = self._market.currencies.get(listed.instrument.quote)
        return currency.scale if currency is not None else 0


def guarded(reply: Callable[[Outcome], RestAnswer]) -> Callable[[Outcome], RestAnswer]:
    """A reply whose refusal is its answer."""

    def answer(outcome: Outcome) -> RestAnswer:
        if outcome.refusal in TEMPORARY:
            return refused_response(TEMPORARY[outcome.refusal])
        return reply(outcome)

    return refusable(answer)


def find_by_name(account: Account, name: str) -> OwnOrder | None:
    """The newest open order with this client id."""
    return next((one for one in reversed(account.orders.values()) if one.terms.client_id == name), None)


def average(account: Account, order_id: int) -> int:
    """The average price of an order's fills, 0 without any."""
    fills = [one.fill for one in account.fills if one.fill.order_id == order_id]
    size = sum(fill.size for fill in fills)
    return (2 * sum(fill.price * fill.size for fill in fills) + size) // (2 * size) if size else 0


def _filled(account: Account, order_id: int) -> int:
    return sum(one.fill.size for one in account.fills if one.fill.order_id == order_id)


def _refused_cancel(outcome: Outcome) -> CallRefused:
    if outcome.refusal is Refusal.MARKET_CLOSED:
        return BareError("Order cancelattion failed due to trade halt.")
    return BareError(NOT_FOUND)


def moment(ts: int) -> datetime:
    """Microseconds since the epoch as a date."""
    return datetime.fromtimestamp(ts // 1_000_000, UTC).replace(microsecond=ts % 1_000_000)


def with_microseconds(ts: int) -> str:
    """`2022-01-31 14:43:15.796000`."""
    return f"{moment(ts):%Y-%m-%d %H:%M:%S.%f}"


def without_fraction(ts: int) -> str:
    """`2022-01-31 14:43:15`."""
    return f"{moment(ts):%Y-%m-%d %H:%M:%S}"
