"""What a perpetual's prices were: candles of its mark and its index price, and the funding that was exchanged."""

from __future__ import annotations

from collections import deque

from msgspec import Struct

from polyfeed.market.candles import Candles, CandlesImage
from polyfeed.market.perpetual import PerpetualEvent
from polyfeed.model.events import FundingSettled, IndexPriceSet, MarkPriceSet

FUNDINGS_KEPT = 1000
"""Exchanges of funding kept per perpetual: six weeks of hourly ones."""


class Funding(Struct, frozen=True, array_like=True, gc=False):
    """Funding that was exchanged: when (venue microseconds), at which rate, at which mark price."""

    ts: int
    rate_ppm: int
    mark_price: int


class PriceHistoryImage(Struct, frozen=True, array_like=True):
    """A history as a value."""

    mark: CandlesImage
    index: CandlesImage
    fundings: list[Funding]


class PriceHistory:
    """Candles like those of trades, of the prices as told: a change counts one, and has no volume.

    `fundings` are the last exchanges of funding, oldest first.
    """

    __slots__ = ("fundings", "index", "mark")

    def __init__(self) -> None:
        self.mark = Candles()
        self.index = Candles()
        self.fundings: deque[Funding] = deque(maxlen=FUNDINGS_KEPT)

    def assign(self, event: PerpetualEvent, ts: int) -> None:
        """Takes in an event of a batch of `ts`; most are no matter of prices."""
        match event:
            case MarkPriceSet():
                self.mark.trade(event.price, 0, ts)
            case IndexPriceSet():
                self.index.trade(event.price, 0, ts)
            case FundingSettled():
                self.fundings.append(Funding(ts, event.rate_ppm, event.mark_price))
            case _:
                pass

    def image(self) -> PriceHistoryImage:
        """All of it as a value."""
        return PriceHistoryImage(self.mark.image(), self.index.image(), list(self.fundings))

    def restore(self, image: PriceHistoryImage) -> None:
        """Becomes what `image` shows; for a new history."""
        self.mark.restore(image.mark)
        self.index.restore(image.index)
        self.fundings.extend(image.fundings)
