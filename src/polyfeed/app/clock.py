"""The time the process goes by."""

from __future__ import annotations

import time


class SteadyClock:
    """Wall-clock microseconds since the epoch that never jump: the wall clock at the start plus monotonic time."""

    def __init__(self) -> None:
        self._offset = time.time_ns() - time.monotonic_ns()

    def __call__(self) -> int:
        """Microseconds since the epoch."""
        return (self._offset + time.monotonic_ns()) // 1000
