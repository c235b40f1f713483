"""What batches become: rows of tables.

Orders and candles change while they live; they are folded here as they stand, so a transaction writes each of them
once. Of house accounts, whose orders are the operator's own flow, only what the public sees is kept.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from msgspec.structs import replace

from polyfeed.model import events as e
from polyfeed.model.batches import Batch
from polyfeed.model.candle import Candle, first_of
from polyfeed.model.enums import BalanceCause, Priced
from polyfeed.model.history import place_of
from polyfeed.model.intervals import INTERVALS, interval_end, interval_start
from polyfeed.model.orders import NOTHING_CLOSED, OwnOrder, moved, opened, settled
from polyfeed.store.history import schema
from polyfeed.store.history.schema import Table, values

PLACE_BITS = 20
"""Events of a batch that can be numbered: a million, far beyond any batch's limit."""

MOVED = (BalanceCause.DEPOSIT, BalanceCause.WITHDRAWAL)

CandleKey = tuple[int, Priced, int]
"""An instrument, which of its prices, and the interval."""

Key = tuple[Any, ...]
Rows = dict[Table, dict[Key, tuple[Any, ...]]]
"""Rows by table and key."""


class Owned(NamedTuple):
    """An order and whose it is."""

    account: int
    order: OwnOrder


class Fold:
    """Takes in batches and gives their rows. `orders` are the open ones, `candles` the last of each instrument, price
    and interval, `houses` the accounts that are left out: what must be known of what came before.
    """

    def __init__(
        self,
        orders: dict[int, Owned] | None = None,
        candles: dict[CandleKey, Candle] | None = None,
        houses: set[int] | None = None,
    ) -> None:
        self._orders = orders or {}
        self._candles = candles or {}
        self._ends = {key: interval_end(key[2], candle.start) for key, candle in self._candles.items()}
        self.houses = houses or set()
        self._ended: dict[int, Owned] = {}  # by the batch that is taken in: a match ends an order before it is settled
        self._rows: Rows = {}
        self._touched: dict[tuple[CandleKey, int], Candle] = {}  # by their starts, too: rows when they are taken
        self._place = 0
        self._ts = 0

    def take(self) -> Rows:
        """The rows of what was added since the last time."""
        rows, self._rows = self._rows, {}
        touched, self._touched = self._touched, {}
        if touched:
            rows[schema.CANDLES] = {key: candle_row(key[0], candle) for key, candle in touched.items()}
        return rows

    def add(self, batch: Batch) -> None:
        """Takes in a batch."""
        self._ts = batch.ts
        self._ended.clear()
        self._place = batch.seq << PLACE_BITS
        nth: dict[int, int] = {}
        for event in batch.public:
            self._place += 1
            if type(event) is e.Trade:
                self._trade(event, nth)
            else:
                public = _PUBLIC.get(type(event))
                if public is not None:
                    public(self, event)
        for account, own in batch.private.items():
            for private in own:
                self._place += 1
                fold = _PRIVATE.get(type(private))
                if fold is not None and (account not in self.houses or type(private) is e.AccountOpened):
                    fold(self, account, private)

    def _put(self, table: Table, row: tuple[Any, ...]) -> None:
        self._rows.setdefault(table, {})[row[: table.key]] = row

    # --- public -----------------------------------------------------------------------------------------------------

    def _currency(self, event: e.CurrencyDefined) -> None:
        self._put(schema.CURRENCIES, values(event.currency))

    def _listed(self, event: e.InstrumentListed) -> None:
        one = event.instrument
        self._put(schema.INSTRUMENTS, (one.id, one.name, one.base, one.quote, one.price_scale, one.size_scale))

    def _trade(self, event: e.Trade, nth: dict[int, int]) -> None:
        number = nth[event.instrument] = nth.get(event.instrument, -1) + 1
        self._put(schema.TRADES, (event.instrument, self._ts, number, *values(event, ("instrument", "ts"))))
        self._price(event.instrument, Priced.TRADES, event.price, event.size)

    def _mark(self, event: e.MarkPriceSet) -> None:
        self._price(event.instrument, Priced.MARK, event.price, 0)

    def _index(self, event: e.IndexPriceSet) -> None:
        self._price(event.instrument, Priced.INDEX, event.price, 0)

    def _price(self, instrument: int, priced: Priced, price: int, size: int) -> None:
        """A price for the candles of all intervals."""
        ts = self._ts
        for interval in INTERVALS:
            key = instrument, priced, interval
            candle = self._candles.get(key)
            if candle is None or ts >= self._ends[key]:
                start = interval_start(interval, ts)
                candle = self._candles[key] = first_of(start, price, size, ts)
                self._ends[key] = interval_end(interval, start)
            else:
                candle.add(price, size, ts)
            self._touched[key, candle.start] = candle

    def _liquidated(self, event: e.PositionLiquidated) -> None:
        self._put(schema.LIQUIDATIONS, (self._place, self._ts, *values(event)))

    def _rate(self, event: e.FundingSettled) -> None:
        self._put(schema.FUNDING_RATES, (self._place, self._ts, *values(event)))

    # --- of an account ----------------------------------------------------------------------------------------------

    def _account(self, account: int, event: e.AccountOpened) -> None:
        if event.house:
            self.houses.add(account)
        self._put(schema.ACCOUNTS, (account, *values(event)))

    def _opened(self, account: int, event: e.OwnOrderOpened) -> None:
        self._stands(Owned(account, opened(event, self._ts)))

    def _moved(self, account: int, event: Any) -> None:
        known = self._orders.get(event.order_id)
        if known is not None:
            self._stands(Owned(account, moved(known.order, event, self._ts)))

    def _fill(self, account: int, event: e.OwnFill) -> None:
        self._put(schema.FILLS, (place_of(event), self._ts, account, *values(event)))
        self._moved(account, event)

    def _stands(self, owned: Owned) -> None:
        order = owned.order
        if order.ended:
            self._orders.pop(order.order_id, None)
            self._ended[order.order_id] = owned
        else:
            self._orders[order.order_id] = owned
        self._put(schema.ORDERS, order_row(owned.account, order))

    def _transfer(self, account: int, event: e.BalanceSet) -> None:
        for cause, change in event.parts or ((event.cause, event.change),):
            if cause in MOVED:
                self._own(schema.TRANSFERS, account, replace(event, cause=cause, change=change), schema.COMBINED)
                self._place += 1  # another one of this event is another row

    def _settled(self, account: int, event: e.PositionSettled) -> None:
        self._put(schema.SETTLEMENTS, (event.transaction_id, self._ts, account, *values(event)))
        known = self._orders.get(event.order_id) or self._ended.get(event.order_id)
        if known is not None and event.closed_size:
            self._stands(Owned(account, settled(known.order, event)))

    def _funding(self, account: int, event: e.FundingPaid) -> None:
        self._own(schema.FUNDINGS, account, event)

    def _premium(self, account: int, event: e.InsurancePremiumPaid) -> None:
        self._own(schema.PREMIUMS, account, event)

    def _own(self, table: Table, account: int, event: Any, without: tuple[str, ...] = ()) -> None:
        self._put(table, (self._place, self._ts, account, *values(event, without)))


