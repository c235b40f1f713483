"""Journals that are written, left and read again."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from polyfeed.app.recovery import EngineChanged, recover
from polyfeed.model.commands import Origin, Record, SetSystemStatus
from polyfeed.store.disk import Locked, locked
from polyfeed.store.file_journal import FileJournal, Terms
from polyfeed.store.format import FORMAT, Damaged, Header, Mark, OtherForm, encode_header
from polyfeed.store.segments import header_of, starts_in
from polyfeed.venue.version import ENGINE
from tests.store.rig import CONFIG, equal, recovered, rig, segment, write

FSYNCS = ("always", "interval", "off")


@pytest.mark.parametrize("fsync", FSYNCS)
async def test_what_was_written_is_read_again(tmp_path: Path, fsync: str) -> None:
    one = await write(tmp_path, 300, Terms(fsync))
    assert equal(recovered(tmp_path), one.sequencer.history)
    assert len(one.batches) >= 300


async def test_a_venue_goes_on_where_it_stopped(tmp_path: Path) -> None:
    whole = await write(tmp_path / "whole", 400)
    flow = None
    for count in (150, 50, 200):
        history = recovered(tmp_path / "parts") if flow else None
        async with rig(tmp_path / "parts", history=history, flow=flow) as one:
            await one.feed(count)
        flow = one.flow
    assert one.sequencer.history.venue.state_hash() == whole.sequencer.history.venue.state_hash()
    assert one.batches == whole.batches[-len(one.batches) :]
    assert equal(recovered(tmp_path / "parts"), one.sequencer.history)
    assert one.sequencer.history.numbers == {1: 400}


async def test_segments_end_by_records_and_each_names_the_state_before_it(tmp_path: Path) -> None:
    one = await write(tmp_path, 300, Terms(segment_records=40))
    starts = [header.start for _, header in starts_in(tmp_path)]
    assert [start.records for start in starts] == [0, 40, 80, 120, 160, 200, 240, 280]
    assert len({start.hash for start in starts}) == 8
    assert equal(recovered(tmp_path), one.sequencer.history)


async def test_segments_end_by_bytes(tmp_path: Path) -> None:
    one = await write(tmp_path, 300, Terms(segment_bytes=4096))
    sizes = [path.stat().st_size for path in sorted(tmp_path.glob("*.journal"))]
    assert len(sizes) > 3 and max(sizes) < 4096 + 200
    assert equal(recovered(tmp_path), one.sequencer.history)


async def test_a_start_that_does_nothing_leaves_no_second_segment(tmp_path: Path) -> None:
    await write(tmp_path, 10)
    for _ in range(3):
        async with rig(tmp_path, history=recovered(tmp_path), seal=True):
            pass
    assert len(list(tmp_path.glob("*.journal"))) == 2


async def test_time_travel_is_the_same_from_a_snapshot_and_from_the_beginning(tmp_path: Path) -> None:
    await write(tmp_path, 120)
    hashes = [recover(CONFIG, tmp_path, until=seq).replica.state_hash() for seq in (0, 40, 80)]
    assert len(set(hashes)) == 3
    early = await write(tmp_path / "early", 40)
    stopped = recover(CONFIG, tmp_path, until=early.sequencer.seq).replica
    assert stopped.history.venue.state_hash() == early.sequencer.history.venue.state_hash()


async def test_what_came_while_the_disk_was_busy_is_one_group(tmp_path: Path) -> None:
    async with rig(tmp_path) as one:
        await one.feed(30)
        before = one.journal.syncs
        task = asyncio.create_task(one.sequencer.run())
        for text in range(50):
            one.sequencer.submit(SetSystemStatus(str(text)))
        one.sequencer.end()
        await task
        assert one.journal.syncs - before <= 3
        assert len(one.batches) >= 80
    assert equal(recovered(tmp_path), one.sequencer.history)


async def test_another_engine_starts_only_where_nothing_is_to_be_replayed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await write(tmp_path, 20)
    monkeypatch.setattr("polyfeed.app.recovery.ENGINE", ENGINE + 1)
    with pytest.raises(EngineChanged, match="was written by engine 1 and this is engine 2"):
        recover(CONFIG, tmp_path)


async def test_one_writer(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib; from polyfeed.store.disk import locked\n"
        "with locked(pathlib.Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(  # noqa: ASYNC220 - it answers at once
        [sys.executable, "-c", code, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(Locked, match=f"process {other.pid} holds {tmp_path}/lock"), locked(tmp_path):
            pass
        other.communicate()
    with locked(tmp_path):
        assert (tmp_path / "lock").exists()


async def test_a_record_that_is_too_large_is_refused(tmp_path: Path) -> None:
    journal = FileJournal(tmp_path, Terms(), ENGINE, lambda: 0)
    with pytest.raises(ValueError, match="too large"):
        journal.append(Record(1, SetSystemStatus("x" * (1 << 20)), Origin(1, 1)))
    await journal.close()


def test_a_header_of_another_form_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.journal"
    path.write_bytes(encode_header(Header(FORMAT, 7, Mark(seq=4), 5)))
    assert header_of(path) == Header(FORMAT, 7, Mark(seq=4), 5)
    path.write_bytes(encode_header(Header(FORMAT + 1, 7, Mark(seq=4), 5)))
    with pytest.raises(OtherForm, match=f"has form {FORMAT + 1}, this version reads {FORMAT}"):
        header_of(path)


async def test_missing_segments_are_named(tmp_path: Path) -> None:
    await write(tmp_path, 200, Terms(segment_records=50))
    segment(tmp_path, 1).unlink()
    with pytest.raises(Damaged, match="the place in history before it is not what its header says"):
        recover(CONFIG, tmp_path)
    segment(tmp_path, 0).unlink()
    with pytest.raises(Damaged, match=r"before it are missing; 0+1\.journal was expected"):
        recover(CONFIG, tmp_path)
    assert segment(tmp_path, 0)
