"""The files of a journal, read: their order, their records, and what is wrong with them.

    <directory>/00000000000000000001.journal     named by the number of its first batch

Only the last segment may end in the midst of a frame: a write that a crash tore apart, of which nobody was told.
Everything else that does not fit is damage, and is said with its file and place.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from polyfeed.model.commands import Record
from polyfeed.store.disk import boot_id
from polyfeed.store.format import (
    Check,
    Damaged,
    Header,
    Mark,
    behind,
    decode_check,
    decode_header,
    decode_record,
    frames,
    is_check,
)

SUFFIX = ".journal"
DIGITS = 20


class Segment:
    """One file, read whole.

    `end` is where its whole records end, known when `records` has come to it; `lost` is then how many whole ones are
    behind that end, in a write that came to the disk in part.
    """

    def __init__(self, path: Path, data: bytes, *, last: bool) -> None:
        self.path = path
        self.last = last
        self._data = memoryview(data)
        self.size = len(data)
        self.header, self.begin = decode_header(self._data, str(path))
        self.end = self.begin
        self.lost = 0

    @property
    def torn(self) -> int:
        """Bytes behind the last whole record."""
        return self.size - self.end

    def checks(self) -> Check:
        """All running hashes that stand between its records. Raises Damaged."""
        checks: Check = {}
        try:
            for found in frames(self._data, self.begin):
                if is_check(found.payload):
                    checks |= decode_check(found.payload)
        except msgspec.DecodeError as error:
            raise Damaged(str(self.path), self.begin, f"a check cannot be read: {error}") from error
        return checks

    def records(self) -> Iterator[Record]:
        """Its records in order. Raises Damaged where one is not whole that was durable once."""
        place = self.begin
        try:
            for found in frames(self._data, self.begin):
                record = None if is_check(found.payload) else decode_record(found.payload)
                self.end = place = found.end
                if record is not None:
                    yield record
        except msgspec.DecodeError as error:
            raise Damaged(str(self.path), place, f"the record cannot be read: {error}") from error
        if self.torn:
            self._check_torn()

    def _check_torn(self) -> None:
        """Whether what is behind the last whole record can be a write that a crash tore apart. Raises Damaged."""
        self.lost, durable = behind(self._data, self.end)
        if not self.last or durable or (self.lost and self.header.boot and self.header.boot == boot_id()):
            raise Damaged(str(self.path), self.end, "the record's checksum does not fit")


def name_of(first: int) -> str:
    """The name of the segment whose first batch has this number."""
    return f"{first:0{DIGITS}d}{SUFFIX}"


def paths_in(directory: Path) -> list[Path]:
    """The segments of a directory, oldest first."""
    return sorted(directory.glob(f"*{SUFFIX}"))


def starts_in(directory: Path) -> list[tuple[Path, Header]]:
    """Each segment's header, oldest first. Raises Damaged."""
    return [(path, header_of(path)) for path in paths_in(directory)]


def header_of(path: Path) -> Header:
    """The header of one segment. Raises Damaged."""
    with path.open("rb") as file:
        return decode_header(memoryview(file.read(4096)), str(path))[0]


def venue_in(directory: Path) -> bytes:
    """The number of the venue whose journal it is, empty when there is none or it has none. Raises Damaged."""
    paths = paths_in(directory)
    return header_of(paths[-1]).venue if paths else b""


def segments_from(directory: Path, start: Mark) -> Iterator[Segment]:
    """The segments from the one that begins at `start` on, each checked to begin where the one before it ended.

    Raises Damaged: also when none begins there, unless there is no segment at all and `start` is the beginning.
    """
    paths = paths_in(directory)
    wanted = name_of(start.seq + 1)
    later = [path for path in paths if path.name >= wanted]
    if not later:
        if paths or start.records:
            raise Damaged(str(directory / wanted), 0, "this segment is missing")
        return
    if later[0].name != wanted:
        raise Damaged(str(later[0]), 0, f"the segments before it are missing; {wanted} was expected")
    for path in later:
        yield Segment(path, path.read_bytes(), last=path is later[-1])
