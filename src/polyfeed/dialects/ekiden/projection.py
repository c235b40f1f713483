"""What this dialect numbers over every batch, whether or not anybody listens: books (numbers.py), trades that came
without an id, and changes of positions; and when something last happened that a timed channel tells of.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import msgspec
from msgspec import Struct

from polyfeed.accounts.accounts import AccountChange
from polyfeed.dialects._base.projection import Projection
from polyfeed.dialects.ekiden.numbers import Numbers
from polyfeed.market.changes import LevelChange
from polyfeed.market.market import Market
from polyfeed.model.batches import Batch
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


class InstrumentImage(Struct, frozen=True, array_like=True):
    """Numbers as a value; `counts` without its trailing zeros."""

    instrument: int
    epoch: int
    counts: list[int]
    stirred: int
    traded: int
    unnumbered: int


class PositionNumbers(NamedTuple):
    """How often a position has changed, when it last did (microseconds), and the profits realised in its market so far,
    which outlast it.
    """

    changes: int
    ts: int
    realised: int


UNCHANGED_POSITION = PositionNumbers(0, 0, 0)


class Image(Struct, frozen=True, array_like=True):
    """The projection as a value. `times` has (epoch, ts), `positions` (account, instrument, numbers), in order."""

    times: list[tuple[int, int]]
    instruments: list[InstrumentImage]
    positions: list[tuple[int, int, PositionNumbers]]


class EkidenProjection(Projection):
    """The numbers of every instrument and of every position."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self._times: dict[int, int] = {}
        self._numbers = [Numbers(state, self._times) for state in market.instruments]
        self._touched: dict[Numbers, None] = {}
        self._reset: list[Numbers] = []
        self._positions: dict[int, dict[int, PositionNumbers]] = {}
        self.folds = {
            LevelChange: self._level,
            Trade: self._trade,
            BookReset: self._book_reset,
            InstrumentListed: self._listed,
            MarkPriceSet: self._stirred,
            IndexPriceSet: self._stirred,
            FundingRateSet: self._stirred,
            OpenInterestSet: self._stirred,
            PositionSet: self._position_set,
        }

    def of(self, instrument: int) -> Numbers:
        """The numbers of an instrument."""
        return self._numbers[instrument]

    def position(self, account: int, instrument: int) -> PositionNumbers:
        """The numbers of a position."""
        return self.positions(account).get(instrument, UNCHANGED_POSITION)

    def positions(self, account: int) -> Mapping[int, PositionNumbers]:
        """Those of all that an account has or had, by instrument."""
        return self._positions.get(account, {})

    def settle(self, batch: Batch) -> None:
        """Counts the batch where it changed a book."""
        if self._touched:
            for numbers in self._touched:
                numbers.settle()
            self._touched.clear()
        self._times[batch.epoch] = batch.ts

    def snapshot(self) -> bytes:
        """Everything that cannot be seen in the market."""
        instruments = [
            InstrumentImage(number, one.epoch, _trimmed(one.counts), one.stirred, one.traded, one.unnumbered)
            for number, one in enumerate(self._numbers)
        ]
        positions = [
            (account, instrument, numbers)
            for account, held in sorted(self._positions.items())
            for instrument, numbers in sorted(held.items())
        ]
        return msgspec.msgpack.encode(Image(sorted(self._times.items()), instruments, positions))

    def restore(self, data: bytes) -> None:
        """Goes on where the snapshot was made, with the market as it was then. Raises ValueError."""
        image = msgspec.msgpack.decode(data, type=Image)
        self._times = dict(image.times)
        self._numbers = [Numbers(state, self._times) for state in self._market.instruments]
        for one in image.instruments:
            numbers = self._numbers[one.instrument]
            numbers.counts[: len(one.counts)] = one.counts
            numbers.epoch = one.epoch
            numbers.stirred, numbers.traded, numbers.unnumbered = one.stirred, one.traded, one.unnumbered
        self._positions = {}
        for account, instrument, numbers_of_position in image.positions:
            self._positions.setdefault(account, {})[instrument] = numbers_of_position

    # --- folds ------------------------------------------------------------------------------------------------------

    def _level(self, batch: Batch, change: LevelChange) -> None:
        numbers = self._touch(batch, change.instrument)
        numbers.level(change)
        if change.rank == 0:
            numbers.stirred = batch.ts

    def _trade(self, batch: Batch, change: Trade) -> None:
        numbers = self._numbers[change.instrument]
        numbers.epoch = batch.epoch
        numbers.stirred = numbers.traded = batch.ts
        numbers.unnumbered += not change.trade_id

    def _book_reset(self, batch: Batch, change: BookReset) -> None:
        numbers = self._touch(batch, change.instrument)
        numbers.replace(change)
        numbers.stirred = batch.ts

    def _touch(self, batch: Batch, instrument: int) -> Numbers:
        numbers = self._numbers[instrument]
        if numbers not in self._touched:
            self._touched[numbers] = None
            numbers.epoch = batch.epoch
            numbers.reset = False
        return numbers

    def _listed(self, batch: Batch, change: InstrumentListed) -> None:
        self._numbers.append(Numbers(self._market.instruments[change.instrument.id], self._times))

    def _stirred(self, batch: Batch, change: MarkPriceSet) -> None:
        self._numbers[change.instrument].stirred = batch.ts

    def _position_set(self, batch: Batch, change: AccountChange) -> None:
        position = change.event
        assert isinstance(position, PositionSet)
        held = self._positions.setdefault(change.account, {})
        changes = held.get(position.instrument, UNCHANGED_POSITION).changes
        held[position.instrument] = PositionNumbers(changes + 1, batch.ts, position.realised_profit_total)


def _trimmed(counts: list[int]) -> list[int]:
    end = next((place for place in range(len(counts), 0, -1) if counts[place - 1]), 0)
    return counts[:end]
