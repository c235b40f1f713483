"""Price-time priority: an arriving order meets the other side's best price first, and there the oldest order first.

An order that arrives (`arrive`) either rests or ends at once, or is put on the queue of work as a `Sweep`, whose steps
(`sweep`) are matches. It is in no book until it rests, so a sweep that is interrupted by a full batch leaves the books
uncrossed.
"""

from __future__ import annotations

from polyfeed.model.enums import CloseReason, OrderKind, SelfTrade, Side, TimeInForce
from polyfeed.model.events import OwnFill, Trade
from polyfeed.model.formulas import cost, fee
from polyfeed.venue.book import BookSide
from polyfeed.venue.draft import MATCH, Draft
from polyfeed.venue.ledger import affordable, in_bounds, settle
from polyfeed.venue.lifecycle import close, forget, report, rest, side_of
from polyfeed.venue.orders import Order
from polyfeed.venue.selftrade import offset
from polyfeed.venue.state import State

BUY = Side.BUY
LIMIT = OrderKind.LIMIT
IOC = TimeInForce.IOC
FOK = TimeInForce.FOK


def facing(order: Order) -> BookSide:
    """The side of the book that an order trades with."""
    market = order.market
    return market.asks if order.side is BUY else market.bids


def arrive(state: State, order: Order, draft: Draft) -> bool:
    """Lets an announced order into the market. True when it must be matched; otherwise it rests or has ended."""
    if not facing(order).meets(order.limit):
        finish(state, order, draft)
    elif order.post_only:
        close(state, order, CloseReason.POST_ONLY, draft)
    elif order.tif is FOK and not fillable(state, order):
        close(state, order, CloseReason.FOK, draft)
    else:
        return True
    return False


def fillable(state: State, taker: Order) -> bool:
    """Whether an order can be filled whole, counting only what its self-trade mode, its money and the bounds of the
    ledger let it fill. Nothing is changed.
    """
    market, account = taker.market, taker.account
    wanted, moved = taker.left, 0
    available = account.balance(market.quote).available
    for maker in facing(taker).queue(taker.limit):
        own = maker.account is account
        if own and taker.self_trade is not SelfTrade.ALLOW:
            if taker.self_trade is SelfTrade.CANCEL_MAKER:
                continue
            return False
        size = min(wanted, maker.left)
        if pays_as_it_goes(taker) and affordable(taker, maker.price, size, available) < size:
            return False
        if not in_bounds(state, taker, maker, moved):
            return False
        value = cost(maker.price, size, market.divisor)
        available -= value + fee(value, taker.taker_ppm)
        if own:
            available += value - fee(value, maker.maker_ppm)
        moved += 2 * value + size * market.multiplier
        wanted -= size
        if not wanted:
            return True
    return False


def pays_as_it_goes(order: Order) -> bool:
    """Whether an order's money is not held beforehand: a market buy on limited credit."""
    return order.side is BUY and order.kind is not LIMIT and not order.account.house


def sweep(state: State, taker: Order, draft: Draft) -> bool:
    """Matches until the order is filled or ended or meets nothing more. False when the batch is full before that."""
    makers, limit = facing(taker), taker.limit
    while taker.left and makers.meets(limit):
        if not draft.claim(MATCH):
            return False
        maker = makers.head()
        if maker.account is taker.account and taker.self_trade is not SelfTrade.ALLOW:
            reason = offset(state, taker, maker, draft)
        else:
            reason = trade(state, taker, maker, draft)
        if reason is not None:
            close(state, taker, reason, draft)
            return True
    finish(state, taker, draft)
    return True


def finish(state: State, taker: Order, draft: Draft) -> None:
    """What becomes of an order that meets nothing more."""
    if not taker.left:
        forget(state, taker)
    elif taker.tif is FOK:
        close(state, taker, CloseReason.FOK, draft)
    elif taker.kind is not LIMIT:
        close(state, taker, CloseReason.MARKET_REST, draft)
    elif taker.tif is IOC:
        close(state, taker, CloseReason.IOC, draft)
    else:
        rest(state, taker, draft)


def trade(state: State, taker: Order, maker: Order, draft: Draft) -> CloseReason | None:
    """One match, at the maker's price. Returns why the taker cannot go on, if so."""
    market, price = taker.market, maker.price
    wanted = size = min(taker.left, maker.left)
    if pays_as_it_goes(taker):
        size = affordable(taker, price, wanted, taker.account.balance(market.quote).available)
    if not size or not in_bounds(state, taker, maker):
        return CloseReason.NO_FUNDS
    value = cost(price, size, market.divisor)
    fees = fee(value, taker.taker_ppm), fee(value, maker.maker_ppm)
    taker.left -= size
    taker.last_price = market.last_price = price
    level_size = side_of(maker).reduce(maker, size)
    if not maker.left:
        side_of(maker).remove(maker)
        forget(state, maker)
    for order, charged in zip((taker, maker), fees, strict=True):
        order.filled += size
        order.value += value
        order.fees += charged
    settle(state, taker, maker, size, value, fees, draft)
    state.last_trade_id += 1
    trade_id = state.last_trade_id
    draft.public.append(
        Trade(
            market.id,
            trade_id,
            price,
            size,
            taker.side,
            taker.kind,
            taker.id,
            maker.id,
            taker.left,
            maker.left,
            level_size,
        )
    )
    for order, charged in zip((taker, maker), fees, strict=True):
        draft.own(order.account.id).append(
            OwnFill(order.id, market.id, trade_id, order.side, price, size, value, charged, order is maker, order.left)
        )
        report(order, draft)
    return None if size == wanted else CloseReason.NO_FUNDS
