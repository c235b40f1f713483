"""What this dialect numbers and keeps over every batch, whether or not anybody listens.

From the venue's own events: the sequence of each market's book. From an upstream's: the last snapshot of each stream
and what followed it.
"""

from __future__ import annotations

import msgspec
from msgspec import Struct

from polyfeed.dialects._base.projection import Projection
from polyfeed.dialects.peatio import spec
from polyfeed.dialects.peatio.sequences import BookSequence
from polyfeed.dialects.peatio.spec import Profile
from polyfeed.dialects.peatio.store import StreamStore, split
from polyfeed.market.changes import LevelChange
from polyfeed.market.market import Market
from polyfeed.model.batches import Batch
from polyfeed.model.events import BookReset, InstrumentListed, RelayedFrame

_PUBLIC_PARTS = 2


class _Image(Struct, frozen=True, array_like=True):
    books: list[tuple[int, BookSequence]]
    streams: list[tuple[str, StreamStore]]


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Image)


class PeatioProjection(Projection):
    """`books` by instrument, `streams` by name without suffix."""

    def __init__(self, market: Market, profile: Profile) -> None:
        self._market = market
        self._profile = profile
        self.books: dict[int, BookSequence] = {}
        self.streams: dict[str, StreamStore] = {}
        self.folds = {
            LevelChange: self._level,
            RelayedFrame: self._relayed,
            InstrumentListed: self._listed,
            BookReset: self._reset,
        }

    def snapshot(self) -> bytes:
        """All of it as bytes."""
        return _encoder.encode(_Image(sorted(self.books.items()), sorted(self.streams.items())))

    def restore(self, data: bytes) -> None:
        """Takes over what `snapshot` gave."""
        image = _decoder.decode(data)
        self.books, self.streams = dict(image.books), dict(image.streams)

    def of_id(self, market: str) -> list[tuple[str, StreamStore]]:
        """The stored streams of a market's id, or of `global`, by name."""
        prefix = market + "."
        return [(name, store) for name, store in sorted(self.streams.items()) if name.startswith(prefix)]

    def _level(self, _batch: Batch, change: LevelChange) -> None:
        book = self.books.get(change.instrument)
        if book is not None:
            book.fold(change, self._market.instruments[change.instrument].book)

    def _listed(self, batch: Batch, change: InstrumentListed) -> None:
        if spec.NAME in change.instrument.symbols:
            self.books[change.instrument.id] = BookSequence(batch.ts)

    def _reset(self, batch: Batch, change: BookReset) -> None:
        if change.instrument in self.books:
            self.books[change.instrument].restart(self._market.instruments[change.instrument].book, batch.ts)

    def _relayed(self, _batch: Batch, frame: RelayedFrame) -> None:
        if not frame.stream:
            for store in self.streams.values():
                store.interrupt()
            return
        name, suffix = split(public_name(frame.stream, self._profile) or "")
        if not suffix:
            return
        store = self.streams.setdefault(name, StreamStore())
        body = frame.body.decode()
        if not body:
            store.interrupt()
        elif suffix == spec.SNAP:
            store.snap(body)
        else:
            store.increment(body, without_snapshot=self._profile.plain_snapshots)


def public_name(stream: str, profile: Profile) -> str | None:
    """Under which name a relayed stream is public; None when it is a prefixed one, which is not kept.

    Before there were prefixes every first part but `private` meant public (sheet 5).
    """
    parts = stream.split(".")
    if len(parts) <= _PUBLIC_PARTS:
        return stream
    return None if profile.prefixed else ".".join(parts[1:])
