"""What a market refuses to fold."""

from __future__ import annotations


class BatchOutOfOrder(Exception):
    """The batch is not the next one of its epoch: it was seen before (`seq < expected`) or some are missing.

    Raised before anything changed, so a batch that was seen can be dropped; after a gap the state must be repaired or
    made anew, because what is missing cannot be known.
    """

    def __init__(self, epoch: int, seq: int, expected: int) -> None:
        super().__init__(f"batch {seq} of epoch {epoch} came where {expected} was expected")
        self.epoch = epoch
        self.seq = seq
        self.expected = expected

    @property
    def seen(self) -> bool:
        """Whether this batch was folded already (otherwise there is a gap before it)."""
        return self.seq < self.expected


class UnknownInstrument(Exception):
    """An event names an instrument that was never listed, or a listing has another number than the next.

    A complete history has no such event: a market that met one must be thrown away.
    """

    def __init__(self, instrument: int, listed: int) -> None:
        super().__init__(f"instrument {instrument} is not one of the {listed} that are listed")
        self.instrument = instrument
