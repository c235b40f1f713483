"""Snapshots that are made beside a running venue, and what is dropped behind them."""

from __future__ import annotations

import asyncio
import logging
import random
from pathlib import Path

import msgspec
import pytest

from polyfeed.app import recovery
from polyfeed.app.config import load
from polyfeed.app.recovery import EngineChanged, recover, replay_all
from polyfeed.app.replica import Replica
from polyfeed.app.snapshots import Keeper, drop_unneeded, make_snapshot
from polyfeed.app.store import opened
from polyfeed.model.batches import Batch
from polyfeed.model.commands import Clock, Record
from polyfeed.store.disk import SNAPSHOT_LOCK, locked
from polyfeed.store.file_journal import Terms
from polyfeed.store.format import Damaged
from polyfeed.store.segments import paths_in
from polyfeed.store.snapshots import first_of, snapshots_in
from polyfeed.venue.version import ENGINE
from tests.store.rig import CONFIG, equal, recovered, rig, segment, write

TERMS = Terms(segment_records=40)
NO_HISTORY = load(None, {}, ["store.history=off"])
KEEP_ALL = load(None, {}, ["store.keep=all"])


async def test_a_start_from_a_snapshot_is_a_start_from_the_beginning(tmp_path: Path) -> None:
    await write(tmp_path, 300, TERMS)
    path = make_snapshot(KEEP_ALL, tmp_path)
    assert path is not None
    last = segment(tmp_path)
    assert path.stem == last.stem
    whole = recover(CONFIG, tmp_path, snapshots=False).replica
    quick = recover(CONFIG, tmp_path).replica
    assert (quick.history.mark(), quick.state_hash()) == (whole.history.mark(), whole.state_hash())
    assert quick.history.numbers == whole.history.numbers == {1: 300}
    assert make_snapshot(KEEP_ALL, tmp_path) is None, "nothing new is closed"


async def test_a_start_replays_no_more_than_came_since_the_newest_snapshot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long the journal is: snapshots are made as segments are closed, each from the one before it."""
    taken: list[int] = []
    take = Replica.take

    def counted(replica: Replica, record: Record) -> list[Batch]:
        taken.append(replica.history.records)
        return take(replica, record)

    monkeypatch.setattr(Replica, "take", counted)
    async with rig(tmp_path, TERMS) as one:
        for _ in range(400):
            segments = len(paths_in(tmp_path))
            await one.feed(1)
            if len(paths_in(tmp_path)) > segments:
                taken.clear()
                assert make_snapshot(KEEP_ALL, tmp_path) is not None
                assert len(taken) <= TERMS.segment_records
        taken.clear()
        replica = recover(CONFIG, tmp_path).replica
        assert len(taken) <= TERMS.segment_records < replica.history.records
        assert equal(replica.history, one.sequencer.history)


async def test_a_long_replay_says_how_far_it_has_come(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    await write(tmp_path, 300, TERMS)
    monkeypatch.setattr(recovery, "SAID_SECONDS", 0.0)
    with caplog.at_level(logging.INFO, "polyfeed.recovery"):
        recover(CONFIG, tmp_path, snapshots=False)
        assert caplog.messages == ["replaying the journal: 0 of 0 MB"], "no figure is said twice"
        caplog.clear()
        advance = recovery._logged(3_000_000)
        for count in (1_000_000, 1000, 1_999_000):
            advance(count)
    assert caplog.messages == ["replaying the journal: 1 of 3 MB", "replaying the journal: 3 of 3 MB"]


async def test_both_go_on_alike(tmp_path: Path) -> None:
    await write(tmp_path, 200, TERMS)
    make_snapshot(KEEP_ALL, tmp_path)
    async with rig(tmp_path, TERMS, history=recovered(tmp_path)) as one:
        for _ in range(60):
            one.sequencer.submit(Clock())
        await one.sequencer.drain()
    whole = recover(CONFIG, tmp_path, snapshots=False).replica
    quick = recover(CONFIG, tmp_path).replica
    assert (quick.history.mark(), quick.state_hash()) == (whole.history.mark(), whole.state_hash())


async def test_what_is_behind_two_snapshots_is_dropped(tmp_path: Path) -> None:
    flow, history = None, None
    known = []
    for _ in range(4):
        async with rig(tmp_path, TERMS, history=history, flow=flow, seal=True) as one:
            await one.feed(100)
        flow = one.flow
        made = make_snapshot(NO_HISTORY, tmp_path)
        drop_unneeded(NO_HISTORY, tmp_path)
        assert made is not None
        known.append(made.name)
        history = recovered(tmp_path)
        assert history.mark() == one.sequencer.history.mark()
    assert [path.name for path in snapshots_in(tmp_path)] == [known[3], known[2]]
    assert min(tmp_path.glob("*.journal")).stem == known[2].removesuffix(".snapshot")
    with pytest.raises(ValueError, match="was dropped behind a snapshot"):
        recover(CONFIG, tmp_path, until=5)
    oldest = first_of(snapshots_in(tmp_path)[-1]) - 1
    assert recover(CONFIG, tmp_path, until=oldest).replica.history.seq == oldest, "it is what the snapshot holds"
    begun, found = replay_all(CONFIG, tmp_path)
    assert (begun.seq, found.replica.history.mark()) == (oldest, history.mark() if history else None)


async def test_all_that_is_kept_is_replayed_as_far_back_as_this_engine_wrote_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with rig(tmp_path, TERMS, seal=True) as one:
        await one.feed(100)
    make_snapshot(KEEP_ALL, tmp_path)
    assert replay_all(CONFIG, tmp_path)[0].records == 0
    monkeypatch.setattr("polyfeed.app.recovery.ENGINE", ENGINE + 1)
    assert replay_all(CONFIG, tmp_path)[0] == one.sequencer.history.mark()
    snapshots_in(tmp_path)[0].unlink()
    with pytest.raises(EngineChanged):
        replay_all(CONFIG, tmp_path)


async def test_a_snapshot_has_its_name_when_its_state_has_been_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await write(tmp_path, 120, TERMS)
    hashes = iter("ab")
    monkeypatch.setattr(Replica, "state_hash", lambda _: next(hashes))
    with pytest.raises(Damaged, match="the state read back from it is another one"):
        make_snapshot(KEEP_ALL, tmp_path)
    assert not list(tmp_path.glob("*.snapshot*"))


async def test_a_snapshot_that_could_not_be_made_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever makes one for a venue that was killed may still be at it."""
    await write(tmp_path, 120, TERMS)
    monkeypatch.setattr("polyfeed.app.snapshots.AGAIN_SECONDS", 0.01)
    keeper = Keeper(KEEP_ALL, tmp_path)
    with locked(tmp_path, SNAPSHOT_LOCK):
        keeper.wake()
        async with asyncio.timeout(60):
            while "it is tried again" not in caplog.text:
                await asyncio.sleep(0.01)
    async with asyncio.timeout(60):
        while not snapshots_in(tmp_path):
            await asyncio.sleep(0.01)
    await keeper.finish(30)


