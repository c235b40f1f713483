"""What this dialect numbers over every batch, whether or not anybody listens (spec/ekiden.md 5, 11).

`seq` of `orderbook.<depth>` counts the batches whose net effect changed the top <depth> of the book. A thousand depths
need no thousand counters: the first rank at which a batch made a side different says which depths it changed, namely
all deeper than that rank. A histogram of these ranks gives the seq of depth N as the sum of its first N entries.

The net effect needs the sizes from before the batch; `_sizes` keeps them. It is made from the market's book when the
projection begins or is restored, so it is no part of the snapshot.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from polyfeed.accounts.accounts import AccountChange
from polyfeed.dialects._base.projection import Projection
from polyfeed.dialects.ekiden.spec import MAX_DEPTH
from polyfeed.market.book import BookSide
from polyfeed.market.changes import Change, LevelChange
from polyfeed.market.instrument import InstrumentState
from polyfeed.market.market import Market
from polyfeed.model.batches import Batch
from polyfeed.model.enums import Side
from polyfeed.model.events import (
    BookReset,
    FundingRateSet,
    IndexPriceSet,
    InstrumentListed,
    MarkPriceSet,
    OpenInterestSet,
    PositionSet,
    Trade,
)

UNCHANGED = MAX_DEPTH
"""Rank for a batch that changed nothing that any depth shows."""


class NetChange(NamedTuple):
    """A level before and after a batch; 0 is no level."""

    price: int
    before: int
    after: int


class Numbers:
    """One instrument. `counts[r]` are the batches that changed the book from rank r on.

    Of the last batch that touched the book: `rank` is the best rank it changed, `bids` and `asks` its net changes in
    no order, `reset` whether it brought a whole new book. `stirred` is the time of the last batch with something that
    the ticker shows, `traded` of the last one with a trade; `unnumbered` counts the trades that came without an id.
    """

    __slots__ = (
        "_sizes",
        "_touched",
        "asks",
        "bids",
        "counts",
        "rank",
        "reset",
        "state",
        "stirred",
        "traded",
        "unnumbered",
    )

    def __init__(self, state: InstrumentState) -> None:
        self.state = state
        self.counts = [0] * MAX_DEPTH
        self.rank = UNCHANGED
        self.bids: list[NetChange] = []
        self.asks: list[NetChange] = []
        self.reset = False
        self.stirred = 0
        self.traded = 0
        self.unnumbered = 0
        self._sizes = (_sizes(state.book.bids), _sizes(state.book.asks))
        self._touched: tuple[dict[int, int], dict[int, int]] = ({}, {})

    def seq(self, depth: int) -> int:
        """How many batches changed the top `depth`."""
        return sum(self.counts[:depth])

    def level(self, change: LevelChange) -> None:
        """Notes a level's change."""
        sizes, price = self._sizes[change.side], change.price
        self._touched[change.side].setdefault(price, sizes.get(price, 0))
        if change.size:
            sizes[price] = change.size
        else:
            sizes.pop(price, None)

    def replace(self, event: BookReset) -> None:
        """Notes a whole new book."""
        self.reset = True
        for side, book in ((Side.BUY, self.state.book.bids), (Side.SELL, self.state.book.asks)):
            sizes, touched, now = self._sizes[side], self._touched[side], _sizes(book)
            for price in (*sizes, *now):
                touched.setdefault(price, sizes.get(price, 0))
            sizes.clear()
            sizes.update(now)

    def settle(self) -> None:
        """Counts the batch that ends."""
        self.bids = self._net(Side.BUY)
        self.asks = self._net(Side.SELL)
        book = self.state.book
        bid = book.bids.rank_of(max(self.bids).price) if self.bids else UNCHANGED
        ask = book.asks.rank_of(min(self.asks).price) if self.asks else UNCHANGED
        self.rank = min(bid, ask, UNCHANGED)
        if self.rank < UNCHANGED:
            self.counts[self.rank] += 1

    def _net(self, side: Side) -> list[NetChange]:
        sizes, touched = self._sizes[side], self._touched[side]
        net = [NetChange(price, before, sizes.get(price, 0)) for price, before in touched.items()]
        touched.clear()
        return [change for change in net if change.before != change.after]


class InstrumentImage(Struct, frozen=True, array_like=True):
    """Numbers as a value; `counts` without its trailing zeros."""

    instrument: int
    counts: list[int]
    stirred: int
    traded: int
    unnumbered: int


