"""From a journal's directory to the state that it stands for.

    newest good snapshot -> the segments after it, record by record, each segment's start compared with where we stand

What is damaged is never passed over in silence: a torn end is cut and reported, a bad snapshot is left out with a log
line (the one before it, or the first segment, leads to the same state), everything else raises `Damaged`.
"""

from __future__ import annotations

import gc
import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from polyfeed.app.config import Config
from polyfeed.app.images import images_in, leave_out
from polyfeed.app.replica import Replica
from polyfeed.store.disk import cut
from polyfeed.store.format import Damaged, Mark
from polyfeed.store.segments import Segment, header_of, name_of, paths_in, segments_from
from polyfeed.venue.version import ENGINE

log = logging.getLogger("polyfeed.recovery")

MISSING = "the segments before it are missing, and no snapshot leads to it"

LONG_BYTES = 4 << 20
"""From so many bytes of journal on it is shown how far a replay has come."""
STEP = 2000
"""Records between two looks at the progress."""
SAID_SECONDS = 5.0
"""How often the log says it where there is no terminal."""


class Recovered(NamedTuple):
    """A state, and what is behind the last whole record of the last segment: bytes to be cut (0: none), and how many
    whole records are among them."""

    replica: Replica
    last: Path | None
    end: int
    torn: int
    lost: int = 0


def recover(config: Config, directory: Path, *, snapshots: bool = True, until: int | None = None) -> Recovered:
    """The state at the end of the journal, or after the record whose batches reach the number `until`.

    Nothing is written. Raises Damaged, OtherForm, OSError; EngineChanged where records would have to be replayed that
    another engine wrote, Diverged where a replay decides otherwise than the venue did.
    """
    replica = _newest_snapshot(config, directory, until) if snapshots else None
    replica = replica or Replica(config)
    first = next((int(path.stem) for path in paths_in(directory)), 1)
    if until is not None and until < first and replica.history.seq + 1 < first:
        raise ValueError(f"what was before batch {first} was dropped behind a snapshot (store.keep)")
    return _gone_on(replica, directory, until)


def replay_all(config: Config, directory: Path) -> tuple[Mark, Recovered]:
    """Decides everything again that is kept and that this engine decided: where that begins, and what it comes to.

    Nothing is written. Raises as `recover` does.
    """
    refused: EngineChanged | None = None
    first = paths_in(directory)[0]
    whole = not header_of(first).start.records
    for image in chain((None,) if whole else (), images_in(directory, oldest=True)):
        replica = Replica(config, image)
        begun = replica.history.mark()
        try:
            return begun, _gone_on(replica, directory, None)
        except EngineChanged as error:
            refused = error
    raise refused or Damaged(str(first), 0, MISSING)


def _gone_on(replica: Replica, directory: Path, until: int | None) -> Recovered:
    """The state that a replica comes to in the segments behind where it stands. Raises as `recover` does."""
    found = Recovered(replica, None, 0, 0)
    with _no_collections(), _progress(directory, replica.history.mark()) as advance:
        for segment in segments_from(directory, replica.history.mark()):
            check_start(segment, replica.history.mark())
            replica.history.turn()
            if not _replay(replica, segment, until, advance):
                return Recovered(replica, segment.path, segment.end, 0)
            found = Recovered(replica, segment.path, segment.end, segment.torn, segment.lost)
    return found


def cut_torn_end(recovered: Recovered) -> None:
    """Takes a torn end away, and makes what stays durable: it may have been read from the kernel's memory alone."""
    if recovered.last is None:
        return
    descriptor = os.open(recovered.last, os.O_RDWR | os.O_CLOEXEC)
    try:
        cut(descriptor, recovered.end, recovered.end)
    finally:
        os.close(descriptor)
    if recovered.torn:
        log.warning(
            "%s: cut %d bytes behind byte %d, %d whole records among them: a write that was not finished, whose "
            "commands nobody was told of, unless the disk has lost what it called durable",
            recovered.last,
            recovered.torn,
            recovered.end,
            recovered.lost,
        )


