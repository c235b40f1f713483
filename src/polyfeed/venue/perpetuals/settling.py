"""Fills of perpetuals: what each does to a position and to the money of its account, in the book and outside it.

A trade moves no value, only the fees and what it realises: the profit of the part of a position that it closes. What an
isolated position gains or loses by closing goes to the account, with the part of its margin that secured what is
closed; while it is liquidated its margin bears it, so that nothing of the account is touched.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from polyfeed.model.commands import PlaceOrder
from polyfeed.model.enums import BalanceCause, ExecutionKind, MarginMode, OrderKind, OrderStatus, Side, TimeInForce
from polyfeed.model.events import OwnFill, OwnOrderUpdated, PositionSettled
from polyfeed.model.formulas import cost
from polyfeed.model.ids import next_order_id
from polyfeed.model.margin import entry_price, portion
from polyfeed.venue.accounts import FEES, FUND, Account
from polyfeed.venue.draft import Draft
from polyfeed.venue.ledger import hold
from polyfeed.venue.lifecycle import acknowledge
from polyfeed.venue.markets import Market
from polyfeed.venue.orders import Order
from polyfeed.venue.perpetuals.items import Trim
from polyfeed.venue.perpetuals.margin import equity_of, refresh
from polyfeed.venue.perpetuals.positions import Closing, Position
from polyfeed.venue.perpetuals.telling import note
from polyfeed.venue.state import State

MatchDetails = tuple[tuple[Any, ...], tuple[tuple[Any, ...], tuple[Any, ...]], Sequence[tuple[int, PositionSettled]]]
"""The last fields of a Trade, of its taker's OwnFill and its maker's, and what accounts are told after these."""

BUY = Side.BUY
ISOLATED = MarginMode.ISOLATED


def position_of(account: Account, market: Market) -> Position:
    """An account's position in a perpetual, made when it is first asked for."""
    position = account.positions.get(market.id)
    if position is None:
        assert market.contract is not None
        position = account.positions[market.id] = Position(account, market, market.contract)
    return position


def number_of(trade_id: int, side: Side) -> int:
    """The number of one side of a trade: of its transaction, and of the position that it opens."""
    return 2 * trade_id + side


def fill(
    state: State, order: Order, size: int, value: int, fee: int, draft: Draft, cause: BalanceCause
) -> Closing | None:
    """One side of the last trade, whose profit or loss has this cause. Gives what it closed, if anything."""
    account, market, side = order.account, order.market, order.side
    position = position_of(account, market)
    before, number = abs(position.size), number_of(state.last_trade_id, side)
    closing = position.fill(side, size, value, fee, number, draft.ts)
    gain = closing.realised if closing is not None else 0
    move(account, market.quote, gain, cause, draft)
    move(account, market.quote, -fee, BalanceCause.FEE, draft)
    if position.mode is ISOLATED:
        _set_aside(position, closing, before, gain - fee)
    refresh(account, market.quote)
    note(position, draft)
    if closing is not None and position.orders and position.size * (1 if side is BUY else -1) >= 0:
        state.work.append(Trim(position))
    return closing


def settle_match(
    state: State, taker: Order, maker: Order, size: int, value: int, fees: tuple[int, int], draft: Draft
) -> MatchDetails:
    """Both sides of a match in the book; what its Trade and the two OwnFill say besides, and the settlements."""
    details, records = [], []
    for order, charged in zip((taker, maker), fees, strict=True):
        cause = BalanceCause.LIQUIDATION if order.liquidation else BalanceCause.SETTLEMENT
        closing = fill(state, order, size, value, charged, draft, cause)
        hold(order, draft)
        details.append((order.execution, *closed_by(order, closing)))
        if closing is not None:
            records.append((order.account.id, record(state, order, closing, size, value)))
    move(state.accounts[FEES], taker.market.quote, sum(fees), BalanceCause.FEE, draft)
    return (0, taker.execution), (details[0], details[1]), records


