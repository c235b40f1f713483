"""A parcel: what one message of a stream carries.

    checksum 8 bytes | MessagePack [history, term, first, bodies]

`history` names the history that the numbers count in: it outlives restarts and takeovers of a venue with a journal.
`term` counts the venue processes that have written it, so readers and writers know who came later. `first` is the
number of the first body. The checksum (BLAKE2b) is of all that follows it: a broker's own do not cover the whole way.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

import msgspec
from msgspec import Struct

CHECKSUM_BYTES = 8


class Parcel(Struct, frozen=True, array_like=True):
    """Bodies in order, and whose they are. One without bodies says that a term has begun."""

    history: str
    term: int
    first: int
    bodies: tuple[bytes, ...] = ()

    @property
    def id(self) -> str:
        """The same for the same parcel, however often it is sent."""
        return f"{self.history}.{self.term}.{self.first}.{len(self.bodies)}"


class Corrupt(ValueError):
    """What arrived is not what was sent."""


_decoder = msgspec.msgpack.Decoder(Parcel)
_encode = msgspec.msgpack.encode


def encode_parcel(history: str, term: int, first: int, bodies: Sequence[bytes]) -> bytes:
    """The parcel as bytes."""
    data = _encode(Parcel(history, term, first, tuple(bodies)))
    return blake2b(data, digest_size=CHECKSUM_BYTES).digest() + data


def decode_parcel(data: bytes) -> Parcel:
    """Reads what `encode_parcel` wrote. Raises Corrupt."""
    content = memoryview(data)[CHECKSUM_BYTES:]
    if blake2b(content, digest_size=CHECKSUM_BYTES).digest() != data[:CHECKSUM_BYTES]:
        raise Corrupt("its checksum is wrong")
    try:
        return _decoder.decode(content)
    except msgspec.DecodeError as error:
        raise Corrupt(f"it cannot be read: {error}") from error
