"""The private channels of a market, and `my_orders` (spec/bitstamp.md 5).

A channel names a user, that is a main account. Whoever subscribed with a key of the main account hears all accounts of
the user, each through a feed of its own (`parameter` WHOLE_USER); with a key of a sub-account only that one.
"""

from __future__ import annotations

from collections.abc import Sequence

from polyfeed.accounts.accounts import AccountChange
from polyfeed.dialects._base.effects import FeedKey
from polyfeed.dialects._base.feeds import Feed, Heard, OnLag
from polyfeed.dialects.bitstamp import spec, wire
from polyfeed.dialects.bitstamp.markets import Listed
from polyfeed.dialects.bitstamp.order_events import Row, event_name, order_data, order_ids
from polyfeed.dialects.bitstamp.projection import OWN_ORDER_EVENTS, BitstampProjection
from polyfeed.model.batches import Batch
from polyfeed.model.events import OwnOrderOpened
from polyfeed.model.orders import OwnOrder


class Owner:
    """Whose channel it is: `user` is in its name, `trade_account` in its payloads (0 for the main account)."""

    __slots__ = ("trade_account", "user")

    def __init__(self, account: int, parent: int) -> None:
        self.user = parent or account
        self.trade_account = account if parent else 0


class PrivateFeed(Feed):
    """A channel of one account in one market. Nothing of it may be missed, and newcomers get nothing."""

    on_lag = OnLag.CLOSE

    def __init__(self, key: FeedKey, owner: Owner, listed: Listed) -> None:
        super().__init__(key)
        self.owner = owner
        self.listed = listed
        self.channel = f"{key.channel}_{listed.symbol}-{owner.user}"

    def snapshot(self) -> Sequence[str]:
        """Nothing."""
        return ()


class MyOrdersFeed(PrivateFeed):
    """The market's events that are about the account's orders, and those of its waiting stop orders."""

    wants = OWN_ORDER_EVENTS
    rank = spec.RANKS[spec.MY_ORDERS]

    def __init__(self, key: FeedKey, owner: Owner, listed: Listed, projection: BitstampProjection) -> None:
        super().__init__(key, owner, listed)
        self._projection = projection
        self._orders: dict[int, OwnOrder] = {}

    def fold(self, change: Heard) -> None:
        """Notes which orders the batch is about."""
        if isinstance(change, AccountChange) and change.order is not None:
            order = change.order
            if order.terms.instrument == self.listed.id:
                self._orders[order.order_id] = order

    def flush(self, batch: Batch) -> Sequence[str]:
        """The events of those orders, in their order; what happened outside the book comes first."""
        orders, self._orders = self._orders, {}
        if not orders:
            return ()
        stops = self._projection.stop_rows(self.key.account, self.listed.id)
        public = [row for row in self._projection.rows(self.listed) if row.order_id in orders]
        return [self._frame(row, orders[row.order_id].terms) for row in (*(own.row for own in stops), *public)]

    def _frame(self, row: Row, terms: OwnOrderOpened) -> str:
        trade_account = self.owner.trade_account
        data = order_data(self.listed, row, own_terms(self.listed, terms, row, trade_account))
        ids_text = f',"trade_account_id":{trade_account}{order_ids(self.listed, row)}'
        return wire.data_frame(data, self.channel, event_name(row, terms.replaces), ids_text)


def own_terms(listed: Listed, terms: OwnOrderOpened, row: Row, trade_account: int) -> str:
    """What an owner's payload has more than the public one: only what the order has (seed, Private My Orders)."""
    more = f',"trade_account_id":{trade_account}'
    if terms.client_id:
        more += f',"client_order_id":{wire.rest_json(terms.client_id)}'
    if terms.reduce_only:
        more += ',"reduce_only":true'
    if terms.trigger_price:
        more += f',"stop_price":"{listed.price(terms.trigger_price)}"'
    if terms.activation_price:
        more += f',"activation_price":"{listed.price(terms.activation_price)}"'
    if terms.trailing_bps:
        more += f',"trailing_delta":{terms.trailing_bps}'
    if terms.replaces and row.event == spec.CREATED:
        more += f',"orig_order_id":{terms.replaces}'
    return more
