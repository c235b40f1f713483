"""What happens when an order meets another one of the same user. The arriving order's mode counts.

A main account and its sub-accounts are one user, whose orders do not trade with each other.
"""

from __future__ import annotations

from polyfeed.model.enums import CloseReason, SelfTrade, Side
from polyfeed.model.events import OwnSelfTrade
from polyfeed.model.formulas import cost
from polyfeed.venue.draft import Draft
from polyfeed.venue.ledger import hold
from polyfeed.venue.lifecycle import close, report, shrink, side_of
from polyfeed.venue.orders import Order
from polyfeed.venue.state import State

SELF_TRADE = CloseReason.SELF_TRADE


def offset(state: State, taker: Order, maker: Order, size: int, draft: Draft) -> CloseReason | None:
    """Deals with two orders of one user that would trade `size` and may not. Returns why the taker ends, if it does."""
    mode = taker.self_trade
    if mode is SelfTrade.CANCEL_TAKER:
        return SELF_TRADE
    if mode is SelfTrade.DECREMENT:
        return decrement(state, taker, maker, size, draft)
    close(state, maker, SELF_TRADE, draft)
    return SELF_TRADE if mode is SelfTrade.CANCEL_BOTH else None


def decrement(state: State, taker: Order, maker: Order, size: int, draft: Draft) -> CloseReason | None:
    """Takes `size` off both, without a trade, a fee or a payment; off a quote-sized taker what it would have cost.

    An order that becomes nothing ends with nothing left. The total sizes stay: to a later amendment, what was offset is
    done as if it had filled. Both accounts are told, where they are two.
    """
    tell(taker, maker, size, draft)
    enough = size < maker.left
    if enough:
        shrink(maker, size, draft)
        report(maker, draft)
    else:
        side_of(maker).reduce(maker, size)
        close(state, maker, SELF_TRADE, draft)
    if taker.amount:
        taker.budget -= cost(maker.price, size, taker.market.divisor)
        enough = enough or taker.budget <= 0
    else:
        taker.left -= size
        enough = not taker.left
    if enough:
        return SELF_TRADE
    hold(taker, draft)
    report(taker, draft)
    return None


def tell(taker: Order, maker: Order, size: int, draft: Draft) -> None:
    """Tells the owners that their orders are offset."""
    buy, sell = (taker, maker) if taker.side is Side.BUY else (maker, taker)
    event = OwnSelfTrade(
        *(taker.market.id, buy.id, sell.id, maker.price, size, taker.side), buy.account.id, sell.account.id
    )
    draft.own(taker.account.id).append(event)
    if maker.account is not taker.account:
        draft.own(maker.account.id).append(event)
