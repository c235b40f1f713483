"""A journal that two places keep: the stream of records, which a standby follows, and this machine's disk.

The stream is asked first. What it has taken has happened: this venue's disk follows it, as a standby's does, so no disk
ever has what another venue does not know of. A command is carried out when both have it.
"""

from __future__ import annotations

from polyfeed.bus.nats.writer import StreamWriter
from polyfeed.model.commands import Record
from polyfeed.store.file_journal import FileJournal
from polyfeed.store.format import Mark, encode_record
from polyfeed.store.journal import Journal


class DiskLost(RuntimeError):
    """The stream has taken records that this machine's disk does not take: another machine has to go on."""


class StreamedJournal(Journal):
    """Writes to `writer`'s stream, then to `file`. `records` is how many history has already."""

    def __init__(self, file: FileJournal, writer: StreamWriter, records: int) -> None:
        self._file = file
        self._writer = writer
        self._records = records
        self._bodies: list[bytes] = []
        self._streaming = False

    @property
    def medium(self) -> str:
        return "the bus's stream of records" if self._streaming else self._file.medium

    @property
    def full(self) -> bool:
        return self._file.full

    def append(self, record: Record) -> None:
        self._file.append(record)
        self._bodies.append(encode_record(record))

    def check(self, mark: Mark) -> None:
        self._file.check(mark)  # segments begin elsewhere at a standby, and the running hash with them

    async def sync(self) -> None:
        bodies, self._bodies = self._bodies, []
        first, self._records = self._records + 1, self._records + len(bodies)
        self._streaming = True
        try:
            await self._writer.put_told(first, bodies)
        finally:
            self._streaming = False
        try:
            await self._file.sync()
        except OSError as error:
            raise DiskLost(f"the journal cannot be written, and the stream of records has gone on: {error}") from error

    async def turn(self, mark: Mark) -> None:
        await self._file.turn(mark)

    async def close(self) -> None:
        """Lets the file go."""
        await self._file.close()
