"""`slippage_tolerance` of a market order: how far from the best price it may trade (the SDK's two forms)."""

from __future__ import annotations

from typing import Any

from polyfeed.dialects.ekiden.rest_values import CallRefused, decimal_of
from polyfeed.dialects.ekiden.symbols import Listing
from polyfeed.model.enums import OrderKind, Side, Trigger

PERCENT_DECIMALS = 4
HUNDRED_PERCENT = 1_000_000


def worst_price(listing: Listing, kind: OrderKind, side: Side, trigger: Trigger, price: int, tolerance: Any) -> int:
    """The worst price that it leaves, on the tick, counted from the best price that the order meets when it is sent; no
    worse than `price`, where the order has one. Raises CallRefused.
    """
    if kind is OrderKind.LIMIT or trigger is not Trigger.NONE:
        raise CallRefused("slippage_tolerance is of market orders that trade at once")
    state, tick = listing.state, listing.state.instrument.tick
    best = (state.book.asks if side is Side.BUY else state.book.bids).best()
    if best is None:
        raise CallRefused("slippage_tolerance needs a price to count from, and there is nothing to trade with")
    reach = _reach(tolerance, best.price, tick)
    bound = best.price + reach if side is Side.BUY else best.price - reach
    bound = max(tick, bound - bound % tick if side is Side.BUY else bound + -bound % tick)
    if not price:
        return bound
    return min(price, bound) if side is Side.BUY else max(price, bound)


def _reach(tolerance: Any, best: int, tick: int) -> int:
    """A number of ticks, or a part of the best price."""
    if isinstance(tolerance, dict):
        if "tick_size" in tolerance:
            return decimal_of(tolerance, "tick_size", 0) * tick
        if "percent" in tolerance:
            return best * decimal_of(tolerance, "percent", PERCENT_DECIMALS) // HUNDRED_PERCENT
    raise CallRefused('slippage_tolerance is {"tick_size": ticks} or {"percent": part}')