def candle_row(key: CandleKey, candle: Candle) -> tuple[Any, ...]:
    """A row of the table of candles."""
    return (*map(int, key), *values(candle))


def order_row(account: int, order: OwnOrder) -> tuple[Any, ...]:
    """A row of the table of orders."""
    standing = values(order, ("terms", "closing"))
    return (*values(order.terms), account, *standing, *values(order.closing or NOTHING_CLOSED))


_PUBLIC: dict[type, Callable[[Fold, Any], None]] = {
    e.CurrencyDefined: Fold._currency,
    e.InstrumentListed: Fold._listed,
    e.MarkPriceSet: Fold._mark,
    e.IndexPriceSet: Fold._index,
    e.PositionLiquidated: Fold._liquidated,
    e.FundingSettled: Fold._rate,
}

_PRIVATE: dict[type, Callable[[Fold, int, Any], None]] = {
    e.AccountOpened: Fold._account,
    e.OwnOrderOpened: Fold._opened,
    e.OwnOrderUpdated: Fold._moved,
    e.OwnOrderAmended: Fold._moved,
    e.OwnTriggered: Fold._moved,
    e.OwnFill: Fold._fill,
    e.BalanceSet: Fold._transfer,
    e.FundingPaid: Fold._funding,
    e.PositionSettled: Fold._settled,
    e.InsurancePremiumPaid: Fold._premium,
}
