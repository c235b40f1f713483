"""The operators' tools, and the choices of `serve`, as they are called."""

from __future__ import annotations

import asyncio
import json
import logging
import subprocess
import sys
from pathlib import Path
from unittest.mock import Mock

import pytest

from polyfeed.app.cli import main
from polyfeed.app.config import load
from polyfeed.app.recovery import recover
from polyfeed.app.store import journal_directory, opened
from polyfeed.model.commands import Clock, Record
from polyfeed.store.disk import SNAPSHOT_LOCK, Locked, locked
from polyfeed.store.file_journal import Terms
from polyfeed.store.format import Damaged
from polyfeed.store.segments import starts_in
from tests.store.rig import CONFIG, recovered, rig, segment, write


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    asyncio.run(write(tmp_path, 100, Terms(segment_records=40)))
    return tmp_path


def damage(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[:400] + bytes([data[400] ^ 1]) + data[401:])


def test_verify_says_what_is_there(journal: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["snapshot", str(journal), "--set", "store.keep=all"]) == 0
    assert main(["journal", "verify", str(journal), "--replay"]) == 0
    out = capsys.readouterr().out.splitlines()
    assert [line.split(": ")[1].split(",")[0] for line in out[1:4]] == ["40 records", "40 records", "20 records"]
    assert out[4].startswith("00") and ".snapshot" in out[4]
    assert out[5] == "replayed the batches 1 to 100: all is decided as the running hashes say"
    assert out[6] == "the journal is whole"


