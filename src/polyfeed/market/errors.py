"""What a market refuses to fold."""

from __future__ import annotations


class UnknownInstrument(Exception):
    """An event names an instrument that was never listed, or a listing has another number than the next.

    A complete history has no such event: a market that met one must be thrown away.
    """

    def __init__(self, instrument: int, listed: int) -> None:
        super().__init__(f"instrument {instrument} is not one of the {listed} that are listed")
        self.instrument = instrument
