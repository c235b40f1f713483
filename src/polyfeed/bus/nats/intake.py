"""What a gateway takes in: every batch of each history once, in order, or a hole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from polyfeed.bus.nats.parcel import Parcel
from polyfeed.model.batches import Batch, decode_batch


class Hole(Exception):
    """What came does not follow what came before; the state that was built so far cannot be gone on with."""


class Intake:
    """Takes the batches out of parcels of one `history`. `seen` is the number of each epoch's last batch."""

    def __init__(self, history: str, seen: Mapping[int, int]) -> None:
        self.history = history
        self.seen = dict(seen)

    def take(self, parcel: Parcel) -> Iterator[Batch]:
        """The batches that are new. Raises Hole where one is missing, cannot be read, or is of another history."""
        if parcel.history != self.history:
            raise Hole(f"the venue begins another history ({parcel.history}, this is {self.history})")
        for body in parcel.bodies:
            try:
                batch = decode_batch(body)
            except msgspec.DecodeError as error:
                raise Hole(f"a batch behind {self.seen} cannot be read: {error}") from error
            last = self.seen.get(batch.epoch, 0)
            if batch.seq <= last:
                continue
            if batch.seq != last + 1:
                raise Hole(f"batches {last + 1} to {batch.seq - 1} of epoch {batch.epoch} are missing")
            self.seen[batch.epoch] = batch.seq
            yield batch
