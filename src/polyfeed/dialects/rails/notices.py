"""What the stream `orders` says of what happened to an order (spec/rails.md 7).

Bytes depend on batches only: the `clientRequestId` of a cancellation or modification is the batch's `reference`, that
of everything else the order's own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

from polyfeed.accounts.account import EVERY_PERPETUAL, Account
from polyfeed.accounts.accounts import AccountChange
from polyfeed.dialects.rails import spec, wire
from polyfeed.dialects.rails.ids import is_uuid
from polyfeed.dialects.rails.markets import Listing, Market
from polyfeed.dialects.rails.orders import as_entered, client_id_text, order_object
from polyfeed.model.batches import Batch
from polyfeed.model.enums import CloseReason, OrderStatus
from polyfeed.model.events import LeverageSet, OwnFill, OwnOrderAmended, OwnOrderOpened, OwnOrderUpdated, OwnTriggered
from polyfeed.model.orders import OwnOrder

T = TypeVar("T")


class Once:
    """What several feeds say of one batch, made once: a market's own and that of all markets say the same bytes."""

    def __init__(self) -> None:
        self._batch: Batch | None = None
        self._made: dict[object, object] = {}

    def made(self, batch: Batch, key: object, make: Callable[[], T]) -> T:
        """What `make` gives, or gave before for this key of this batch."""
        if self._batch is not batch:
            self._batch = batch
            self._made = {}
        found = self._made.get(key)
        if found is None:
            found = self._made[key] = make()
        return found  # type: ignore[return-value]


def reference_of(batch: Batch) -> str:
    """The `clientRequestId` of the request that the batch answers, empty without one."""
    reference = "" if batch.origin is None else batch.origin.reference
    return reference if is_uuid(reference.partition("#")[0]) else ""


def notices(
    listing: Listing, account: Account, batch: Batch, change: AccountChange, before: AccountChange | None
) -> Sequence[str]:
    """The messages of a change; `before` is the one before it of the same account and batch."""
    event, order = change.event, change.order
    if isinstance(event, LeverageSet):
        return _leverage(listing, batch, event)
    market = None if order is None else listing.by_id(order.terms.instrument)
    if order is None or market is None:
        return ()
    say = _Notice(market, account, order, reference_of(batch))
    match event:
        case OwnOrderOpened():
            return say.opened(event)
        case OwnOrderUpdated():
            matched = before is not None and isinstance(before.event, OwnFill) and before.order is not None
            return say.updated(filled=matched and before.event.order_id == event.order_id)  # type: ignore[union-attr]
        case OwnTriggered():
            return (say.message(spec.CREATE, spec.TRIGGERED_TEXT if event.active else spec.WAITING_TEXT),)
        case OwnOrderAmended():
            return (say.message(spec.MODIFY, spec.AMENDED_TEXT, say.reference),)
        case _:
            return ()


def _leverage(listing: Listing, batch: Batch, event: LeverageSet) -> Sequence[str]:
    """A leverage was chosen: for all markets, which names none, or for one."""
    market = listing.by_id(event.instrument)
    if market is None and event.instrument != EVERY_PERPETUAL:
        return ()
    name = None if market is None else market.name
    return (wire.reply(spec.LEVERAGE, name, spec.OK, spec.LEVERAGE_DONE_TEXT, reference_of(batch)),)


class _Notice(NamedTuple):
    """What is said of an order as it stands; `reference` is the batch's."""

    market: Market
    account: Account
    order: OwnOrder
    reference: str

    def opened(self, event: OwnOrderOpened) -> Sequence[str]:
        """It was accepted; where it takes another's place, that is said first."""
        accepted = self.message(spec.CREATE, spec.ACCEPTED_TEXT)
        if not event.replaces:
            return (accepted,)
        return self.message(spec.MODIFY, spec.RECREATED_TEXT, self.reference, status=spec.PENDING), accepted

    def updated(self, *, filled: bool) -> Sequence[str]:
        """A match, an end, or nothing that a client is told (an order went into the book)."""
        order = self.order
        if filled and not order.ended:
            return (self.message(spec.PARTIAL_FILL, spec.PARTIAL_FILL_TEXT),)
        if order.status is OrderStatus.FILLED:
            return (self.message(spec.FILL, spec.FILL_TEXT),)
        if order.status is OrderStatus.REJECTED:
            text = spec.REJECT_TEXTS.get(order.reason, spec.OTHER_REJECT_TEXT)
            return (self.message(spec.REJECT, text, code=spec.BAD),)
        if not order.ended:
            return ()
        if order.reason is CloseReason.REPLACED:
            return (self.message(spec.MODIFY, spec.MODIFIED_TEXT, self.reference, status=spec.MODIFIED),)
        reference = self.reference if order.reason is CloseReason.USER else ""
        return (self.message(spec.CANCEL, spec.CANCELLED_TEXT, reference),)

    def message(self, result: str, text: str, client_id: str = "", *, status: str = "", code: int = spec.OK) -> str:
        """A message; its `clientRequestId` is that of the order where no other is given."""
        shown = order_object(self.market, self.account, self.order, status)
        return wire.reply(result, self.market.name, code, text, client_id or client_id_text(self.order), shown)


def acknowledgement(
    result: str, market: Market, account: Account, text: str, client_id: str, order: OwnOrder, status: str
) -> str:
    """The 202 that a request gets: the order as it came or as it stands, in a state on the way to another."""
    shown = order_object(market, account, as_entered(order) if status == spec.PENDING else order, status)
    return wire.reply(result, market.name, spec.PENDING_STATUS, text, client_id, shown, quota=1)
