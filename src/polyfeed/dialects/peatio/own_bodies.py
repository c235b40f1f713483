"""The bodies of private streams as the eras print them (sheet 4); key order is that of the wire."""

from __future__ import annotations

from polyfeed.dialects.peatio import spec
from polyfeed.dialects.peatio.bodies import side_word
from polyfeed.dialects.peatio.markets import PeatioMarket
from polyfeed.dialects.peatio.wire import plain, raw_string
from polyfeed.model.enums import OrderKind, OrderStatus, Side
from polyfeed.model.events import DepositAddressCreated, OwnFill, Trade
from polyfeed.model.numbers import divide_half_up
from polyfeed.model.orders import OwnOrder

_STATES = {
    OrderStatus.OPEN: "wait",
    OrderStatus.TRIGGERED: "wait",
    OrderStatus.UNTRIGGERED: "wait",
    OrderStatus.FILLED: "done",
    OrderStatus.CANCELLED: "cancel",
    OrderStatus.EXPIRED: "cancel",
    OrderStatus.REJECTED: "cancel",
}
"""The three states that the seed page lists."""

_NEW_STATES = {**_STATES, OrderStatus.UNTRIGGERED: "trigger_wait", OrderStatus.REJECTED: "reject"}
"""What 3.x adds (sheet 4)."""

_AVERAGE_SCALE = 8


def kind_word(side: Side) -> str:
    """`bid` or `ask`."""
    return "ask" if side else "bid"


def order(bodies: str, market: PeatioMarket, one: OwnOrder) -> str:
    """An `order` body. Times are whole seconds, a market order's price is null."""
    created, updated = one.opened_ts // spec.SECOND, one.updated_ts // spec.SECOND
    limit = one.terms.kind is OrderKind.LIMIT
    price = f'"{market.price(one.price)}"' if limit else "null"
    kind = kind_word(one.terms.side)
    state = (_NEW_STATES if bodies == "3.x" else _STATES)[one.status]
    left, size = market.size(one.left), market.size(one.size)
    if bodies == "legacy":
        return (
            f'{{"id":{one.order_id},"at":{created},"market":{raw_string(market.name)},"kind":"{kind}","price":{price},'
            f'"state":"{state}","volume":"{left}","origin_volume":"{size}"}}'
        )
    return (
        f'{{"id":{one.order_id},"market":{raw_string(market.name)},"kind":"{kind}",'
        f'"side":"{side_word(one.terms.side)}","ord_type":"{"limit" if limit else "market"}","price":{price},'
        f'"avg_price":"{average(market, one)}","state":"{state}","origin_volume":"{size}","remaining_volume":"{left}",'
        f'"executed_volume":"{market.size(one.filled)}","at":{created},"created_at":{created},"updated_at":{updated},'
        f'"trades_count":{one.trades}}}'
    )


def average(market: PeatioMarket, one: OwnOrder) -> str:
    """The mean price of what was filled, with eight decimals at most; 0.0 before the first fill."""
    if not one.filled:
        return "0.0"
    shift = _AVERAGE_SCALE + market.state.instrument.size_scale - market.quote_scale
    numerator, denominator = one.value, one.filled
    if shift >= 0:
        numerator *= 10**shift
    else:
        denominator *= 10**-shift
    return plain(divide_half_up(numerator, denominator), _AVERAGE_SCALE)


def trade(bodies: str, market: PeatioMarket, fill: OwnFill, public: Trade | None, ts: int) -> str:
    """A `trade` body of one's own match; `public` is the same match as everybody sees it."""
    at, name = ts // spec.SECOND, raw_string(market.name)
    price, size, kind = market.price(fill.price), market.size(fill.size), kind_word(fill.side)
    if bodies == "3.x":
        taker = fill.side if not fill.maker else Side(1 - fill.side)
        return (
            f'{{"id":{fill.trade_id},"price":"{price}","amount":"{size}",'
            f'"total":"{market.value(fill.price * fill.size)}","market":{name},"side":"{side_word(fill.side)}",'
            f'"taker_type":"{side_word(taker)}","created_at":{at},"order_id":{fill.order_id}}}'
        )
    if bodies == "2.2":
        return (
            f'{{"id":{fill.trade_id},"side":"{kind}","kind":"{kind}","price":"{price}","volume":"{size}",'
            f'"market":{name},"at":{at},"created_at":{at},"{kind}_id":{fill.order_id}}}'
        )
    ask, bid = _both_orders(fill, public)
    return (
        f'{{"id":{fill.trade_id},"kind":"{kind}","at":{at},"price":"{price}","volume":"{size}","ask_id":{ask},'
        f'"bid_id":{bid},"market":{name}}}'
    )


def _both_orders(fill: OwnFill, public: Trade | None) -> tuple[int, int]:
    """The selling and the buying order of a match."""
    other = 0
    if public is not None:
        other = public.taker_id if fill.maker else public.maker_id
    return (fill.order_id, other) if fill.side else (other, fill.order_id)


def deposit_address(bodies: str, event: DepositAddressCreated) -> str:
    """A `deposit_address` body."""
    currency, address = raw_string(event.currency.lower()), raw_string(event.address)
    if bodies == "3.x":
        return f'{{"type":"create","currencies":[{currency}],"address":{address}}}'
    return f'{{"type":"create","attributes":{{"currency":{currency},"address":{address}}}}}'
