"""Endpoints by which a user trades."""

from __future__ import annotations

from collections.abc import Iterable

from polyfeed.app.api import schemas
from polyfeed.app.api.endpoints import Call, Endpoint, Problem, number_in, scaled
from polyfeed.app.api.venue import find
from polyfeed.model.commands import AmendOrder, CancelAll, CancelOrder, PlaceOrder
from polyfeed.model.enums import OrderKind, SelfTrade, Side, TimeInForce, Trigger
from polyfeed.model.events import PositionSet
from polyfeed.model.instruments import Instrument
from polyfeed.model.numbers import format_scaled
from polyfeed.model.orders import Fill, OwnOrder

ALL_INSTRUMENTS = -1


async def place(call: Call) -> schemas.Accepted:
    """Places an order; the reply comes when the venue has decided, and does not say how much was filled."""
    body: schemas.NewOrder = call.body
    one = find(call, body.instrument).instrument
    quote = call.server.market.currencies[one.quote]
    order = PlaceOrder(
        call.account.account_id,
        one.id,
        Side[body.side.upper()],
        OrderKind[body.type.upper()],
        scaled("size", body.size, one.size_scale),
        scaled("price", body.price, one.price_scale),
        TimeInForce[body.time_in_force.upper()],
        body.post_only,
        SelfTrade[body.self_trade.upper()],
        body.client_id,
        amount=scaled("amount", body.amount, quote.scale),
        expire_ts=body.expire_at,
        trigger=Trigger[body.trigger.upper()],
        trigger_price=scaled("trigger_price", body.trigger_price, one.price_scale),
        activation_price=scaled("activation_price", body.activation_price, one.price_scale),
        trailing_bps=body.trailing_bps,
        reduce_only=body.reduce_only,
    )
    check_given(body)
    outcome = await call.server.carry_out(order)
    return schemas.Accepted(outcome.order_id)


def check_given(body: schemas.NewOrder) -> None:
    """Whether the order has what its own terms ask for. Raises Problem 400 that names the field."""
    kind, trigger, lifetime = f"type {body.type}", f"trigger {body.trigger}", f"time_in_force {body.time_in_force}"
    trailing = body.trigger.startswith("trailing")
    wanted = [
        ("size", kind, body.type in {"limit", "market"}),
        ("amount", kind, body.type in {"instant", "cash_sell"}),
        ("price", kind, body.type == "limit"),
        ("trigger_price", trigger, body.trigger != "none" and not trailing),
        ("trailing_bps", trigger, trailing),
        ("expire_at", lifetime, body.time_in_force == "gtd"),
    ]
    for name, term, needed in wanted:
        if needed and not getattr(body, name):
            raise Problem(400, f"{name}: missing; {term} needs it")


async def amend(call: Call) -> schemas.Accepted:
    """Changes an open order's price or size."""
    order = open_order(call)
    one = call.server.market.instruments[order.terms.instrument].instrument
    price = scaled("price", call.body.price, one.price_scale)
    size = scaled("size", call.body.size, one.size_scale)
    await call.server.carry_out(AmendOrder(call.account.account_id, order.order_id, price, size))
    return schemas.Accepted(order.order_id)


async def cancel(call: Call) -> schemas.Accepted:
    """Cancels an open order."""
    order = open_order(call)
    await call.server.carry_out(CancelOrder(call.account.account_id, order.order_id))
    return schemas.Accepted(order.order_id)


async def cancel_all(call: Call) -> schemas.Accepted:
    """Cancels all open orders, of one instrument or of all."""
    name = call.query.get("instrument")
    instrument = find(call, name).instrument.id if name else ALL_INSTRUMENTS
    await call.server.carry_out(CancelAll(call.account.account_id, instrument))
    return schemas.Accepted(0)


async def open_orders(call: Call) -> list[schemas.OrderView]:
    """The open orders, oldest first."""
    return views(call, call.account.orders.values())


async def order(call: Call) -> schemas.OrderView:
    """One open order."""
    return order_view(call, open_order(call))


async def fills(call: Call) -> list[schemas.FillView]:
    """The last fills, oldest first."""
    return [fill_view(call, fill) for fill in call.account.fills]


async def positions(call: Call) -> list[schemas.PositionView]:
    """The open positions, in the order of the markets."""
    held = sorted(call.account.positions.items())
    return [position_view(instrument_of(call, number), call, position) for number, position in held]


