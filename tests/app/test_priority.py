"""A process that has time leaves the processor to others, in whatever way the machine shares it out."""

from __future__ import annotations

import subprocess
import sys

import pytest

from polyfeed.app.priority import AUTOGROUP, LOW_PRIORITY

STEP_BACK = """
import os
from polyfeed.app.priority import AUTOGROUP, step_back
before = os.nice(0)
step_back()
print(os.nice(0) - before, AUTOGROUP.read_text() if AUTOGROUP.exists() else "")
"""


@pytest.mark.parametrize("alone", [True, False])
def test_the_group_of_a_session_is_nice_where_the_process_leads_it(alone: bool) -> None:
    said = subprocess.run(
        [sys.executable, "-c", STEP_BACK], check=True, capture_output=True, text=True, start_new_session=alone
    ).stdout.split()
    assert int(said[0]) == LOW_PRIORITY
    if AUTOGROUP.exists():
        assert int(said[-1]) == (LOW_PRIORITY if alone else int(AUTOGROUP.read_text().split()[-1]))
