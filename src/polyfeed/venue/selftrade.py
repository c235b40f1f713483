"""What happens when an order meets another one of the same account. The arriving order's mode counts."""

from __future__ import annotations

from polyfeed.model.enums import CloseReason, SelfTrade, Side
from polyfeed.model.events import OwnSelfTrade
from polyfeed.venue.draft import Draft
from polyfeed.venue.ledger import hold
from polyfeed.venue.lifecycle import close, report, shrink, side_of
from polyfeed.venue.orders import Order
from polyfeed.venue.state import State

SELF_TRADE = CloseReason.SELF_TRADE


def offset(state: State, taker: Order, maker: Order, draft: Draft) -> CloseReason | None:
    """Deals with two orders of one account that may not trade. Returns why the taker ends, if it does."""
    mode = taker.self_trade
    if mode is SelfTrade.CANCEL_TAKER:
        return SELF_TRADE
    if mode is SelfTrade.DECREMENT:
        return decrement(state, taker, maker, draft)
    close(state, maker, SELF_TRADE, draft)
    return SELF_TRADE if mode is SelfTrade.CANCEL_BOTH else None


def decrement(state: State, taker: Order, maker: Order, draft: Draft) -> CloseReason | None:
    """Takes the smaller of the two off both, without a trade, a fee or a payment.

    An order that becomes nothing ends with nothing left. The total sizes stay: to a later amendment, what was offset is
    done as if it had filled.
    """
    market, account = taker.market, taker.account
    size = min(taker.left, maker.left)
    buy, sell = (taker, maker) if taker.side is Side.BUY else (maker, taker)
    draft.own(account.id).append(
        OwnSelfTrade(market.id, buy.id, sell.id, maker.price, size, taker.side, account.id, account.id)
    )
    if size < maker.left:
        shrink(maker, size, draft)
        report(maker, draft)
    else:
        side_of(maker).reduce(maker, size)
        close(state, maker, SELF_TRADE, draft)
    taker.left -= size
    if not taker.left:
        return SELF_TRADE
    hold(taker, draft)
    report(taker, draft)
    return None
