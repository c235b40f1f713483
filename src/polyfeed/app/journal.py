"""`polyfeed journal`, `snapshot` and `replay --journal`: a venue's journal, looked at from outside."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

from polyfeed.app.config import Config
from polyfeed.app.priority import step_back
from polyfeed.app.recovery import MISSING, recover, replay_all
from polyfeed.app.snapshots import drop_unneeded, make_snapshot
from polyfeed.model.commands import Record
from polyfeed.store.disk import SNAPSHOT_LOCK, locked
from polyfeed.store.format import Damaged, Mark
from polyfeed.store.segments import Segment, header_of, name_of, paths_in
from polyfeed.store.snapshots import first_of, read_snapshot, snapshots_in

STAT_WIDTH = 130
"""Columns of the table of `stat`: nobody can use half a name."""

Load = Callable[[argparse.Namespace], Config]


def verify(config: Config, directory: Path, *, replayed: bool) -> int:
    """Reads every file; with `replayed`, also decides everything again and compares the running hash.

    Raises Damaged for the first thing that is wrong, Diverged where it is decided otherwise, EngineChanged where this
    engine wrote nothing of it.
    """
    before: Segment | None = None
    count = 0
    for segment in _segments(directory):
        if before is not None:
            _check_joint(before, segment, count)
        count = sum(1 for _ in segment.records())
        before = segment
        print(f"{segment.path.name}: {count} records, {segment.size} bytes" + _torn(segment))
    for path in snapshots_in(directory):
        print(f"{path.name}: {len(read_snapshot(path))} bytes")
    _check_beginnings(directory)
    if replayed:
        begun, (replica, *_) = replay_all(config, directory)
        first, last = begun.seq + 1, replica.history.seq
        print(f"replayed the batches {first} to {last}: all is decided as the running hashes say")
    print("the journal is whole")
    return 0


def _check_joint(before: Segment, segment: Segment, count: int) -> None:
    expected = before.header.start.records + count
    if segment.header.start.records != expected:
        said = segment.header.start.records
        raise Damaged(
            str(before.path), before.end, f"{expected} records stand before the next segment, which says {said}"
        )


def _check_beginnings(directory: Path) -> None:
    """Whether each snapshot leads to a segment, and something to the first segment. Raises Damaged."""
    first = paths_in(directory)[0]
    names = {path.name for path in paths_in(directory)}
    for path in snapshots_in(directory):
        if name_of(first_of(path)) not in names:
            raise Damaged(
                str(directory / name_of(first_of(path))), 0, f"this segment is missing; {path.name} leads to it"
            )
    if header_of(first).start.records and not snapshots_in(directory):
        raise Damaged(str(first), 0, MISSING)


def _torn(segment: Segment) -> str:
    return f", {segment.torn} bytes of an unfinished write at the end" if segment.torn else ""


def stat(directory: Path) -> int:
    """Lists the segments and snapshots."""
    table = Table("file", "first batch", "records before", "begun", "engine", "bytes", "hash before", box=None)
    for segment in _segments(directory):
        start = segment.header.start
        table.add_row(
            segment.path.name,
            str(start.seq + 1),
            str(start.records),
            f"{datetime.fromtimestamp(segment.header.made / 1e6, UTC):%Y-%m-%d %H:%M:%S}",
            str(segment.header.engine),
            str(segment.size),
            start.hash.hex()[:16],
        )
    for path in snapshots_in(directory):
        table.add_row(path.name, "", "", "", "", str(path.stat().st_size), "")
    console = Console()
    console.width = max(console.width, STAT_WIDTH)
    console.print(table)
    return 0


def dump(directory: Path, first: int, last: int | None) -> int:
    """Prints records as JSON, a line each: the record's number (from 1), its time, its command, its origin."""
    for segment in _segments(directory):
        for number, record in enumerate(segment.records(), segment.header.start.records + 1):
            if last is not None and number > last:
                return 0
            if number >= first:
                print(msgspec.json.encode(_shown(number, record)).decode())
    return 0


def _shown(number: int, record: Record) -> dict[str, object]:
    command, origin = record.command, record.origin
    fields = {name: getattr(command, name) for name in command.__struct_fields__}
    shown: dict[str, object] = {"record": number, "ts": record.ts, "command": type(command).__name__, **fields}
    if origin is not None:
        shown["origin"] = [origin.gateway, origin.number, origin.reference]
    return shown


def replay(config: Config, directory: Path, until: int | None) -> int:
    """Prints the hash of the state as it was."""
    if until is not None and until < 0:
        raise ValueError("--until takes the number of a batch")
    _must_be_there(directory)
    replica = recover(config, directory, until=until).replica
    mark: Mark = replica.history.mark()
    print(f"batch   {mark.seq}")
    print(f"record  {mark.records}")
    print(f"time    {datetime.fromtimestamp(mark.ts / 1e6, UTC):%Y-%m-%dT%H:%M:%S.%fZ}")
    print(f"running {mark.hash.hex()}")
    print(f"state   {replica.state_hash()}")
    if until is not None and mark.seq < until:
        print(f"the journal ends before batch {until}", file=sys.stderr)
        return 1
    return 0


def snapshot(config: Config, options: argparse.Namespace) -> int:
    """Makes a snapshot."""
    if options.low_priority:
        step_back()
    _must_be_there(options.directory)
    with locked(options.directory, SNAPSHOT_LOCK):
        path = make_snapshot(config, options.directory)
        if path is not None and options.drop:
            drop_unneeded(config, options.directory)
    print("nothing new is closed" if path is None else path)
    return 0


def add_verbs(
    verbs: argparse._SubParsersAction[argparse.ArgumentParser],
    configuration: Callable[[argparse.ArgumentParser], None],
    load: Load,
) -> None:
    """The actions of `polyfeed journal`."""
    action = _action(verbs, "verify", "read every file and say whether it is whole")
    action.add_argument("--replay", action="store_true", help="decide everything again and compare the running hash")
    configuration(action)
    action.set_defaults(run=lambda options: verify(load(options), options.directory, replayed=options.replay))
    action = _action(verbs, "stat", "list segments and snapshots")
    action.set_defaults(run=lambda options: stat(options.directory))
    action = _action(verbs, "dump", "print records as JSON, a line each")
    action.add_argument("--first", type=int, default=1, metavar="N", help="from this record on (default: %(default)s)")
    action.add_argument("--last", type=int, metavar="N", help="to this record")
    action.set_defaults(run=lambda options: dump(options.directory, options.first, options.last))


def _action(
    verbs: argparse._SubParsersAction[argparse.ArgumentParser], name: str, text: str
) -> argparse.ArgumentParser:
    action = verbs.add_parser(name, help=text, description=text)
    action.add_argument("directory", type=Path, metavar="DIR", help="the journal's directory")
    return action


def _must_be_there(directory: Path) -> None:
    """Raises ValueError where no journal can be read."""
    try:
        next(directory.iterdir(), None)
    except NotADirectoryError as error:
        raise ValueError(f"{directory} is a file; give the directory of a journal") from error
    except FileNotFoundError as error:
        raise ValueError(f"there is no directory {directory}") from error
    except OSError as error:
        raise ValueError(f"cannot read {directory}: {error.strerror}") from error
    if not paths_in(directory):
        raise ValueError(f"there is no journal in {directory}")


def _segments(directory: Path) -> Iterator[Segment]:
    _must_be_there(directory)
    paths = paths_in(directory)
    for path in paths:
        yield Segment(path, path.read_bytes(), last=path is paths[-1])
