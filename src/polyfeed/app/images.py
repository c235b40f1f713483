"""The snapshots of a journal that can be used."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

from polyfeed.app.replica import Image, decode_image
from polyfeed.store.format import Damaged
from polyfeed.store.snapshots import first_of, read_snapshot, snapshots_in

log = logging.getLogger("polyfeed.recovery")


def images_in(directory: Path, until: int | None = None, *, oldest: bool = False) -> Iterator[Image]:
    """The images of the snapshots that go on at the batch `until` at the latest (None: all), newest or oldest first.

    One that cannot be read is left out with a line in the log.
    """
    for path in sorted(snapshots_in(directory), reverse=not oldest):
        if until is not None and first_of(path) > until:
            continue
        try:
            image = decode_image(read_snapshot(path))
            if image.mark.seq + 1 != first_of(path):
                raise Damaged(str(path), 0, f"it stands at batch {image.mark.seq}")
        except (ValueError, OSError) as error:
            leave_out(error)
            continue
        yield image


def leave_out(error: Exception) -> None:
    """Says that a snapshot is of no use."""
    log.error("a snapshot cannot be used and is left out: %s", error)
