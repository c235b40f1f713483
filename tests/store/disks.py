"""Real file systems that a test can fill, break or freeze. They need the right to mount."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

BLOCK = 4096
UNMOUNT_SECONDS = 10.0


def command(*words: str | Path) -> None:
    """Runs a tool of the system; the test is skipped where there is none, or that is not permitted."""
    try:
        done = subprocess.run([*map(str, words)], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip(f"{words[0]} is not installed here")
    if done.returncode:
        pytest.skip(f"{words[0]} is not permitted here: {done.stderr.strip() or done.returncode}")


def unmount(place: Path) -> None:
    """A disk is busy for a moment while the kernel lets go of what was mounted on it, or a child of ours of its files."""
    deadline = time.monotonic() + UNMOUNT_SECONDS
    while (done := subprocess.run(["umount", place], capture_output=True, text=True, check=False)).returncode:
        assert time.monotonic() < deadline, done.stderr
        time.sleep(0.05)


@contextmanager
def mounted(place: Path, *words: str | Path) -> Iterator[Path]:
    """Something that is mounted on a new directory."""
    place.mkdir()
    command("mount", *words, place)
    try:
        yield place
    finally:
        unmount(place)


@contextmanager
def small(place: Path, size: str) -> Iterator[Path]:
    """A disk of this size in memory."""
    with mounted(place, "-t", "tmpfs", "-o", f"size={size}", "tmpfs") as found:
        yield found


@contextmanager
def image(backing: Path, place: Path, *, errors: str) -> Iterator[Path]:
    """An ext4 of 64 MB that promises more than `backing`, in which it lies, can hold: thin provisioning."""
    file = backing / "image"
    with file.open("wb") as made:
        made.truncate(64 << 20)
    command("mkfs.ext4", "-q", "-O", "^has_journal", "-E", "nodiscard", file)
    with mounted(place, "-o", f"loop,errors={errors}", file) as found:
        yield found


def fill(directory: Path) -> Path:
    """A file that takes all the space there is."""
    path = directory / "filler"
    with path.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(BLOCK))
    return path


def break_down(place: Path) -> None:
    """An error of the file system itself, after which the kernel has it read-only; the test is skipped where nobody may
    cause one.
    """
    device = next(line.split()[0] for line in Path("/proc/mounts").read_text().splitlines() if f" {place} " in line)
    trigger = Path(f"/sys/fs/ext4/{Path(os.path.realpath(device)).name}/trigger_fs_error")
    try:
        trigger.write_text("a test")
    except OSError as error:  # a container may have /sys read-only, or none of it
        pytest.skip(f"a file system cannot be made to fail here: {error}")


@contextmanager
def frozen(place: Path) -> Iterator[None]:
    """Every write waits."""
    command("fsfreeze", "--freeze", place)
    try:
        yield
    finally:
        subprocess.run(["fsfreeze", "--unfreeze", place], check=True)
