"""One instrument: everything that is known of it."""

from __future__ import annotations

from polyfeed.market.book import Book
from polyfeed.market.candles import Candles
from polyfeed.market.changes import LevelChange
from polyfeed.market.clock import Clock
from polyfeed.market.orders import OrderBook
from polyfeed.market.perpetual import Perpetual
from polyfeed.market.price_history import PriceHistory
from polyfeed.market.statistics import Statistics
from polyfeed.market.tape import Tape
from polyfeed.model.enums import Detail, InstrumentKind, Priced, Side
from polyfeed.model.instruments import Instrument


class InstrumentState:
    """The state of one instrument. `orders` is None when its book comes level by level, `prices` for no perpetual.

    `ts` is the time of the last event of its book or its trades, `clock` what drives its statistics, `epoch` the
    history that these events come from: the one that listed it until the first of a recording. Neither time goes back,
    and a word of the venue about a recorded instrument changes none of the three.
    """

    __slots__ = (
        "book",
        "candles",
        "clock",
        "epoch",
        "instrument",
        "orders",
        "perpetual",
        "prices",
        "stats",
        "status",
        "tape",
        "ts",
    )

    def __init__(self, instrument: Instrument, epoch: int, clock: Clock) -> None:
        self.instrument = instrument
        self.epoch = epoch
        self.clock = clock
        self.status = instrument.status
        self.ts = 0
        self.book = Book()
        self.orders = OrderBook(self.book) if instrument.detail is Detail.ORDERS else None
        self.tape = Tape()
        self.candles = Candles()
        self.stats = Statistics(clock)
        self.perpetual = Perpetual()
        self.prices = PriceHistory() if instrument.kind is InstrumentKind.PERPETUAL else None

    def become(self, other: InstrumentState) -> None:
        """Takes over everything of another state, which must not be used any more."""
        for name in self.__slots__:
            setattr(self, name, getattr(other, name))

    def candles_of(self, priced: Priced) -> Candles | None:
        """The candles of these prices, None where there are none."""
        if priced is Priced.TRADES:
            return self.candles
        if self.prices is None:
            return None
        return self.prices.mark if priced is Priced.MARK else self.prices.index

    def happened(self, ts: int) -> None:
        """Something happened in the book or in a trade at `ts`."""
        if ts > self.ts:
            self.ts = ts
        self.clock.advance(ts)

    def decided(self) -> None:
        """The decision that the last events belong to is over."""
        if self.orders is not None:
            self.orders.decided()

    def level(self, side: Side, price: int, size: int, ts: int) -> LevelChange | None:
        """Assigns a level's total; None when that changes nothing (an unknown level was to be removed)."""
        if size <= 0:
            size = 0
            if self.orders is not None:
                self.orders.level_gone(side, price)
        changed = self.book.side(side).set(price, size, ts)
        if changed is None:
            return None
        return LevelChange(self.instrument.id, side, price, size, ts, changed[0], changed[1])
