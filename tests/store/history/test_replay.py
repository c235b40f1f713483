"""What history is made from when it is behind: a journal with snapshots, not all of which are good."""

from __future__ import annotations

from pathlib import Path

import pytest

from polyfeed.app.recovery import EngineChanged
from polyfeed.app.replay import replay, standing_at
from polyfeed.app.snapshots import drop_unneeded, make_snapshot
from polyfeed.model.batches import Batch
from polyfeed.model.commands import Clock
from polyfeed.store.file_journal import Terms
from polyfeed.store.history.history import History, opener
from polyfeed.store.snapshots import snapshots_in
from polyfeed.venue.version import ENGINE
from tests.store.history.naive import standing
from tests.store.rig import CONFIG, recovered, rig, segment


async def closed(directory: Path, parts: int) -> list[Batch]:
    """A journal of so many closed segments of 50 records each, and a snapshot behind each of them; all its batches."""
    flow, history = None, None
    batches: list[Batch] = []
    for _ in range(parts):
        async with rig(directory, Terms(), history=history, flow=flow, seal=True) as one:
            await one.feed(50)
        make_snapshot(CONFIG, directory)
        drop_unneeded(CONFIG, directory)
        batches += one.batches
        flow, history = one.flow, recovered(directory)
    return batches


def break_one(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


async def test_a_bad_snapshot_is_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    batches = await closed(tmp_path, 4)
    break_one(snapshots_in(tmp_path)[1])
    first = batches[-20].seq
    assert [*replay(tmp_path, first, batches[-1].seq)] == batches[-20:]
    assert "a snapshot cannot be used" in caplog.text


async def test_batches_go_on_behind_what_another_engine_decided(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    batches = await closed(tmp_path, 2)
    monkeypatch.setattr("polyfeed.app.replay.ENGINE", ENGINE + 1)
    monkeypatch.setattr("polyfeed.app.recovery.ENGINE", ENGINE + 1)
    monkeypatch.setattr("tests.store.rig.ENGINE", ENGINE + 1)
    async with rig(tmp_path, history=recovered(tmp_path)) as one:
        await one.feed(10)
    assert [*replay(tmp_path, batches[-20].seq, one.batches[-1].seq)] == one.batches
    assert "was written by engine" in caplog.text
    assert [*replay(tmp_path, one.batches[0].seq - 1, one.batches[0].seq - 1)][:1] == one.batches[:1]


async def test_what_another_engine_decided_behind_the_last_snapshot_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches = await closed(tmp_path, 3)
    snapshots_in(tmp_path)[0].unlink()
    monkeypatch.setattr("polyfeed.app.replay.ENGINE", ENGINE + 1)
    with pytest.raises(EngineChanged):
        list(replay(tmp_path, 1, batches[-1].seq))


async def test_batches_go_on_behind_a_damage(tmp_path: Path) -> None:
    batches = await closed(tmp_path, 3)
    broken = segment(tmp_path, 1)
    break_one(broken)
    known = [batch.seq for batch in replay(tmp_path, 1, batches[-1].seq)]
    assert known[0] == 1
    assert known[-1] == batches[-1].seq
    lost = {batch.seq for batch in batches} - {*known}
    begin, end = int(broken.stem), int(segment(tmp_path, 2).stem)
    assert lost
    assert all(begin < seq < end for seq in lost)


async def test_the_states_at_segments_heads_are_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    batches = await closed(tmp_path, 2)
    for path in snapshots_in(tmp_path):
        path.unlink()
    monkeypatch.setattr("polyfeed.sequencer.history.encode_batch", lambda _: b"something else")
    with pytest.raises(ValueError, match="this polyfeed decides otherwise"):
        list(replay(tmp_path, 1, batches[-1].seq))


async def test_how_things_stood(tmp_path: Path) -> None:
    batches = await closed(tmp_path, 3)
    for count in (1, 70, len(batches) - 1, len(batches)):
        assert standing_at(tmp_path, batches[count - 1].seq) == standing(batches[:count])


async def test_what_history_has_not_written_is_not_dropped(tmp_path: Path) -> None:
    """However long the database was away, history goes on without a hole."""
    batches = await closed(tmp_path, 5)
    assert next(replay(tmp_path, 1, 1)).seq == 1, "none is written at all"
    history = History(opener("sqlite", tmp_path)())
    history.write([batch for batch in batches if batch.seq <= 120])
    history.close()
    await closed_more(tmp_path)
    firsts = [int(path.stem) for path in sorted(tmp_path.glob("*.journal"))]
    assert firsts[0] <= 120 < firsts[1]
    assert next(replay(tmp_path, 120, 120)) == batches[119]


async def closed_more(directory: Path) -> None:
    async with rig(directory, history=recovered(directory), seal=True) as one:
        one.sequencer.submit(Clock())
        await one.sequencer.drain()
    make_snapshot(CONFIG, directory)
    drop_unneeded(CONFIG, directory)
