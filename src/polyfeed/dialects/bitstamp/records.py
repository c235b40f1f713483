"""What each event of the venue is on `live_orders`: the grammar measured on the real wire (spec/bitstamp.md 4.5).

1. An arriving order is `created` with its limit price and full size, even when it crosses.
2. Each match is two events: the taker's, at the price of the match, then the maker's.
3. What rests of a taker gives no event; what cannot rest is `deleted`, with what is left.
4. A post-only order that would cross is `created` and `deleted`.
5. Market orders are created with an odd price; one that is sized in the counter currency has no amount until it
   matches, is `changed` by every match, and `deleted` at the end.
6. An order that is amended at its price is `changed`; one that gets another price is `deleted` and `created`.
7. Of an order that was replaced by another, `deleted` shows the other's price, and its `created` follows at once. (The
   sheet calls this form not seen; it is in the recording of section 9, 2,043 times without an exception.)

An order that was offset against one of the same user while it arrived has less than its events told: `changed` says so
when it rests.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from polyfeed.dialects.bitstamp import spec, wire
from polyfeed.dialects.bitstamp.grid import Grid
from polyfeed.dialects.bitstamp.markets import Listed
from polyfeed.dialects.bitstamp.order_events import Chain, Row, first_price, implied_terms, subtype
from polyfeed.dialects.bitstamp.touched import Touched
from polyfeed.market.changes import LevelChange
from polyfeed.model.enums import CloseReason, OrderKind, Side
from polyfeed.model.events import UNKNOWN_LEVEL, BookReset, OrderClosed, OrderOpened, OrderReduced, OrderRested, Trade


class Record:
    """One market: its chain, its living orders' terms, its book on the grid, and its last events.

    `rows` are the events of the running batch. `entering` has what is left of each order of the running decision, and
    what it has matched.
    """

    __slots__ = (
        "chain",
        "entering",
        "grid",
        "listed",
        "mark",
        "orders",
        "recent",
        "rows",
        "stops",
        "touched",
        "touching",
    )

    def __init__(self, listed: Listed, kept: int) -> None:
        state = listed.state
        self.listed = listed
        self.chain = Chain()
        self.stops = Chain()
        self.grid = Grid(state.clock.now, state.book)
        self.orders: dict[int, OrderOpened] = {}
        if state.orders is not None:
            self.orders = {one.order_id: one.terms for one in state.orders.resting.values()} | state.orders.entering
        self.entering: dict[int, tuple[int, int]] = {}
        self.recent: deque[Row] = deque(maxlen=kept)
        self.rows: list[Row] = []
        self.mark = 0
        self.touched = Touched()  # between the last two marks
        self.touching = Touched()  # since the last mark

    def advance(self, mark: int) -> None:
        """Time has passed a mark."""
        self.grid.advance(mark)
        if mark > self.mark:
            self.mark = mark
            self.touched, self.touching = self.touching, Touched()

    # --- changes ----------------------------------------------------------------------------------------------------

    def level(self, change: LevelChange, ts: int) -> None:
        """A level's total."""
        self.grid.change(change.side, change.price, change.size, change.ts)

    def reset(self, event: BookReset, ts: int) -> None:
        """Another book."""
        self.grid.reset(event.bids, event.asks, ts)
        self.orders.clear()
        self.entering.clear()

    def opened(self, event: OrderOpened, ts: int) -> None:
        """An order arrives."""
        self.orders[event.order_id] = event
        self.entering[event.order_id] = event.size, 0
        price = first_price(event, self.listed.instrument.price_scale)
        if self.rows and self.rows[-1].reason == CloseReason.REPLACED:
            self.rows[-1] = self.recent[-1] = replace(self.rows[-1], price=price)
        self._add(spec.CREATED, event, ts, event.size, 0, event.size, price)

    def rested(self, event: OrderRested, ts: int) -> None:
        """What is left of it goes into the book; one that rests already was enlarged, and lost its place."""
        self.touching.touch(event.side, event.price, ts)
        told, _ = self.entering.pop(event.order_id, (None, 0))
        terms = self.orders.get(event.order_id)
        if terms is not None and told != event.left:
            self._add(spec.CHANGED, terms, ts, event.left, 0, max(terms.size, event.left), event.price)

    def reduced(self, event: OrderReduced, ts: int) -> None:
        """A resting order became smaller."""
        self.touching.touch(event.side, event.price, ts)
        terms = self._terms(event)
        self._add(spec.CHANGED, terms, ts, event.left, 0, terms.size, event.price)

    def closed(self, event: OrderClosed, ts: int) -> None:
        """An order ended with something left, or one sized in the counter currency ended."""
        if event.level_size != UNKNOWN_LEVEL:
            self.touching.touch(event.side, event.price, ts)
        terms = self._terms(event)
        filled = self.entering.get(event.order_id, (0, 0))[1]
        price = terms.price
        if terms.kind is not OrderKind.LIMIT:
            price = event.last_price or first_price(terms, self.listed.instrument.price_scale)
        at_create = terms.size or filled + event.left
        self._add(spec.DELETED, terms, ts, event.left, 0, at_create, price, event.reason)
        self._forget(event.order_id)

    def traded(self, event: Trade, ts: int) -> None:
        """A match: the taker's event, then the maker's. Trades that no orders made (an assignment) have no events."""
        ts = event.ts or ts
        if event.taker_id:
            self._took(event, ts)
        if event.maker_id:
            self.touching.touch(1 - event.taker_side, event.price, ts)
            terms = self.orders.get(event.maker_id) or implied_terms(event, event.maker_id, Side(1 - event.taker_side))
            self._match(terms, event, ts, event.maker_left, event.maker_left == 0, terms.size)

    def _took(self, event: Trade, ts: int) -> None:
        terms = self.orders.get(event.taker_id) or implied_terms(event, event.taker_id, event.taker_side)
        filled = self.entering.get(event.taker_id, (0, 0))[1] + event.size
        self.entering[event.taker_id] = event.taker_left, filled
        done = event.taker_left == 0 and terms.size > 0
        self._match(terms, event, ts, event.taker_left, done, terms.size or filled + event.taker_left)

    def _match(self, terms: OrderOpened, event: Trade, ts: int, left: int, done: bool, at_create: int) -> None:
        self._add(spec.DELETED if done else spec.CHANGED, terms, ts, left, event.size, at_create, event.price)
        if done:
            self._forget(terms.order_id)

    def _terms(self, event: OrderReduced | OrderClosed) -> OrderOpened:
        """How the order was announced; as far as it can be told, where that was not seen."""
        known = self.orders.get(event.order_id)
        return known or OrderOpened(event.instrument, event.order_id, event.side, event.price, event.left)

    def _forget(self, order_id: int) -> None:
        self.orders.pop(order_id, None)
        self.entering.pop(order_id, None)

    def _add(
        self,
        event: str,
        terms: OrderOpened,
        ts: int,
        left: int,
        traded: int,
        at_create: int,
        price: int,
        reason: int = 0,
    ) -> None:
        ts = wire.to_millisecond(ts)
        kind = subtype(terms.kind, terms.tif, terms.post_only, terms.trigger)
        ids = self.chain.step(ts)
        row = Row(
            event,
            terms.order_id,
            terms.side,
            kind,
            ts,
            left,
            traded,
            at_create,
            price,
            *ids,
            terms.liquidation,
            reason=int(reason),
        )
        self.rows.append(row)
        self.recent.append(row)


FOLDS: dict[type, Callable[[Record, Any, int], None]] = {
    LevelChange: Record.level,
    BookReset: Record.reset,
    OrderOpened: Record.opened,
    OrderRested: Record.rested,
    OrderReduced: Record.reduced,
    OrderClosed: Record.closed,
    Trade: Record.traded,
}
"""What each change of a market does to its record, given the time of its batch."""
