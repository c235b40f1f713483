"""Leaving the processor to other processes."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

LOW_PRIORITY = 10
"""Added to the niceness of a process that has time."""

AUTOGROUP = Path("/proc/self/autogroup")


def step_back() -> None:
    """From now on this process gets what others leave.

    Linux may schedule each session as one group, and then niceness counts only within it (sched(7), "The autogroup
    feature"): alone in a session of its own, a nice process would get as much as a whole venue with its gateways. The
    group of a session is made nice only by the process that leads it: that of somebody's shell is not ours.
    """
    os.nice(LOW_PRIORITY)
    if os.getsid(0) == os.getpid():
        with suppress(OSError):
            AUTOGROUP.write_text(str(LOW_PRIORITY))
