"""`--salvage`: a journal that is damaged goes on with what is before the damage; the rest is put aside, not deleted.

Whatever breaks this off, a crash or a full disk, leaves a journal that is still damaged, or is salvaged already.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from polyfeed.store.disk import sync_directory, write_whole
from polyfeed.store.format import Damaged, decode_header
from polyfeed.store.segments import SUFFIX, paths_in
from polyfeed.store.snapshots import first_of, snapshots_in

_ASIDE = "salvaged-"


def salvage(directory: Path, damaged: Damaged) -> list[str]:
    """Keeps what is before the damage; says what was put aside, and where.

    The damaged segment loses all from the damage on, and is put aside whole, as is everything after it: segments, and
    snapshots that stand on them. Raises the damage itself when it is not in a segment, or nothing would change.
    """
    path = Path(damaged.place)
    data = path.read_bytes() if path.exists() else b""
    kept = data[: damaged.offset] if damaged.offset >= _begin(data, path) else b""
    segments = paths_in(directory)
    later = [one for one in segments if one.name > path.name]
    snapshots = _standing_on(directory, path, kept, alone=not segments or segments[0].name >= path.name)
    if path.suffix != SUFFIX or (len(kept) == len(data) and not later and not snapshots):
        raise damaged
    aside = _new_aside(directory)
    said = []
    if data:
        _keep(path, data, aside)
        said.append(_said(path, len(data) - len(kept), aside))
    # The newest first: those that are left must not seem to end where they do not.
    said += _put(reversed(later), aside)
    if kept:
        write_whole(path, kept)
    else:
        path.unlink(missing_ok=True)
    return said + _put(snapshots, aside)


def _begin(data: bytes, path: Path) -> int:
    """Where the segment's records begin; its end when the header itself is what is damaged."""
    try:
        return decode_header(memoryview(data), str(path))[1]
    except Damaged:
        return len(data) + 1


def _standing_on(directory: Path, path: Path, kept: bytes, *, alone: bool) -> list[Path]:
    """The snapshots behind the damage.

    One right before a segment of which nothing stays cannot do without it, and goes too, unless nothing else is left.
    """
    first = int(path.stem)
    least = first if kept or alone else first - 1
    return [one for one in snapshots_in(directory) if first_of(one) > least]


def _new_aside(directory: Path) -> Path:
    numbers = [int(one.name.removeprefix(_ASIDE)) for one in directory.glob(f"{_ASIDE}[0-9]*")]
    aside = directory / f"{_ASIDE}{max(numbers, default=0) + 1}"
    aside.mkdir(mode=0o700)
    return aside


def _keep(path: Path, data: bytes, aside: Path) -> None:
    """Gives the file a second name that stays, or makes a copy where files have but one."""
    try:
        os.link(path, aside / path.name)
    except OSError:
        write_whole(aside / path.name, data)


def _put(files: Iterable[Path], aside: Path) -> list[str]:
    """Moves files aside, in this order, and makes that durable."""
    said = []
    for one in files:
        said.append(_said(one, one.stat().st_size, aside))
        one.replace(aside / one.name)
    sync_directory(aside)
    sync_directory(aside.parent)
    return said


def _said(path: Path, lost: int, aside: Path) -> str:
    return f"put aside: {lost} bytes of {path.name}; the file is whole in {aside}"
