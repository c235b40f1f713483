"""`--salvage`: a journal that is damaged goes on with what is before the damage; the rest is put aside, not deleted."""

from __future__ import annotations

from pathlib import Path

from polyfeed.store.disk import sync_directory, write_whole
from polyfeed.store.format import Damaged
from polyfeed.store.segments import paths_in
from polyfeed.store.snapshots import first_of, snapshots_in


def salvage(directory: Path, damaged: Damaged) -> list[str]:
    """Keeps what is before the damage; says what was put aside, and where.

    The damaged segment loses all from the damage on, and is put aside whole, as is everything after it: segments, and
    snapshots that stand on them. Raises the damage itself when it is not in a segment, or nothing would change.
    """
    path = Path(damaged.place)
    later = [one for one in paths_in(directory) if one.name >= path.name]
    if not later:
        raise damaged
    aside = directory / f"salvaged-{len(list(directory.glob('salvaged-*'))) + 1}"
    aside.mkdir(mode=0o700)
    said = []
    kept = path.read_bytes()[: damaged.offset] if path.exists() and damaged.offset else b""
    later += [one for one in snapshots_in(directory) if first_of(one) > int(path.stem)]
    for one in later:
        size = one.stat().st_size
        lost = size - len(kept) if one == path else size
        one.replace(aside / one.name)
        said.append(f"put aside: {lost} bytes of {one.name}; the file is whole in {aside}")
    if kept:
        write_whole(path, kept)
    sync_directory(aside)
    sync_directory(directory)
    return said
