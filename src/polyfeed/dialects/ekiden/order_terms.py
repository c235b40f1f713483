"""The terms of an order as `order/place` has them, read into a command (spec/ekiden.md 6, 7).

`margin_mode`, `leverage` and `slippage_tolerance` are read past: margin follows the account's own setting.
"""

from __future__ import annotations

from typing import Any

from polyfeed.dialects.ekiden.rest_values import CallRefused, decimal_of, flag_of, word_of
from polyfeed.dialects.ekiden.symbols import Listing
from polyfeed.model.commands import PlaceOrder
from polyfeed.model.enums import OrderKind, SelfTrade, Side, TimeInForce, Trigger

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
_DIRECTIONS = {"Up": True, "Down": False}
_LATEST_MS = 1 << 50


def placing(listing: Listing, account: int, fields: Fields) -> PlaceOrder:
    """The command. Raises CallRefused for terms that cannot be read or that this venue has not."""
    instrument = listing.state.instrument
    kind = word_of(fields, "order_type", _TYPES)
    side = word_of(fields, "side", _SIDES)
    tif, expire_ts = _time_in_force(fields, kind)
    trigger, trigger_price = _trigger(listing, fields, side)
    if fields.get("tpsl") is not None:
        raise CallRefused("tpsl is not taken here; send a conditional order of its own")
    return PlaceOrder(
        account,
        listing.id,
        side,
        kind,
        decimal_of(fields, "qty", instrument.size_scale),
        decimal_of(fields, "price", instrument.price_scale),
        tif,
        flag_of(fields, "post_only"),
        word_of(fields, "smp_type", _SMP, "CancelTaker"),
        _link(fields),
        expire_ts=expire_ts,
        trigger=trigger,
        trigger_price=trigger_price,
        reduce_only=_reduces(fields),
    )


def _time_in_force(fields: Fields, kind: OrderKind) -> tuple[TimeInForce, int]:
    """A word, or `{"GTD": ms}`; GTC where there is none, IOC for a market order, and the end of the order."""
    value = fields.get("time_in_force")
    if isinstance(value, dict):
        until = value.get("GTD")
        if type(until) is not int or not 0 < until < _LATEST_MS:
            raise CallRefused('time_in_force is a word or {"GTD": milliseconds}')
        return TimeInForce.GTD, until * 1000
    default = "GTC" if kind is OrderKind.LIMIT else "IOC"
    return word_of(fields, "time_in_force", _TIMES, default), 0


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


def _reduces(fields: Fields) -> bool:
    """Whether an order may only make a position smaller; `close_on_trigger` says so too."""
    reduce_only = flag_of(fields, "reduce_only")
    return flag_of(fields, "close_on_trigger") or reduce_only
