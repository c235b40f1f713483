"""A file that is not as it was written: a torn end is cut, anything else is refused. Never a state that was not."""

from __future__ import annotations

import asyncio
import errno
import logging
import random
import shutil
from pathlib import Path

import msgspec
import pytest

from polyfeed.app.config import load
from polyfeed.app.recovery import Diverged, recover
from polyfeed.app.snapshots import make_snapshot
from polyfeed.app.store import opened
from polyfeed.model.batches import Batch
from polyfeed.model.commands import Clock, Stamped
from polyfeed.sequencer.history import History
from polyfeed.store.file_journal import Terms
from polyfeed.store.format import FORMAT, Damaged, OtherForm, encode_header, frames
from polyfeed.store.salvage import salvage
from polyfeed.store.segments import Segment, header_of
from polyfeed.venue.venue import Venue
from tests.store.rig import CONFIG, equal, recovered, rig, segment, write

FLIPS = 1000
KEEP_ALL = load(None, {}, ["store.keep=all"])


def offsets(path: Path) -> list[int]:
    """Where each record begins, and the end of the last."""
    opened = Segment(path, path.read_bytes(), last=True)
    return [opened.begin, *(found.end for found in frames(memoryview(path.read_bytes()), opened.begin))]


def states(directory: Path) -> dict[tuple[int, bytes], str]:
    """The venue's state at each place of a journal, by its mark."""
    known: dict[tuple[int, bytes], str] = {}
    history = History(recover(CONFIG, directory, until=0).replica.history.venue, hashed=True)
    for path in sorted(directory.glob("*.journal")):
        history.turn()
        known[history.records, history.mark().hash] = history.venue.state_hash()
        for record in Segment(path, path.read_bytes(), last=True).records():
            for _ in history.carry_out(record):
                pass
            known[history.records, history.mark().hash] = history.venue.state_hash()
    return known


async def test_a_file_that_ends_anywhere_in_its_last_record_loses_just_that(tmp_path: Path) -> None:
    await write(tmp_path, 60)
    path = segment(tmp_path)
    data, (*_, last, end) = path.read_bytes(), offsets(path)
    assert end == len(data)
    for size in range(last, end):
        path.write_bytes(data[:size])
        found = recover(CONFIG, tmp_path)
        assert (found.replica.history.records, found.end, found.torn) == (59, last, size - last)
        assert recovered(tmp_path).records == 59
        assert path.read_bytes() == data[:last], "what was torn is cut"
    path.write_bytes(data)
    assert recover(CONFIG, tmp_path).replica.history.records == 60


async def test_after_a_cut_a_venue_goes_on(tmp_path: Path) -> None:
    await write(tmp_path, 60)
    path = segment(tmp_path)
    path.write_bytes(path.read_bytes()[:-1])
    async with rig(tmp_path, history=recovered(tmp_path)) as one:
        one.sequencer.submit(Clock())
        await one.sequencer.drain()
    assert recovered(tmp_path).records == 60


