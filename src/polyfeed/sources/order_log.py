"""A log of order events as commands: what was wanted, told from what happened.

The grammar of the wire (spec/bitstamp.md 4.5) makes this unambiguous, because all that an arriving order causes stands
in one piece after its `created`, in the same millisecond:

* for each match one event of the arriving order, at the price of the match, then one of the resting order it met;
* then its `deleted`: with nothing left when it was filled, otherwise because it could not rest. That was a market order
  (its price is 0 or 999999999), an IOC, or, if it crossed the book and still met nobody, a post-only order;
* or nothing: what is left of it rests, and a later `deleted` with something left is its owner's cancel.

So only each `created` and each such later `deleted` become commands. A market order to buy names no size in its
`created`; it gets that of its matches.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from msgspec import Struct

from polyfeed.model.commands import AnyCommand, CancelOrder, PlaceOrder, Record
from polyfeed.model.enums import OrderKind, SelfTrade, TimeInForce
from polyfeed.model.instruments import Instrument
from polyfeed.sources.orders_csv import OrderCapture, OrderRow
from polyfeed.sources.shadow import ShadowBook

MARKET_SELL_PRICE = 0
MARKET_BUY_PRICE = 999_999_999
"""What stands in the price of a market order, in whole units of the quote currency (spec/bitstamp.md 4.5, rule 5)."""


class Report(Struct):
    """How the events were understood, and what was left out.

    `stale_seeds` and `unknown_deletes` are holes of the capture, `unexplained` would be holes of ours. `priceless` are
    bids of the first book whose price is less than what its decimals can show, and so reads 0; none was ever touched.
    """

    orders: int = 0
    cancels: int = 0
    matches: int = 0
    post_only: int = 0
    ioc: int = 0
    ioc_unfilled: int = 0
    market: int = 0
    stale_seeds: list[int] = []
    priceless: list[int] = []
    unknown_deletes: list[int] = []
    unexplained: list[OrderRow] = []


class OrderLog(NamedTuple):
    """Commands at the times of the log, what was left of each order when its owner cancelled it, and the report."""

    records: list[Record]
    cancelled: dict[int, int]
    report: Report


def commands_of(capture: OrderCapture, account: int, instrument: Instrument, stale: Collection[int] = ()) -> OrderLog:
    """The commands that make a venue repeat the capture: all orders as one account's, with the ids they had.

    `stale` are ids among the capture's seeds that were gone when its events began. All other corrections are found, and
    reported. Times are those of the capture; several commands may have the same one.
    """
    return _Reader(account, instrument).read(capture, stale)


class _Arrival(NamedTuple):
    """What an arriving order caused: how much it matched, whether it was ended, and how many events that were."""

    matched: int
    ended: bool
    events: int


class _Reader:
    def __init__(self, account: int, instrument: Instrument) -> None:
        self._account = account
        self._instrument = instrument.id
        self._market_prices = MARKET_SELL_PRICE, MARKET_BUY_PRICE * 10**instrument.price_scale
        self._book = ShadowBook()
        self._records: list[Record] = []
        self._cancelled: dict[int, int] = {}
        self._report = Report()

    def read(self, capture: OrderCapture, stale: Collection[int]) -> OrderLog:
        for row in capture.seeds:
            if row.order_id in stale:
                self._report.stale_seeds.append(row.order_id)
            elif not row.price:
                self._report.priceless.append(row.order_id)
            else:
                self._place(row, row.left)
                self._book.rest(row.order_id, row.side, row.price, row.left)
        events, at = capture.events, 0
        while at < len(events):
            if events[at].action == "created":
                at += 1 + self._arrive(events, at)
            else:
                self._leave(events[at])
                at += 1
        return OrderLog(self._records, self._cancelled, self._report)

    def _arrive(self, events: Sequence[OrderRow], at: int) -> int:
        """One arriving order; returns how many events after its `created` belong to it."""
        row = events[at]
        crosses = self._book.crosses(row.side, row.price)
        arrival = self._follow(events, at)
        if row.price in self._market_prices:
            self._report.market += 1
            self._place(row, row.left or arrival.matched, kind=OrderKind.MARKET)
        elif not arrival.ended:
            self._place(row, row.left)
            self._book.rest(row.order_id, row.side, row.price, row.left - arrival.matched)
        elif arrival.matched == row.left:
            self._place(row, row.left)
        elif crosses and not arrival.matched:
            self._report.post_only += 1
            self._place(row, row.left, post_only=True)
        else:
            self._report.ioc += 1
            self._report.ioc_unfilled += not arrival.matched
            self._place(row, row.left, tif=TimeInForce.IOC)
        return arrival.events

    def _follow(self, events: Sequence[OrderRow], at: int) -> _Arrival:
        order_id, ts = events[at].order_id, events[at].ts
        matched, start = 0, at
        at += 1
        while at < len(events) and events[at].order_id == order_id and events[at].ts == ts:
            met = self._met(events, at)
            matched += met
            self._report.matches += met > 0
            ended = events[at].action == "deleted"
            at += 2 if met else 1
            if ended:
                return _Arrival(matched, True, at - start - 1)
        return _Arrival(matched, False, at - start - 1)

    def _met(self, events: Sequence[OrderRow], at: int) -> int:
        """How much of a resting order the event's order took, 0 when the next event tells of no match."""
        if at + 1 == len(events):
            return 0
        taker, maker = events[at], events[at + 1]
        before = self._book.left(maker.order_id)
        if maker.side == taker.side or maker.ts != taker.ts or maker.price != taker.price or maker.left >= before:
            return 0
        self._book.reduce(maker.order_id, maker.left)
        return before - maker.left

    def _leave(self, row: OrderRow) -> None:
        """A resting order's event that no arriving order explains: its owner's cancel."""
        left = self._book.left(row.order_id)
        if row.action == "deleted" and not left:
            self._report.unknown_deletes.append(row.order_id)
        elif row.action == "deleted" and row.left:
            self._report.cancels += 1
            self._cancelled[row.order_id] = row.left
            self._add(row.ts, CancelOrder(self._account, row.order_id))
            self._book.reduce(row.order_id, 0)
        else:
            self._report.unexplained.append(row)

    def _place(
        self,
        row: OrderRow,
        size: int,
        kind: OrderKind = OrderKind.LIMIT,
        tif: TimeInForce = TimeInForce.GTC,
        post_only: bool = False,
    ) -> None:
        self._report.orders += 1
        price = 0 if kind == OrderKind.MARKET else row.price
        order = PlaceOrder(
            self._account,
            self._instrument,
            row.side,
            kind,
            size,
            price,
            tif,
            post_only,
            self_trade=SelfTrade.ALLOW,
            order_id=row.order_id,
        )
        self._add(row.ts, order)

    def _add(self, ts: int, command: AnyCommand) -> None:
        self._records.append(Record(ts, command))