class Diverged(ValueError):
    """A replay decided otherwise than the venue did the first time. The records are whole, the engine is another."""

    def __init__(self, place: Path, said: str, reached: str) -> None:
        super().__init__(
            f"{place}: a replay comes to {reached} where the venue came to {said}: this polyfeed decides otherwise "
            "than the one that wrote it, which is the one to go on with; nothing is wrong with the file"
        )


class EngineChanged(ValueError):
    """Records of another engine cannot be replayed."""

    def __init__(self, place: Path, engine: int) -> None:
        super().__init__(
            f"{place} was written by engine {engine} and this is engine {ENGINE}, which may decide otherwise: start "
            "the polyfeed that wrote it once more and stop it cleanly (SIGTERM), which leaves a snapshot to start from"
        )


def _newest_snapshot(config: Config, directory: Path, until: int | None) -> Replica | None:
    for image in images_in(directory, None if until is None else until + 1):
        try:
            return Replica(config, image)
        except ValueError as error:
            leave_out(error)
    return None


def check_start(segment: Segment, mark: Mark) -> None:
    """Whether history stands where the segment begins. Raises Diverged, and Damaged where records are missing."""
    start = segment.header.start
    if start == mark:
        return
    if start.records == mark.records:
        raise Diverged(segment.path, f"{start.hash.hex()} at batch {start.seq}", f"{mark.hash.hex()} at {mark.seq}")
    raise Damaged(
        str(segment.path),
        0,
        f"the place in history before it is not what its header says ({mark} was reached, {start} is said)",
    )


def _check_hash(segment: Segment, said: bytes, mark: Mark) -> None:
    if said != mark.hash:
        raise Diverged(segment.path, f"{said.hex()} after record {mark.records}", mark.hash.hex())


def _replay(replica: Replica, segment: Segment, until: int | None, advance: Callable[[int], None]) -> bool:
    """Carries the records of a segment out; False when `until` was reached. Raises Damaged, EngineChanged, Diverged."""
    checks = segment.checks()
    at = segment.begin
    for count, record in enumerate(segment.records(), 1):
        if until is not None and replica.history.seq >= until:
            return False
        if segment.header.engine != ENGINE:
            raise EngineChanged(segment.path, segment.header.engine)
        replica.take(record)
        if replica.history.records in checks:
            _check_hash(segment, checks[replica.history.records], replica.history.mark())
        if count % STEP == 0:
            advance(segment.end - at)
            at = segment.end
    advance(segment.size - at)
    return True


@contextmanager
def _no_collections() -> Iterator[None]:
    """What is read in a replay stays; looking for garbage in it again and again takes a third of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@contextmanager
def _progress(directory: Path, mark: Mark) -> Iterator[Callable[[int], None]]:
    """Shows how far the replay has come, where there is much to replay and somebody to see it."""
    wanted = name_of(mark.seq + 1)
    size = sum(path.stat().st_size for path in paths_in(directory) if path.name >= wanted)
    console = Console(stderr=True)
    if size < LONG_BYTES or not console.is_terminal:
        yield _logged(size)
        return
    columns = (TextColumn("replaying the journal"), BarColumn(), TextColumn("{task.percentage:.0f} %"))
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as progress:
        task = progress.add_task("", total=size)
        yield lambda count: progress.advance(task, count)


def _logged(size: int) -> Callable[[int], None]:
    """Has the log say now and then how far a replay of so many bytes has come."""
    done, said, figure = 0, time.monotonic(), ""

    def advance(count: int) -> None:
        nonlocal done, said, figure
        done += count
        now = f"{done / 1e6:.0f} of {size / 1e6:.0f} MB"
        if time.monotonic() - said >= SAID_SECONDS and now != figure:
            said, figure = time.monotonic(), now
            log.info("replaying the journal: %s", figure)

    return advance
