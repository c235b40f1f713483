"""What can be traded, and the money it is traded for."""

from __future__ import annotations

from msgspec import Struct

from polyfeed.model.enums import Detail, InstrumentKind, InstrumentStatus
from polyfeed.model.perpetuals import PerpetualTerms


class Currency(Struct, frozen=True, array_like=True):
    """A currency and the number of decimals in which its balances are kept."""

    code: str
    scale: int


class Instrument(Struct, frozen=True, array_like=True):
    """One market.

    `price_scale` and `size_scale` are the decimals of the integers that stand for prices and sizes; `tick` and `lot`
    are the smallest steps in those integers, so the decimals that a price *needs* (`price_decimals`) may be fewer than
    it has: Kraken prints XBT/USD, whose tick is 0.1, with five. `min_cost` is in units of the quote currency.
    `symbols` names the instrument in each dialect that lists it; `perpetual` is None for spot.
    """

    id: int
    name: str
    base: str
    quote: str
    price_scale: int
    size_scale: int
    tick: int
    lot: int
    min_size: int
    min_cost: int = 0
    kind: InstrumentKind = InstrumentKind.SPOT
    detail: Detail = Detail.ORDERS
    status: InstrumentStatus = InstrumentStatus.ONLINE
    maker_fee_ppm: int = 0
    taker_fee_ppm: int = 0
    symbols: dict[str, str] = {}
    perpetual: PerpetualTerms | None = None

    @property
    def price_decimals(self) -> int:
        """Decimals that a price on the tick grid needs."""
        return needed_decimals(self.tick, self.price_scale)

    @property
    def size_decimals(self) -> int:
        """Decimals that a size on the lot grid needs."""
        return needed_decimals(self.lot, self.size_scale)


def needed_decimals(step: int, scale: int) -> int:
    """How many of `scale` decimals a multiple of `step` can use."""
    while scale > 0 and step % 10 == 0:
        step //= 10
        scale -= 1
    return scale
