"""What whoever folds batches refuses."""

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
