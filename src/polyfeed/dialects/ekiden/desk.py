"""What feeds and calls share: the state of the venue, the listed instruments, the dialect's own numbers."""

from __future__ import annotations

from polyfeed.dialects._base.context import Context
from polyfeed.dialects.ekiden.projection import EkidenProjection
from polyfeed.dialects.ekiden.symbols import Symbols


class Desk:
    """All of it, as of the last batch. `settlement` is the currency that accounts are counted in."""

    __slots__ = ("context", "projection", "settlement", "symbols")

    def __init__(self, context: Context, symbols: Symbols, projection: EkidenProjection, settlement: str) -> None:
        self.context = context
        self.symbols = symbols
        self.projection = projection
        self.settlement = settlement
