"""What an order of a perpetual may do: enter, and fill."""

from __future__ import annotations

from polyfeed.model.enums import CloseReason, Refusal, Side
from polyfeed.model.formulas import cost, fee
from polyfeed.venue.orders import Order
from polyfeed.venue.perpetuals.margin import fits, lacking
from polyfeed.venue.perpetuals.settling import position_of
from polyfeed.venue.refused import Refused

BUY = Side.BUY


def check_order(order: Order, price: int, left: int, instead: Order | None) -> None:
    """Whether an order may have these terms, in place of itself as it is or of another one. Raises Refused."""
    account, market, contract = order.account, order.market, order.market.contract
    assert contract is not None
    if not contract.mark:
        raise Refused(Refusal.MARKET_CLOSED, f"{market.name} has no index price yet; wait for one")
    if account.house:
        return
    bound = contract.bound(order.side)
    if price and (price > bound if order.side is BUY else price < bound):
        raise Refused(
            Refusal.INVALID_PRICE,
            f"price {market.price_text(price)} of {market.name} is beyond {market.price_text(bound)}, too far from the "
            "mark price to be in your interest; choose a better one",
        )
    position = position_of(account, market)
    if order.reduce_only and (position.size >= 0 if order.side is BUY else position.size <= 0):
        raise Refused(
            Refusal.INVALID_TERMS, f"account {account.id} has no position in {market.name} that this would reduce"
        )
    short = lacking(order, price, left, (order.id, instead.id if instead is not None else 0))
    if short:
        raise Refused(
            Refusal.INSUFFICIENT_FUNDS,
            f"account {account.id} lacks {short} units of {market.quote} of initial margin for this order; send a "
            "smaller size, or free some",
        )


def fillable_size(order: Order, price: int, size: int) -> int:
    """How much of a match an order may take part in: no more than it may reduce, and all or nothing of what its
    account's margin allows. The venue's own liquidating orders are not asked for margin.
    """
    position = position_of(order.account, order.market)
    if order.reduce_only:
        size = min(size, max(0, -position.size if order.side is BUY else position.size))
    if not size or order.liquidation:
        return size
    charge = fee(cost(price, size, order.market.divisor), order.taker_ppm if order.level is None else order.maker_ppm)
    return size if fits(position, order.side, size, price, charge) else 0


def why(order: Order) -> CloseReason:
    """Why an order that may not fill ends."""
    size = order.account.positions[order.market.id].size
    gone = order.reduce_only and (size >= 0 if order.side is BUY else size <= 0)
    return CloseReason.REDUCE_ONLY if gone else CloseReason.NO_FUNDS
