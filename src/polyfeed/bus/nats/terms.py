"""How the streams are kept, and what is wanted of the servers: the one place that a venue makes them from and that
`polyfeed doctor` checks them against.

Neither stream is the truth: that is the venue's journal. Batches are a window: who was away for longer starts from an
image. Records feed a standby; with one, a command counts when JetStream has its record.
"""

from __future__ import annotations

from nats.js.api import DiscardPolicy, RetentionPolicy, StorageType, StreamConfig

from polyfeed.bus.nats.names import Names

MIN_VERSION = (2, 10, 23)
"""Earlier ones could lose a whole stream when a process crashed (jepsen.io/analyses/nats-2.12.1)."""

SYNC = "always"
"""The servers' `sync_interval`: what they acknowledge is on their disks. NATS's own is two minutes, of which a power
failure, or the crash of one machine together with a slow network, takes what was acknowledged (the same report).
"""

PAYLOAD_BYTES = 1 << 20
"""What a message may hold at least: NATS's own limit."""

BATCHES_SECONDS = 3600.0
BATCHES_BYTES = 4 << 30
"""A gateway that was away for longer, or missed more, begins anew from an image."""

RECORDS_BYTES = 16 << 30
"""A standby that lacks more begins with a copy of the journal. No age ends records: what a standby lacks may be days
old on a quiet venue. The oldest go first: refusing new ones would stop the venue for a standby that nobody starts.
JetStream reserves this on every replica, and a server with less to give does not make the stream.
"""

IMAGES_BYTES = 4 << 30
"""Room that is left for images and the lease."""

CONSUMERS = 10_000
"""Readers of a stream: gateways, and standbys. A stream that says nothing has 1,000 from NATS 2.15 on."""

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
        max_consumers=CONSUMERS,
        max_bytes=most_bytes,
        max_age=seconds,
        num_replicas=replicas,
        duplicate_window=DUPLICATES_SECONDS,
        allow_direct=True,
    )