async def test_a_stop_does_not_wait_for_another_try(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tries = []

    async def fails() -> bool:
        tries.append(1)
        return False

    keeper = Keeper(KEEP_ALL, tmp_path)
    monkeypatch.setattr(keeper, "_make", fails)
    keeper.wake()
    async with asyncio.timeout(5):
        await keeper.finish(60)
    assert tries == [1]


async def test_what_another_process_is_writing_is_left_alone(tmp_path: Path) -> None:
    await write(tmp_path, 20, TERMS)
    mine, theirs = tmp_path / "1.journal.7.tmp", tmp_path / "1.snapshot.7.tmp"
    for path in (mine, theirs):
        path.touch()
    with locked(tmp_path, SNAPSHOT_LOCK), opened(CONFIG, tmp_path, lambda: 1):
        assert (mine.exists(), theirs.exists()) == (False, True)
    with opened(CONFIG, tmp_path, lambda: 1):
        assert not theirs.exists()


async def test_a_snapshot_with_a_flipped_bit_is_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    await write(tmp_path, 120, TERMS)
    path = make_snapshot(KEEP_ALL, tmp_path)
    assert path is not None
    expected = recover(CONFIG, tmp_path, snapshots=False).replica.state_hash()
    data, dice = path.read_bytes(), random.Random(1)
    for _ in range(50):
        place = dice.randrange(len(data))
        path.write_bytes(data[:place] + bytes([data[place] ^ 1 << dice.randrange(8)]) + data[place + 1 :])
        caplog.clear()
        with caplog.at_level(logging.ERROR):
            assert recover(CONFIG, tmp_path).replica.state_hash() == expected
        assert "a snapshot cannot be used" in caplog.text
    path.write_bytes(data[: len(data) // 2])
    assert recover(CONFIG, tmp_path).replica.state_hash() == expected


async def test_a_snapshot_that_has_rotted_is_made_again(tmp_path: Path) -> None:
    await write(tmp_path, 120, TERMS)
    path = make_snapshot(KEEP_ALL, tmp_path)
    assert path is not None
    data = path.read_bytes()
    path.write_bytes(data[:-1])
    assert make_snapshot(KEEP_ALL, tmp_path) == path
    assert path.read_bytes() == data
    assert make_snapshot(KEEP_ALL, tmp_path) is None


async def test_no_snapshot_is_made_of_a_damaged_journal(tmp_path: Path) -> None:
    await write(tmp_path, 120, TERMS)
    first = segment(tmp_path, 0)
    data = first.read_bytes()
    first.write_bytes(data[:300] + b"\x00" + data[301:])
    with pytest.raises(Damaged):
        make_snapshot(CONFIG, tmp_path)
    assert snapshots_in(tmp_path) == []


async def test_a_journal_whose_end_is_gone_is_refused(tmp_path: Path) -> None:
    """The snapshot knows of more than the segments do."""
    async with rig(tmp_path, TERMS, seal=True) as one:
        await one.feed(100)
    make_snapshot(KEEP_ALL, tmp_path)
    segment(tmp_path).unlink()
    with pytest.raises(Damaged, match="this segment is missing"):
        recover(CONFIG, tmp_path)


async def test_another_engine_goes_on_from_a_snapshot_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with rig(tmp_path, TERMS, seal=True) as one:
        await one.feed(100)
    make_snapshot(KEEP_ALL, tmp_path)
    monkeypatch.setattr("polyfeed.app.recovery.ENGINE", ENGINE + 1)
    assert recover(CONFIG, tmp_path).replica.history.mark() == one.sequencer.history.mark()


async def test_the_image_is_canonical(tmp_path: Path) -> None:
    await write(tmp_path, 120, TERMS)
    make_snapshot(KEEP_ALL, tmp_path)
    whole = recover(CONFIG, tmp_path, snapshots=False).replica.image()
    quick = recover(CONFIG, tmp_path).replica.image()
    for name in whole.__struct_fields__:
        assert getattr(whole, name) == getattr(quick, name), name
    assert msgspec.msgpack.encode(whole) == msgspec.msgpack.encode(quick)
