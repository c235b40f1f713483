"""Whether this machine can have networks of its own to cut."""

from __future__ import annotations

import os
import shutil
from typing import NoReturn

import pytest

REQUIRED = "POLYFEED_REQUIRE_NETWORKS"
"""Set where a machine that cannot have them is a failure, as in CI."""


def need_networks() -> None:
    """Skips a test where there can be none."""
    if shutil.which("ip") is None or os.geteuid():
        cannot("network namespaces take `ip` (iproute2) and root")


def cannot(why: str) -> NoReturn:
    """Ends a test that needs them."""
    if os.environ.get(REQUIRED):
        pytest.fail(why)
    pytest.skip(why)