def closed_by(order: Order, closing: Closing | None) -> tuple[int, int, int, int, int]:
    """What an OwnFill says of the position: which, the profit that was realised, how much was closed; and the mark and
    the index price.
    """
    position = order.account.positions[order.market.id]
    prices = position.contract.mark, position.contract.index
    if closing is None:
        return position.id, 0, 0, *prices
    return closing.position_id, closing.realised, closing.size, *prices


def _set_aside(position: Position, closing: Closing | None, before: int, gain: int) -> None:
    """The margin of an isolated position after a fill: its part of what is left, and enough for what is new."""
    if position.liquidating:
        position.margin += gain
        return
    if closing is not None:
        position.margin -= portion(position.margin, closing.size, before)
    if position.size and (closing is None or closing.size == before):
        position.margin += max(0, position.initial(position.value) - equity_of(position))


def record(state: State, order: Order, closing: Closing, size: int, value: int) -> PositionSettled:
    """What the closed part of a position came to (Bitstamp's `my_settlements`).

    `from_price` is its profit; fees and funding are those of that part since the position was opened, the closing fee
    included. They were charged when they arose; here they are only accounted for. The strike price is the entry price.
    """
    market, divisor = order.market, order.market.divisor
    return PositionSettled(
        market.id,
        closing.position_id,
        number_of(state.last_trade_id, order.side),
        entry_price(size, value, divisor),
        entry_price(closing.whole_size, closing.whole_value, divisor),
        closing.realised + closing.fees + closing.funding,
        closing.realised,
        closing.fees,
        0,
        closing.funding,
        0,
        closing.size == closing.whole_size,
        order.side,
        closing.size,
        closing.entry_value,
        closing.exit_value,
        closing.closing_fee,
        order.id,
        order.account.positions[market.id].leverage,
        order.execution,
    )


def move(account: Account, currency: str, amount: int, cause: BalanceCause, draft: Draft) -> None:
    """Moves money to an account, or from it. Touched in any case, because what is held may have changed."""
    balance = account.balance(currency)
    balance.move(amount, cause)
    draft.touch(balance)


def exchange(
    state: State, giver: Position, taker: Position, size: int, price: int, execution: ExecutionKind, draft: Draft
) -> None:
    """Closes `size` of a position against another account's, outside the book and without fees.

    The other one is the insurance fund, which takes it over, or one that is deleveraged.
    """
    market = giver.market
    side = Side.SELL if giver.size > 0 else BUY
    value = cost(price, size, market.divisor)
    state.last_trade_id += 1
    taking = BalanceCause.LIQUIDATION if taker.account.id == FUND else BalanceCause.DELEVERAGING
    for position, its_side, cause in ((giver, side, BalanceCause.LIQUIDATION), (taker, Side(1 - side), taking)):
        order = forced(state, position, its_side, size, execution, draft)
        order.left, order.filled, order.value = 0, size, value
        closing = fill(state, order, size, value, 0, draft, cause)
        own = draft.own(position.account.id)
        own.append(
            OwnFill(
                order.id,
                market.id,
                state.last_trade_id,
                its_side,
                price,
                size,
                value,
                0,
                position is taker,
                0,
                execution,
                *closed_by(order, closing),
            )
        )
        own.append(OwnOrderUpdated(order.id, OrderStatus.FILLED, 0, size, value, 0, False))
        if closing is not None:
            own.append(record(state, order, closing, size, value))


def forced(
    state: State, position: Position, side: Side, size: int, execution: ExecutionKind, draft: Draft, price: int = 0
) -> Order:
    """An order that nobody entered, announced to its owner: it only reduces, never rests, and pays no fee."""
    kind = OrderKind.LIMIT if price else OrderKind.MARKET
    command = PlaceOrder(
        position.account.id, position.market.id, side, kind, size, price, TimeInForce.IOC, reduce_only=True
    )
    order = Order(position.account, position.market, command)
    order.execution, order.liquidation = execution, position.liquidating
    order.taker_ppm = order.maker_ppm = 0
    state.last_order_id = order.id = next_order_id(state.last_order_id, draft.ts)
    acknowledge(order, command, 0, draft)
    return order
