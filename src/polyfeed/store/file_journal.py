"""The journal on a disk: one file is written at its end, in a thread, while the event loop does something else."""

from __future__ import annotations

import asyncio
import os
import time
import zlib
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Literal

from msgspec import Struct

from polyfeed.model.commands import Record
from polyfeed.store.disk import boot_id, cut, probe, write_all, write_whole
from polyfeed.store.format import FORMAT, Header, Mark, encode_check, encode_header, encode_record, frame
from polyfeed.store.journal import Journal
from polyfeed.store.segments import name_of


class Terms(Struct, frozen=True):
    """How records are kept: synced with every group, every so many seconds, or when the kernel likes; and how much goes
    into one segment.
    """

    fsync: Literal["always", "interval", "off"] = "always"
    interval_seconds: float = 0.1
    segment_bytes: int = 64 << 20
    segment_records: int = 50_000
    segment_seconds: float = 3600.0


class FileJournal(Journal):
    """Writes segments into `directory`, whose lock the caller holds; `engine`, `now` and `venue` go into their headers.

    Nothing can be appended before the first `turn`. A write or sync that fails is cut back to the last durable record;
    if that fails too, the next `turn` does it first.
    """

    def __init__(self, directory: Path, terms: Terms, engine: int, now: Callable[[], int], venue: bytes = b"") -> None:
        self._directory = directory
        self._terms = terms
        self._engine = engine
        self._now = now
        self._venue = venue
        self._boot = boot_id()
        self._thread = ThreadPoolExecutor(1, "journal")
        self._descriptor = -1
        self._group: list[bytes] = []
        self._size = 0  # what the file will have with the group that is gathered
        self._kept = 0  # bytes of the file whose records history has taken in, or is about to
        self._durable = 0  # how many of these are surely on the disk
        self._crc = 0  # CRC-32 of those that are not
        self._records = 0
        self._opened = self._synced = 0.0
        self.failed = False
        self.syncs = 0

    @property
    def full(self) -> bool:
        terms = self._terms
        return self._records > 0 and (
            self._records >= terms.segment_records
            or self._size >= terms.segment_bytes
            or time.monotonic() - self._opened >= terms.segment_seconds
        )

    def append(self, record: Record) -> None:
        self._add(encode_record(record))
        self._records += 1

    def check(self, mark: Mark) -> None:
        self._add(encode_check(mark.records, mark.hash))

    def _add(self, payload: bytes) -> None:
        place = self._size
        data = frame(payload, self._durable if self._terms.fsync == "always" else place)
        self._group.append(data)
        self._size = place + len(data)

    def sync(self) -> Awaitable[None]:
        data, self._group = b"".join(self._group), []
        terms = self._terms
        overdue = terms.fsync == "interval" and time.monotonic() - self._synced >= terms.interval_seconds
        # Also what is not synced: a disk that has much to write back can make a write wait.
        return self._in_thread(lambda: self._write(data, sync=overdue or terms.fsync == "always"))

    async def turn(self, mark: Mark) -> None:
        await self._in_thread(lambda: self._turn(mark))

    async def close(self) -> None:
        """Lets the file go."""
        try:
            await self._in_thread(self._release)
        finally:
            self._thread.shutdown(wait=False)

    # --- in the thread ----------------------------------------------------------------------------------------------

    def _in_thread(self, work: Callable[[], None]) -> Awaitable[None]:
        return asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _write(self, data: bytes, *, sync: bool) -> None:
        if self.failed:
            raise OSError("the journal has failed")
        try:
            write_all(self._descriptor, data)
            if sync:
                os.fdatasync(self._descriptor)
                self._synced = time.monotonic()
                self.syncs += 1
        except OSError:
            self.failed = True
            self._cut_back()
            raise
        self._kept += len(data)
        self._crc = zlib.crc32(data, self._crc)
        if sync:
            self._durable, self._crc = self._kept, 0

    def _cut_back(self) -> None:
        """Takes the group back. A disk that refuses that as well is asked again by `_turn`."""
        with suppress(OSError):
            cut(self._descriptor, self._kept, self._durable, self._crc)

    def _turn(self, mark: Mark) -> None:
        try:
            if self.failed:
                cut(self._descriptor, self._kept, self._durable, self._crc)
                probe(self._directory)
            elif self._descriptor >= 0:
                os.fdatasync(self._descriptor)
            path = self._directory / name_of(mark.seq + 1)
            head = encode_header(Header(FORMAT, self._engine, mark, self._now(), self._venue, self._boot))
            write_whole(path, head)
            # Not O_APPEND, with which Linux appends what `cut` means to write elsewhere (pwrite(2), BUGS).
            descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
            os.lseek(descriptor, 0, os.SEEK_END)
        except OSError:
            self.failed = True
            raise
        self._release()
        self._descriptor = descriptor
        self._size = self._kept = self._durable = len(head)
        self._crc = 0
        self._records = 0
        self._opened = time.monotonic()
        self._group.clear()
        self.failed = False

    def _release(self) -> None:
        if self._descriptor >= 0:
            descriptor, self._descriptor = self._descriptor, -1
            os.close(descriptor)
