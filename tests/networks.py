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
    if shutil.which("ip") is None or shutil.which("nsenter") is None or os.geteuid():
        cannot("network namespaces take `ip` (iproute2), `nsenter` (util-linux) and root")


def cannot(why: str) -> NoReturn:
    """Ends a test that needs them."""
    if os.environ.get(REQUIRED):
        pytest.fail(why)
    pytest.skip(why)


def within(space: str) -> list[str]:
    """What goes before a command that is to run in a network.

    Not `ip netns exec`, which gives it mounts of its own as well: a disk that another test has mounted at that moment
    stays busy there until the command ends.
    """
    return ["nsenter", f"--net=/run/netns/{space}"]
