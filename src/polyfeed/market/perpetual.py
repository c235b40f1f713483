"""What only a perpetual has: its mark and index, its funding, its open interest."""

from __future__ import annotations

from msgspec import Struct

from polyfeed.model.events import (
    DeleveragingStateSet,
    FundingRateSet,
    FundingSettled,
    IndexPriceSet,
    MarkPriceSet,
    OpenInterestSet,
    PositionLiquidated,
)

PerpetualEvent = (
    IndexPriceSet
    | MarkPriceSet
    | FundingRateSet
    | FundingSettled
    | OpenInterestSet
    | PositionLiquidated
    | DeleveragingStateSet
)


class Perpetual(Struct, array_like=True, gc=False):
    """As last announced, 0 before: prices and open interest scaled by the instrument, rates in parts per million.

    `paid_rate_ppm` is the rate of the last funding that was exchanged, `next_funding_ts` venue microseconds.
    """

    mark_price: int = 0
    index_price: int = 0
    funding_rate_ppm: int = 0
    next_funding_ts: int = 0
    paid_rate_ppm: int = 0
    open_interest: int = 0
    deleveraging: bool = False
    deleveraging_reason: str = ""

    def assign(self, event: PerpetualEvent) -> None:
        """Remembers what the event says; of a liquidation nothing, as its trades and positions say it all."""
        match event:
            case MarkPriceSet():
                self.mark_price = event.price
            case IndexPriceSet():
                self.index_price = event.price
            case FundingRateSet():
                self.funding_rate_ppm = event.rate_ppm
                self.next_funding_ts = event.next_funding_ts
            case OpenInterestSet():
                self.open_interest = event.size
            case FundingSettled():
                self.paid_rate_ppm = event.rate_ppm
            case DeleveragingStateSet():
                self.deleveraging = event.active
                self.deleveraging_reason = event.reason
            case PositionLiquidated():
                pass
