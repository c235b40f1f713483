"""Leaving the processor to other processes."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

LOW_PRIORITY = 10
"""Added to the niceness of a process that has time."""

ATTEMPTS = 20

AUTOGROUP = Path("/proc/self/autogroup")


def step_back() -> None:
    """From now on this process gets what others leave.

    Linux may schedule each session as one group, and then niceness counts only within it (sched(7), "The autogroup
    feature"): alone in a session of its own, a nice process would get as much as a whole venue with its gateways. The
    group of a session is made nice only by the process that leads it: that of somebody's shell is not ours.
    """
    os.nice(LOW_PRIORITY)
    if os.getsid(0) == os.getpid():
        for _ in range(ATTEMPTS):
            try:
                AUTOGROUP.write_text(str(LOW_PRIORITY))
            except BlockingIOError:  # without privileges, one on a whole machine may do so in a tenth of a second
                time.sleep(random.uniform(0.05, 0.15))
            except OSError:  # it is not shared out so here
                return
            else:
                return
