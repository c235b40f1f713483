"""A RabbitMQ of the tests' own: a real one, on free ports of this machine's loopback, with its own data and node name.

The system's service is never touched. Where no RabbitMQ is installed it is installed if that is possible (root and
apt); otherwise the tests that need one are skipped, in plain words.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from polyfeed.app.ports import free_ports

SERVER = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
INSTALL = ["apt-get", "install", "-y", "-q", "rabbitmq-server"]
START_SECONDS = 180.0
STOP_SECONDS = 20.0
REQUIRED = "POLYFEED_REQUIRE_RABBITMQ"
"""With this variable set (CI does) a machine without RabbitMQ fails the tests instead of skipping them."""


class RabbitMQ:
    """One broker. `kill` ends it without a word, `start` begins it again on the same port."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.port, self._node_port, self._epmd_port = free_ports(3)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where clients connect."""
        return f"amqp://guest:guest@127.0.0.1:{self.port}/"

    @property
    def group(self) -> int:
        """The process group of the broker, which is its alone."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Returns when it takes connections. Its data is as it was left."""
        log = (self.directory / "output.log").open("ab")
        with log:
            self._process = subprocess.Popen(
                [str(SERVER)],
                env=self._environment(),
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                process_group=0,
            )
        deadline = time.monotonic() + START_SECONDS
        while not speaks_amqp(self.port):
            if self._process.poll() is not None or time.monotonic() > deadline:
                said = (self.directory / "output.log").read_text(errors="replace")[-3000:]
                raise RuntimeError(f"RabbitMQ did not start:\n{said}")
            time.sleep(0.1)

    def kill(self) -> None:
        """As a crash does."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Ends it, and Erlang's port mapper that came with it."""
        self._end(signal.SIGTERM)
        mapper = shutil.which("epmd")
        if mapper is not None:
            subprocess.run(
                [mapper, "-port", str(self._epmd_port), "-kill"], capture_output=True, timeout=STOP_SECONDS, check=False
            )

    def _end(self, number: int) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        os.killpg(process.pid, number)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(STOP_SECONDS)

    def _environment(self) -> dict[str, str]:
        place = self.directory
        (place / "enabled_plugins").write_text("[].\n")
        (place / "rabbitmq.conf").write_text(
            f"listeners.tcp.local = 127.0.0.1:{self.port}\nloopback_users.guest = true\nlog.file.level = warning\n"
        )
        return {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin:/usr/sbin:/sbin"),
            "HOME": str(place),
            "LANG": "C.UTF-8",
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(self._epmd_port),
            "RABBITMQ_NODENAME": f"polyfeed-{self.port}@localhost",
            "RABBITMQ_DIST_PORT": str(self._node_port),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1} +S 1:1",
            "RABBITMQ_CONFIG_FILE": str(place / "rabbitmq.conf"),
            "RABBITMQ_CONF_ENV_FILE": str(place / "none.conf"),
            "RABBITMQ_MNESIA_BASE": str(place / "mnesia"),
            "RABBITMQ_LOG_BASE": str(place / "log"),
            "RABBITMQ_PID_FILE": str(place / "pid"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(place / "enabled_plugins"),
            "RABBITMQ_GENERATED_CONFIG_DIR": str(place / "generated"),
        }


def installed() -> str:
    """Empty when there is a RabbitMQ, or when it could be installed; otherwise the reason."""
    if SERVER.exists():
        return ""
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        return "RabbitMQ is not installed, and only root can install it (on Debian: apt-get install rabbitmq-server)"
    # Debian starts services as it installs them: not this one.
    policy = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    done = subprocess.run(INSTALL, env=policy, capture_output=True, text=True, timeout=600, check=False)
    return "" if SERVER.exists() else f"RabbitMQ could not be installed: {done.stderr[-300:]}"


@contextmanager
def broker(directory: Path) -> Iterator[RabbitMQ]:
    """A started broker; the test is skipped, or fails where it is required, when there is none to be had."""
    reason = installed()
    if reason:
        (pytest.fail if os.environ.get(REQUIRED) else pytest.skip)(reason)
    one = RabbitMQ(directory)
    try:
        one.start()
        yield one
    finally:
        one.stop()


def speaks_amqp(port: int) -> bool:
    """Whether a broker answers the protocol's header."""
    try:
        with socket.create_connection(("127.0.0.1", port), 1.0) as connection:
            connection.settimeout(2.0)
            connection.sendall(b"AMQP\x00\x00\x09\x01")
            return bool(connection.recv(8))
    except OSError:
        return False
