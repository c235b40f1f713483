"""This machine: Python, files, the kernel's limits, the clock."""

from __future__ import annotations

import ctypes
import platform
import resource
import sys
from pathlib import Path

from polyfeed.app.config import Config
from polyfeed.app.doctor.finding import Finding, Level, judged
from polyfeed.gateway.entrance import BACKLOG

MIN_PYTHON = (3, 11)
OTHER_FILES = 512
"""Of a process beside its clients' sockets: listeners, the bus, the journal, calls of operators."""

PROC = Path("/proc/sys")
_TIME_ERROR = 5
"""What adjtimex(2) returns while nothing keeps the clock right."""


def check_machine(config: Config, proc: Path = PROC) -> list[Finding]:
    """All that can be seen without NATS. `proc` is where the kernel shows its settings."""
    findings = [_python(), check_files(config, *resource.getrlimit(resource.RLIMIT_NOFILE))]
    if sys.platform == "linux":
        findings += [*check_kernel(config, proc), check_clock(_adjtimex())]
    return findings


def _python() -> Finding:
    wanted = ".".join(map(str, MIN_PYTHON))
    return judged("Python", sys.version_info >= MIN_PYTHON, platform.python_version(), f">= {wanted}", "install it")


def check_files(config: Config, soft: int, hard: int) -> Finding:
    """Each process has this limit for itself, and each takes `gateway.connections`."""
    most = config.gateway.connections
    what = "open files"
    found = "no limit" if soft == resource.RLIM_INFINITY else str(soft)
    if not most:
        advice = "set gateway.connections to what the limit of files allows: beyond it, connections fail without a word"
        return Finding(Level.WARN, what, found, "a limit of connections", advice)
    wanted = most + OTHER_FILES
    enough = soft == resource.RLIM_INFINITY or soft >= wanted
    raised = "`ulimit -n`" if hard == resource.RLIM_INFINITY or hard >= wanted else "limits.conf"
    advice = (
        f"raise it ({raised}, LimitNOFILE= of a unit), or lower gateway.connections to {max(1, soft - OTHER_FILES)}"
    )
    return judged(what, enough, found, f">= {wanted}, for {most} connections", advice)


def check_kernel(config: Config, proc: Path) -> list[Finding]:
    """The kernel's limits that many connections meet. Those that it does not have (in a container) are left out."""
    most = config.gateway.connections
    wishes = [
        ("net/core/somaxconn", BACKLOG, "the kernel cuts the queue of new connections to it: many at once are refused"),
        ("net/ipv4/tcp_max_syn_backlog", BACKLOG, "many clients that come back at once wait for a second or more"),
        (
            "net/core/wmem_max",
            config.gateway.send_buffer_bytes,
            "gateway.send_buffer_bytes is cut to it: readers are taken for slow earlier",
        ),
        ("fs/file-max", most + OTHER_FILES, "the machine's files end before the gateway's connections"),
        ("net/netfilter/nf_conntrack_max", 2 * most, "the firewall's table ends before the gateway's connections"),
    ]
    return [
        judged(
            name.replace("/", "."),
            found >= wanted,
            found,
            f">= {wanted}",
            f"sysctl -w {name.replace('/', '.')}={wanted}: {why}",
            otherwise=Level.WARN,
        )
        for name, wanted, why in wishes
        if (found := _number(proc / name)) is not None
    ]


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text("ascii"))
    except (OSError, ValueError):
        return None


def check_clock(state: int | None) -> Finding:
    """What adjtimex(2) returned, None where nobody may ask."""
    advice = "run chronyd or systemd-timesyncd: batches carry the venue's time, and tokens end by a gateway's"
    if state is None:
        return Finding(Level.WARN, "clock", "not to be seen here", "kept by NTP", advice)
    good = 0 <= state < _TIME_ERROR
    return judged("clock", good, "kept" if good else "not kept", "kept by NTP", advice, otherwise=Level.WARN)


def _adjtimex() -> int | None:
    """Whether the kernel's clock is being kept right: asked, with nothing set."""
    try:
        library = ctypes.CDLL(None)
        # struct timex: 208 bytes on 64-bit Linux; modes = 0 asks only.
        return int(library.adjtimex(ctypes.create_string_buffer(512)))
    except (OSError, AttributeError):
        return None
