"""What the market yields while it applies a batch: the one stream that every feed of every dialect consumes."""

from __future__ import annotations

from msgspec import Struct

from polyfeed.model.enums import Side
from polyfeed.model.events import (
    AnnouncementMade,
    BookReset,
    DeleveragingStateSet,
    FundingRateSet,
    FundingSettled,
    IndexPriceSet,
    InstrumentListed,
    InstrumentStatusSet,
    InsuranceFundSet,
    MarkPriceSet,
    OpenInterestSet,
    OrderClosed,
    OrderOpened,
    OrderReduced,
    OrderRested,
    PositionLiquidated,
    RelayedFrame,
    SystemStatusSet,
    Trade,
)


class LevelChange(Struct, frozen=True, array_like=True, gc=False):
    """A price level changed; the book a listener sees at this moment already shows it.

    `size` is the level's new total, 0 when it is gone; `ts` the time of the change. `rank` is the level's place in
    its side counted from the best (0), where it stands now or stood before it went; `added` says that the level is
    new.
    """

    instrument: int
    side: Side
    price: int
    size: int
    ts: int
    rank: int
    added: bool


InstrumentChange = (
    LevelChange
    | Trade
    | BookReset
    | OrderOpened
    | OrderRested
    | OrderReduced
    | OrderClosed
    | IndexPriceSet
    | MarkPriceSet
    | FundingRateSet
    | FundingSettled
    | OpenInterestSet
    | PositionLiquidated
    | DeleveragingStateSet
)
"""Changes of one instrument: what most feeds are made of."""

VenueChange = AnnouncementMade | InsuranceFundSet | RelayedFrame
"""Changes that belong to no one instrument."""

Change = InstrumentChange | VenueChange | InstrumentListed | InstrumentStatusSet | SystemStatusSet
