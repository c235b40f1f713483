"""A process that has time leaves the processor to others, in whatever way the machine shares it out."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from polyfeed.app.priority import LOW_PRIORITY

NICEST = 19
"""The kernel goes no further."""

STEP_BACK = """
import json, os
from polyfeed.app.priority import AUTOGROUP, LOW_PRIORITY, step_back
def now():
    return [os.nice(0), AUTOGROUP.read_text() if AUTOGROUP.exists() else ""]
def writable():
    try:
        AUTOGROUP.write_text(str(LOW_PRIORITY))
    except BlockingIOError:  # too soon after the write before, which was taken
        return True
    except OSError:
        return False
    return True
before = now()
step_back()
then = now()
leads = os.getsid(0) == os.getpid()  # otherwise the group is that of the tests
print(json.dumps([before, then, leads and writable()]))
"""


@pytest.mark.parametrize("alone", [True, False])
def test_the_group_of_a_session_is_nice_where_the_process_leads_it(alone: bool) -> None:
    said = subprocess.run(
        [sys.executable, "-c", STEP_BACK], check=True, capture_output=True, text=True, start_new_session=alone
    ).stdout
    (nice, group), (nice_then, group_then), writable = json.loads(said)
    assert nice_then == min(NICEST, nice + LOW_PRIORITY)
    # A kernel may know no such groups, and what was started with the machine is in none: the file is empty then. In a
    # container it may be read-only.
    changes = alone and group and writable
    assert group_then == (f"{group.rsplit(maxsplit=1)[0]} {LOW_PRIORITY}\n" if changes else group)
