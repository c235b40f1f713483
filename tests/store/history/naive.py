"""History the slow and obvious way: lists of all that was told."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from polyfeed.accounts.accounts import Accounts
from polyfeed.market.market import Market
from polyfeed.model.batches import Batch
from polyfeed.model.enums import Priced
from polyfeed.model.events import AccountOpened, FundingPaid, FundingSettled, OwnFill, OwnOrderOpened, Trade
from polyfeed.model.history import (
    CandlesOf,
    ClosingsOf,
    FillRow,
    FillsOf,
    OrderRow,
    OrdersOf,
    PaymentRow,
    PaymentsOf,
    Query,
    RateRow,
    RatesOf,
    TradeRow,
    TradesOf,
    place_of,
)
from polyfeed.model.intervals import INTERVALS
from polyfeed.model.orders import Fill, OwnOrder
from polyfeed.model.trades import TapeEntry
from polyfeed.store.history.standing import Standing


def entry(trade: Trade, ts: int) -> TapeEntry:
    """A trade as it is remembered."""
    ids = trade.taker_id, trade.maker_id
    return TapeEntry(
        *(trade.trade_id, trade.price, trade.size, ts, trade.taker_side, trade.taker_kind), *ids, trade.execution
    )


def standing(batches: Sequence[Batch]) -> Standing:
    """How things stood after these batches."""
    naive = Naive(batches)
    orders = tuple(
        (one.account_id, order) for one in naive.accounts.all() if not one.house for order in one.orders.values()
    )
    candles = {
        (state.instrument.id, priced, interval): candle
        for state in naive.market.instruments
        for priced in Priced
        for interval in INTERVALS
        if (candles := state.candles_of(priced)) and (candle := candles.current(interval)) is not None
    }
    return Standing(batches[-1].seq, batches[-1].ts, orders, candles)


class Naive:
    """All that `batches` told."""

    def __init__(self, batches: Iterable[Batch]) -> None:
        self.fills: list[FillRow] = []
        self.ended: dict[int, OrderRow] = {}
        self.closings: dict[int, OrderRow] = {}
        self.payments: list[PaymentRow] = []
        self.trades: dict[int, list[TradeRow]] = {}
        self.rates: dict[int, list[RateRow]] = {}
        self.market, self.accounts = Market(), Accounts()
        self.houses: set[int] = set()
        terms: dict[int, OwnOrderOpened] = {}
        for batch in batches:
            nth: dict[int, int] = {}
            list(self.market.apply(batch))
            for event in batch.public:
                if isinstance(event, Trade):
                    nth[event.instrument] = nth.get(event.instrument, -1) + 1
                    rows = self.trades.setdefault(event.instrument, [])
                    rows.append(TradeRow(nth[event.instrument], entry(event, batch.ts)))
                if isinstance(event, FundingSettled):
                    self.rates.setdefault(event.instrument, []).append(
                        RateRow(batch.ts, event.rate_ppm, event.mark_price)
                    )
            for change in self.accounts.apply(batch):
                own = change.event
                if isinstance(own, AccountOpened) and own.house:
                    self.houses.add(change.account)
                if change.account in self.houses:
                    continue
                if isinstance(own, OwnOrderOpened):
                    terms[own.order_id] = own
                if isinstance(own, OwnFill):
                    fill = Fill(batch.ts, own, terms.get(own.order_id))
                    self.fills.append(FillRow(place_of(own), change.account, fill))
                if isinstance(own, FundingPaid):
                    self.payments.append(PaymentRow(change.account, batch.ts, own))
                if change.order is not None and change.order.closing is not None:
                    self.closings[change.order.order_id] = OrderRow(change.account, change.order)
                if change.order is not None and change.order.ended:
                    self.ended[change.order.order_id] = OrderRow(change.account, change.order)

    def ask(self, query: Query) -> list[Any]:
        """What answers a query."""
        match query:
            case FillsOf():
                found = [
                    row for row in self.fills if self._fits(query, row.account, row.fill.fill.instrument, row.fill.ts)
                ]
                found = [row for row in found if query.order_id in (0, row.fill.fill.order_id)]
                found = [row for row in found if not query.client_id or self._client_id(row) == query.client_id]
                found = [
                    row for row in found if row.fill.fill.trade_id >= query.first_trade and row.place < query.before
                ]
                found.sort(key=lambda row: row.place if query.oldest_first else -row.place)
                return found[query.offset :][: query.limit]
            case OrdersOf():
                rows = [
                    row
                    for row in self.ended.values()
                    if self._fits(query, row.account, row.order.terms.instrument, row.order.opened_ts)
                    and self._named(query, row.order)
                    and row.order.order_id < query.before
                    and (not query.statuses or row.order.status in query.statuses)
                ]
                return sorted(rows, key=lambda row: -row.order.order_id)[: query.limit]
            case ClosingsOf():
                rows = [
                    row
                    for row in self.closings.values()
                    if self._fits(query, row.account, row.order.terms.instrument, row.order.updated_ts)
                    and self._named(query, row.order)
                ]
                rows.sort(key=lambda row: (row.order.updated_ts, row.order.order_id))
                rows = [row for row in rows if (row.order.updated_ts, row.order.order_id) < query.before]
                return rows[::-1][: query.limit]
            case PaymentsOf():
                paid = [row for row in self.payments if self._fits(query, row.account, row.paid.instrument, row.ts)]
                paid = [row for row in paid if payment_place(row) < query.before]
                return sorted(paid, key=payment_place)[::-1][: query.limit]
            case TradesOf():
                trades = [row for row in self.trades.get(query.instrument, []) if (row.trade.ts, row.nth) > query.after]
                return trades[-query.limit :] if query.last else trades[: query.limit]
            case CandlesOf():
                kept = self.market.instruments[query.instrument].candles_of(query.priced)
                candles = kept.history(query.interval, 720) if kept else []
                candles = [one for one in candles if query.since <= one.start <= query.until]
                return candles[-query.limit :] if query.last else candles[: query.limit]
            case RatesOf():
                rates = [one for one in self.rates.get(query.instrument, []) if query.since <= one.ts <= query.until]
                return rates[::-1][: query.limit]

    def _fits(
        self, query: FillsOf | OrdersOf | ClosingsOf | PaymentsOf, account: int, instrument: int, ts: int
    ) -> bool:
        return (
            account in query.accounts
            and (not query.instruments or instrument in query.instruments)
            and query.since <= ts <= query.until
        )

    def _named(self, query: OrdersOf | ClosingsOf, order: OwnOrder) -> bool:
        return query.order_id in (0, order.order_id) and query.client_id in ("", order.terms.client_id)

    def _client_id(self, row: FillRow) -> str:
        return row.fill.terms.client_id if row.fill.terms is not None else ""


def payment_place(row: PaymentRow) -> tuple[int, int, int]:
    """Where a payment is among all."""
    return row.ts, row.paid.instrument, row.account
