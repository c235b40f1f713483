"""The private channels: what happens to one account, an array per batch (spec/ekiden.md 6).

There is no snapshot: the state to begin with is asked for over REST. Nothing of these may be lost, so a reader that
falls behind is closed.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

from polyfeed.accounts.accounts import AccountChange
from polyfeed.dialects._base.effects import FeedKey
from polyfeed.dialects._base.feeds import Feed, Heard, OnLag
from polyfeed.dialects.ekiden import position_objects, spec
from polyfeed.dialects.ekiden import private_objects as objects
from polyfeed.dialects.ekiden.balances import balances
from polyfeed.dialects.ekiden.desk import Desk
from polyfeed.dialects.ekiden.public_objects import Object
from polyfeed.dialects.ekiden.wire import encode, event, event_head
from polyfeed.model.batches import Batch
from polyfeed.model.events import (
    BalanceSet,
    FundingPaid,
    OwnFill,
    OwnOrderAmended,
    OwnOrderOpened,
    OwnOrderUpdated,
    OwnTriggered,
    PositionSet,
    PositionSettled,
)


class AccountFeed(Feed):
    """A channel of one account: its changes are kept and told at the end of the batch."""

    on_lag = OnLag.CLOSE

    def __init__(self, key: FeedKey, desk: Desk) -> None:
        super().__init__(key)
        self.desk = desk
        self.changes: list[AccountChange] = []
        self._head = event_head(key.channel)

    def fold(self, change: Heard) -> None:
        """Keeps a change for the end of the batch."""
        if isinstance(change, AccountChange):
            self.changes.append(change)

    def flush(self, batch: Batch) -> Sequence[str]:
        """One message with the batch's objects."""
        rows = self.objects(batch)
        self.changes.clear()
        return (event(self._head, batch.ts, encode(rows)),) if rows else ()

    def snapshot(self) -> Sequence[str]:
        """Nothing."""
        return ()

    @abstractmethod
    def objects(self, batch: Batch) -> list[Object]:
        """What the changes of the batch come to."""


class OrderFeed(AccountFeed):
    """Every station of every order, as the order then stood; what changed nothing that is shown is left out.

    What a match closed of a position is told after it and belongs to it: the match's own station has it.
    """

    wants = (OwnOrderOpened, OwnOrderUpdated, OwnOrderAmended, OwnTriggered, PositionSettled)
    rank = spec.RANKS[spec.ORDER]

    def objects(self, batch: Batch) -> list[Object]:
        """The orders, each compared with what was last said of it in this batch."""
        market, account = self.desk.context.market, self.desk.context.accounts.get(self.key.account)
        rows: list[Object] = []
        said: dict[int, int] = {}
        for _, happened, order in self.changes:
            listing = self.desk.symbols.by_id(order.terms.instrument) if order else None
            if order is None or listing is None or account is None:
                continue
            row = objects.order(listing, market, account, order)
            place = said.get(order.order_id)
            if place is not None and isinstance(happened, PositionSettled):
                rows[place] = row
            elif place is None or rows[place] != row:
                said[order.order_id] = len(rows)
                rows.append(row)
        return rows


class ExecutionFeed(AccountFeed):
    """Every match, and every funding payment."""

    wants = (OwnFill, FundingPaid)
    rank = spec.RANKS[spec.EXECUTION]

    def objects(self, batch: Batch) -> list[Object]:
        """The executions in the order in which they happened."""
        market, account = self.desk.context.market, self.desk.context.accounts.get(self.key.account)
        rows: list[Object] = []
        for _, happened, order in self.changes:
            if account is None or not isinstance(happened, OwnFill | FundingPaid):
                continue
            listing = self.desk.symbols.by_id(happened.instrument)
            if listing is None:
                continue
            if isinstance(happened, OwnFill):
                terms = order.terms if order else None
                rows.append(objects.execution(listing, market, account, happened, terms, batch.ts))
            else:
                rows.append(position_objects.funding(listing, account, happened, batch.ts))
        return rows


class PositionFeed(AccountFeed):
    """Every position that changed, as it stands at the end of the batch."""

    wants = (PositionSet,)
    rank = spec.RANKS[spec.POSITION]

    def objects(self, batch: Batch) -> list[Object]:
        """The positions in the order of their first change."""
        desk = self.desk
        market, account = desk.context.market, desk.context.accounts.get(self.key.account)
        last = {one.event.instrument: one.event for one in self.changes if isinstance(one.event, PositionSet)}
        rows: list[Object] = []
        for number, held in last.items():
            listing = desk.symbols.by_id(number)
            if listing is not None and account is not None:
                changed = desk.projection.position(self.key.account, number)
                rows.append(position_objects.position(listing, market, account, held, changed))
        return rows


class BalanceFeed(AccountFeed):
    """The balances that changed, as they stand at the end of the batch; the settlement currency's always first."""

    wants = (BalanceSet, PositionSet)
    rank = spec.RANKS[spec.BALANCE]

    def objects(self, batch: Batch) -> list[Object]:
        """One object for each currency."""
        account = self.desk.context.accounts.get(self.key.account)
        if account is None:
            return []
        changed = [one.event.currency for one in self.changes if isinstance(one.event, BalanceSet)]
        return balances(self.desk, account, changed)


PRIVATE_FEEDS: dict[str, type[AccountFeed]] = {
    spec.ORDER: OrderFeed,
    spec.EXECUTION: ExecutionFeed,
    spec.POSITION: PositionFeed,
    spec.BALANCE: BalanceFeed,
}
