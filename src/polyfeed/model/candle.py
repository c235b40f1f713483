"""One candle, and the fixed record in which finished ones are kept."""

from __future__ import annotations

import struct

from msgspec import Struct

from polyfeed.model.numbers import divide_half_up

_FIXED = struct.Struct("<7q")
_VOLUME_BYTES = 16
_VALUE_BYTES = 24  # price * size needs 126 bits at most; this leaves room for 2^65 such trades
_VALUE_AT = _FIXED.size + _VOLUME_BYTES
RECORD_BYTES = _VALUE_AT + _VALUE_BYTES


class Candle(Struct, gc=False):
    """What happened between `start` and the interval's end. There is no candle without a trade.

    Prices and `volume` are scaled by the instrument; `value` is the exact sum of price * size, so scaled by both.
    `start` and `last_ts` (the time of the last trade) are venue microseconds.
    """

    start: int
    open: int
    high: int
    low: int
    close: int
    volume: int
    value: int
    count: int
    last_ts: int

    def add(self, price: int, size: int, ts: int) -> None:
        """Takes in a trade."""
        if price > self.high:
            self.high = price
        elif price < self.low:
            self.low = price
        self.close = price
        self.volume += size
        self.value += price * size
        self.count += 1
        self.last_ts = ts

    def merge(self, later: Candle) -> None:
        """Takes in the trades of a candle, later than all before."""
        if later.high > self.high:
            self.high = later.high
        if later.low < self.low:
            self.low = later.low
        self.close = later.close
        self.volume += later.volume
        self.value += later.value
        self.count += later.count
        self.last_ts = later.last_ts

    def vwap(self) -> int:
        """The volume-weighted average price, rounded half up; the closing price when nothing but zero sizes traded."""
        return divide_half_up(self.value, self.volume) if self.volume else self.close


def first_of(start: int, price: int, size: int, ts: int) -> Candle:
    """A candle of one trade."""
    return Candle(start, price, price, price, price, size, price * size, 1, ts)


def copied(start: int, candle: Candle) -> Candle:
    """The same candle as the beginning of one that starts at `start`."""
    return Candle(
        start,
        candle.open,
        candle.high,
        candle.low,
        candle.close,
        candle.volume,
        candle.value,
        candle.count,
        candle.last_ts,
    )


def pack(candle: Candle) -> bytes:
    """The candle as RECORD_BYTES bytes: a third of the memory, and sums that MessagePack's integers cannot hold."""
    return (
        _FIXED.pack(candle.start, candle.open, candle.high, candle.low, candle.close, candle.count, candle.last_ts)
        + candle.volume.to_bytes(_VOLUME_BYTES, "little", signed=True)
        + candle.value.to_bytes(_VALUE_BYTES, "little", signed=True)
    )


def unpack(record: bytes) -> Candle:
    """Reads what `pack` wrote."""
    start, opening, high, low, close, count, last_ts = _FIXED.unpack_from(record)
    volume = int.from_bytes(record[_FIXED.size : _VALUE_AT], "little", signed=True)
    value = int.from_bytes(record[_VALUE_AT:], "little", signed=True)
    return Candle(start, opening, high, low, close, volume, value, count, last_ts)


def records(data: bytes) -> list[bytes]:
    """Cuts joined records apart."""
    return [data[at : at + RECORD_BYTES] for at in range(0, len(data), RECORD_BYTES)]