def test_verify_finds_damage_behind_a_snapshot(journal: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A start does not read these; who keeps them wants to know."""
    main(["snapshot", str(journal), "--set", "store.keep=all"])
    damage(segment(journal, 0))
    assert recover(CONFIG, journal).replica.history.records == 100
    assert main(["journal", "verify", str(journal)]) == 1
    assert f"{segment(journal, 0)}: damaged at byte" in capsys.readouterr().err


def test_verify_decides_again_what_is_before_the_snapshot(
    journal: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    main(["snapshot", str(journal)])
    monkeypatch.setattr("polyfeed.sequencer.history.encode_batch", lambda _: b"something else")
    assert main(["journal", "verify", str(journal)]) == 0
    assert main(["journal", "verify", str(journal), "--replay"]) == 1
    assert "this polyfeed decides otherwise" in capsys.readouterr().err


def test_verify_says_that_no_start_is_possible(journal: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["snapshot", str(journal)])
    kept = segment(journal).read_bytes()
    segment(journal).unlink()
    assert main(["journal", "verify", str(journal)]) == 1
    assert "this segment is missing; 00000000000000000081.snapshot leads to it" in capsys.readouterr().err
    segment(journal).with_name("00000000000000000081.journal").write_bytes(kept)
    for path in [segment(journal, 0), segment(journal, 1), *journal.glob("*.snapshot")]:
        path.unlink()
    assert main(["journal", "verify", str(journal)]) == 1
    assert "the segments before it are missing, and no snapshot leads to it" in capsys.readouterr().err


def test_a_snapshot_drops_nothing_unless_told(journal: Path) -> None:
    """Whoever calls it may not know how the venue was configured."""
    no_history = ["--set", "store.history=off"]
    main(["snapshot", str(journal), *no_history])
    asyncio.run(write_on(journal))
    before = set(journal.glob("*.journal"))
    main(["snapshot", str(journal), *no_history])
    assert set(journal.glob("*.journal")) == before
    asyncio.run(write_on(journal))
    main(["snapshot", str(journal), *no_history, "--drop"])
    assert len(before & set(journal.glob("*.journal"))) == 1


async def write_on(directory: Path) -> None:
    async with rig(directory, history=recovered(directory), seal=True) as one:
        one.sequencer.submit(Clock())
        await one.sequencer.drain()


def test_verify_finds_a_missing_record(journal: Path, capsys: pytest.CaptureFixture[str]) -> None:
    segment(journal, 1).unlink()
    assert main(["journal", "verify", str(journal)]) == 1
    assert "40 records stand before the next segment, which says 80" in capsys.readouterr().err


def test_stat_and_dump(journal: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["journal", "stat", str(journal)]) == 0
    assert capsys.readouterr().out.count(".journal") == 3
    assert main(["journal", "dump", str(journal), "--first", "39", "--last", "42"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["record"] for row in rows] == [39, 40, 41, 42]
    assert rows[0]["origin"] == [1, 39, ""]
    assert main(["journal", "dump", str(journal), "--last", "1"]) == 0
    first = json.loads(capsys.readouterr().out)
    assert (first["command"], first["currency"]) == ("DefineCurrency", ["USD", 2])


def test_time_travel(journal: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", "--journal", str(journal), "--until", "50"]) == 0
    told = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    then = recover(CONFIG, journal, until=50).replica
    assert (told["batch"], told["state"]) == ("50", then.state_hash())
    assert told["running"] == then.history.mark().hash.hex()
    assert main(["replay", "--journal", str(journal), "--until", "5000"]) == 1
    assert "the journal ends before batch 5000" in capsys.readouterr().err
    assert main(["replay"]) == 1


@pytest.mark.parametrize("words", [["journal", "stat"], ["journal", "verify"], ["journal", "dump"]])
def test_no_journal_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    assert main([*words, str(tmp_path)]) == 1
    assert f"there is no journal in {tmp_path}" in capsys.readouterr().err


VERBS = [["journal", "stat"], ["journal", "verify"], ["journal", "dump"], ["snapshot"], ["replay", "--journal"]]


@pytest.mark.parametrize("words", VERBS)
def test_what_cannot_be_a_journal_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    file, missing = tmp_path / "file", tmp_path / "missing"
    file.touch()

    def said(place: Path) -> str:
        assert main([*words, str(place)]) == 1
        return capsys.readouterr().err

    assert said(file) == f"polyfeed: {file} is a file; give the directory of a journal\n"
    assert said(missing) == f"polyfeed: there is no directory {missing}\n"
    assert not missing.exists(), "nobody asked for it to be made"
    # Who runs this may be allowed to read everything.
    monkeypatch.setattr(Path, "iterdir", Mock(side_effect=PermissionError(13, "Permission denied")))
    assert said(tmp_path) == f"polyfeed: cannot read {tmp_path}: Permission denied\n"


def test_one_snapshot_at_a_time(
    journal: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    held = []

    def make(_: object, directory: Path) -> None:
        with pytest.raises(Locked), locked(directory, SNAPSHOT_LOCK):
            pass
        held.append(directory)

    monkeypatch.setattr("polyfeed.app.journal.make_snapshot", make)
    assert main(["snapshot", str(journal)]) == 0
    assert held == [journal]


def test_a_directory_that_cannot_be_held_is_said_to_be_the_journals(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    for place, why in ((file, "it is a file"), (file / "below", "Not a directory"), (Path("/proc/x"), "No such file")):
        with pytest.raises(OSError, match=why) as caught, locked(place):
            pass
        assert str(caught.value.strerror).startswith(f"{place} cannot be the journal's directory (--journal): ")


def test_a_damaged_journal_is_said_before_the_way_out(journal: Path, capsys: pytest.CaptureFixture[str]) -> None:
    damage(segment(journal, 0))
    assert main(["serve", "--journal", str(journal), "--set", f"server.state_dir={journal}"]) == 1
    wrong, way = [line for line in capsys.readouterr().err.splitlines() if str(journal) in line]
    assert wrong.startswith(f"polyfeed: {segment(journal, 0)}: damaged at byte ")
    assert way.startswith(f"start with --journal {journal} --salvage ")


def test_where_the_journal_is(tmp_path: Path) -> None:
    state = f"server.state_dir={tmp_path}"
    assert journal_directory(load(None, {}, [state])) == tmp_path / "journal"
    assert journal_directory(load(None, {}, [state, "flow.demo=true"])) is None
    assert journal_directory(load(None, {}, ["flow.demo=true", f"store.journal={tmp_path}"])) == tmp_path
    assert journal_directory(load(None, {}, ["store.journal=off"])) is None


def test_a_damaged_journal_is_not_started_from_unless_told(journal: Path, caplog: pytest.LogCaptureFixture) -> None:
    damage(segment(journal, 1))
    with pytest.raises(Damaged), opened(CONFIG, journal, lambda: 0):
        pass
    with caplog.at_level(logging.INFO), opened(CONFIG, journal, lambda: 0, rescue=True) as store:
        assert 40 <= store.replica.history.records < 80
    assert "put aside" in caplog.text
    with opened(CONFIG, journal, lambda: 0) as store:
        assert store.replica.history.records >= 40


def test_a_venue_has_one_number_in_all_its_segments(tmp_path: Path) -> None:
    async def serve(directory: Path, turns: int) -> set[bytes]:
        for _ in range(turns):
            with opened(CONFIG, directory, lambda: 0) as store:
                await store.journal.turn(store.replica.history.mark())
                store.journal.append(Record(1, Clock()))
                await store.journal.sync()
                await store.journal.close()
        return {header.venue for _, header in starts_in(directory)}

    one = asyncio.run(serve(tmp_path / "one", 3))
    other = asyncio.run(serve(tmp_path / "other", 1))
    assert len(starts_in(tmp_path / "one")) == 3
    assert [len(number) for number in one | other] == [16, 16], "one each"


@pytest.mark.slow
def test_serve_says_what_is_wrong_with_its_journal(journal: Path) -> None:
    """A process: the sentence, exit code 1 and no traceback."""
    damage(segment(journal, 1))
    command = [sys.executable, "-m", "polyfeed", "serve", "--journal", str(journal), "--set", "http.port=0"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert f"{segment(journal, 1)}: damaged at byte" in done.stderr
    assert "Traceback" not in done.stderr
