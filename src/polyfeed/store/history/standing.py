"""How things stood after a batch: what history must know to go on from there."""

from __future__ import annotations

from msgspec import Struct

from polyfeed.model.candle import Candle
from polyfeed.model.enums import Priced
from polyfeed.model.orders import OwnOrder


class Standing(Struct, frozen=True):
    """The open orders with the numbers of their accounts (no house's), and the last candle of each instrument,
    of each of its prices and of each interval, after the batch `seq` of the time `ts`.
    """

    seq: int
    ts: int
    orders: tuple[tuple[int, OwnOrder], ...] = ()
    candles: dict[tuple[int, Priced, int], Candle] = {}
