"""A disk that does not take records: what comes is refused at once, and all is well again when the disk is."""

from __future__ import annotations

import asyncio
import errno
import os
import random
import threading
import time
import zlib
from collections.abc import Awaitable
from pathlib import Path
from unittest.mock import AsyncMock, Mock

import pytest

from polyfeed.app.streamed_journal import StreamedJournal
from polyfeed.model.commands import Origin, Record, SetSystemStatus
from polyfeed.model.enums import Refusal
from polyfeed.store import file_journal
from polyfeed.store.disk import cut
from polyfeed.store.file_journal import Terms
from polyfeed.store.format import Mark
from polyfeed.store.journal import Journal
from tests.store.rig import Rig, equal, recovered, rig

FAULTS = (errno.ENOSPC, errno.EROFS, errno.EIO)


class Fault:
    """Makes one system call of the journal fail, after half of the bytes went through, as often as wanted."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, call: str, error: int) -> None:
        self.error = error
        self.on = False
        self.calls = 0
        self._real = getattr(os, call)
        monkeypatch.setattr(os, call, self)

    def __call__(self, descriptor: int, *data: bytes) -> int:
        if not self.on or not str(Path(f"/proc/self/fd/{descriptor}").readlink()).endswith((".journal", ".tmp")):
            return int(self._real(descriptor, *data) or 0)
        self.calls += 1
        if data:
            self._real(descriptor, data[0][: len(data[0]) // 2])
        raise OSError(self.error, os.strerror(self.error))


async def answered(one: Rig, origin: Origin) -> Refusal | None:
    """What a command comes to."""
    async with asyncio.timeout(30):
        while True:
            for told, outcome in one.refusals:
                if told == origin:
                    return outcome.refusal
            if any(batch.origin == origin for batch in one.batches):
                return None
            await asyncio.sleep(0.005)


def ask(one: Rig, number: int) -> Origin:
    origin = Origin(7, number)
    one.sequencer.submit(SetSystemStatus(str(number)), origin)
    return origin


@pytest.mark.parametrize("call", ["write", "fdatasync"])
@pytest.mark.parametrize("error", FAULTS)
async def test_what_cannot_be_recorded_is_refused_and_entry_opens_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, error: int
) -> None:
    fault = Fault(monkeypatch, call, error)
    async with rig(tmp_path) as one:
        await one.feed(40)
        task = asyncio.create_task(one.sequencer.run())
        before = one.sequencer.seq
        fault.on = True
        for number in range(1, 4):
            assert await answered(one, ask(one, number)) is Refusal.STORE_UNAVAILABLE
        assert all(os.strerror(error) in outcome.detail for _, outcome in one.refusals)
        assert one.sequencer.seq == before, "memory is never ahead of the disk"
        assert fault.calls
        fault.on = False
        async with asyncio.timeout(5):
            while one.sequencer.trouble:
                await asyncio.sleep(0.01)
        assert await answered(one, ask(one, 4)) is None
        one.sequencer.end()
        await task
    assert equal(recovered(tmp_path), one.sequencer.history)
    told = [batch.origin for batch in one.batches if batch.origin is not None and batch.origin.gateway == 7]
    assert told == [Origin(7, 4)]


async def test_a_part_of_a_group_that_was_written_is_cut_before_it_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that ends while the disk is full leaves nothing behind that was refused."""
    fault = Fault(monkeypatch, "write", errno.ENOSPC)
    async with rig(tmp_path) as one:
        await one.feed(40)
        size = (tmp_path / "00000000000000000001.journal").stat().st_size
        fault.on = True
        one.submit()
        await one.sequencer.work_off()
        assert len(one.refusals) == 1
        assert (tmp_path / "00000000000000000001.journal").stat().st_size == size
    assert recovered(tmp_path).records == 40


async def test_a_rotation_that_fails_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fault = Fault(monkeypatch, "fsync", errno.ENOSPC)
    async with rig(tmp_path, Terms(segment_records=10)) as one:
        await one.feed(10)
        fault.on = True
        one.submit()
        await one.sequencer.work_off()
        assert one.sequencer.trouble
        fault.on = False
        await one.feed(25)
        assert not one.sequencer.trouble
    assert equal(recovered(tmp_path), one.sequencer.history)


