"""Snapshots: what a history came to at the beginning of a segment, one file each.

<directory>/00000000000000000001.snapshot     named as the segment that goes on from it

file = MAGIC | blake2b-128[16] | payload        the hash is of the payload
"""

from __future__ import annotations

from hashlib import blake2b
from pathlib import Path

from polyfeed.store.disk import write_whole
from polyfeed.store.format import Damaged
from polyfeed.store.segments import DIGITS

SUFFIX = ".snapshot"
MAGIC = b"polysnap"
_HASH_BYTES = 16
_HEAD = len(MAGIC) + _HASH_BYTES

KEPT = 2
"""The newest snapshots that are kept: should one be unreadable, the one before it leads to the same state."""


def path_of(directory: Path, first: int) -> Path:
    """The snapshot from which the segment goes on whose first batch has this number."""
    return directory / f"{first:0{DIGITS}d}{SUFFIX}"


def first_of(path: Path) -> int:
    """The number of the first batch after a snapshot."""
    return int(path.name.removesuffix(SUFFIX))


def snapshots_in(directory: Path) -> list[Path]:
    """The snapshots of a directory, newest first."""
    return sorted(directory.glob(f"*{SUFFIX}"), reverse=True)


def write_snapshot(directory: Path, first: int, payload: bytes) -> Path:
    """Writes a snapshot, durable, and reads it back. Raises OSError, Damaged."""
    path = path_of(directory, first)
    write_whole(path, MAGIC + _hash(payload) + payload)
    if read_snapshot(path) != payload:
        raise Damaged(str(path), _HEAD, "it does not read back as it was written")
    return path


def read_snapshot(path: Path) -> bytes:
    """The payload of a snapshot. Raises Damaged, OSError."""
    data = path.read_bytes()
    if data[: len(MAGIC)] != MAGIC:
        raise Damaged(str(path), 0, "this is no snapshot")
    payload = data[_HEAD:]
    if _hash(payload) != data[len(MAGIC) : _HEAD]:
        raise Damaged(str(path), _HEAD, "the checksum does not fit")
    return payload


def _hash(payload: bytes) -> bytes:
    return blake2b(payload, digest_size=_HASH_BYTES).digest()
