"""The running hash: one number that proves that a replay decided what the venue decided the first time."""

from __future__ import annotations

import hashlib

HASH_BYTES = 16
START = bytes(HASH_BYTES)
"""Of a history in which nothing has happened."""


class Chain:
    """BLAKE2b over the encoded batches, each segment's from the digest at its start.

    So it can be taken up wherever a segment begins, and does not depend on how commands were grouped.
    """

    __slots__ = ("_empty", "_hash", "_start")

    def __init__(self, start: bytes = START) -> None:
        self.turn(start)

    def add(self, batch: bytes) -> None:
        """Takes in an encoded batch."""
        self._empty = False
        self._hash.update(batch)

    def digest(self) -> bytes:
        """The hash of everything up to now."""
        return self._start if self._empty else self._hash.digest()

    def turn(self, start: bytes) -> None:
        """A segment begins here, with the digest `start`."""
        self._start = start
        self._empty = True
        self._hash = hashlib.blake2b(start, digest_size=HASH_BYTES)
