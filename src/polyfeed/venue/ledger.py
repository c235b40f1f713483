"""Money: what an order holds, what a fill moves, and how far a balance reaches.

Every amount is rounded down (see `polyfeed.model.formulas`), and `floor(a) + floor(b) <= floor(a + b)`; so what an
order releases when part of it fills is never less than what that part costs, and no account is overdrawn by its orders.
"""

from __future__ import annotations

from polyfeed.model.enums import OrderKind, Side
from polyfeed.model.formulas import PPM, cost, fee
from polyfeed.venue.accounts import FEES, Balance
from polyfeed.venue.draft import Draft
from polyfeed.venue.limits import MAX_TOTAL
from polyfeed.venue.orders import Order
from polyfeed.venue.perpetuals import margin
from polyfeed.venue.state import State

BUY = Side.BUY
LIMIT = OrderKind.LIMIT
MARKET = OrderKind.MARKET


def fund(order: Order) -> Balance:
    """The balance an order spends: quote for a buy, base for a sell."""
    market = order.market
    return order.account.balance(market.quote if order.side is BUY else market.base)


def required(order: Order, price: int, left: int) -> int:
    """What an order must hold with this price and size: a sell its size, a limit buy its cost and the highest fee it
    can meet (a post-only order never pays the taker's), an INSTANT order what it has not spent. A market buy and a
    CASH_SELL, which has no size, hold nothing; they are checked fill by fill.
    """
    market = order.market
    if order.side is not BUY:
        return left * market.multiplier
    if order.kind is not LIMIT:
        return order.budget
    value = cost(price, left, market.divisor)
    rate = order.maker_ppm if order.post_only else max(order.maker_ppm, order.taker_ppm)
    return value + fee(value, max(rate, 0))


def hold(order: Order, draft: Draft) -> None:
    """Brings what is held for an order to what its price and what it has left require."""
    if order.account.house:
        return
    if order.market.contract is not None:
        margin.secure(order, order.left, draft)
    else:
        _hold(order, required(order, order.price, order.left), draft)


def release(order: Order, draft: Draft) -> None:
    """Holds nothing for an order any more."""
    if order.held:
        _hold(order, 0, draft)
    elif order.market.contract is not None:
        margin.secure(order, 0, draft)


def _hold(order: Order, amount: int, draft: Draft) -> None:
    balance = fund(order)
    balance.held += amount - order.held
    order.held = amount
    draft.touch(balance)


def affordable(taker: Order, price: int, size: int, available: int) -> int:
    """How much of `size` at `price` a taker can buy for `available`, its fee included: whole lots, rounded down.

    A rebate is not counted on, it comes after the payment.
    """
    market = taker.market
    # The greatest cost c with c + floor(c * rate / PPM) <= available, and the greatest size with that cost.
    most_cost = ((available + 1) * PPM - 1) // (PPM + max(taker.taker_ppm, 0))
    most_size = ((most_cost + 1) * market.divisor - 1) // price
    return size if most_size >= size else most_size - most_size % market.lot


def sellable(taker: Order, size: int) -> int:
    """How much of `size` a taker has to sell that nothing holds: whole lots, rounded down."""
    market = taker.market
    most_size = max(taker.account.balance(market.base).available, 0) // market.multiplier
    return size if most_size >= size else most_size - most_size % market.lot


def buys_as_it_goes(order: Order) -> bool:
    """Whether an order's money is not held beforehand: a market buy on limited credit."""
    return order.kind is MARKET and order.side is BUY and not order.account.house and order.market.contract is None


def coverable(taker: Order, price: int, size: int) -> int:
    """How much of `size` a taker can pay for or deliver with what is not held for it."""
    if buys_as_it_goes(taker):
        return affordable(taker, price, size, taker.account.balance(taker.market.quote).available)
    if taker.kind is OrderKind.CASH_SELL and not taker.account.house:
        return sellable(taker, size)
    return size


def in_bounds(state: State, taker: Order, maker: Order, moved: int = 0) -> bool:
    """Whether all numbers stay within their encoding when the two trade after `moved` more of either currency."""
    most = MAX_TOTAL - moved
    market = taker.market
    return max(taker.value, maker.value) <= most and all(
        -most <= balance.total <= most
        for balance in (
            taker.account.balance(market.base),
            taker.account.balance(market.quote),
            maker.account.balance(market.base),
            maker.account.balance(market.quote),
            state.accounts[FEES].balance(market.quote),
        )
    )


def settle(
    state: State, taker: Order, maker: Order, size: int, value: int, fees: tuple[int, int], draft: Draft
) -> None:
    """Moves the money of one fill, whose size both orders' `left` no longer contain. `fees` are taker's and maker's."""
    market = taker.market
    taker_fee, maker_fee = fees
    if taker.side is BUY:
        paid, received, got = value + taker_fee, value - maker_fee, size * market.multiplier
    else:
        paid, received, got = taker_fee - value, -value - maker_fee, -size * market.multiplier
    _move(taker.account.balance(market.quote), -paid, draft)
    _move(taker.account.balance(market.base), got, draft)
    _move(maker.account.balance(market.quote), received, draft)
    _move(maker.account.balance(market.base), -got, draft)
    _move(state.accounts[FEES].balance(market.quote), taker_fee + maker_fee, draft)
    hold(taker, draft)
    hold(maker, draft)


def _move(balance: Balance, amount: int, draft: Draft) -> None:
    if amount:
        balance.total += amount
        draft.touch(balance)
