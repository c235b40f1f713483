"""What a market takes: its status, its grid, its bounds. Every check raises Refused and changes nothing."""

from __future__ import annotations

from polyfeed.model.enums import InstrumentStatus, OrderKind, Refusal, Side
from polyfeed.model.formulas import cost
from polyfeed.venue.accounts import Account
from polyfeed.venue.limits import MAX_AMOUNT, MAX_IMPORTED_ID, MAX_NUMBER
from polyfeed.venue.markets import Market
from polyfeed.venue.refused import Refused
from polyfeed.venue.state import State

BUY = Side.BUY
LIMIT = OrderKind.LIMIT
ONLINE = InstrumentStatus.ONLINE


def check_status(market: Market, kind: OrderKind, post_only: bool) -> None:
    """Whether a market takes an order of this kind now. Cancelling has a check of its own."""
    status = market.status
    check_detail(market)
    if status is ONLINE:
        return
    if status is InstrumentStatus.LIMIT_ONLY and kind is LIMIT:
        return
    if status is InstrumentStatus.POST_ONLY and post_only:
        return
    raise Refused(Refusal.MARKET_CLOSED, f"{market.name} is {status.value}; wait until its status allows this order")


def check_cancelling(market: Market) -> None:
    """Whether orders of a market may be cancelled now: always but while it is halted."""
    check_detail(market)
    if market.status is InstrumentStatus.HALTED:
        raise Refused(
            Refusal.MARKET_CLOSED, f"orders of {market.name} cannot be cancelled now; wait until it is no longer halted"
        )


def check_detail(market: Market) -> None:
    """Whether a market is the venue's own to decide."""
    if not market.takes_orders:
        raise Refused(
            Refusal.MARKET_CLOSED,
            f"{market.name} shows a book that comes from elsewhere and takes no orders; choose another instrument",
        )


def check_price(market: Market, price: int) -> None:
    """Whether a limit price lies on the market's grid."""
    if 0 < price < MAX_NUMBER and not price % market.tick:
        return
    tick = market.price_text(market.tick)
    raise Refused(
        Refusal.INVALID_PRICE,
        f"price {market.price_text(price)} of {market.name} is not a multiple of {tick} between that and "
        f"{market.price_text(MAX_NUMBER)}; round it",
    )


def check_size(market: Market, size: int, house: bool) -> None:
    """Whether an order's total size lies on the market's grid and is large enough; the operator's own may be smaller
    than the minimum, as recorded levels are.
    """
    if not (0 < size < MAX_NUMBER and not size % market.lot and size * market.multiplier <= MAX_AMOUNT):
        lot, most = market.size_text(market.lot), market.size_text(MAX_AMOUNT // market.multiplier)
        raise Refused(
            Refusal.INVALID_SIZE,
            f"size {market.size_text(size)} of {market.name} is not a multiple of {lot} up to {most}; round it",
        )
    if size < market.min_size and not house:
        raise Refused(
            Refusal.SIZE_TOO_SMALL,
            f"size {market.size_text(size)} of {market.name} is less than {market.size_text(market.min_size)}; "
            "send at least that",
        )


def check_cost(market: Market, price: int, size: int) -> None:
    """Whether a limit order is worth enough, and not more than can be counted."""
    value = cost(price, size, market.divisor)
    if value < market.min_cost:
        raise Refused(
            Refusal.COST_TOO_SMALL,
            f"{market.size_text(size)} {market.name} at {market.price_text(price)} costs {value} units of "
            f"{market.quote}, the minimum is {market.min_cost}; send a larger size",
        )
    if value > MAX_AMOUNT:
        raise Refused(
            Refusal.INVALID_SIZE,
            f"{market.size_text(size)} {market.name} at {market.price_text(price)} costs {value} units of "
            f"{market.quote}, more than the {MAX_AMOUNT} that one order may; send a smaller size",
        )


def check_level(market: Market, side: Side, price: int, added: int) -> None:
    """Whether a price level can still be counted with `added` more in it."""
    if level_is_full(market, side, price, added):
        raise Refused(
            Refusal.INVALID_SIZE,
            f"{market.name} at {market.price_text(price)} has too much waiting for {market.size_text(added)} more; "
            "choose another price or a smaller size",
        )


def level_is_full(market: Market, side: Side, price: int, added: int) -> bool:
    """Whether a price level cannot be counted any more with `added` more in it."""
    return (market.bids if side is BUY else market.asks).total(price) + added >= MAX_NUMBER


def check_imported_id(state: State, account: Account, order_id: int) -> None:
    """Whether an order may bring this number of its own."""
    if not account.house:
        raise Refused(
            Refusal.INVALID_TERMS,
            f"order id {order_id}: only house accounts bring their own, {account.id} is none; send 0",
        )
    if not 0 < order_id < MAX_IMPORTED_ID:
        raise Refused(
            Refusal.INVALID_TERMS, f"order id {order_id} is not between 1 and {MAX_IMPORTED_ID - 1}; send another or 0"
        )
    if order_id in state.orders:
        raise Refused(Refusal.DUPLICATE_ORDER_ID, f"order {order_id} is open already; send another id or 0")
