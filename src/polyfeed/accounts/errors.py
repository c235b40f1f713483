"""What the accounts refuse to fold."""

from __future__ import annotations


class BatchOutOfOrder(Exception):
    """The batch is not the next one of its epoch: it was seen before (`seq < expected`) or some are missing.

    Raised before anything changed, with the same meaning as the market's error of that name.
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
