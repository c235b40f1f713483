"""The bytes of the journal's files.

A segment is a file: MAGIC, a header frame, then a frame for each record, in the order in which they happened.

    frame   = crc32 u32 | length u32 | synced u32 | payload[length]      little-endian; the checksum is of the rest
    payload = MessagePack: of a `Header` in the first frame, then of a `Record` (model/commands.py) or a `Check`

`synced` is how many bytes of this file were durable when the frame was written. By it a write that a crash tore apart
can be told from damage: a bad frame before anybody's `synced` had been durable once, so it was whole; one behind all of
them may never have been. Where not every group is synced a frame says its own place: then a hole that a power failure
left looks like damage, and a person decides.

While the kernel lives, what was written before a process died is there up to some byte: a bad frame with whole ones
behind it is then damage as well (`Header.boot`).
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

import msgspec
from msgspec import Struct

from polyfeed.model.commands import Record

FORMAT = 3
"""Counts up whenever the form of the files or of what they hold changes. What earlier ones can have, this one can: 2
has running hashes between the records, 3 orders that are bound to gateways (`PlaceOrder.bound`, `EndGateway`)."""

_READ = (1, 2, FORMAT)

MAGIC = b"polyfeed"
FRAME = struct.Struct("<III")
_SUMMED = struct.Struct("<II")
CRC_BYTES = 4
VENUE_BYTES = 16
MAX_RECORD = 1 << 20
"""Bytes of a payload: above everything that a gateway lets in."""

_START = re.compile(rb"(?=.{6}[\x00-\x10]\x00)", re.DOTALL)
"""Where a frame can begin: the two upper bytes of a length of at most MAX_RECORD."""

_encoder = msgspec.msgpack.Encoder()

Check = dict[int, bytes]
"""The running hash (chain.py) after so many records of the history: a promise that a replay is held to."""
_CHECK_BYTE = 0x81  # how MessagePack begins a map of one

_record_decoder = msgspec.msgpack.Decoder(Record)
_check_decoder = msgspec.msgpack.Decoder(Check)


class Mark(Struct, frozen=True, array_like=True):
    """A place in history, between two records.

    `seq` and `ts` are those of the last batch before it, `records` how many records there are; `hash` is the running
    hash of all batches (chain.py).
    """

    epoch: int = 1
    seq: int = 0
    ts: int = 0
    records: int = 0
    hash: bytes = b""


class Header(Struct, frozen=True, array_like=True):
    """How a segment begins: who wrote it, where in history it starts, and the wall clock (microseconds) then.

    `venue` is a random number that the history got at its very beginning: all segments of one journal have it. `boot`
    names the run of the machine's kernel that the segment was written under, empty where it is not known.
    """

    form: int
    engine: int
    start: Mark
    made: int
    venue: bytes = b""
    boot: str = ""


class Damaged(ValueError):
    """A file of the journal is not as it was written. `offset` is in bytes."""

    def __init__(self, place: str, offset: int, what: str) -> None:
        super().__init__(f"{place}: damaged at byte {offset}: {what}")
        self.place = place
        self.offset = offset


class OtherForm(ValueError):
    """A file of the journal is whole, and another version of polyfeed wrote it."""


class Found(NamedTuple):
    """A whole frame: where it ends, and what is in it."""

    end: int
    payload: memoryview


def frame(payload: bytes, synced: int) -> bytes:
    """The payload as a frame."""
    head = _SUMMED.pack(len(payload), synced)
    return zlib.crc32(payload, zlib.crc32(head)).to_bytes(CRC_BYTES, "little") + head + payload


def encode_record(record: Record) -> bytes:
    """A record as a payload.

    Raises ValueError when it is too large for one or has text that is none, OverflowError for an integer that does not
    fit 64 bits.
    """
    payload = _encoder.encode(record)
    if len(payload) > MAX_RECORD:
        raise ValueError(f"a record of {len(payload)} bytes is too large; {MAX_RECORD} are allowed")
    return payload


def encode_check(records: int, digest: bytes) -> bytes:
    """A check as a payload."""
    return _encoder.encode({records: digest})


def is_check(payload: memoryview) -> bool:
    """Whether a payload of a whole frame is a check."""
    return payload[0] == _CHECK_BYTE


def decode_check(payload: memoryview) -> Check:
    """Reads what `encode_check` wrote. Raises msgspec.DecodeError."""
    return _check_decoder.decode(payload)


def decode_record(payload: memoryview) -> Record:
    """Reads what `encode_record` wrote. Raises msgspec.DecodeError."""
    return _record_decoder.decode(payload)


def encode_header(header: Header) -> bytes:
    """The first bytes of a segment."""
    return MAGIC + frame(_encoder.encode(header), 0)


def decode_header(data: memoryview, place: str) -> tuple[Header, int]:
    """The header of a segment, and where its records begin. Raises Damaged, OtherForm."""
    if data[: len(MAGIC)] != MAGIC:
        raise Damaged(place, 0, "this is no journal")
    found = frame_at(data, len(MAGIC))
    if found is None:
        raise Damaged(place, len(MAGIC), "the header's checksum does not fit")
    try:
        form = msgspec.msgpack.decode(msgspec.msgpack.decode(found.payload, type=list[msgspec.Raw])[0])
        if form not in _READ:
            raise OtherForm(f"{place} has form {form}, this version reads {FORMAT}: use the polyfeed that wrote it")
        return msgspec.msgpack.decode(found.payload, type=Header), found.end
    except (msgspec.DecodeError, IndexError) as error:
        raise Damaged(place, len(MAGIC), f"the header cannot be read: {error}") from error


def frame_at(data: memoryview, offset: int) -> Found | None:
    """The frame that begins there, None when there is no whole one."""
    if offset + FRAME.size > len(data):
        return None
    crc, length, synced = FRAME.unpack_from(data, offset)
    end = offset + FRAME.size + length
    if length > MAX_RECORD or end > len(data) or synced > offset:
        return None
    if zlib.crc32(data[offset + CRC_BYTES : end]) != crc:
        return None
    return Found(end, data[offset + FRAME.size : end])


def frames(data: memoryview, offset: int) -> Iterator[Found]:
    """All whole frames from there on, up to the first that is not."""
    while (found := frame_at(data, offset)) is not None:
        yield found
        offset = found.end


class Behind(NamedTuple):
    """What is behind a frame that is not whole: how many whole ones, and whether one of them calls it durable."""

    whole: int
    durable: bool


def behind(data: memoryview, offset: int) -> Behind:
    """What is behind the frame at `offset`, which is not whole."""
    whole, durable, place = 0, False, offset + 1
    while (match := _START.search(data, place)) is not None:
        found = frame_at(data, match.start())
        if found is None:
            place = match.start() + 1
            continue
        whole += 1
        durable = durable or FRAME.unpack_from(data, match.start())[2] > offset
        place = found.end
    return Behind(whole, durable)
