"""What an account's positions and orders need, what is there for it, and whether a fill may happen.

Cross positions of one currency share the account's balance of it, less what spot orders hold and what isolated
positions have been given. An isolated position has its own margin and nothing else. `Balance.held` contains what all of
them need (`Balance.margin`), unrealised profits taken off, so that what is available can be spent anywhere.

Two gates keep every position secured: an order is accepted when what it would need is free, and each fill happens only
when afterwards the initial margin is there (or, for one that only closes, the maintenance margin of what is left).
House accounts pass both; they have unlimited credit.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from polyfeed.model.enums import MarginMode, Side
from polyfeed.model.formulas import PPM
from polyfeed.model.margin import portion
from polyfeed.venue.accounts import Account
from polyfeed.venue.limits import MAX_NUMBER, MAX_TOTAL

if TYPE_CHECKING:
    from polyfeed.venue.draft import Draft
    from polyfeed.venue.orders import Order
    from polyfeed.venue.perpetuals.positions import Position

CROSS = MarginMode.CROSS
BUY = Side.BUY


class Open(NamedTuple):
    """An open order as margin sees it; `rate_ppm` is the highest fee it can meet."""

    side: Side
    price: int
    left: int
    rate_ppm: int


def positions_of(account: Account, currency: str) -> Iterator[Position]:
    """The account's positions, closed ones too, that are settled in a currency."""
    return (position for position in account.positions.values() if position.market.quote == currency)


def cross_equity(account: Account, currency: str) -> int:
    """What secures the cross positions of a currency."""
    balance = account.balance(currency)
    equity = balance.total - balance.held + balance.margin
    for position in positions_of(account, currency):
        equity += position.profit if position.mode is CROSS else -position.margin
    return equity


def equity_of(position: Position) -> int:
    """What secures a position: its own margin and profit, or what it shares."""
    if position.mode is CROSS:
        return cross_equity(position.account, position.market.quote)
    return position.margin + position.profit


def scope_of(position: Position) -> list[Position]:
    """The positions that share what secures this one, itself included."""
    if position.mode is not CROSS:
        return [position]
    return [one for one in positions_of(position.account, position.market.quote) if one.mode is CROSS]


def maintenance_of(position: Position) -> int:
    """The maintenance margin of all that share what secures a position."""
    return sum(one.maintenance for one in scope_of(position))


def initial_of(position: Position) -> int:
    """As `maintenance_of`, the initial margin of the positions without orders."""
    return sum(one.initial(one.value) for one in scope_of(position))


def as_open(order: Order, price: int, left: int) -> Open:
    """An order with these terms. One without a price is taken at the mark price; each of its fills is checked."""
    contract = order.market.contract
    assert contract is not None
    return Open(order.side, price or contract.mark, left, max(order.maker_ppm, order.taker_ppm, 0))


def open_orders(position: Position, without: tuple[int, ...] = ()) -> list[Open]:
    """The open orders of a position's account that may make it larger."""
    return [
        as_open(order, order.price, order.left)
        for order in position.orders.values()
        if not order.reduce_only and order.id not in without
    ]


def requirement(position: Position, orders: list[Open]) -> int:
    """The initial margin of a position with orders, on the side on which it could become larger, and what the orders
    would lose at once, or pay as fees, if they were filled.
    """
    mark, divisor = position.contract.mark, position.market.divisor
    value, loss, fees = position.value, 0, 0
    for sign, side in ((1, BUY), (-1, Side.SELL)):
        size, exact = 0, 0
        for order in orders:
            if order.side is side:
                size += order.left
                exact += order.left * order.price
                loss += max(0, (order.price - mark) * sign) * order.left
                fees += order.left * order.price * order.rate_ppm
        held = position.size * sign
        if size + held > 0 and size:
            grown = exact + held * mark if held >= 0 else -(-exact * (size + held) // size)
            value = max(value, -(-grown // divisor))
    return position.initial(value) - (-loss // divisor) - (-fees // (divisor * PPM))


def needed(account: Account, currency: str, changed: tuple[Position, list[Open]] | None = None) -> int:
    """What positions and orders need of a balance; for one position with other orders than it has."""
    return needs(account, currency, changed)[0]


def needs(account: Account, currency: str, changed: tuple[Position, list[Open]] | None = None) -> tuple[int, int]:
    """As `needed`, and what of it the orders need beyond what their positions do."""
    total, for_orders = 0, 0
    for position in positions_of(account, currency):
        orders = changed[1] if changed is not None and changed[0] is position else open_orders(position)
        initial = position.initial(position.value)
        more = requirement(position, orders) - initial if orders else 0
        for_orders += more
        total += more + (initial - position.profit if position.mode is CROSS else position.margin)
    return total, for_orders


def refresh(account: Account, currency: str) -> None:
    """Brings what the balance holds for positions and orders to what they need."""
    if account.house:
        return
    balance = account.balance(currency)
    need, balance.order_margin = needs(account, currency)
    need = max(0, need)
    balance.held += need - balance.margin
    balance.margin = need


def secure(order: Order, left: int, draft: Draft) -> None:
    """An order has so much left, 0 when it ends; what is held follows."""
    account = order.account
    if account.house:
        return
    position = account.positions[order.market.id]
    if left:
        position.orders[order.id] = order
        position.contract.ordering[account.id] = position
    else:
        position.orders.pop(order.id, None)
        if not position.orders:
            position.contract.ordering.pop(account.id, None)
    refresh(account, order.market.quote)
    draft.touch(account.balance(order.market.quote))


def lacking(order: Order, price: int, left: int, without: tuple[int, ...]) -> int:
    """How much an account lacks to have an order with these terms, in place of those named. 0 when it may have it.

    Who lacks something already may still enter what makes it no worse.
    """
    account, currency = order.account, order.market.quote
    if account.house or order.reduce_only:
        return 0
    position = account.positions[order.market.id]
    orders = [*open_orders(position, without), as_open(order, price, left)]
    balance = account.balance(currency)
    need = needed(account, currency, (position, orders))
    if need <= needed(account, currency):
        return 0
    return max(0, need - (balance.total - balance.held + balance.margin))


def fits(position: Position, side: Side, size: int, price: int, fee: int) -> bool:
    """Whether a fill leaves the account's positions secured, and its numbers countable."""
    market, contract = position.market, position.contract
    delta = size if side is BUY else -size
    after, value = position.size + delta, price * size // market.divisor
    if abs(after) >= MAX_NUMBER or abs(position.basis) + value > MAX_TOTAL:
        return False
    if position.account.house:
        return True
    mark, divisor = contract.mark, market.divisor
    change = after * mark // divisor - position.size * mark // divisor - fee  # of what secures the position, exactly
    change -= value if delta > 0 else -value
    closes = position.size * delta < 0 and abs(delta) <= abs(position.size)
    cross = cross_equity(position.account, market.quote)
    if position.mode is CROSS:
        others = [one for one in scope_of(position) if one is not position]
        if closes:
            rest = position.maintenance * abs(after) // abs(position.size)
            return cross + change >= rest + sum(one.maintenance for one in others)
        return cross + change >= position.initial(position.value_at(after)) + sum(
            one.initial(one.value) for one in others
        )
    equity = position.margin + position.profit
    if closes:
        return portion(equity, abs(delta), abs(position.size)) + change >= 0
    others = [one for one in positions_of(position.account, market.quote) if one.mode is CROSS]
    wanted = position.initial(position.value_at(after)) - equity - change
    return cross - sum(one.initial(one.value) for one in others) >= wanted