class Image(Struct, frozen=True, array_like=True):
    """The projection as a value. `positions` has (account, instrument, seq, ts) in order."""

    instruments: list[InstrumentImage]
    positions: list[tuple[int, int, int, int]]


class EkidenProjection(Projection):
    """The numbers of every instrument and of every position (how often and when it last changed)."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self._numbers = [Numbers(state) for state in market.instruments]
        self._touched: dict[Numbers, None] = {}
        self._reset: list[Numbers] = []
        self._positions: dict[tuple[int, int], tuple[int, int]] = {}
        self._folds: dict[type, Callable[[Batch, Any], None]] = {
            LevelChange: self._level,
            Trade: self._trade,
            BookReset: self._book_reset,
            InstrumentListed: self._listed,
            MarkPriceSet: self._stirred,
            IndexPriceSet: self._stirred,
            FundingRateSet: self._stirred,
            OpenInterestSet: self._stirred,
            AccountChange: self._account,
        }

    def of(self, instrument: int) -> Numbers:
        """The numbers of an instrument."""
        return self._numbers[instrument]

    def position(self, account: int, instrument: int) -> tuple[int, int]:
        """How often a position has changed, and when it last did (microseconds)."""
        return self._positions.get((account, instrument), (0, 0))

    def fold(self, batch: Batch, change: Change | AccountChange) -> None:
        """Takes in one change."""
        fold = self._folds.get(type(change))
        if fold is not None:
            fold(batch, change)

    def settle(self, batch: Batch) -> None:
        """Counts the batch where it changed a book."""
        for numbers in self._touched:
            numbers.settle()
        self._touched.clear()

    def snapshot(self) -> bytes:
        """Everything that cannot be seen in the market."""
        instruments = [
            InstrumentImage(number, _trimmed(one.counts), one.stirred, one.traded, one.unnumbered)
            for number, one in enumerate(self._numbers)
        ]
        positions = [(*key, *value) for key, value in sorted(self._positions.items())]
        return msgspec.msgpack.encode(Image(instruments, positions))

    def restore(self, data: bytes) -> None:
        """Goes on where the snapshot was made, with the market as it was then. Raises ValueError."""
        image = msgspec.msgpack.decode(data, type=Image)
        self._numbers = [Numbers(state) for state in self._market.instruments]
        for one in image.instruments:
            numbers = self._numbers[one.instrument]
            numbers.counts[: len(one.counts)] = one.counts
            numbers.stirred, numbers.traded, numbers.unnumbered = one.stirred, one.traded, one.unnumbered
        self._positions = {(account, instrument): (seq, ts) for account, instrument, seq, ts in image.positions}

    # --- folds ------------------------------------------------------------------------------------------------------

    def _level(self, batch: Batch, change: LevelChange) -> None:
        numbers = self._touch(change.instrument)
        numbers.level(change)
        if change.rank == 0:
            numbers.stirred = batch.ts

    def _trade(self, batch: Batch, change: Trade) -> None:
        numbers = self._numbers[change.instrument]
        numbers.stirred = numbers.traded = batch.ts
        numbers.unnumbered += not change.trade_id

    def _book_reset(self, batch: Batch, change: BookReset) -> None:
        numbers = self._touch(change.instrument)
        numbers.replace(change)
        numbers.stirred = batch.ts

    def _touch(self, instrument: int) -> Numbers:
        numbers = self._numbers[instrument]
        if numbers not in self._touched:
            self._touched[numbers] = None
            numbers.reset = False
        return numbers

    def _listed(self, batch: Batch, change: InstrumentListed) -> None:
        self._numbers.append(Numbers(self._market.instruments[change.instrument.id]))

    def _stirred(self, batch: Batch, change: MarkPriceSet) -> None:
        self._numbers[change.instrument].stirred = batch.ts

    def _account(self, batch: Batch, change: AccountChange) -> None:
        if isinstance(change.event, PositionSet):
            key = change.account, change.event.instrument
            self._positions[key] = self._positions.get(key, (0, 0))[0] + 1, batch.ts


def _sizes(side: BookSide) -> dict[int, int]:
    return {level.price: level.size for level in side.top(len(side))}


def _trimmed(counts: list[int]) -> list[int]:
    end = next((place for place in range(len(counts), 0, -1) if counts[place - 1]), 0)
    return counts[:end]
