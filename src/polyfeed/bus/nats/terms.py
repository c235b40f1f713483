"""How the streams are kept: the one place that a venue makes them from and that they are checked against."""

from __future__ import annotations

from nats.js.api import DiscardPolicy, RetentionPolicy, StorageType, StreamConfig

from polyfeed.bus.nats.names import Names

BATCHES_SECONDS = 3600.0
BATCHES_BYTES = 4 << 30
"""A gateway that was away for longer, or missed more, begins anew from an image."""

RECORDS_BYTES = 64 << 30
"""A standby that begins with nothing reads all records; one that has a copy of the journal, those after it."""

DUPLICATES_SECONDS = 120.0
"""Nobody sends anything again after so long."""


def batches_config(names: Names, replicas: int) -> StreamConfig:
    """The stream of batches: a cache with replay; the journal is the truth."""
    return _config(names.batches_stream, names.batches, replicas, BATCHES_BYTES, BATCHES_SECONDS)


def records_config(names: Names, replicas: int) -> StreamConfig:
    """The stream of records, which a standby's journal is made from. Nothing in it grows old."""
    return _config(names.records_stream, names.records, replicas, RECORDS_BYTES, 0.0)


def _config(stream: str, subject: str, replicas: int, most_bytes: int, seconds: float) -> StreamConfig:
    return StreamConfig(
        name=stream,
        subjects=[subject],
        retention=RetentionPolicy.LIMITS,
        storage=StorageType.FILE,
        discard=DiscardPolicy.OLD,
        max_bytes=most_bytes,
        max_age=seconds,
        num_replicas=replicas,
        duplicate_window=DUPLICATES_SECONDS,
        allow_direct=True,
    )