@pytest.mark.slow
@pytest.mark.parametrize("fsync", ["always", "off"])
async def test_a_flipped_bit_anywhere_is_cut_or_refused(tmp_path: Path, fsync: str) -> None:
    await write(tmp_path, 120, Terms(fsync, segment_records=50))
    known = states(tmp_path)
    files = sorted(tmp_path.glob("*.journal"))
    last = offsets(files[-1])[-2]
    dice, cut, refused = random.Random(1), 0, 0
    for _ in range(FLIPS // 2):
        path = dice.choice(files)
        data = path.read_bytes()
        place = dice.randrange(len(data))
        path.write_bytes(data[:place] + bytes([data[place] ^ 1 << dice.randrange(8)]) + data[place + 1 :])
        try:
            found = recover(CONFIG, tmp_path).replica.history
        except Damaged as damaged:
            refused += 1
            assert damaged.place == str(path)
            assert damaged.offset <= place
        else:
            cut += 1
            assert path == files[-1] and place >= last, "only what may have been torn is cut"
            assert known[found.records, found.mark().hash] == found.venue.state_hash()
            assert found.records == 119
        path.write_bytes(data)
    assert refused > 400 and cut > 0


async def write_group(directory: Path) -> None:
    """40 records, and 10 more in one group."""
    async with rig(directory) as one:
        await one.feed(40)
        for _ in range(10):
            one.sequencer.submit(Clock())
        await one.sequencer.drain()


async def test_a_group_that_a_power_failure_tore_apart_is_cut_as_a_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Of one write any part may be on the disk: nobody was told of it, so it is no damage."""
    await write_group(tmp_path)
    path = segment(tmp_path)
    data, places = path.read_bytes(), offsets(path)
    monkeypatch.setattr("polyfeed.store.segments.boot_id", lambda: "another")
    hole = places[43]
    path.write_bytes(data[:hole] + bytes(20) + data[hole + 20 :])
    with caplog.at_level(logging.WARNING):
        assert recovered(tmp_path).records == 43
    assert "6 whole records among them" in caplog.text
    assert "unless the disk has lost" in caplog.text
    hole = places[20]
    path.write_bytes(data[:hole] + bytes(20) + data[hole + 20 :])
    with pytest.raises(Damaged):
        recover(CONFIG, tmp_path)


@pytest.mark.skipif(
    not Path("/proc/sys/kernel/random/boot_id").exists(), reason="the kernel does not name its run here (boot_id)"
)
async def test_while_the_kernel_lives_no_write_has_a_hole(tmp_path: Path) -> None:
    """The process was killed, the machine was not: all of the last group was told, and one bit of it is another now."""
    await write_group(tmp_path)
    path = segment(tmp_path)
    assert header_of(path).boot, "Linux names its run"
    data, places = path.read_bytes(), offsets(path)
    for place in (40, 43, 48):
        flip(path, places[place] + 14)
        with pytest.raises(Damaged) as caught:
            recover(CONFIG, tmp_path)
        assert caught.value.offset == places[place]
        path.write_bytes(data)
    path.write_bytes(data[: places[45] - 3])
    assert recovered(tmp_path).records == 44, "a write that ends too early is torn"


async def test_salvage_keeps_what_is_before_the_damage(tmp_path: Path) -> None:
    directory = tmp_path / "journal"
    await write(directory, 200, Terms(segment_records=50))
    path = segment(directory, 1)
    data, places = path.read_bytes(), offsets(path)
    at = places[20]
    path.write_bytes(data[: at + 5] + b"\xff" + data[at + 6 :])
    shutil.copytree(directory, tmp_path / "copy")
    with pytest.raises(Damaged) as caught:
        recover(CONFIG, directory)
    assert (caught.value.place, caught.value.offset) == (str(path), at)
    said = salvage(directory, caught.value)
    assert f"{len(data) - at} bytes of {path.name}" in said[0]
    assert len(said) == 3
    assert recovered(directory).records == 70
    aside = directory / "salvaged-1"
    for one in aside.iterdir():
        assert one.read_bytes() == (tmp_path / "copy" / one.name).read_bytes()
    async with rig(directory, history=recovered(directory)) as again:
        again.sequencer.submit(Clock())
        await again.sequencer.drain()
    assert recovered(directory).records == 71


async def salvaged(directory: Path) -> int:
    """Salvages until there is no damage; the records that are left."""
    for _ in range(5):
        try:
            return recovered(directory).records
        except Damaged as damaged:
            assert salvage(directory, damaged)
    raise AssertionError("salvaging does not end")


def flip(path: Path, place: int) -> None:
    data = path.read_bytes()
    path.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])


@pytest.mark.parametrize(
    ("place", "left", "snapshot"), [(0, 0, False), (1, 50, False), (-1, 100, False), (-1, 100, True)]
)
async def test_salvage_of_a_damaged_header_keeps_nothing_of_that_segment(
    tmp_path: Path, place: int, left: int, snapshot: bool
) -> None:
    await write(tmp_path, 120, Terms(segment_records=50))
    if snapshot:
        make_snapshot(KEEP_ALL, tmp_path)
    damaged = segment(tmp_path, place)
    flip(damaged, 12)
    found = damaged.read_bytes()
    assert await salvaged(tmp_path) == left
    assert (tmp_path / "salvaged-1" / damaged.name).read_bytes() == found
    async with rig(tmp_path, history=recovered(tmp_path)) as one:
        one.sequencer.submit(Clock())
        await one.sequencer.drain()
    assert recovered(tmp_path).records == left + 1


@pytest.mark.parametrize("call", ["write_whole", "sync_directory"])
async def test_salvage_that_is_broken_off_leaves_the_damage_to_be_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    await write(tmp_path, 170, Terms(segment_records=80))
    path = segment(tmp_path, 1)
    flip(path, offsets(path)[30] + 5)
    with pytest.raises(Damaged) as caught:
        recover(CONFIG, tmp_path)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "no space")

    with monkeypatch.context() as broken:
        broken.setattr(f"polyfeed.store.salvage.{call}", full)
        with pytest.raises(OSError, match="no space"):
            salvage(tmp_path, caught.value)
    with pytest.raises(Damaged):
        recover(CONFIG, tmp_path)
    assert await salvaged(tmp_path) == 110, "what was acknowledged before the damage is there"


async def test_a_journal_of_another_version_cannot_be_salvaged(tmp_path: Path) -> None:
    await write(tmp_path, 20)
    path = segment(tmp_path)
    header = header_of(path)
    path.write_bytes(encode_header(msgspec.structs.replace(header, form=FORMAT + 1)))
    before = path.read_bytes()
    with pytest.raises(OtherForm), opened(CONFIG, tmp_path, lambda: 0, rescue=True):
        pass
    assert path.read_bytes() == before and not list(tmp_path.glob("salvaged-*"))


async def test_a_state_that_is_another_one_is_refused(tmp_path: Path) -> None:
    """Every record is whole, but what they come to is not what the venue came to."""
    await write(tmp_path, 100, Terms(segment_records=50))
    other = tmp_path / "other"
    async with rig(other, Terms(segment_records=50)) as one:
        for number in range(50):
            one.sequencer.submit(Clock())
            one.flow.now += number
        await one.sequencer.drain()
    first, same = segment(tmp_path, 0), segment(other, 0)
    assert first.name == same.name
    first.write_bytes(same.read_bytes())
    with pytest.raises(Diverged, match=r"decides otherwise than the one that wrote it"):
        recover(CONFIG, tmp_path)
    with pytest.raises(Diverged), opened(CONFIG, tmp_path, lambda: 0, rescue=True):
        pass
    assert not list(tmp_path.glob("salvaged-*")), "nothing is damaged"


async def test_the_last_segment_is_held_to_what_was_decided(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A replay that decides otherwise is found where nothing follows that names its state."""
    one = await write(tmp_path, 450)
    only = segment(tmp_path)
    checks = Segment(only, only.read_bytes(), last=True).checks()
    assert list(checks) == [100, 200, 300, 400]
    assert equal(recovered(tmp_path), one.sequencer.history)
    real = Venue.apply

    def other(venue: Venue, stamped: Stamped) -> Batch:
        batch = real(venue, stamped)
        return msgspec.structs.replace(batch, more=batch.more, ts=batch.ts + (stamped.seq == 250))

    monkeypatch.setattr(Venue, "apply", other)
    with pytest.raises(Diverged, match=f"{checks[300].hex()} after record 300"):
        recover(CONFIG, tmp_path)


async def test_checks_stand_between_groups(tmp_path: Path) -> None:
    """They are of what is carried out, which groups under way are ahead of."""
    async with rig(tmp_path) as one:
        await one.feed(60)
        task = asyncio.create_task(one.sequencer.run())
        for wave in range(20):
            for _ in range(50):
                one.sequencer.submit(Clock())
            while one.sequencer.history.records < 60 + 50 * wave:
                await asyncio.sleep(0)
        one.sequencer.end()
        await task
    only = segment(tmp_path)
    assert len(Segment(only, only.read_bytes(), last=True).checks()) >= 2
    assert equal(recovered(tmp_path), one.sequencer.history)
