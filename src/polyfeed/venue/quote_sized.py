"""Orders for an amount of the quote currency instead of a size.

An INSTANT order buys for its amount, fees included, until not another lot can be paid; a CASH_SELL order sells until
what it sold for, before fees, reaches its amount, with the last lot perhaps a little beyond. Neither ever rests, and
neither has a size: `left` is always 0, what counts is the `budget`, the part of the amount that is not used yet. (A
rebate is added to an INSTANT order's budget.)

One that got what it asked for ends as FILLED, any other as a market order's rest does; both always say that they end.
What an INSTANT order did not spend follows from what was told: `amount - value - fees`, but for what was offset.
"""

from __future__ import annotations

from polyfeed.model.commands import PlaceOrder
from polyfeed.model.enums import OrderKind, Refusal, Side, TimeInForce
from polyfeed.venue.ledger import affordable
from polyfeed.venue.limits import MAX_AMOUNT
from polyfeed.venue.markets import Market
from polyfeed.venue.orders import Order
from polyfeed.venue.refused import Refused

SIDES = {OrderKind.INSTANT: Side.BUY, OrderKind.CASH_SELL: Side.SELL}
"""The side that each kind is for."""


def check_amount(market: Market, command: PlaceOrder) -> None:
    """Whether a quote-sized order's terms can stand together. Raises Refused."""
    name = command.kind.name
    if command.side is not SIDES[command.kind]:
        raise Refused(
            Refusal.INVALID_TERMS,
            f"{name} orders only {SIDES[command.kind].name.lower()}; INSTANT buys and CASH_SELL sells for an amount",
        )
    if command.size:
        raise Refused(
            Refusal.INVALID_TERMS, f"{name} orders are sized by their amount; send size 0, or use MARKET for a size"
        )
    if command.tif is TimeInForce.FOK:
        raise Refused(
            Refusal.INVALID_TERMS, f"{name} orders have no size that could be filled whole; use IOC, or MARKET for FOK"
        )
    if not 0 < command.amount <= MAX_AMOUNT:
        raise Refused(
            Refusal.INVALID_AMOUNT,
            f"amount {command.amount} is not between 1 and {MAX_AMOUNT} units of {market.quote}; send one that is",
        )
    if command.amount < market.min_cost:
        raise Refused(
            Refusal.COST_TOO_SMALL,
            f"amount {command.amount} is below the minimum of {market.name}, {market.min_cost} units of "
            f"{market.quote}; send at least that",
        )


def wanted(taker: Order, maker: Order) -> int:
    """How much of a maker's size the budget asks for: whole lots, for a sale the fewest that reach it."""
    if taker.side is Side.BUY:
        return affordable(taker, maker.price, maker.left, taker.budget)
    if taker.budget <= 0:
        return 0
    market = taker.market
    size = -(-taker.budget * market.divisor // maker.price)  # the least whose cost, rounded down, reaches the budget
    return min(maker.left, size + -size % market.lot)


def spend(order: Order, value: int, charged: int) -> None:
    """Takes a fill off the budget: all of what a purchase cost, what a sale was worth."""
    order.budget -= value + charged if order.side is Side.BUY else value
