"""Files that only their owner reads, written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def write_private(path: Path, data: bytes) -> None:
    """Writes a file in place of the one there may be."""
    part = _part(path, data)
    part.replace(path)


def make_private(path: Path, data: bytes) -> None:
    """Writes a file where there is none; one that is there already stays, also where it has come meanwhile."""
    part = _part(path, data)
    try:
        path.hardlink_to(part)
    except FileExistsError:
        pass
    finally:
        part.unlink()


def _part(path: Path, data: bytes) -> Path:
    """The data in a file of its own beside `path`, on the disk."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(descriptor)
    return Path(name)
