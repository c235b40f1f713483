"""`createOrder` as a command (spec/rails.md 7)."""

from __future__ import annotations

from polyfeed.accounts.account import Account
from polyfeed.dialects.rails import requests, spec
from polyfeed.dialects.rails.leverage import check_leverage
from polyfeed.dialects.rails.markets import Market
from polyfeed.dialects.rails.requests import Content, Refused
from polyfeed.model.commands import PlaceOrder
from polyfeed.model.enums import OrderKind, Side, Trigger

_SIDES = {"buy": Side.BUY, "sell": Side.SELL}
_PPM = 1_000_000


def read_order(account: Account, market: Market, client_id: str, content: Content, *, bound: bool) -> PlaceOrder:
    """The order that a request asks for. Raises Refused at the first thing that is wrong with it.

    A `bound` one is to end with the gateway.
    """
    side = _SIDES[requests.read_choice(content, "orderType", ("buy", "sell"), spec.BAD_SIDE)]
    limit = requests.read_choice(content, "tradeType", ("limit", "market"), spec.BAD_KIND) == "limit"
    size = requests.read_number(content, "quantity", market.size_scale)
    post_only = requests.read_flag(content, "postOnly")
    check_leverage(account, market, content)
    trigger = spec.TRIGGERS[
        requests.read_choice(content, "triggerType", tuple(spec.TRIGGERS), spec.BAD_TRIGGER, default="none")
    ]
    trigger_price = _trigger_price(market, trigger, content)
    if limit:
        price = requests.read_number(content, "price", market.price_scale)
    else:
        price = _worst_price(market, side, post_only, trigger_price, content)
    return PlaceOrder(
        account.account_id,
        market.id,
        side,
        OrderKind.LIMIT if limit else OrderKind.MARKET,
        size,
        price,
        post_only=post_only,
        client_id=client_id,
        trigger=trigger,
        trigger_price=trigger_price,
        bound=bound,
    )


def _trigger_price(market: Market, trigger: Trigger, content: Content) -> int:
    if trigger is not Trigger.NONE:
        return requests.read_number(content, "triggerPrice", market.price_scale)
    if content.get("triggerPrice") not in (None, "0", 0):
        raise Refused(spec.BAD, spec.TRIGGER_WITHOUT_PRICE)
    return 0


def _worst_price(market: Market, side: Side, post_only: bool, trigger_price: int, content: Content) -> int:
    """Where a market order stops: `maxSlippage` beyond the best price it would meet now, on the tick grid.

    Without one that is the last price; for an order with a trigger it is the trigger's.
    """
    if post_only:
        raise Refused(spec.BAD, spec.MARKET_POST_ONLY)
    if content.get("price") is not None:
        raise Refused(spec.BAD, spec.MARKET_WITH_PRICE)
    slippage = requests.read_slippage(content)
    best = (market.state.book.asks if side is Side.BUY else market.state.book.bids).best()
    start = trigger_price or (market.state.stats.last if best is None else best.price)
    if not start:
        raise Refused(spec.BAD, spec.NO_LIQUIDITY)
    tick = market.state.instrument.tick
    if side is Side.BUY:
        return start * (_PPM + slippage) // (_PPM * tick) * tick
    return max(-(-start * (_PPM - slippage) // (_PPM * tick)) * tick, tick)
