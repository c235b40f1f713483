"""The market as bytes, and back.

The form is canonical: equal markets give equal bytes, however they came to be. So it serves as snapshot and, hashed,
as the proof that two of them are equal. Sums wider than MessagePack's 64-bit integers are inside packed records or
are text.
"""

from __future__ import annotations

import msgspec
from msgspec import Struct

from polyfeed.market.book import Level
from polyfeed.market.candles import CandlesImage
from polyfeed.market.clock import Clock
from polyfeed.market.instrument import InstrumentState
from polyfeed.market.orders import OrdersImage
from polyfeed.market.perpetual import Perpetual
from polyfeed.market.price_history import PriceHistoryImage
from polyfeed.market.statistics import StatisticsImage
from polyfeed.market.tape import Tape
from polyfeed.model.enums import InstrumentStatus
from polyfeed.model.instruments import Currency, Instrument
from polyfeed.model.trades import TapeEntry

FORMAT = 2
"""Counts up whenever the form changes: a snapshot of another form is refused, not misread."""


class InstrumentImage(Struct, frozen=True, array_like=True):
    """An instrument's state as a value. Levels are best first; `now` is what its clock shows."""

    instrument: Instrument
    epoch: int
    now: int
    status: InstrumentStatus
    ts: int
    bids: list[Level]
    asks: list[Level]
    orders: OrdersImage | None
    tape: list[TapeEntry]
    candles: CandlesImage
    statistics: StatisticsImage
    perpetual: Perpetual
    prices: PriceHistoryImage | None


class MarketImage(Struct, frozen=True, array_like=True):
    """A market as a value. `seen` has (epoch, seq, now) in the order of the epochs."""

    form: int
    epoch: int
    seq: int
    ts: int
    seen: list[tuple[int, int, int]]
    system_status: str
    currencies: list[Currency]
    insurance: dict[str, int]
    instruments: list[InstrumentImage]


_encoder = msgspec.msgpack.Encoder(order="deterministic")
_decoder = msgspec.msgpack.Decoder(MarketImage)


def encode(image: MarketImage) -> bytes:
    """The image as bytes; dict keys in their own order, not in that of their arrival."""
    return _encoder.encode(image)


def decode(data: bytes) -> MarketImage:
    """Reads what `encode` wrote. Raises ValueError (msgspec's are) on anything else, another `FORMAT` included."""
    image = _decoder.decode(data)
    if image.form != FORMAT:
        raise ValueError(f"the snapshot has form {image.form}, this version reads {FORMAT}")
    return image


def image_of(state: InstrumentState) -> InstrumentImage:
    """An instrument's state as a value."""
    bids, asks = state.book.bids, state.book.asks
    return InstrumentImage(
        state.instrument,
        state.epoch,
        state.clock.now,
        state.status,
        state.ts,
        bids.top(len(bids)),
        asks.top(len(asks)),
        None if state.orders is None else state.orders.image(),
        state.tape.recent(len(state.tape)),
        state.candles.image(),
        state.stats.image(),
        state.perpetual,
        None if state.prices is None else state.prices.image(),
    )


def state_of(image: InstrumentImage, clock: Clock) -> InstrumentState:
    """The instrument that `image` shows, driven by `clock`, which must show the image's time."""
    state = InstrumentState(image.instrument, image.epoch, clock)
    state.status = image.status
    state.ts = image.ts
    state.book.bids.replace(image.bids)
    state.book.asks.replace(image.asks)
    if state.orders is not None and image.orders is not None:
        state.orders.restore(image.orders)
    state.tape = Tape(image.tape)
    state.candles.restore(image.candles)
    state.stats.restore(image.statistics)
    state.perpetual = image.perpetual
    if state.prices is not None and image.prices is not None:
        state.prices.restore(image.prices)
    return state
