"""Writing the same bytes to many sockets: the loop that the product's speed hangs on.

In C where abreast.c was compiled when polyfeed was installed, in Python everywhere. What C saves is small beside the
kernel's part of a write, and is there for every write: Python's own steps, the lock that each `os.write` gives back and
takes, and the way through the file system's `write`, which `send` does not go.
"""

from __future__ import annotations

import ctypes
import os
from array import array
from collections.abc import Callable, Collection
from pathlib import Path

LIBRARY = Path(__file__).with_name("libabreast.so")

FEW = 16
"""Sockets below which a call into C costs more than it saves."""

Write = Callable[[Collection[int], bytes], list[tuple[int, int]]]
"""Writes bytes to the sockets of these numbers; returns those that did not take all of it, and how much they took."""


def in_python(numbers: Collection[int], data: bytes) -> list[tuple[int, int]]:
    """Everywhere, and for few."""
    write, size = os.write, len(data)
    short: list[tuple[int, int]] = []
    for number in numbers:
        try:
            sent = write(number, data)
        except OSError:
            sent = 0
        if sent != size:
            short.append((number, sent))
    return short


def compiled(library: Path) -> Write | None:
    """The same in C; None where that was not compiled, or not for this machine."""
    try:
        call = ctypes.CDLL(str(library)).write_abreast
    except OSError:
        return None
    call.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_void_p]

    def in_c(numbers: Collection[int], data: bytes) -> list[tuple[int, int]]:
        if len(numbers) < FEW:
            return in_python(numbers, data)
        sockets = array("i", numbers)
        taken = array("i", bytes(sockets.itemsize * len(sockets)))
        if not call(sockets.buffer_info()[0], len(sockets), data, len(data), taken.buffer_info()[0]):
            return []
        return [(number, sent) for number, sent in zip(sockets, taken, strict=True) if sent != len(data)]

    return in_c


write_abreast: Write = compiled(LIBRARY) or in_python
