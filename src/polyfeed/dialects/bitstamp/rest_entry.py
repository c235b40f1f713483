"""The forms of `buy` and `sell` as orders (OpenAPI file, Orders)."""

from __future__ import annotations

from typing import Any

from polyfeed.dialects.bitstamp import spec
from polyfeed.dialects.bitstamp.markets import Listed
from polyfeed.dialects.bitstamp.order_events import subtype
from polyfeed.dialects.bitstamp.rest_form import CallRefused, Form, about, overall
from polyfeed.model.commands import PlaceOrder
from polyfeed.model.enums import OrderKind, SelfTrade, Side, TimeInForce, Trigger
from polyfeed.model.events import OwnOrderOpened

LIMIT, MARKET, INSTANT = "limit", "market", "instant"

_TIMES = {
    "daily_order": TimeInForce.DAY,
    "ioc_order": TimeInForce.IOC,
    "fok_order": TimeInForce.FOK,
    "gtd_order": TimeInForce.GTD,
}
_TRIGGERS = {
    "STOP_LOSS": Trigger.STOP_LOSS,
    "TAKE_PROFIT": Trigger.TAKE_PROFIT,
    "TRAILING_STOP_LOSS": Trigger.TRAILING_STOP_LOSS,
    "TRAILING_TAKE_PROFIT": Trigger.TRAILING_TAKE_PROFIT,
}
_TRAILING = (Trigger.TRAILING_STOP_LOSS, Trigger.TRAILING_TAKE_PROFIT)
_LAST_PRICE = ("", "LAST_TRADED_PRICE")

LONGEST_TRAIL = 2000
"""Of `trailing_delta`, in hundredths of a percent."""

MISSING = "Missing amount and/or price POST parameters"
MILLISECONDS_END = 10**14


def read_order(form: Form, account: int, listed: Listed, side: Side, way: str, quote_scale: int) -> PlaceOrder:
    """The order that a call asks for. Raises CallRefused.

    An instant order buys for an amount of the counter currency, and sells an amount of the base or, where it says so,
    until an amount of the counter currency is reached. Orders of one user never trade with each other: they are
    offset, which is what `self_trade` announces.
    """
    if way == LIMIT:
        kind, terms = OrderKind.LIMIT, _limit(form, listed)
    elif way == INSTANT and (side is Side.BUY or form.flag("amount_in_counter")):
        kind = OrderKind.CASH_SELL if side is Side.SELL else OrderKind.INSTANT
        terms = _for_counter(form, listed, quote_scale)
    else:
        kind, terms = OrderKind.MARKET, {"size": _amount(form, listed), "tif": TimeInForce.IOC}
    trigger = _trigger(form, listed, way)
    return PlaceOrder(
        account,
        listed.id,
        side,
        kind,
        **{"size": 0} | terms | trigger,
        self_trade=SelfTrade.DECREMENT,
        client_id=form.name("client_order_id"),
        reduce_only=form.flag("reduce_only"),
    )


def _limit(form: Form, listed: Listed) -> dict[str, Any]:
    if not (form.text("amount") and form.text("price")):
        raise overall(MISSING, "400.005" if not form.text("amount") else "400.006")
    if form.text("limit_price"):
        raise CallRefused("400.025", "Both limit_price and any optional parameter cannot be set.")
    chosen = [name for name in (*_TIMES, "moc_order") if form.flag(name)]
    if len(chosen) > 1:
        raise CallRefused("400.024", "Only one of optional parameters can be set.")
    tif = _TIMES.get(chosen[0], TimeInForce.GTC) if chosen else TimeInForce.GTC
    return {
        "size": _amount(form, listed),
        "price": form.decimal("price", listed.instrument.price_scale, listed.counter_decimals, "400.041"),
        "tif": tif,
        "post_only": form.flag("moc_order"),
        "expire_ts": _expiry(form) if tif is TimeInForce.GTD else 0,
    }


def _for_counter(form: Form, listed: Listed, quote_scale: int) -> dict[str, Any]:
    """An amount of the counter currency."""
    if not form.text("amount"):
        raise overall(MISSING, "400.005")
    decimals = min(listed.counter_decimals, quote_scale)
    return {"amount": form.decimal("amount", quote_scale, decimals, "400.026"), "tif": TimeInForce.IOC}


def _amount(form: Form, listed: Listed) -> int:
    if not form.text("amount"):
        raise overall(MISSING, "400.005")
    return form.decimal("amount", listed.instrument.size_scale, listed.base_decimals, "400.026")


def _expiry(form: Form) -> int:
    """`expire_time` is in milliseconds."""
    if not form.text("expire_time"):
        raise CallRefused("400.022", "POST parameter(s) is missing from request: expire_time.")
    text = "POST parameter(s) is malformed: expire_time."
    return form.whole("expire_time", 0, MILLISECONDS_END, text, "400.023") * 1000


def _trigger(form: Form, listed: Listed, way: str) -> dict[str, Any]:
    """What makes a stop order wait, and until when."""
    name = form.text("subtype").upper()
    limited = name.endswith("_LIMIT")
    trigger = _TRIGGERS.get(name.removesuffix("_LIMIT"))
    if trigger is None:
        if name not in ("", "LIMIT", "MARKET", "INSTANT"):
            raise about("subtype", "Not a valid choice.", "400.049")
        return {}
    if way == INSTANT or limited != (way == LIMIT):
        raise about("subtype", "Not a valid choice.", "400.049")
    if form.text("trigger").upper() not in _LAST_PRICE:
        raise about("trigger", "Not a valid choice.", "400.050")
    scale, decimals = listed.instrument.price_scale, listed.counter_decimals
    stop = form.decimal("stop_price", scale, decimals, "400.047")
    delta = form.whole("trailing_delta", 0, LONGEST_TRAIL, "Invalid value for trailing_delta.", "400.054")
    if (trigger in _TRAILING) != (delta > 0) or (trigger in _TRAILING) == (stop > 0):
        text = "Either stop price or trailing price with trailing delta must be specified."
        raise CallRefused("400.059", text)
    return {
        "trigger": trigger,
        "trigger_price": stop,
        "activation_price": form.decimal("activation_price", scale, decimals, "400.048"),
        "trailing_bps": delta,
    }


def subtype_row(listed: Listed, terms: PlaceOrder | OwnOrderOpened) -> dict[str, str]:
    """`subtype` of a REST body: of derivatives, and of stop orders wherever they are."""
    if not listed.perpetual and terms.trigger is Trigger.NONE:
        return {}
    return {"subtype": spec.SUBTYPE_NAMES[subtype(terms.kind, terms.tif, terms.post_only, terms.trigger)]}
