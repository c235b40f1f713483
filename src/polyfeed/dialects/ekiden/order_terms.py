"""The terms of an order as `order/place` has them, read into commands (spec/ekiden.md 6, 7).

Margin mode and leverage belong to an account's position, not to an order: one that asks for others than there are sets
them first, which the venue refuses while there is a position or an order in another mode.
"""

from __future__ import annotations

from typing import Any

from polyfeed.accounts.account import Account
from polyfeed.dialects.ekiden.rest_values import CallRefused, decimal_of, flag_of, word_of
from polyfeed.dialects.ekiden.slippage import worst_price
from polyfeed.dialects.ekiden.symbols import Listing
from polyfeed.model.commands import PlaceOrder, SetLeverage
from polyfeed.model.enums import MarginMode, OrderKind, SelfTrade, Side, TimeInForce, Trigger

Fields = dict[str, Any]

LINK_LENGTH = 64

_SIDES = {"Buy": Side.BUY, "Sell": Side.SELL}
_TYPES = {"Limit": OrderKind.LIMIT, "Market": OrderKind.MARKET}
_TIMES = {"GTC": TimeInForce.GTC, "IOC": TimeInForce.IOC, "FOK": TimeInForce.FOK, "Day": TimeInForce.DAY}
_SMP = {
    "CancelTaker": SelfTrade.CANCEL_TAKER,
    "CancelMaker": SelfTrade.CANCEL_MAKER,
    "CancelBoth": SelfTrade.CANCEL_BOTH,
}
_MODES = {"Cross": MarginMode.CROSS, "Isolated": MarginMode.ISOLATED}
_DIRECTIONS = {"Up": True, "Down": False}
_LATEST_MS = 3_000_000_000_000
"""In the year 2065; further the venue does not count."""


def placing(listing: Listing, account: int, fields: Fields, now: int) -> PlaceOrder:
    """The command; `now` is venue time. Raises CallRefused for terms that cannot be read or that this venue has not."""
    instrument = listing.state.instrument
    kind = word_of(fields, "order_type", _TYPES)
    side = word_of(fields, "side", _SIDES)
    tif, expire_ts = _time_in_force(fields, kind, now // 1000)
    trigger, trigger_price = _trigger(listing, fields, side)
    if fields.get("tpsl") is not None:
        raise CallRefused("tpsl is not taken here; send a conditional order of its own")
    price = decimal_of(fields, "price", instrument.price_scale)
    if fields.get("slippage_tolerance") is not None:
        price = worst_price(listing, kind, side, trigger, price, fields["slippage_tolerance"])
    return PlaceOrder(
        account,
        listing.id,
        side,
        kind,
        decimal_of(fields, "qty", instrument.size_scale),
        price,
        tif,
        flag_of(fields, "post_only"),
        SelfTrade.ALLOW if fields.get("smp_type") is None else word_of(fields, "smp_type", _SMP),
        _link(fields),
        expire_ts=expire_ts,
        trigger=trigger,
        trigger_price=trigger_price,
        reduce_only=flag_of(fields, "reduce_only"),
        close_on_trigger=flag_of(fields, "close_on_trigger"),
    )


def leveraging(listing: Listing, account: Account, fields: Fields) -> list[SetLeverage]:
    """What must be set before an order with this `margin_mode` and (of older clients) `leverage`; empty when it is set
    already. Raises CallRefused."""
    chosen = account.leverage_in(listing.state.instrument)
    mode = chosen.mode if fields.get("margin_mode") is None else word_of(fields, "margin_mode", _MODES)
    leverage = leverage_given(fields) or chosen.leverage
    if (mode, leverage) == (chosen.mode, chosen.leverage):
        return []
    if not listing.linear:
        raise CallRefused(f"{listing.symbol} is a spot market: margin_mode is Cross and leverage 1")
    return [SetLeverage(account.account_id, listing.id, leverage, mode)]


def leverage_given(fields: Fields) -> int:
    """`leverage`, a whole number; 0 where there is none. Raises CallRefused."""
    return decimal_of(fields, "leverage", 0)


def _time_in_force(fields: Fields, kind: OrderKind, now_ms: int) -> tuple[TimeInForce, int]:
    """A word, or `{"GTD": ms}`; GTC where there is none, IOC for a market order, and the end of the order. An
    `expire_time` makes GTC one that ends then."""
    value, expires = fields.get("time_in_force"), decimal_of(fields, "expire_time", 0)
    if isinstance(value, dict):
        until = value.get("GTD")
        if type(until) is not int or expires not in (0, until):
            raise CallRefused('time_in_force is a word or {"GTD": milliseconds}')
        return TimeInForce.GTD, _end(until, now_ms)
    default = "GTC" if kind is OrderKind.LIMIT else "IOC"
    tif = word_of(fields, "time_in_force", _TIMES, default)
    if not expires:
        return tif, 0
    if tif is not TimeInForce.GTC:
        raise CallRefused("expire_time is of orders that are GTC until then")
    return TimeInForce.GTD, _end(expires, now_ms)


def _end(ms: int, now_ms: int) -> int:
    """The end of an order, in venue time."""
    if not now_ms < ms < _LATEST_MS:
        raise CallRefused(f"an order must end after now, {now_ms}, in milliseconds")
    return ms * 1000


def _trigger(listing: Listing, fields: Fields, side: Side) -> tuple[Trigger, int]:
    """A conditional order waits for the last price. One that buys when it is up, or sells when it is down, stops a
    loss."""
    condition = fields.get("trigger")
    if condition is None:
        return Trigger.NONE, 0
    if not isinstance(condition, dict):
        raise CallRefused("trigger must be an object")
    if condition.get("trigger_by", "LastPrice") != "LastPrice":
        raise CallRefused("trigger_by must be LastPrice")
    up = word_of(condition, "trigger_direction", _DIRECTIONS)
    price = decimal_of(condition, "trigger_price", listing.state.instrument.price_scale)
    if not price:
        raise CallRefused("trigger_price must be a positive decimal number")
    return (Trigger.STOP_LOSS if up == (side is Side.BUY) else Trigger.TAKE_PROFIT), price


def _link(fields: Fields) -> str:
    link = fields.get("order_link_id")
    if link is None:
        return ""
    if not isinstance(link, str) or len(link) > LINK_LENGTH or not link.isascii() or not link.isprintable():
        raise CallRefused(f"order_link_id must be at most {LINK_LENGTH} printable ASCII characters")
    return link
