"""The projection as bytes, and back."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from polyfeed.dialects.bitstamp.grid import GridImage
from polyfeed.dialects.bitstamp.ids import EventId
from polyfeed.dialects.bitstamp.order_events import Chain, OwnRow, Row
from polyfeed.dialects.bitstamp.records import Record


class RecordImage(Struct, array_like=True, frozen=True):
    """A market's record as a value; the terms of its orders are in the market's own snapshot."""

    instrument: int
    chain: EventId
    stops: EventId
    mark: int
    touched: tuple[list[int | None], int]
    touching: tuple[list[int | None], int]
    entering: list[tuple[int, int, int]]
    grid: GridImage
    recent: list[Row]


class ProjectionImage(Struct, array_like=True, frozen=True):
    """All of it: markets and accounts in the order of their numbers."""

    records: list[RecordImage]
    own: list[tuple[int, list[OwnRow]]]


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(ProjectionImage)


def encode(image: ProjectionImage) -> bytes:
    """The image as bytes."""
    return _encoder.encode(image)


def decode(data: bytes) -> ProjectionImage:
    """Reads what `encode` wrote. Raises ValueError (msgspec's are) on anything else."""
    return _decoder.decode(data)


def image_of(record: Record) -> RecordImage:
    """A market's record as a value."""
    return RecordImage(
        record.listed.id,
        record.chain.last,
        record.stops.last,
        record.mark,
        (record.touched.prices, record.touched.ts),
        (record.touching.prices, record.touching.ts),
        sorted((order_id, left, filled) for order_id, (left, filled) in record.entering.items()),
        record.grid.image(),
        list(record.recent),
    )


def restore(record: Record, image: RecordImage) -> None:
    """Makes a new record what `image` shows."""
    record.chain, record.stops = Chain(image.chain), Chain(image.stops)
    record.mark = image.mark
    record.touched.prices, record.touched.ts = image.touched
    record.touching.prices, record.touching.ts = image.touching
    record.entering = {order_id: (left, filled) for order_id, left, filled in image.entering}
    record.grid.restore(image.grid)
    record.recent.extend(image.recent)