class Stuck(Journal):
    """A disk that answers when it is told to."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.answers = asyncio.Event()

    def append(self, record: Record) -> None:
        self.records.append(record)

    def sync(self) -> Awaitable[None]:
        return asyncio.ensure_future(self._sync())

    async def _sync(self) -> None:
        await self.answers.wait()

    async def turn(self, mark: Mark) -> None:
        """Has only one segment."""


async def test_while_the_disk_is_slow_what_comes_is_refused_and_what_is_on_its_way_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    stuck = Stuck()
    monkeypatch.setattr("tests.store.rig.FileJournal", lambda *_: stuck)
    stuck.close = lambda: asyncio.sleep(0)  # type: ignore[attr-defined]
    async with rig(tmp_path, patience=0.05) as one:
        task = asyncio.create_task(one.sequencer.run())
        first = ask(one, 1)
        await asyncio.sleep(0)
        for number in range(2, 5):
            assert await answered(one, ask(one, number)) is Refusal.STORE_UNAVAILABLE
        assert "has not answered for 0.05 s" in one.sequencer.trouble
        assert one.batches == []
        stuck.answers.set()
        assert await answered(one, first) is None
        assert await answered(one, ask(one, 5)) is None
        assert not one.sequencer.trouble
        assert "the journal is written again" in caplog.text
        assert [record.origin for record in stuck.records if record.origin] == [first, Origin(7, 5)]
        one.sequencer.end()
        await task


async def test_it_is_said_which_place_is_slow() -> None:
    """With a standby the bus comes before the disk."""
    writer = Mock(put_told=AsyncMock())
    file = Mock(medium="the journal's disk", sync=AsyncMock())
    journal = StreamedJournal(file, writer, 0)
    said: list[str] = []
    writer.put_told.side_effect = lambda *_: said.append(journal.medium)
    file.sync.side_effect = lambda: said.append(journal.medium)
    await journal.sync()
    assert said == ["the bus's stream of records", "the journal's disk"]


async def test_a_process_that_stood_still_does_not_blame_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    quick = Stuck()

    async def sync() -> None:
        time.sleep(0.1)  # noqa: ASYNC251 - nobody in this process gets a turn
        for _ in range(20):
            await asyncio.sleep(0)

    monkeypatch.setattr(quick, "_sync", sync)
    monkeypatch.setattr("tests.store.rig.FileJournal", lambda *_: quick)
    quick.close = lambda: asyncio.sleep(0)  # type: ignore[attr-defined]
    async with rig(tmp_path, patience=0.05) as one:
        task = asyncio.create_task(one.sequencer.run())
        assert await answered(one, ask(one, 1)) is None
        one.sequencer.end()
        await task
    assert "slow" not in caplog.text


@pytest.mark.parametrize("fsync", ["always", "interval", "off"])
async def test_no_write_holds_up_the_event_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fsync: str) -> None:
    threads: set[threading.Thread] = set()
    real = file_journal.write_all

    def write_all(descriptor: int, data: bytes) -> None:
        threads.add(threading.current_thread())
        real(descriptor, data)

    monkeypatch.setattr(file_journal, "write_all", write_all)
    async with rig(tmp_path, Terms(fsync)) as one:
        await one.feed(20)
    assert threads and threading.current_thread() not in threads
    assert equal(recovered(tmp_path), one.sequencer.history)


def test_a_cut_writes_all_that_stays_though_the_disk_takes_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, data = tmp_path / "file", random.Random(1).randbytes(3 << 20)
    path.write_bytes(data)
    real, written = os.pwrite, [0]

    def pwrite(descriptor: int, part: bytes, place: int) -> int:
        written[0] += (count := real(descriptor, part[:100_000], place))
        return count

    monkeypatch.setattr(os, "pwrite", pwrite)
    descriptor = os.open(path, os.O_RDWR)
    try:
        cut(descriptor, len(data) - 5, 5000, zlib.crc32(data[5000:-5]))
        assert written == [len(data) - 5 - 4096]
        assert path.read_bytes() == data[:-5]
        with pytest.raises(OSError, match="does not read back as it was written"):
            cut(descriptor, len(data) - 5, 5000, zlib.crc32(data[5000:-6]))
        with pytest.raises(OSError, match="ends before"):
            monkeypatch.setattr(os, "pread", lambda *_: b"")
            cut(descriptor, len(data) - 5, 5000)
    finally:
        os.close(descriptor)


async def test_after_a_failed_sync_the_pages_that_stay_are_written_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel takes them for clean; with fsync=interval acknowledged records may be among them."""
    fault = Fault(monkeypatch, "fdatasync", errno.EIO)
    written: list[tuple[int, int]] = []
    real = os.pwrite
    monkeypatch.setattr(
        os, "pwrite", lambda fd, data, place: (written.append((place, len(data))), real(fd, data, place))[1]
    )
    async with rig(tmp_path, Terms("interval", interval_seconds=3600, segment_seconds=1e12)) as one:
        monkeypatch.setattr(file_journal.time, "monotonic", lambda: 0.0)
        await one.feed(300)
        size = (tmp_path / "00000000000000000001.journal").stat().st_size
        fault.on = True
        monkeypatch.setattr(file_journal.time, "monotonic", lambda: 1e9)
        one.submit()
        await one.sequencer.work_off()
        assert one.refusals
        assert written[0] == (0, size)
