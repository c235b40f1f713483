"""The venue and its place in history: records in, batches out, the same for the first time and for every replay."""

from __future__ import annotations

from collections.abc import Iterator

from polyfeed.model.batches import Batch, encode_batch
from polyfeed.model.commands import AnyCommand, EndGateway, Origin, Proceed, Record, Stamped
from polyfeed.store.chain import START, Chain
from polyfeed.store.format import Mark
from polyfeed.venue.venue import Venue


class History:
    """Stamps records and has the venue carry them out.

    `numbers` has the number of the last command of each gateway that has not ended. `hashed` says whether the running
    hash is kept, without which there is no `mark`; `start` is where the venue stands.
    """

    def __init__(self, venue: Venue, start: Mark | None = None, *, hashed: bool = False) -> None:
        self.venue = venue
        start = start or Mark(venue.epoch, hash=START)
        self.seq = start.seq
        self.ts = start.ts
        self.records = start.records
        self.numbers: dict[int, int] = {}
        self._chain = Chain(start.hash) if hashed else None

    def carry_out(self, record: Record) -> Iterator[Batch]:
        """The batches that a record comes to. They must be taken to the end."""
        self.records += 1
        origin = record.origin
        if origin is not None and origin.number > self.numbers.get(origin.gateway, 0):
            self.numbers[origin.gateway] = origin.number
        if isinstance(record.command, EndGateway):
            self.numbers.pop(record.command.gateway, None)
        batch = self._apply(record.ts, record.command, origin)
        yield batch
        while batch.more:
            batch = self._apply(batch.ts, Proceed(), origin)
            yield batch

    def mark(self) -> Mark:
        """Where history stands."""
        digest = b"" if self._chain is None else self._chain.digest()
        return Mark(self.venue.epoch, self.seq, self.ts, self.records, digest)

    def turn(self) -> None:
        """A new segment begins here."""
        if self._chain is not None:
            self._chain.turn(self._chain.digest())

    def _apply(self, ts: int, command: AnyCommand, origin: Origin | None) -> Batch:
        self.seq += 1
        self.ts = max(self.ts + 1, ts)
        batch = self.venue.apply(Stamped(self.seq, self.ts, command, origin))
        if self._chain is not None:
            self._chain.add(encode_batch(batch))
        return batch
