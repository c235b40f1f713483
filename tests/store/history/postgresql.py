"""A PostgreSQL of the tests' own: a real one, on a free port of the loopback, with its data in a directory of its own.

The system's service is never touched. It does not run as root, so root's tests run it as nobody. Where PostgreSQL is
not installed the tests that need it are skipped, in plain words.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from polyfeed.app.ports import free_ports

REQUIRED = "POLYFEED_REQUIRE_POSTGRESQL"
"""With this variable set (CI does) a machine without PostgreSQL fails the tests instead of skipping them."""

START_SECONDS = 60.0
STOP_SECONDS = 20.0


def programs() -> Path | None:
    """Where the newest installed one is: on Debian not in PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda one: float(one.parts[-3]))
    if found:
        return found[-1].parent
    other = shutil.which("postgres")
    return Path(other).resolve().parent if other else None


class Postgresql:
    """One server. `kill` ends it as a crash does, `start` begins it again on the same port."""

    def __init__(self, programs: Path, directory: Path) -> None:
        [self.port] = free_ports(1)
        self._programs = programs
        self._data = directory / "data"
        self._process: subprocess.Popen[str] | None = None
        words = ["--auth=trust", "--username=polyfeed", "--encoding=UTF8", "--no-locale", "--no-sync"]
        self._call("initdb", "--pgdata", str(self._data), *words)

    @property
    def url(self) -> str:
        """Where clients connect."""
        return f"postgresql://polyfeed@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        """Returns when it takes connections."""
        settings = ["listen_addresses=127.0.0.1", f"port={self.port}", "unix_socket_directories=", "fsync=off"]
        self._process = subprocess.Popen(
            [str(self._programs / "postgres"), "-D", str(self._data), *(f"-c{one}" for one in settings)],
            stderr=subprocess.PIPE,
            text=True,
            **_as_nobody(),
        )
        assert self._process.stderr is not None
        lines = []
        for line in self._process.stderr:
            lines.append(line)
            if re.search(r"ready to accept connections", line):
                return
        raise AssertionError("PostgreSQL did not start:\n" + "".join(lines))

    def kill(self) -> None:
        """Ends it without a word to its clients."""
        self._end(signal.SIGQUIT)

    def stop(self) -> None:
        """Ends it."""
        self._end(signal.SIGINT)

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(how)
        try:
            process.communicate(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()

    def _call(self, program: str, *words: str) -> None:
        command = [str(self._programs / program), *words]
        subprocess.run(command, check=True, capture_output=True, timeout=START_SECONDS, **_as_nobody())


def _as_nobody() -> dict[str, Any]:
    if os.geteuid() != 0:
        return {}
    return {"user": "nobody", "group": "nogroup", "extra_groups": [], "cwd": "/"}


@contextmanager
def server() -> Iterator[Postgresql]:
    """A running one. Skips where there is none to run."""
    found = programs()
    if found is None:
        text = "PostgreSQL is not installed (on Debian: apt-get install postgresql)"
        if os.environ.get(REQUIRED):
            pytest.fail(text)
        pytest.skip(text)
    directory = Path(tempfile.mkdtemp(prefix="polyfeed-postgresql-"))
    try:
        if os.geteuid() == 0:
            shutil.chown(directory, "nobody", "nogroup")
        one = Postgresql(found, directory)
        try:
            one.start()
            yield one
        finally:
            one.stop()
    finally:
        shutil.rmtree(directory)
