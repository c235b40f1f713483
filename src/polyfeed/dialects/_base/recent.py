"""Answers to questions about the past from memory, where no store is configured: as far back as memory goes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby, islice
from operator import attrgetter
from typing import Any

from polyfeed.accounts.account import Account
from polyfeed.accounts.accounts import Accounts
from polyfeed.market.candles import KEPT
from polyfeed.market.market import Market
from polyfeed.model.candle import Candle
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
from polyfeed.model.orders import OwnOrder


class Recent:
    """What the market and the accounts remember."""

    def __init__(self, market: Market, accounts: Accounts) -> None:
        self._market = market
        self._accounts = accounts

    def ask(self, query: Query) -> Sequence[Any]:
        """The rows that answer a query, of the class that belongs to its."""
        match query:
            case FillsOf():
                return self._fills(query)
            case OrdersOf():
                return self._orders(query)
            case ClosingsOf():
                return self._closings(query)
            case PaymentsOf():
                return self._payments(query)
            case TradesOf():
                return self._trades(query)
            case CandlesOf():
                return self._candles(query)
            case RatesOf():
                return self._rates(query)

    def _fills(self, query: FillsOf) -> list[FillRow]:
        rows = [
            FillRow(place_of(one.fill), account.account_id, one)
            for account in self._owners(query.accounts)
            for one in account.fills
            if query.since <= one.ts <= query.until
            and (not query.instruments or one.fill.instrument in query.instruments)
            and query.order_id in (0, one.fill.order_id)
            and (not query.client_id or (one.terms is not None and one.terms.client_id == query.client_id))
            and one.fill.trade_id >= query.first_trade
        ]
        rows = [row for row in rows if row.place < query.before]
        rows.sort(key=attrgetter("place"), reverse=not query.oldest_first)
        return rows[query.offset : query.offset + query.limit]

    def _orders(self, query: OrdersOf) -> list[OrderRow]:
        rows = [
            OrderRow(account.account_id, one)
            for account in self._owners(query.accounts)
            for one in account.closed.values()
            if query.since <= one.opened_ts <= query.until
            and _named(query, one)
            and (not query.statuses or one.status in query.statuses)
            and one.order_id < query.before
        ]
        rows.sort(key=lambda row: row.order.order_id, reverse=True)
        return rows[: query.limit]

    def _closings(self, query: ClosingsOf) -> list[OrderRow]:
        rows = [
            OrderRow(account.account_id, one)
            for account in self._owners(query.accounts)
            for one in (*account.closed.values(), *account.orders.values())
            if one.closing is not None
            and query.since <= one.updated_ts <= query.until
            and _named(query, one)
            and (one.updated_ts, one.order_id) < query.before
        ]
        rows.sort(key=lambda row: (row.order.updated_ts, row.order.order_id), reverse=True)
        return rows[: query.limit]

    def _payments(self, query: PaymentsOf) -> list[PaymentRow]:
        rows = [
            PaymentRow(account.account_id, one.ts, one.paid)
            for account in self._owners(query.accounts)
            for one in account.payments
            if query.since <= one.ts <= query.until
            and (not query.instruments or one.paid.instrument in query.instruments)
            and (one.ts, one.paid.instrument, account.account_id) < query.before
        ]
        rows.sort(key=lambda row: (row.ts, row.paid.instrument, row.account), reverse=True)
        return rows[: query.limit]

    def _trades(self, query: TradesOf) -> list[TradeRow]:
        tape = self._market.instruments[query.instrument].tape
        rows = [
            TradeRow(nth, entry)
            for ts, entries in groupby(tape.recent(len(tape)), attrgetter("ts"))
            for nth, entry in enumerate(entries)
            if (ts, nth) > query.after
        ]
        return rows[-query.limit :] if query.last else rows[: query.limit]

    def _candles(self, query: CandlesOf) -> list[Candle]:
        candles = self._market.instruments[query.instrument].candles_of(query.priced)
        kept = [] if candles is None else candles.history(query.interval, KEPT)
        rows = [candle for candle in kept if query.since <= candle.start <= query.until]
        return rows[-query.limit :] if query.last else list(islice(rows, query.limit))

    def _rates(self, query: RatesOf) -> list[RateRow]:
        prices = self._market.instruments[query.instrument].prices
        kept = () if prices is None else reversed(prices.fundings)
        rows = (RateRow(one.ts, one.rate_ppm, one.mark_price) for one in kept if query.since <= one.ts <= query.until)
        return list(islice(rows, query.limit))

    def _owners(self, numbers: Iterable[int]) -> list[Account]:
        found = (self._accounts.get(number) for number in numbers)
        return [account for account in found if account is not None]


def _named(query: OrdersOf | ClosingsOf, order: OwnOrder) -> bool:
    """Whether an order is of the instruments and of the ids that are asked for."""
    return (
        (not query.instruments or order.terms.instrument in query.instruments)
        and query.order_id in (0, order.order_id)
        and query.client_id in ("", order.terms.client_id)
    )