def position_view(one: Instrument, call: Call, held: PositionSet) -> schemas.PositionView:
    """A position for the wire."""
    money = call.server.market.currencies[one.quote].scale
    prices = (held.entry_price, held.mark_price, held.liquidation_price)
    amounts = (held.margin, held.unrealised_profit, held.realised_profit, held.funding)
    entry, mark, liquidation = (format_scaled(price, one.price_scale) for price in prices)
    margin, unrealised, realised, funding = (format_scaled(amount, money) for amount in amounts)
    return schemas.PositionView(
        one.name,
        format_scaled(held.size, one.size_scale),
        entry,
        mark,
        liquidation,
        held.leverage,
        held.mode.name.lower(),
        margin,
        unrealised,
        realised,
        funding,
    )


def open_order(call: Call) -> OwnOrder:
    """The open order that the path names. Raises Problem 404."""
    text = call.path["order"]
    wanted = number_in(text)
    found = None if wanted is None else call.account.orders.get(wanted)
    if found is None:
        raise Problem(404, f"there is no open order {text}; GET /api/orders lists them")
    return found


def views(call: Call, orders: Iterable[OwnOrder]) -> list[schemas.OrderView]:
    """Orders for the wire, those of one instrument where the query names it."""
    name = call.query.get("instrument")
    wanted = find(call, name).instrument.id if name else ALL_INSTRUMENTS
    return [order_view(call, one) for one in orders if wanted in {ALL_INSTRUMENTS, one.terms.instrument}]


def order_view(call: Call, own: OwnOrder) -> schemas.OrderView:
    """An order for the wire."""
    one, terms = instrument_of(call, own.terms.instrument), own.terms
    money = call.server.market.currencies[one.quote].scale
    return schemas.OrderView(
        own.order_id,
        terms.client_id,
        one.name,
        terms.side.name.lower(),
        terms.kind.name.lower(),
        terms.tif.name.lower(),
        terms.post_only,
        format_scaled(own.price, one.price_scale),
        format_scaled(own.size, one.size_scale),
        format_scaled(own.left, one.size_scale),
        format_scaled(own.filled, one.size_scale),
        format_scaled(own.value, money),
        format_scaled(own.fees, money),
        own.status.name.lower(),
        own.reason.name.lower() if own.ended else "",
        terms.trigger.name.lower(),
        format_scaled(terms.trigger_price, one.price_scale),
        own.opened_ts,
        own.updated_ts,
    )


def fill_view(call: Call, kept: Fill) -> schemas.FillView:
    """A fill for the wire."""
    fill = kept.fill
    one = instrument_of(call, fill.instrument)
    money = call.server.market.currencies[one.quote].scale
    return schemas.FillView(
        fill.trade_id,
        fill.order_id,
        one.name,
        fill.side.name.lower(),
        format_scaled(fill.price, one.price_scale),
        format_scaled(fill.size, one.size_scale),
        format_scaled(fill.value, money),
        format_scaled(fill.fee, money),
        "maker" if fill.maker else "taker",
        kept.ts,
    )


def instrument_of(call: Call, number: int) -> Instrument:
    """An instrument by its id."""
    return call.server.market.instruments[number].instrument


BY_INSTRUMENT = {"instrument": "canonical name; all markets without it"}

PLACE = "Place an order; /api/orders says what is open of it then, /api/fills what was filled"

ENDPOINTS = [
    Endpoint("POST", "/api/orders", PLACE, place, schemas.Accepted, "trade", schemas.NewOrder, status=201),
    Endpoint("GET", "/api/orders", "Open orders", open_orders, list[schemas.OrderView], "read", query=BY_INSTRUMENT),
    Endpoint(
        "DELETE", "/api/orders", "Cancel all open orders", cancel_all, schemas.Accepted, "trade", query=BY_INSTRUMENT
    ),
    Endpoint("GET", "/api/orders/{order}", "One open order", order, schemas.OrderView, "read"),
    Endpoint(
        "PATCH", "/api/orders/{order}", "Amend an open order", amend, schemas.Accepted, "trade", schemas.Amendment
    ),
    Endpoint("DELETE", "/api/orders/{order}", "Cancel an open order", cancel, schemas.Accepted, "trade"),
    Endpoint("GET", "/api/fills", "The last fills", fills, list[schemas.FillView], "read"),
    Endpoint("GET", "/api/positions", "Open positions", positions, list[schemas.PositionView], "read"),
]  # fmt: skip
