"""What a market of a perpetual knows besides its book."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polyfeed.model.enums import Side
from polyfeed.model.formulas import PPM
from polyfeed.model.perpetuals import PerpetualTerms

if TYPE_CHECKING:
    from polyfeed.venue.perpetuals.positions import Position

FINE = 1 << 16
"""Parts of a price's unit in which the moving premium is kept, so that it moves under a coarse unit too."""


class Contract:
    """Index, mark and funding of one perpetual; prices are 0 until the first index price.

    `premium` is the moving average of the book's middle over the index, in 1 / FINE of a price's unit. `premium_sum` is
    the premium in ppm, times the microseconds that it stood, since `funding_since`: their quotient is what funding is
    made of. `positions` are the open ones by account, in the order in which they were opened, `ordering` those whose
    accounts have orders.
    """

    __slots__ = (
        "deleveraging",
        "funding_since",
        "index",
        "mark",
        "next_funding_ts",
        "open_interest",
        "ordering",
        "positions",
        "premium",
        "premium_ppm",
        "premium_sum",
        "priced_ts",
        "rate_ppm",
        "terms",
        "told_interest",
    )

    def __init__(self, terms: PerpetualTerms) -> None:
        self.terms = terms
        self.index = 0
        self.mark = 0
        self.priced_ts = 0  # of the last index price
        self.premium = 0
        self.premium_ppm = 0
        self.premium_sum = 0
        self.funding_since = 0
        self.rate_ppm: int | None = None  # as last told
        self.next_funding_ts = 0
        self.positions: dict[int, Position] = {}
        self.ordering: dict[int, Position] = {}
        self.open_interest = 0
        self.told_interest = 0
        self.deleveraging = False

    def bound(self, side: Side) -> int:
        """The worst price at which an order of a side may trade."""
        band = self.mark * self.terms.price_band_ppm // PPM
        return self.mark + band if side is Side.BUY else self.mark - band
