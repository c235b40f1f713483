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
from polyfeed.venue.draft import MATCH, PERPETUAL_MATCH, Draft
from polyfeed.venue.items import Activation
from polyfeed.venue.ledger import affordable, buys_as_it_goes, coverable, in_bounds, settle
from polyfeed.venue.lifecycle import close, report, rest, side_of
from polyfeed.venue.markets import Market
from polyfeed.venue.orders import Order
from polyfeed.venue.perpetuals.gate import fillable_size, why
from polyfeed.venue.perpetuals.settling import MatchDetails, settle_match
from polyfeed.venue.quote_sized import spend, wanted
from polyfeed.venue.selftrade import offset
from polyfeed.venue.state import State

BUY = Side.BUY
LIMIT = OrderKind.LIMIT
MARKET = OrderKind.MARKET
IOC = TimeInForce.IOC
FOK = TimeInForce.FOK
SPOT: MatchDetails = ((), ((), ()), ())


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
    missing, moved = taker.left, 0
    available = account.balance(market.quote).available
    for maker in facing(taker).queue(taker.limit):
        own = maker.account.user == account.user
        if own and taker.self_trade is not SelfTrade.ALLOW:
            if taker.self_trade is SelfTrade.CANCEL_MAKER:
                continue
            return False
        size = min(missing, maker.left)
        if buys_as_it_goes(taker) and affordable(taker, maker.price, size, available) < size:
            return False
        if not in_bounds(state, taker, maker, moved):
            return False
        value = cost(maker.price, size, market.divisor)
        available -= value + fee(value, taker.taker_ppm)
        if maker.account is account:
            available += value - fee(value, maker.maker_ppm)
        moved += 2 * value + size * market.multiplier
        missing -= size
        if not missing:
            return market.contract is None or fillable_size(taker, maker.price, taker.left) == taker.left
    return False


def sweep(state: State, taker: Order, draft: Draft) -> bool:
    """Matches until the order is filled or ended or meets nothing more. False when the batch is full before that."""
    makers, limit = facing(taker), taker.limit
    events = MATCH if taker.market.contract is None else PERPETUAL_MATCH
    while (taker.left or taker.amount) and makers.meets(limit):
        maker = makers.head()
        size = wanted(taker, maker) if taker.amount else min(taker.left, maker.left)
        if not size:
            break
        if not draft.claim(events):
            return False
        if maker.account.user == taker.account.user and taker.self_trade is not SelfTrade.ALLOW:
            reason = offset(state, taker, maker, size, draft)
        else:
            reason = trade(state, taker, maker, size, draft)
        if reason is not None:
            close(state, taker, reason, draft)
            return True
    finish(state, taker, draft)
    return True


def finish(state: State, taker: Order, draft: Draft) -> None:
    """What becomes of an order that meets nothing more."""
    if taker.amount:
        satisfied = taker.budget <= 0 or facing(taker).meets(taker.limit)
        close(state, taker, CloseReason.FILLED if taker.filled and satisfied else CloseReason.MARKET_REST, draft)
    elif not taker.left:
        state.forget(taker)
    elif taker.tif is FOK:
        close(state, taker, CloseReason.FOK, draft)
    elif taker.kind is not LIMIT:
        close(state, taker, CloseReason.MARKET_REST, draft)
    elif taker.tif is IOC:
        close(state, taker, CloseReason.IOC, draft)
    else:
        rest(state, taker, draft)


def fire(state: State, market: Market) -> None:
    """Lets the last price fire the waiting orders that it reaches: they come in when this order is dealt with."""
    state.work.extend(map(Activation, market.watch.reached(market.last_price)))


def trade(state: State, taker: Order, maker: Order, asked: int, draft: Draft) -> CloseReason | None:
    """One match, at the maker's price, of the size `asked` if it can be. Returns why the taker cannot go on, if so."""
    market, price = taker.market, maker.price
    size = coverable(taker, price, asked)
    if not size or not in_bounds(state, taker, maker):
        return CloseReason.NO_FUNDS
    if market.contract is not None:
        asked = fillable_size(maker, price, size)
        if not asked:
            close(state, maker, why(maker), draft)
            return None
        size = fillable_size(taker, price, asked)
        if not size:
            return why(taker)
    value = cost(price, size, market.divisor)
    fees = fee(value, taker.taker_ppm), fee(value, maker.maker_ppm)
    if taker.amount:
        spend(taker, value, fees[0])
    else:
        taker.left -= size
    taker.last_price = market.last_price = price
    level_size = side_of(maker).reduce(maker, size)
    if not maker.left:
        side_of(maker).remove(maker)
        state.forget(maker)
    for order, charged in zip((taker, maker), fees, strict=True):
        order.filled += size
        order.value += value
        order.fees += charged
    state.last_trade_id += 1
    trade_id = state.last_trade_id
    if market.contract is None:
        settle(state, taker, maker, size, value, fees, draft)
        more: MatchDetails = SPOT
    else:
        more = settle_match(state, taker, maker, size, value, fees, draft)
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
            *more[0],
        )
    )
    for order, charged, details in zip((taker, maker), fees, more[1], strict=True):
        own_fill = (order.id, market.id, trade_id, order.side, price, size, value, charged, order is maker, order.left)
        draft.own(order.account.id).append(OwnFill(*own_fill, *details))
        report(order, draft)
    for account, settled in more[2]:
        draft.own(account).append(settled)
    if market.watch.orders:
        fire(state, market)
    if size == asked:
        return None
    return CloseReason.NO_FUNDS if market.contract is None else why(taker)
