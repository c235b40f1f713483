"""Files that are there whole or not at all, and stay there."""

from __future__ import annotations

import errno
import fcntl
import mmap
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

LOCK = "lock"
SNAPSHOT_LOCK = "snapshot.lock"
"""Who writes the journal, and who makes snapshots of it beside it."""
PROBE = "probe.tmp"
PROBE_BYTES = 1 << 20
"""What must fit on the disk before orders are taken again: room for a second or more of them."""


_PART = 1 << 20
_BOOT = Path("/proc/sys/kernel/random/boot_id")


class Locked(OSError):
    """Another process writes here."""


@contextmanager
def locked(directory: Path, name: str = LOCK, what: str = "the journal's directory (--journal)") -> Iterator[None]:
    """Holds the directory, or one work in it, for this process alone; makes it. `what` says in errors what it is.

    Raises Locked, OSError.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(directory / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        why = "it is a file" if isinstance(error, FileExistsError) else error.strerror
        text = (
            f"{directory} cannot be {what}: {why}; name a directory that is there, or can be made, and can be written"
        )
        raise OSError(error.errno, text) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            owner = os.read(descriptor, 20).decode("ascii", "replace").strip()
            raise Locked(
                f"process {owner or 'unknown'} holds {directory / name}; stop it, or use another directory"
            ) from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(descriptor)


def boot_id() -> str:
    """Names this run of the kernel (random(4)); empty where it has no name."""
    try:
        return _BOOT.read_text("ascii").strip()
    except OSError:
        return ""


def write_all(descriptor: int, data: bytes) -> None:
    """Writes every byte at the descriptor's place. Raises OSError, also when only a part fits."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def write_whole(path: Path, data: bytes) -> None:
    """Makes a file of this content, durable; one of this name is replaced at once. Raises OSError."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            write_all(descriptor, data)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        temporary.replace(path)
    except OSError:
        # On a full disk what is left of it would take the room that others wait for.
        with suppress(OSError):
            temporary.unlink()
        raise
    sync_directory(path.parent)


def sync_directory(directory: Path) -> None:
    """Makes names in a directory durable: a file's own sync does not (fsync(2))."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def cut(descriptor: int, size: int, durable: int, crc: int = 0) -> None:
    """Leaves the first `size` bytes of a file and makes them durable, as `durable` of them are. Raises OSError.

    After a failed fsync the kernel takes the pages for clean that it could not write, and the next fsync says nothing
    (Rebello et al., "Can Applications Recover from fsync Failures?", USENIX ATC 2020). So what stays of the pages from
    the last durable byte on is written once more. `crc` is the CRC-32 of what was written behind that byte: a kernel
    that has dropped such pages reads what the disk has instead.
    """
    os.ftruncate(descriptor, size)
    place, found = durable - durable % mmap.PAGESIZE, 0
    while place < size:
        part = os.pread(descriptor, min(_PART, size - place), place)
        if not part:
            raise OSError(errno.EIO, "the file ends before what was written to it")
        written = os.pwrite(descriptor, part, place)
        found = zlib.crc32(part[max(durable - place, 0) : written], found)
        place += written
    if found != crc:
        raise OSError(errno.EIO, "the file does not read back as it was written")
    os.fsync(descriptor)


def probe(directory: Path) -> None:
    """Finds out whether the directory takes PROBE_BYTES and keeps them. Raises OSError."""
    path = directory / PROBE
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        write_all(descriptor, bytes(PROBE_BYTES))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
        path.unlink()
