"""What is numbered and kept whether or not anybody listens: chains of event ids, books on the grid, the last events.

Public changes of a batch come first, so the events of an account's orders are found among those of the markets; only
waiting stop orders, which no public channel shows, have events and a chain of their own (spec/bitstamp.md 4.5, 5).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from polyfeed.accounts.accounts import AccountChange, Accounts
from polyfeed.dialects._base.feeds import GRID_US
from polyfeed.dialects._base.projection import Fold, Projection
from polyfeed.dialects.bitstamp import projection_image as images
from polyfeed.dialects.bitstamp import spec, wire
from polyfeed.dialects.bitstamp.markets import Listed, Markets
from polyfeed.dialects.bitstamp.order_events import OwnRow, Row, first_price, subtype
from polyfeed.dialects.bitstamp.records import FOLDS, Record
from polyfeed.market.changes import InstrumentChange
from polyfeed.model.batches import Batch
from polyfeed.model.enums import OrderStatus, Trigger
from polyfeed.model.events import (
    InstrumentListed,
    OwnFill,
    OwnOrderAmended,
    OwnOrderOpened,
    OwnOrderUpdated,
    OwnTriggered,
)

OWN_ORDER_EVENTS = (OwnOrderOpened, OwnOrderUpdated, OwnOrderAmended, OwnFill, OwnTriggered)


class BitstampProjection(Projection):
    """Of all markets that Bitstamp lists. `kept` is how many events of each market and each account are remembered."""

    def __init__(self, markets: Markets, accounts: Accounts, kept: int) -> None:
        self._markets = markets
        self._accounts = accounts
        self._kept = kept
        self._records: dict[int, Record | None] = {}
        self._own: dict[int, deque[OwnRow]] = {}
        self._batch: Batch | None = None
        self._touched: dict[Record, None] = {}
        self._by_order: dict[int, list[Row]] | None = None
        self._told: set[tuple[int, int]] = set()
        self._stop_rows: list[tuple[int, OwnRow]] = []
        self.folds = {
            **{kind: self._of_market(fold) for kind, fold in FOLDS.items()},
            InstrumentListed: self._listed,
            **dict.fromkeys(OWN_ORDER_EVENTS, self._own_order),
        }

    # --- what others read -------------------------------------------------------------------------------------------

    def record(self, listed: Listed) -> Record:
        """The record of a listed market."""
        found = self._records.get(listed.id)
        if found is None:
            found = self._records[listed.id] = Record(listed, self._kept)
        return found

    def rows(self, listed: Listed) -> Sequence[Row]:
        """The market's order events of the running batch."""
        return self.record(listed).rows

    def stop_rows(self, account: int, instrument: int) -> list[OwnRow]:
        """The events of the account's waiting stop orders in the running batch."""
        return [own for owner, own in self._stop_rows if owner == account and own.instrument == instrument]

    def own(self, account: int) -> Iterable[OwnRow]:
        """The last events of an account's orders, oldest first. House accounts, which nobody asks for, have none."""
        return self._own.get(account, ())

    # --- folding ----------------------------------------------------------------------------------------------------

    def settle(self, batch: Batch) -> None:
        """Nothing of the batch before is left to be read, even where nothing in this one was any matter of it."""
        if batch is not self._batch:
            self._begin(batch)

    def _of_market(self, fold: Callable[[Record, Any, int], None]) -> Fold:
        """Has the record of a change's market take it in."""

        def folded(batch: Batch, change: InstrumentChange) -> None:
            if batch is not self._batch:
                self._begin(batch)
            record = self._known(change.instrument)
            if record is None:
                return
            if record not in self._touched:
                self._touched[record] = None
                record.advance(batch.ts - batch.ts % GRID_US)
            fold(record, change, batch.ts)

        return folded

    def _listed(self, _batch: Batch, change: InstrumentListed) -> None:
        self._known(change.instrument.id)

    def _begin(self, batch: Batch) -> None:
        for record in self._touched:
            record.rows = []
        self._batch = batch
        self._touched = {}
        self._by_order = None
        self._told.clear()
        self._stop_rows = []

    def _known(self, instrument: int) -> Record | None:
        if instrument not in self._records:
            self._records[instrument] = None
            for listed in self._markets:
                if listed.id == instrument:
                    del self._records[instrument]
                    return self.record(listed)
        return self._records[instrument]

    # --- accounts ---------------------------------------------------------------------------------------------------

    def _own_order(self, batch: Batch, change: AccountChange) -> None:
        order = change.order
        if order is None:
            return
        if batch is not self._batch:
            self._begin(batch)
        terms = order.terms
        stop, owned = terms.trigger is not Trigger.NONE, (change.account, terms.order_id)
        if not stop and owned in self._told:
            return
        record = self._known(terms.instrument)
        if record is None:
            return
        rows = self._of_order(terms.order_id)
        if stop:
            event = _stop_event(change, bool(rows))
            if event:
                self._stop_event(batch, change, record, event)
        if rows and owned not in self._told:
            self._told.add(owned)
            for row in rows:
                self._remember(change.account, OwnRow(terms.instrument, row, terms))

    def _of_order(self, order_id: int) -> list[Row]:
        """The public events of an order in this batch."""
        if self._by_order is None:
            self._by_order = {}
            for record in self._touched:
                for row in record.rows:
                    self._by_order.setdefault(row.order_id, []).append(row)
        return self._by_order.get(order_id, [])

    def _stop_event(self, batch: Batch, change: AccountChange, record: Record, event: str) -> None:
        order = change.order
        assert order is not None
        terms, ts = order.terms, wire.to_millisecond(batch.ts)
        price = order.price or first_price(terms, record.listed.instrument.price_scale)
        row = Row(
            event,
            order.order_id,
            terms.side,
            subtype(terms.kind, terms.tif, terms.post_only, terms.trigger),
            ts,
            order.left,
            0,
            order.size,
            price,
            *record.stops.step(ts),
            stop=True,
            reason=int(order.reason) if event == spec.DELETED else 0,
        )
        own = OwnRow(terms.instrument, row, terms)
        self._stop_rows.append((change.account, own))
        self._remember(change.account, own)

    def _remember(self, account: int, own: OwnRow) -> None:
        owner = self._accounts.get(account)
        if owner is None or owner.house:
            return
        kept = self._own.get(account)
        if kept is None:
            kept = self._own[account] = deque(maxlen=self._kept)
        kept.append(own)

    # --- snapshots --------------------------------------------------------------------------------------------------

    def snapshot(self) -> bytes:
        """Its state as bytes, the same for equal states."""
        records = [images.image_of(one) for _, one in sorted(self._records.items()) if one is not None]
        own = [(owner, list(rows)) for owner, rows in sorted(self._own.items())]
        return images.encode(images.ProjectionImage(records, own))

    def restore(self, data: bytes) -> None:
        """Takes over the state that `snapshot` gave; the market, which knows the orders, must be restored before."""
        image = images.decode(data)
        self._records = {}
        for shown in image.records:
            images.restore(self.record(self._markets.by_id(shown.instrument)), shown)
        self._own = {owner: deque(rows, self._kept) for owner, rows in image.own}


def _stop_event(change: AccountChange, public: bool) -> str:
    """What happened to a stop order outside the book; nothing where the book shows what happened."""
    event, order = change.event, change.order
    if isinstance(event, OwnTriggered):
        return spec.STOP_ACTIVE if event.active else spec.STOP_INACTIVE
    if isinstance(event, OwnOrderOpened):
        return spec.STOP_INACTIVE if event.status is OrderStatus.UNTRIGGERED else ""
    if public or order is None:
        return ""
    if isinstance(event, OwnOrderAmended):
        return spec.CHANGED
    return spec.DELETED if order.ended else ""
