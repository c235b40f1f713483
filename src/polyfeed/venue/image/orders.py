"""Orders as values, and back."""

from __future__ import annotations

from msgspec import Struct

from polyfeed.model.enums import ExecutionKind, OrderKind, SelfTrade, Side, TimeInForce, Trigger
from polyfeed.venue.accounts import Account
from polyfeed.venue.markets import Market
from polyfeed.venue.orders import Order
from polyfeed.venue.triggers import Stop


class StopImage(Struct, frozen=True, array_like=True, gc=False):
    """What an order waits for."""

    trigger_price: int
    activation_price: int
    trailing_bps: int
    best: int
    price: int
    rises: bool


class OrderImage(Struct, frozen=True, array_like=True, gc=False):
    """An order; its market is known from its place."""

    id: int
    account: int
    side: Side
    kind: OrderKind
    tif: TimeInForce
    self_trade: SelfTrade
    trigger: Trigger
    post_only: bool
    reduce_only: bool
    liquidation: bool
    price: int
    size: int
    left: int
    amount: int
    budget: int
    filled: int
    value: int
    fees: int
    held: int
    maker_ppm: int
    taker_ppm: int
    last_price: int
    expire_ts: int
    entry: int
    execution: ExecutionKind
    stop: StopImage | None
    gateway: int = 0


def order_image(order: Order) -> OrderImage:
    """An order as a value."""
    stop = order.stop
    return OrderImage(
        order.id,
        order.account.id,
        order.side,
        order.kind,
        order.tif,
        order.self_trade,
        order.trigger,
        order.post_only,
        order.reduce_only,
        order.liquidation,
        order.price,
        order.size,
        order.left,
        order.amount,
        order.budget,
        order.filled,
        order.value,
        order.fees,
        order.held,
        order.maker_ppm,
        order.taker_ppm,
        order.last_price,
        order.expire_ts,
        order.entry,
        order.execution,
        None if stop is None else stop_image(stop),
        order.gateway,
    )


def stop_image(stop: Stop) -> StopImage:
    """What an order waits for, as a value."""
    return StopImage(stop.trigger_price, stop.activation_price, stop.trailing_bps, stop.best, stop.price, stop.rises)


def restore_order(image: OrderImage, account: Account, market: Market) -> Order:
    """The order that `image` shows, in no book and on no list."""
    order = Order.__new__(Order)
    order.id = image.id
    order.account = account
    order.market = market
    order.side = image.side
    order.kind = image.kind
    order.tif = image.tif
    order.self_trade = image.self_trade
    order.trigger = image.trigger
    order.post_only = image.post_only
    order.reduce_only = image.reduce_only
    order.liquidation = image.liquidation
    order.price = image.price
    order.size = image.size
    order.left = image.left
    order.amount = image.amount
    order.budget = image.budget
    order.filled = image.filled
    order.value = image.value
    order.fees = image.fees
    order.held = image.held
    order.maker_ppm = image.maker_ppm
    order.taker_ppm = image.taker_ppm
    order.last_price = image.last_price
    order.expire_ts = image.expire_ts
    order.entry = image.entry
    order.execution = image.execution
    order.stop = None if image.stop is None else restore_stop(image.stop)
    order.gateway = image.gateway
    order.level = order.before = order.after = None
    return order


def restore_stop(image: StopImage) -> Stop:
    """What `image` waits for."""
    stop = Stop.__new__(Stop)
    stop.trigger_price = image.trigger_price
    stop.activation_price = image.activation_price
    stop.trailing_bps = image.trailing_bps
    stop.best = image.best
    stop.price = image.price
    stop.rises = image.rises
    return stop
