"""Snapshots of a journal, made beside a running venue: `polyfeed snapshot DIR`.

What closed segments say is replayed from the newest snapshot on, so the venue itself never pauses, and each snapshot is
an independent replay: its running hash must be the one that the venue wrote at the head of the next segment.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from contextlib import suppress
from pathlib import Path

from polyfeed.app.config import ENVIRONMENT_PREFIX, Config, as_toml
from polyfeed.app.recovery import recover
from polyfeed.app.replica import Replica, decode_image, encode_image
from polyfeed.store.disk import sync_directory
from polyfeed.store.format import Damaged
from polyfeed.store.history.history import DatabaseError, opener, written_in
from polyfeed.store.segments import paths_in, starts_in, venue_in
from polyfeed.store.snapshots import KEPT, first_of, path_of, read_snapshot, snapshots_in, write_snapshot

log = logging.getLogger("polyfeed.snapshots")

AGAIN_SECONDS = 10.0
MOST_SECONDS = 600.0
"""After a snapshot that could not be made: another process may be making one, a disk may be full. It is waited twice as
long each time, for it may also be that none can be made until somebody does something."""


def make_snapshot(config: Config, directory: Path) -> Path | None:
    """Makes the snapshot at the beginning of the last segment; None when there is nothing new to be kept.

    It has its name only when the state read back from it has been compared. Raises Damaged, EngineChanged, OSError.
    """
    starts = starts_in(directory)
    if not starts or not starts[-1][1].start.records:
        return None
    start = starts[-1][1].start
    if _is_whole(path_of(directory, start.seq + 1)):
        return None
    replica = recover(config, directory, until=start.seq).replica
    if replica.history.mark() != start:
        raise Damaged(str(starts[-1][0]), 0, f"a replay came to {replica.history.mark()}, the header says {start}")
    payload = encode_image(replica.image())
    if Replica(config, decode_image(payload)).state_hash() != replica.state_hash():
        raise Damaged(str(path_of(directory, start.seq + 1)), 0, "the state read back from it is another one")
    return write_snapshot(directory, start.seq + 1, payload)


def drop_unneeded(config: Config, directory: Path) -> None:
    """Drops segments and snapshots that are no longer needed, where `store.keep` says so. Raises Damaged, OSError."""
    if config.store.keep == "behind-snapshot":
        drop(directory, _written(config, directory))


def _is_whole(path: Path) -> bool:
    """Whether there is a snapshot that can be used. One that has rotted is made again."""
    try:
        return bool(read_snapshot(path))
    except FileNotFoundError:
        return False
    except Damaged as damaged:
        log.error("a snapshot is made again: %s", damaged)
        return False


def drop(directory: Path, written: int | None = None) -> None:
    """Removes the snapshots but the newest KEPT, and the segments before the oldest of these.

    What history needs to go on from the batch `written` (None: there is no history) stays as well.
    """
    firsts = [first_of(path) for path in snapshots_in(directory)]
    if written is not None:
        firsts = [*firsts[: KEPT - 1], *(first for first in firsts[KEPT - 1 :] if first <= written)]
    if len(firsts) < KEPT:
        return
    oldest = firsts[KEPT - 1]
    behind = [path for path in snapshots_in(directory) if first_of(path) < oldest]
    behind += (path for path in paths_in(directory) if int(path.stem) < oldest)
    for path in behind:
        path.unlink()
        log.info("dropped %s, which is behind %d verified snapshots", path.name, KEPT)
    if behind:
        sync_directory(directory)


def _written(config: Config, directory: Path) -> int | None:
    """The last batch that history has, None when none is kept; 0 when that cannot be found out now."""
    if config.store.history == "off":
        return None
    try:
        return written_in(opener(config.store.history, directory), venue_in(directory).hex())
    except DatabaseError as error:
        log.warning("nothing of the journal is dropped, for it is not known what history has: %s", error)
        return 0


class Keeper:
    """Has a process of low priority make a snapshot whenever a segment has been closed; again, when that failed."""

    def __init__(self, config: Config, directory: Path) -> None:
        self._config = config
        self._directory = directory
        self._task: asyncio.Task[None] | None = None
        self._again = False
        self._ending = asyncio.Event()
        self._pause = AGAIN_SECONDS

    def wake(self) -> None:
        """A segment was closed."""
        self._again = True
        self._pause = AGAIN_SECONDS
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._work())

    async def finish(self, seconds: float) -> None:
        """Waits so long for what is under way; what is not ready then is not made."""
        self._ending.set()
        if self._task is None:
            return
        done, _ = await asyncio.wait({self._task}, timeout=seconds)
        if not done:
            log.warning("no snapshot was ready within %s s: the next start replays more of the journal", seconds)
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _work(self) -> None:
        while self._again:
            self._again = False
            if await self._make():
                continue
            with suppress(TimeoutError):
                async with asyncio.timeout(self._pause):
                    await self._ending.wait()
            self._pause = min(2 * self._pause, MOST_SECONDS)
            self._again = self._again or not self._ending.is_set()

    async def _make(self) -> bool:
        environment = {name: value for name, value in os.environ.items() if not name.startswith(ENVIRONMENT_PREFIX)}
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "polyfeed", "snapshot", str(self._directory), "--config", "/dev/stdin"),
            *("--drop", "--low-priority"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            env=environment,
            start_new_session=True,
        )
        try:
            await process.communicate(as_toml(self._config).encode())
        except asyncio.CancelledError:
            process.kill()
            await process.wait()
            raise
        if process.returncode:
            log.error("no snapshot was made; the journal goes on without one, and it is tried again")
        return not process.returncode
