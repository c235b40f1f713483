"""What happened in a stretch of time, summed up."""

from __future__ import annotations

from msgspec import Struct

from polyfeed.model.candle import Candle
from polyfeed.model.numbers import divide_half_up


class WindowImage(Struct, frozen=True, array_like=True):
    """A window as a value; sums as text, because MessagePack's integers end at 64 bits."""

    volume: str
    value: str
    count: int
    low: int
    high: int
    open: int


class Window(Struct, gc=False):
    """Trades of a stretch of time. Prices and `volume` are scaled by the instrument, `value` is the exact sum of
    price * size.

    Without a trade in it `volume`, `value` and `count` are 0, and `low`, `high`, `open` and `vwap()` the last price
    before it, or 0 when there never was one.
    """

    volume: int = 0
    value: int = 0
    count: int = 0
    low: int = 0
    high: int = 0
    open: int = 0

    def add(self, price: int, size: int) -> None:
        """Takes in a trade."""
        if self.count == 0:
            self.open = self.low = self.high = price
        elif price > self.high:
            self.high = price
        elif price < self.low:
            self.low = price
        self.volume += size
        self.value += price * size
        self.count += 1

    def vwap(self) -> int:
        """The volume-weighted average price, rounded half up."""
        return divide_half_up(self.value, self.volume) if self.volume else self.open

    def clear(self, last: int) -> None:
        """Forgets all trades; `last` is the last price before."""
        self.volume = self.value = self.count = 0
        self.low = self.high = self.open = last

    def include(self, candle: Candle) -> None:
        """Takes in the trades of a candle, later than all before."""
        if self.count == 0:
            self.open, self.high, self.low = candle.open, candle.high, candle.low
        self.high = max(self.high, candle.high)
        self.low = min(self.low, candle.low)
        self.volume += candle.volume
        self.value += candle.value
        self.count += candle.count

    def image(self) -> WindowImage:
        """All of it as a value."""
        return WindowImage(str(self.volume), str(self.value), self.count, self.low, self.high, self.open)

    @staticmethod
    def of(image: WindowImage) -> Window:
        """The window that `image` shows."""
        return Window(int(image.volume), int(image.value), image.count, image.low, image.high, image.open)
