"""What this dialect numbers and keeps over every batch, whether or not anybody listens.

From the venue's own events: the sequence of each market's book. From an upstream's: the last snapshot of each stream
and what followed it.
"""

from __future__ import annotations

import msgspec
from msgspec import Struct

from polyfeed.accounts.accounts import AccountChange
from polyfeed.dialects._base.projection import Projection
from polyfeed.dialects.peatio import spec
from polyfeed.dialects.peatio.sequences import BookSequence
from polyfeed.dialects.peatio.spec import Profile
from polyfeed.dialects.peatio.store import StreamStore, split
from polyfeed.market.changes import Change, LevelChange
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

    def fold(self, batch: Batch, change: Change | AccountChange) -> None:
        """Numbers a level, or keeps an upstream's frame."""
        if isinstance(change, LevelChange):
            book = self.books.get(change.instrument)
            if book is not None:
                book.fold(change, self._market.instruments[change.instrument].book)
        elif isinstance(change, RelayedFrame):
            self._relayed(change)
        elif isinstance(change, InstrumentListed):
            if spec.NAME in change.instrument.symbols:
                self.books[change.instrument.id] = BookSequence(batch.ts)
        elif isinstance(change, BookReset) and change.instrument in self.books:
            self.books[change.instrument].restart(self._market.instruments[change.instrument].book, batch.ts)

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

    def _relayed(self, frame: RelayedFrame) -> None:
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
