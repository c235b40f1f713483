"""Rails' order object (spec/rails.md 7)."""

from __future__ import annotations

from polyfeed.accounts.account import Account
from polyfeed.dialects.rails import spec
from polyfeed.dialects.rails.ids import is_uuid, order_ulid
from polyfeed.dialects.rails.markets import Market
from polyfeed.dialects.rails.wire import milliseconds
from polyfeed.model.enums import OrderKind, OrderStatus, Side, Trigger
from polyfeed.model.events import OwnOrderOpened
from polyfeed.model.orders import OwnOrder, opened

SIDES = {Side.BUY: "buy", Side.SELL: "sell"}

_STATUSES = {
    OrderStatus.OPEN: spec.ACTIVE,
    OrderStatus.TRIGGERED: spec.ACTIVE,
    OrderStatus.UNTRIGGERED: spec.PENDING,
    OrderStatus.FILLED: spec.FILLED,
    OrderStatus.CANCELLED: spec.CANCELLED,
    OrderStatus.EXPIRED: spec.CANCELLED,
    OrderStatus.REJECTED: spec.ACTIVE,
}
"""A rejected order is still labelled `active` in the document's sample."""


def kind_text(terms: OwnOrderOpened | None) -> str:
    """`tradeType`."""
    return "limit" if terms is None or terms.kind is OrderKind.LIMIT else "market"


def client_id_text(order: OwnOrder) -> str:
    """The order's `clientRequestId`; empty for an order that another dialect named in its own way."""
    text = order.terms.client_id
    return text if is_uuid(text.partition("#")[0]) else ""


def status_text(order: OwnOrder) -> str:
    """`orderStatus` of an order as it stands."""
    return _STATUSES[order.status]


def order_object(market: Market, account: Account, order: OwnOrder, status: str = "") -> dict[str, object]:
    """The order as its owner is shown it, with another `orderStatus` where one is given.

    `quantity` is what is left; with `filledQuantity` it adds up to the original. `leverage` is what the account has in
    the market now, which is what its margin counts by.
    """
    terms = order.terms
    shown: dict[str, object] = {
        "market": market.name,
        "orderId": order_ulid(order.order_id),
        "orderType": SIDES[terms.side],
        "tradeType": kind_text(terms),
        "price": market.price(order.price),
        "quantity": market.size(order.left),
        "filledQuantity": market.size(order.filled),
        "leverage": market.leverage(account),
        "createdAt": milliseconds(order.opened_ts),
        "updatedAt": milliseconds(order.updated_ts),
        "orderStatus": status or status_text(order),
    }
    client_id = client_id_text(order)
    if client_id:
        shown["clientRequestId"] = client_id
    shown["postOnly"] = terms.post_only
    if order.filled:
        shown["avgFillPrice"] = market.average(order.value, order.filled)
    if terms.trigger is not Trigger.NONE:
        shown |= trigger_fields(market, terms, order.opened_ts)
    return shown


def trigger_fields(market: Market, terms: OwnOrderOpened | None, opened_ts: int) -> dict[str, object]:
    """What is said of an order's trigger; `none` and zeros without one."""
    if terms is None or terms.trigger is Trigger.NONE:
        return {"triggerType": spec.TRIGGER_NAMES[Trigger.NONE], "triggerPrice": "0", "triggerCreatedAt": 0}
    return {
        "triggerType": spec.TRIGGER_NAMES[terms.trigger],
        "triggerPrice": market.price(terms.trigger_price),
        "triggerCreatedAt": milliseconds(opened_ts),
    }


def as_entered(order: OwnOrder) -> OwnOrder:
    """The order as it was when it was accepted, before anything happened to it."""
    return opened(order.terms, order.opened_ts)
