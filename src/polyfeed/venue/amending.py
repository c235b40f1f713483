"""Changing an open order.

An amendment that keeps the price and makes the size smaller keeps the order's place. One that keeps the price and makes
it larger sends the order to the end of its queue, which its level survives. A new price is one decision made of an
ending (`AMENDED`) and a new arrival with the same id and the new terms, which follows all the rules of an arrival.
So a post-only order that is amended to a price at which it would trade ends with `POST_ONLY`, as if it had been entered
with that price: its owner no longer wants the old price, and the old place is lost by any change of it. (Bitstamp's
`replace_order` and Rails' `modifyOrder` are a cancellation and a new order, too.) An order that still waits for its
trigger has no place to lose; only its owner hears of the change.

What would refuse a new order, such as a price off the tick or a cost above what the account has, refuses the amendment
before the order is touched; so does a market whose status would not let it in anew, even for a smaller size.
"""

from __future__ import annotations

from polyfeed.model.batches import Outcome
from polyfeed.model.commands import AmendOrder
from polyfeed.model.enums import CloseReason, OrderKind, Refusal
from polyfeed.model.events import OrderClosed, OwnOrderAmended
from polyfeed.venue import checks
from polyfeed.venue.draft import Draft
from polyfeed.venue.entry import check_funds
from polyfeed.venue.items import Sweep
from polyfeed.venue.ledger import hold
from polyfeed.venue.lifecycle import publish, report, rest, shrink, side_of
from polyfeed.venue.matching import arrive
from polyfeed.venue.orders import Order
from polyfeed.venue.refused import Refused
from polyfeed.venue.state import State


def amend(state: State, command: AmendOrder, draft: Draft) -> Outcome:
    """Changes an open order's price or total size."""
    order = state.order(command.account, command.order_id)
    market = order.market
    price, size = command.price or order.price, command.size or order.size
    checks.check_status(market, order.kind, order.post_only)
    check_change(order, price, size)
    left = size - (order.size - order.left)
    if price == order.price and left < order.left:
        reduce(order, size, draft)
        return Outcome(order_id=order.id)
    if order.kind is OrderKind.LIMIT:
        added = left - order.left if price == order.price and order.level is not None else left
        checks.check_level(market, order.side, price, added)
    check_funds(order, price, left)
    if order.stop is not None:
        change(order, price, size, True, draft)
        report(order, draft)
    elif price == order.price:
        requeue(state, order, size, draft)
    else:
        reenter(state, order, price, size, draft)
    return Outcome(order_id=order.id)


def check_change(order: Order, price: int, size: int) -> None:
    """Whether the new terms are ones that the order can have. What was filled or offset counts as done."""
    market = order.market
    if price == order.price and size == order.size:
        raise Refused(
            Refusal.INVALID_TERMS, f"order {order.id} has this price and size already; send what is to be changed"
        )
    if price or order.kind is OrderKind.LIMIT:
        checks.check_price(market, price)
    if order.amount:
        if size:
            raise Refused(
                Refusal.INVALID_TERMS,
                f"order {order.id} is sized by an amount, which stays; change its price, or cancel it",
            )
        return
    checks.check_size(market, size, order.account.house)
    if order.kind is OrderKind.LIMIT:
        checks.check_cost(market, price, size)
    done = order.size - order.left
    if size <= done:
        raise Refused(
            Refusal.SIZE_BELOW_FILLED,
            f"{market.size_text(done)} of order {order.id} are done, size {market.size_text(size)} leaves nothing; "
            "send a larger size or cancel",
        )


def reduce(order: Order, size: int, draft: Draft) -> None:
    """Makes an order smaller where it is."""
    smaller = order.size - size
    if order.stop is not None:
        change(order, order.price, size, True, draft)
    else:
        order.size = size
        shrink(order, smaller, draft)
        tell_amended(order, True, draft)
    report(order, draft)


def requeue(state: State, order: Order, size: int, draft: Draft) -> None:
    """Takes an order to the end of its queue, larger. Its level is never seen without it."""
    side_of(order).remove(order)
    change(order, order.price, size, False, draft)
    rest(state, order, draft)


def reenter(state: State, order: Order, price: int, size: int, draft: Draft) -> None:
    """Takes an order out of the book and lets it arrive with its new terms."""
    market = order.market
    level_size = side_of(order).remove(order)
    draft.public.append(
        OrderClosed(market.id, order.id, order.side, order.price, order.left, CloseReason.AMENDED, level_size)
    )
    change(order, price, size, False, draft)
    publish(order, draft, amended=True)
    if arrive(state, order, draft):
        state.work.append(Sweep(order))


def change(order: Order, price: int, size: int, kept_place: bool, draft: Draft) -> None:
    """Gives an order that is in no book its new terms."""
    order.left += size - order.size
    order.price, order.size = price, size
    tell_amended(order, kept_place, draft)
    hold(order, draft)


def tell_amended(order: Order, kept_place: bool, draft: Draft) -> None:
    """Tells the owner the order's new terms."""
    draft.own(order.account.id).append(OwnOrderAmended(order.id, order.price, order.size, order.left, kept_place))
