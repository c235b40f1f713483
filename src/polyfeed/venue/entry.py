"""Entering, changing and cancelling orders.

Each handler checks everything first (and may raise Refused), then acts; what takes many steps it puts on the queue.

An amendment that keeps price and place only shrinks the order. Any other is one decision made of an ending (`AMENDED`)
and a new arrival with the same id and the new terms, and follows all the rules of an arrival. So a post-only order
amended to a price where it would trade ends with `POST_ONLY`, as if it had been entered with that price: its owner no
longer wants the old price, and the old place is lost by any change of price. (Bitstamp's `replace_order` and Rails'
`modifyOrder` are a cancellation and a new order as well.) What would be refused of a new order, such as a price off the
tick or a cost above what the account has, refuses the amendment before the order is touched.
"""

from __future__ import annotations

from polyfeed.model.batches import Outcome
from polyfeed.model.commands import AmendOrder, CancelAll, CancelOrder, PlaceOrder
from polyfeed.model.enums import CloseReason, InstrumentStatus, OrderKind, Refusal
from polyfeed.model.events import OrderClosed, OrderOpened, OwnOrderAmended
from polyfeed.model.ids import next_order_id
from polyfeed.venue import checks
from polyfeed.venue.draft import Draft
from polyfeed.venue.ledger import fund, hold, required
from polyfeed.venue.lifecycle import announce, close, report, shrink, side_of
from polyfeed.venue.matching import arrive
from polyfeed.venue.orders import Order
from polyfeed.venue.refused import Refused
from polyfeed.venue.state import State
from polyfeed.venue.work import Sweep, Withdrawal

LIMIT = OrderKind.LIMIT


def place(state: State, command: PlaceOrder, draft: Draft) -> Outcome:
    """Enters an order."""
    account = state.account(command.account)
    market = state.market(command.instrument)
    checks.check_status(market, command.kind, command.post_only)
    checks.check_terms(market, command)
    if command.kind is LIMIT:
        checks.check_cost(market, command.price, command.size)
        checks.check_level(market, command.side, command.price, command.size)
    if command.order_id:
        checks.check_imported_id(state, account, command.order_id)
    order = Order(account, market, command)
    check_funds(order, order.price, order.left)
    order.id = give_id(state, command.order_id, draft.ts)
    announce(order, command, draft)
    hold(order, draft)
    if arrive(state, order, draft):
        state.work.append(Sweep(order))
    return Outcome(order_id=order.id)


def give_id(state: State, imported: int, ts: int) -> int:
    """The new order's id: its own, or one higher than any before, imported ones included."""
    order_id = imported or next_order_id(state.last_order_id, ts)
    state.last_order_id = max(state.last_order_id, order_id)
    return order_id


def check_funds(order: Order, price: int, left: int) -> None:
    """Whether an account has the money that an order of it must hold, counting what it holds already."""
    if order.account.house:
        return
    need = required(order, price, left)
    balance = fund(order)
    if need - order.held > balance.available:
        raise Refused(
            Refusal.INSUFFICIENT_FUNDS,
            f"account {order.account.id} has {balance.available + order.held} units of {balance.currency} for this "
            f"order, which needs {need}; send a smaller size or free some",
        )


def cancel(state: State, command: CancelOrder, draft: Draft) -> Outcome:
    """Takes one resting order out."""
    order = owned(state, command)
    checks.check_cancelling(order.market)
    close(state, order, CloseReason.USER, draft)
    return Outcome(order_id=order.id)


def cancel_all(state: State, command: CancelAll, _draft: Draft) -> Outcome:
    """Takes an account's orders out, of one instrument or of all; where all are meant, halted markets keep theirs."""
    account = state.account(command.account)
    if command.instrument == -1:
        orders = [o for o in account.orders.values() if o.market.status is not InstrumentStatus.HALTED]
    else:
        market = state.market(command.instrument)
        checks.check_cancelling(market)
        orders = [o for o in account.orders.values() if o.market is market]
    orders.reverse()
    state.work.append(Withdrawal(orders))
    return Outcome()


def owned(state: State, command: CancelOrder | AmendOrder) -> Order:
    """The resting order a command means. Raises Refused when there is none or it is not the account's."""
    account = state.account(command.account)
    order = state.orders.get(command.order_id)
    if order is None:
        raise Refused(
            Refusal.UNKNOWN_ORDER,
            f"order {command.order_id} is in no book: it was never placed, or is filled or ended; list the open orders",
        )
    if order.account is not account:
        raise Refused(
            Refusal.NOT_ITS_OWNER, f"order {command.order_id} is not account {command.account}'s; name its owner"
        )
    return order


def amend(state: State, command: AmendOrder, draft: Draft) -> Outcome:
    """Changes a resting order's price or size."""
    order = owned(state, command)
    market = order.market
    price, size = command.price or order.price, command.size or order.size
    checks.check_status(market, order.kind, order.post_only)
    if price == order.price and size == order.size:
        raise Refused(
            Refusal.INVALID_TERMS, f"order {order.id} has this price and size already; send what is to be changed"
        )
    checks.check_price(market, price)
    checks.check_size(market, size)
    done = order.size - order.left
    left = size - done
    if left <= 0:
        raise Refused(
            Refusal.SIZE_BELOW_FILLED,
            f"{market.size_text(done)} of order {order.id} are done, size {market.size_text(size)} leaves nothing; send a "
            "larger size or cancel",
        )
    checks.check_cost(market, price, size)
    keeps_place = price == order.price and left < order.left
    if not keeps_place:
        checks.check_level(market, order.side, price, left)
        check_funds(order, price, left)
    if keeps_place:
        order.size = size
        shrink(order, order.left - left, draft)
        tell_amended(order, True, draft)
        report(order, draft)
    else:
        requeue(state, order, price, size, draft)
    return Outcome(order_id=order.id)


def requeue(state: State, order: Order, price: int, size: int, draft: Draft) -> None:
    """Takes an order out of the book and lets it arrive anew with other terms."""
    market = order.market
    left = size - (order.size - order.left)
    level_size = side_of(order).remove(order)
    draft.public.append(
        OrderClosed(market.id, order.id, order.side, order.price, order.left, CloseReason.AMENDED, level_size)
    )
    order.price, order.size, order.left = price, size, left
    draft.public.append(
        OrderOpened(market.id, order.id, order.side, price, left, order.kind, order.tif, order.post_only, amended=True)
    )
    tell_amended(order, False, draft)
    hold(order, draft)
    if arrive(state, order, draft):
        state.work.append(Sweep(order))


def tell_amended(order: Order, kept_place: bool, draft: Draft) -> None:
    """Tells the owner the order's new terms."""
    draft.own(order.account.id).append(OwnOrderAmended(order.id, order.price, order.size, order.left, kept_place))
