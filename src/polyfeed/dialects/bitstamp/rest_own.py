"""The calls that read the caller's orders and trades (OpenAPI file)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from polyfeed.accounts.account import Account
from polyfeed.dialects._base.rest import RestAnswer, RestAsk
from polyfeed.dialects.bitstamp import ids, spec
from polyfeed.dialects.bitstamp.markets import Listed, Markets
from polyfeed.dialects.bitstamp.own_trades import fee_text
from polyfeed.dialects.bitstamp.rest_entry import subtype_row
from polyfeed.dialects.bitstamp.rest_form import CallRefused, Form, read_order_id, response
from polyfeed.dialects.bitstamp.rest_orders import find_by_name, with_microseconds, without_fraction
from polyfeed.dialects.bitstamp.wire import Plain
from polyfeed.market.market import Market
from polyfeed.model.enums import OrderStatus
from polyfeed.model.history import FillsOf, OrderRow, OrdersOf
from polyfeed.model.ids import order_id_ms
from polyfeed.model.numbers import format_scaled
from polyfeed.model.orders import Fill, OwnOrder

LIMIT, MOST = 100, 1000
LAST_OFFSET = 200_000
TRADE = 2
"""Transaction type of a trade."""

_STATUSES = {
    OrderStatus.FILLED: "Finished",
    OrderStatus.EXPIRED: "Expired",
    OrderStatus.CANCELLED: "Canceled",
    OrderStatus.REJECTED: "Canceled",
}


class OwnCalls:
    """Answers from the accounts as they are, and from history."""

    def __init__(self, market: Market, markets: Markets) -> None:
        self._market = market
        self._markets = markets

    def open_orders(self, account: Account, only: Listed | None) -> list[dict[str, Any]]:
        """The open orders, newest first."""
        known = {listed.id: listed for listed in self._markets if only is None or listed is only}
        orders = [one for one in account.orders.values() if one.terms.instrument in known]
        return [_open_order(known[one.terms.instrument], one) for one in reversed(orders)]

    def order_status(self, account: Account, form: Form) -> RestAnswer:
        """An order of the caller, open or ended."""
        order_id, name = 0, ""
        if form.text("id"):
            order_id = read_order_id(form.text("id")) or 0
            if not order_id:
                raise CallRefused("400.016", "Invalid order id")
        else:
            name = form.name("client_order_id")
            if not name:
                raise CallRefused("400.014", "Missing id POST param")
        found = find_by_name(account, name) if name else account.orders.get(order_id)
        if found is not None:
            return self._status(account, form, found)
        query = OrdersOf(accounts=(account.account_id,), order_id=order_id, client_id=name, limit=1)
        return RestAsk(query, lambda rows: self._ended(account, form, rows))

    def user_transactions(self, account: Account, form: Form, only: Listed | None) -> RestAsk:
        """The caller's trades."""
        sort = form.text("sort") or "desc"
        if sort not in ("asc", "desc"):
            raise CallRefused("400.012", "Invalid sort parameter.")
        offset = form.whole("offset", 0, LAST_OFFSET, "Invalid offset.", "400.010")
        limit = form.whole("limit", LIMIT, MOST, "Invalid limit.", "400.011")
        since_id = form.whole("since_id", 0, 1 << 62, "Invalid since_id parameter.", "400.007")
        since = form.whole("since_timestamp", 0, 1 << 40, "Invalid since_timestamp parameter.", "400.013")
        until = form.whole("until_timestamp", 1 << 40, 1 << 40, "Invalid until_timestamp parameter.", "400.034")
        known = {listed.id: listed for listed in self._markets if only is None or listed is only}
        query = FillsOf(
            accounts=(account.account_id,),
            instruments=tuple(known),
            since=since * spec.SECOND,
            until=(until + 1) * spec.SECOND - 1,
            first_trade=since_id,
            oldest_first=sort == "asc",
            offset=offset,
            limit=MOST if since_id else limit,
        )
        return RestAsk(
            query,
            lambda rows: response([self._user_transaction(known[one.fill.fill.instrument], one.fill) for one in rows]),
        )

    def _ended(self, account: Account, form: Form, rows: Sequence[OrderRow]) -> RestAnswer:
        if not rows:
            raise CallRefused("404.002", "Order not found.")
        return self._status(account, form, rows[0].order)

    def _status(self, account: Account, form: Form, order: OwnOrder) -> RestAnswer:
        """The status of an order, which is shown as it stands, with its transactions."""
        if form.flag("omit_transactions"):
            return response(self._status_row(order, ()))
        query = FillsOf(accounts=(account.account_id,), order_id=order.order_id, oldest_first=True, limit=MOST)
        return RestAsk(query, lambda rows: response(self._status_row(order, [one.fill for one in rows])))

    def _status_row(self, order: OwnOrder, fills: Iterable[Fill]) -> dict[str, Any]:
        terms, listed = order.terms, self._markets.by_id(order.terms.instrument)
        body: dict[str, Any] = {
            "id": order.order_id,
            "datetime": without_fraction(_opened_at(order.order_id)),
            "type": str(int(terms.side)),
            **subtype_row(listed, terms),
            "status": _STATUSES.get(order.status, "Open"),
            "market": listed.name,
            "transactions": [self._transaction(listed, one) for one in fills],
            "amount_remaining": listed.amount(order.left),
        }
        return body | ({"client_order_id": terms.client_id} if terms.client_id else {})

    def _transaction(self, listed: Listed, one: Fill) -> dict[str, Any]:
        return {
            "tid": ids.trade_id(one.fill.trade_id, one.ts),
            "price": listed.price(one.fill.price),
            listed.instrument.quote.lower(): self._money(one.fill.value, listed),
            listed.instrument.base.lower(): listed.amount(one.fill.size),
            "fee": fee_text(one.fill.fee, self._scale(listed)),
            "datetime": with_microseconds(one.ts),
            "type": TRADE,
        }

    def _user_transaction(self, listed: Listed, one: Fill) -> dict[str, Any]:
        base, quote = listed.instrument.base.lower(), listed.instrument.quote.lower()
        sold = bool(one.fill.side)
        return {
            "id": ids.trade_id(one.fill.trade_id, one.ts),
            "datetime": with_microseconds(one.ts),
            "type": str(TRADE),
            "fee": fee_text(one.fill.fee, self._scale(listed)),
            base: f"{'-' if sold else ''}{listed.amount(one.fill.size)}",
            quote: f"{'' if sold else '-'}{self._money(one.fill.value, listed)}",
            f"{base}_{quote}": Plain(listed.price_number(one.fill.price)),
            "order_id": one.fill.order_id,
        }

    def _scale(self, listed: Listed) -> int:
        currency = self._market.currencies.get(listed.instrument.quote)
        return currency.scale if currency is not None else 0

    def _money(self, value: int, listed: Listed) -> str:
        return format_scaled(value, self._scale(listed))


def _open_order(listed: Listed, order: OwnOrder) -> dict[str, Any]:
    terms = order.terms
    row: dict[str, Any] = {
        "id": str(order.order_id),
        "datetime": without_fraction(order.opened_ts),
        "type": str(int(terms.side)),
        **subtype_row(listed, terms),
        "price": listed.price(order.price),
        "amount": listed.amount(order.left),
        "amount_at_create": listed.amount(terms.size),
        "currency_pair": listed.name,
        "market": listed.name,
    }
    if terms.client_id:
        row["client_order_id"] = terms.client_id
    if terms.trigger_price:
        row["stop_price"] = listed.price(terms.trigger_price)
    if terms.activation_price:
        row["activation_price"] = listed.price(terms.activation_price)
    if terms.trailing_bps:
        row["trailing_delta"] = terms.trailing_bps
    return row | ({"reduce_only": True} if terms.reduce_only else {})


def _opened_at(order_id: int) -> int:
    """Microseconds; the id tells the millisecond in which it was made."""
    return order_id_ms(order_id) * 1000
