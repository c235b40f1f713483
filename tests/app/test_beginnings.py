"""A journal that a server may not go on with is left as it is: everything is looked at before anything is written."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from polyfeed.app.clock import SteadyClock
from polyfeed.app.config import Config, load
from polyfeed.app.demo_keys import demo_keys_in
from polyfeed.app.flow import Flow, demo_flow
from polyfeed.app.recovery import recover
from polyfeed.app.server import Server
from polyfeed.app.snapshots import drop_unneeded, make_snapshot
from polyfeed.app.store import opened
from polyfeed.dialects.registry import DIALECTS
from polyfeed.market.market import Market
from polyfeed.model.commands import AnyCommand, Clock, Record, SetSystemStatus
from polyfeed.store.chain import START
from polyfeed.store.file_journal import FileJournal, Terms
from polyfeed.store.format import Mark
from polyfeed.store.segments import Segment, name_of, paths_in
from polyfeed.venue.version import ENGINE
from tests.store.rig import recovered, rig, write

QUIET = ("flow.demo=true", "flow.capture=off", "flow.agents=0")
LEVELS = ("flow.demo=true", "flow.capture=levels", "flow.agents=0")
EPOCH_TS = 1_700_000_000_000_000
PLAIN: list[AnyCommand] = [Clock(), SetSystemStatus("busy"), Clock()]


def config(*settings: str) -> Config:
    ports = [f"{name}.port=0" for name in (*DIALECTS, "http")]
    return load(None, {}, [*ports, "server.drain_seconds=0.1", "store.snapshots=false", *settings])


def setup(*settings: str) -> Sequence[AnyCommand]:
    """What a demo of these settings is told before anybody trades."""
    return demo_flow(config(*settings).flow, Market()).setup


async def begun(directory: Path, commands: Sequence[AnyCommand]) -> Path:
    """A journal of these commands, as a process leaves it that is killed then."""
    directory.mkdir()
    journal = FileJournal(directory, Terms(), ENGINE, lambda: EPOCH_TS, bytes(16))
    await journal.turn(Mark(1, hash=START))
    for command in commands:
        journal.append(Record(EPOCH_TS, command))
    await journal.sync()
    await journal.close()
    return directory


async def serve(directory: Path, *settings: str) -> None:
    """Starts a server on a journal, and stops it."""
    chosen = config(f"server.state_dir={directory.parent / 'state'}", *settings)
    with opened(chosen, directory, SteadyClock()) as store:
        market = store.replica.market
        flow = demo_flow(chosen.flow, market) if chosen.flow.demo else Flow(())
        server = Server(chosen, SteadyClock(), market, flow, store)
        try:
            await server.start()
        finally:
            await server.stop()


def files(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in paths_in(directory)}


def commands_in(directory: Path) -> list[AnyCommand]:
    paths = paths_in(directory)
    segments = [Segment(path, path.read_bytes(), last=path is paths[-1]) for path in paths]
    return [record.command for segment in segments for record in segment.records()]


async def refused(directory: Path, text: str, *settings: str) -> None:
    """A start that is refused with this text, and writes nothing."""
    before = files(directory)
    with pytest.raises(ValueError, match=text) as caught:
        await serve(directory, *settings)
    assert str(directory) in str(caught.value)
    assert "another --journal" in str(caught.value)
    assert files(directory) == before


async def test_a_young_journal_that_no_demo_began_does_not_become_one(tmp_path: Path) -> None:
    """The demo's keys, whose secrets everybody knows, would be in it."""
    directory = await begun(tmp_path / "journal", PLAIN)
    await refused(directory, "not begun by this configuration: its record 1 of 3 ", *QUIET)
    await serve(directory)
    assert commands_in(directory)[:3] == PLAIN
    assert demo_keys_in(recover(config(), directory).replica.accounts) == []


async def test_a_demo_that_was_killed_in_its_setup_finishes_it(tmp_path: Path) -> None:
    for count in (1, 100, len(setup(*QUIET)) - 1):
        directory = await begun(tmp_path / str(count), setup(*QUIET)[:count])
        await serve(directory, *QUIET)
        assert commands_in(directory)[: len(setup(*QUIET))] == setup(*QUIET)
        await serve(directory, *QUIET)


async def test_a_setup_is_finished_by_no_other_demo(tmp_path: Path) -> None:
    directory = await begun(tmp_path / "journal", setup(*LEVELS)[:150])
    await refused(directory, "its record [0-9]+ of 150 ", *QUIET)
    await serve(directory, *LEVELS)
    assert commands_in(directory)[: len(setup(*LEVELS))] == setup(*LEVELS)


async def test_a_setup_with_something_else_behind_it_is_not_finished(tmp_path: Path) -> None:
    """As many of its commands would be left out as there are others."""
    directory = await begun(tmp_path / "journal", [*setup(*QUIET)[:150], *PLAIN])
    await refused(directory, "its record 151 of 153 ", *QUIET)


@pytest.mark.parametrize("settings", [QUIET, LEVELS])
async def test_nobody_but_the_demo_goes_on_with_a_setup_that_is_not_finished(
    tmp_path: Path, settings: tuple[str, ...]
) -> None:
    directory = await begun(tmp_path / "journal", setup(*settings)[:150])
    await refused(directory, f"150 of the {len(setup(*settings))} records")
    await serve(directory, *settings)


async def test_other_markets_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    directory = await begun(tmp_path / "journal", [*setup(*LEVELS), Clock()])
    await refused(directory, "BTC-USD is not in the journal", *QUIET)
    old = await begun(tmp_path / "old", [Clock()] * 300)
    await refused(old, "is not in the journal", *QUIET)


async def test_a_young_journal_whose_beginning_was_dropped_is_no_setup(tmp_path: Path) -> None:
    directory = tmp_path / "journal"
    await write(directory, 20, seal=True)
    chosen = config("store.history=off")
    make_snapshot(chosen, directory)
    for _ in range(2):
        async with rig(directory, history=recovered(directory), seal=True) as one:
            one.sequencer.submit(Clock())
            await one.sequencer.drain()
        make_snapshot(chosen, directory)
        drop_unneeded(chosen, directory)
    assert paths_in(directory)[0].name != name_of(1)
    await refused(directory, "or was dropped behind a snapshot; nothing was written", *QUIET)
