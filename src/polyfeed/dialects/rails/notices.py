"""What the stream `orders` says of what happened to an order (spec/rails.md 7).

Bytes depend on batches only: the `clientRequestId` of a cancellation or modification is the batch's `reference`, that
of everything else the order's own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from polyfeed.accounts.accounts import AccountChange
from polyfeed.accounts.orders import OwnOrder
from polyfeed.dialects.rails import spec, wire
from polyfeed.dialects.rails.ids import is_uuid
from polyfeed.dialects.rails.markets import Listing, Market
from polyfeed.dialects.rails.orders import as_entered, client_id_text, order_object
from polyfeed.model.batches import Batch
from polyfeed.model.enums import CloseReason, OrderStatus
from polyfeed.model.events import OwnFill, OwnOrderAmended, OwnOrderOpened, OwnOrderUpdated, OwnTriggered

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


def notices(listing: Listing, batch: Batch, change: AccountChange, before: AccountChange | None) -> Sequence[str]:
    """The messages of a change; `before` is the one before it of the same account and batch."""
    order = change.order
    market = None if order is None else listing.by_id(order.terms.instrument)
    if order is None or market is None:
        return ()
    match change.event:
        case OwnOrderOpened():
            return _opened(market, batch, change.event, order)
        case OwnOrderUpdated():
            matched = before is not None and isinstance(before.event, OwnFill) and before.order is not None
            filled = matched and before.event.order_id == change.event.order_id  # type: ignore[union-attr]
            return _updated(market, batch, order, filled=filled)
        case OwnTriggered():
            text = spec.TRIGGERED_TEXT if change.event.active else spec.WAITING_TEXT
            return (_message(spec.CREATE, market, text, order),)
        case OwnOrderAmended():
            return (_message(spec.MODIFY, market, spec.AMENDED_TEXT, order, reference_of(batch)),)
        case _:
            return ()


def _opened(market: Market, batch: Batch, event: OwnOrderOpened, order: OwnOrder) -> Sequence[str]:
    """An order was accepted; where it takes another's place, that is said first."""
    accepted = _message(spec.CREATE, market, spec.ACCEPTED_TEXT, order)
    if not event.replaces:
        return (accepted,)
    client_id = reference_of(batch)
    return _message(spec.MODIFY, market, spec.RECREATED_TEXT, order, client_id, status=spec.PENDING), accepted


def _updated(market: Market, batch: Batch, order: OwnOrder, *, filled: bool) -> Sequence[str]:
    """A match, an end, or nothing that a client is told (an order went into the book)."""
    if filled and not order.ended:
        return (_message(spec.PARTIAL_FILL, market, spec.PARTIAL_FILL_TEXT, order),)
    if order.status is OrderStatus.FILLED:
        return (_message(spec.FILL, market, spec.FILL_TEXT, order),)
    if order.status is OrderStatus.REJECTED:
        text = spec.REJECT_TEXTS.get(order.reason, spec.OTHER_REJECT_TEXT)
        return (_message(spec.REJECT, market, text, order, code=spec.BAD),)
    if not order.ended:
        return ()
    if order.reason is CloseReason.REPLACED:
        reference = reference_of(batch)
        return (_message(spec.MODIFY, market, spec.MODIFIED_TEXT, order, reference, status=spec.MODIFIED),)
    reference = reference_of(batch) if order.reason is CloseReason.USER else ""
    return (_message(spec.CANCEL, market, spec.CANCELLED_TEXT, order, reference),)


def _message(
    result: str,
    market: Market,
    text: str,
    order: OwnOrder,
    client_id: str = "",
    *,
    status: str = "",
    code: int = spec.OK,
) -> str:
    client_id = client_id or client_id_text(order)
    return wire.reply(result, market.name, code, text, client_id, order_object(market, order, status))


def acknowledgement(result: str, market: Market, text: str, client_id: str, order: OwnOrder, status: str) -> str:
    """The 202 that a request gets: the order as it came or as it stands, in a state on the way to another."""
    shown = as_entered(order) if status == spec.PENDING else order
    return wire.reply(
        result, market.name, spec.PENDING_STATUS, text, client_id, order_object(market, shown, status), quota=1
    )
