"""All instruments, folded from batches."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import Any

from polyfeed.market import image as images
from polyfeed.market.changes import Change
from polyfeed.market.clock import Clock
from polyfeed.market.errors import UnknownInstrument
from polyfeed.market.folds import FOLDS, PLAYED, Changes
from polyfeed.market.instrument import InstrumentState
from polyfeed.model.batches import Batch
from polyfeed.model.enums import Detail
from polyfeed.model.errors import BatchOutOfOrder
from polyfeed.model.events import (
    AnnouncementMade,
    CurrencyDefined,
    InstrumentListed,
    InsuranceFundSet,
    OrderOpened,
    RelayedFrame,
    SystemStatusSet,
)
from polyfeed.model.instruments import Currency, Instrument


class Market:
    """What is publicly known of every instrument, as of the last batch.

    `epoch`, `seq` and `ts` are those of the last batch; `seen` has the last seq of every epoch. Batches of several
    epochs may come mixed: a recording counts its own. `instruments` is indexed by instrument id, `insurance` has what
    the insurance funds hold by currency.
    """

    def __init__(self) -> None:
        self.epoch = 0
        self.seq = 0
        self.ts = 0
        self.seen: dict[int, int] = {}
        self.system_status = "online"
        self.currencies: dict[str, Currency] = {}
        self.insurance: dict[str, int] = {}
        self.instruments: list[InstrumentState] = []
        self._clocks: dict[int, Clock] = {}
        self._states: dict[int, InstrumentState] = {}
        self._symbols: dict[tuple[str, str], InstrumentState] = {}
        self._entering: set[InstrumentState] = set()  # where orders may be entering in the running decision
        self._folds: dict[type, Callable[[Any], Changes]] = {
            CurrencyDefined: self._currency_defined,
            InstrumentListed: self._instrument_listed,
            SystemStatusSet: self._system_status,
            InsuranceFundSet: self._insurance_fund,
            AnnouncementMade: _passed_on,
            RelayedFrame: _passed_on,
        }

    def by_symbol(self, dialect: str, symbol: str) -> InstrumentState | None:
        """The instrument that a dialect lists under `symbol`."""
        return self._symbols.get((dialect, symbol))

    def apply(self, batch: Batch) -> Iterator[Change]:
        """Folds the batch event by event while it is iterated, which must be to the end.

        When a change is yielded the market shows all of the event that it came from, and nothing later. Raises
        BatchOutOfOrder at once, before anything changed; UnknownInstrument during the iteration.
        """
        expected = self.seen.get(batch.epoch, 0) + 1
        if batch.seq != expected:
            raise BatchOutOfOrder(batch.epoch, batch.seq, expected)
        return self._fold(batch)

    def time_of(self, epoch: int) -> int:
        """The time of a history (microseconds): that of its last batch, 0 before the first."""
        clock = self._clocks.get(epoch)
        return 0 if clock is None else clock.now

    def snapshot(self) -> bytes:
        """All of it as bytes, the same for equal markets; `restore` reads them."""
        return images.encode(
            images.MarketImage(
                images.FORMAT,
                self.epoch,
                self.seq,
                self.ts,
                [(epoch, seq, self._clocks[epoch].now) for epoch, seq in sorted(self.seen.items())],
                self.system_status,
                [currency for _, currency in sorted(self.currencies.items())],
                self.insurance,
                [images.image_of(state) for state in self.instruments],
            )
        )

    @classmethod
    def restore(cls, data: bytes) -> Market:
        """The market that `data` (from `snapshot`) shows; it goes on exactly as that one does. Raises ValueError."""
        image = images.decode(data)
        market = cls()
        market.epoch, market.seq, market.ts = image.epoch, image.seq, image.ts
        market.system_status = image.system_status
        market.currencies = {currency.code: currency for currency in image.currencies}
        market.insurance = image.insurance
        for epoch, seq, now in image.seen:
            market.seen[epoch] = seq
            market._clocks[epoch] = Clock(now)
        for listed in image.instruments:
            clock = market._clock_of(listed.instrument, listed.epoch)
            clock.advance(listed.now)
            state = images.state_of(listed, clock)
            market._add(state)
            if state.orders is not None and state.orders.entering:
                market._entering.add(state)
        return market

    def extends(self, other: Market) -> bool:
        """Whether every instrument and every currency of another market is the same here, new ones aside."""
        theirs = [state.instrument for state in other.instruments]
        ours = [state.instrument for state in self.instruments[: len(theirs)]]
        return theirs == ours and other.currencies.items() <= self.currencies.items()

    def become(self, other: Market) -> None:
        """Takes over everything of another market, which must not be used any more, between two batches.

        Whoever holds this market, or the state of an instrument whose number the other has too, sees the new one.
        """
        self.epoch, self.seq, self.ts = other.epoch, other.seq, other.ts
        self.system_status = other.system_status
        replace(self.seen, other.seen)
        replace(self.currencies, other.currencies)
        replace(self.insurance, other.insurance)
        replace(self._clocks, other._clocks)
        kept = self.instruments[: len(other.instruments)]
        for mine, theirs in zip(kept, other.instruments, strict=False):
            mine.become(theirs)
        entering = {state.instrument.id for state in other._entering}
        for table in (self.instruments, self._states, self._symbols, self._entering):
            table.clear()
        for state in kept + other.instruments[len(kept) :]:
            self._add(state)
            if state.instrument.id in entering:
                self._entering.add(state)

    def state_hash(self) -> str:
        """The SHA-256 of the snapshot, in hexadecimal: equal for equal markets."""
        return hashlib.sha256(self.snapshot()).hexdigest()

    def _fold(self, batch: Batch) -> Iterator[Change]:
        epoch, ts = batch.epoch, batch.ts
        self.epoch, self.ts = epoch, ts
        self.seq = self.seen[epoch] = batch.seq
        clock = self._clocks.get(epoch)
        if clock is None:
            clock = self._clocks[epoch] = Clock()
        clock.advance(ts)
        public: list[Any] = batch.public
        for event in public:
            kind = type(event)
            fold = FOLDS.get(kind)
            if fold is None:
                yield from self._folds[kind](event)
                continue
            state = self._states.get(event.instrument)
            if state is None:
                raise UnknownInstrument(event.instrument, len(self.instruments))
            if kind is OrderOpened:
                self._entering.add(state)
            elif state.epoch != epoch and state.orders is None and kind in PLAYED:
                state.epoch = epoch
            yield from fold(state, event, ts)
        if self._entering and not batch.more:
            for state in self._entering:
                state.decided()
            self._entering.clear()

    def _currency_defined(self, event: CurrencyDefined) -> Changes:
        self.currencies[event.currency.code] = event.currency
        return ()

    def _instrument_listed(self, event: InstrumentListed) -> Changes:
        instrument = event.instrument
        if instrument.id != len(self.instruments):
            raise UnknownInstrument(instrument.id, len(self.instruments))
        self._add(InstrumentState(instrument, self.epoch, self._clock_of(instrument, self.epoch)))
        return (event,)

    def _system_status(self, event: SystemStatusSet) -> Changes:
        self.system_status = event.text
        return (event,)

    def _insurance_fund(self, event: InsuranceFundSet) -> Changes:
        self.insurance[event.currency] = event.balance
        return (event,)

    def _clock_of(self, instrument: Instrument, epoch: int) -> Clock:
        return self._clocks[epoch] if instrument.detail is Detail.ORDERS else Clock()

    def _add(self, state: InstrumentState) -> None:
        self.instruments.append(state)
        self._states[state.instrument.id] = state
        for dialect, symbol in state.instrument.symbols.items():
            self._symbols[dialect, symbol] = state


def replace(mine: dict[Any, Any], other: dict[Any, Any]) -> None:
    """Gives a dict that others hold the items of another one."""
    mine.clear()
    mine.update(other)


def _passed_on(event: Any) -> Changes:
    return (event,)
