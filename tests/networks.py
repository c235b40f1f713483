"""Whether this machine can have networks of its own to cut."""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import ExitStack
from functools import cache
from typing import NoReturn
from uuid import uuid4

import pytest

REQUIRED = "POLYFEED_REQUIRE_NETWORKS"
"""Set where a machine that cannot have them is a failure, as in CI."""


def need_networks() -> None:
    """Skips a test where there can be none."""
    if shutil.which("ip") is None or shutil.which("nsenter") is None or os.geteuid():
        cannot("network namespaces take `ip` (iproute2), `nsenter` (util-linux) and root")
    why = obstacle()
    if why:
        cannot(f"no networks can be made here: {why}; root needs CAP_NET_ADMIN and CAP_SYS_ADMIN for it")


@cache
def obstacle() -> str:
    """Why none can be made, by making one and taking it down again; nothing where it can. Root in a container often may
    not, and a test that finds it out in its middle has failed.
    """
    mark = uuid4().hex[:6]
    space, bridge, end = f"polyfeed-try-{mark}", f"pb{mark}", f"pe{mark}"
    try:
        with ExitStack() as made:
            make(made, "netns", space)
            make(made, "link", bridge, "type", "bridge")
            make(made, "link", end, "type", "veth", "peer", "name", "eth0", "netns", space)
            ip("link", "set", end, "master", bridge, "up")
            subprocess.run(
                [*within(space), "ip", "link", "set", "lo", "up"], check=True, capture_output=True, timeout=30
            )
    except subprocess.CalledProcessError as error:
        return f"{' '.join(error.cmd)}: {error.stderr.decode().strip()}"
    return ""


def make(made: ExitStack, kind: str, name: str, *words: str) -> None:
    """Makes a namespace (`netns`) or a link; it goes with `made`. A link between two namespaces is to be made so, too: one
    that has gone may live on for its sockets' sake, and its links with it.
    """
    ip(kind, "add", name, *words)
    made.callback(subprocess.run, ["ip", kind, "del", name], check=False, capture_output=True)


def ip(*words: str) -> None:
    """Runs `ip`. Raises CalledProcessError."""
    subprocess.run(["ip", *words], check=True, capture_output=True, timeout=30)


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
