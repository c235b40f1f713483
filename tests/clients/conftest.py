"""Fixtures of the client tests: a running server in each profile, and a way to drive a client against it."""

import json
import os
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from .environments import HERE, Say, environment

START_SECONDS = 30.0
STOP_SECONDS = 10.0
# Generous for a slow machine: a driver ends as soon as it has seen enough, in a few seconds.
DRIVE_SECONDS = 60.0
# To drive the clients against another server: its command line, with {port}, {tls_port}, {profile} and {directory}
# (where it leaves its certificate).
OTHER_SERVER = "KRAKEN_CLIENT_TESTS_SERVER"
CERTIFICATE = Path("tls", "cert.pem")


class Ports(NamedTuple):
    """Where a server listens: the dialect, the dialect over TLS, and the console."""

    plain: int
    tls: int
    console: int


@dataclass(frozen=True)
class Server:
    """A running Kraken server: where it is, and which certificate to trust."""

    profile: str
    ports: Ports
    certificate: Path

    @property
    def ws(self) -> str:
        return f"ws://127.0.0.1:{self.ports.plain}"

    @property
    def wss(self) -> str:
        return f"wss://localhost:{self.ports.tls}"

    @property
    def rest(self) -> str:
        return f"http://127.0.0.1:{self.ports.plain}"


def command_line(profile: str, ports: Ports, directory: Path) -> list[str]:
    """How a server is started: the demo, with its ports where nobody else has them and its files in a directory."""
    other = os.environ.get(OTHER_SERVER)
    if other:
        return shlex.split(other.format(port=ports.plain, tls_port=ports.tls, profile=profile, directory=directory))
    settings = {
        "kraken.port": ports.plain,
        "kraken.tls_port": ports.tls,
        "kraken.profile": profile,
        "http.port": ports.console,
        "server.state_dir": directory,
    }
    command = [sys.executable, "-m", "polyfeed", "serve", "--demo", "--tls", "self-signed"]
    return [*command, *(part for key, value in settings.items() for part in ("--set", f"{key}={value}"))]


@contextmanager
def start_server(profile: str, directory: Path) -> Iterator[Server]:
    """A server that answers on both ports of the dialect; it is stopped afterwards, whatever happens."""
    ports = free_ports()
    log = directory / "server.log"
    with log.open("w") as output:
        command = command_line(profile, ports, directory)
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + START_SECONDS
        for port in (ports.plain, ports.tls):
            wait_until_open(port, process, log, deadline)
        yield Server(profile, ports, directory / CERTIFICATE)
    finally:
        stop(process)


def free_ports() -> Ports:
    """Ports that nobody listens on, all different because they are held together."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in Ports._fields]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return Ports(*(one.getsockname()[1] for one in sockets))


def wait_until_open(port: int, process: subprocess.Popen[bytes], log: Path, deadline: float) -> None:
    """Return when the port takes connections; with what the server printed if it ends or is too slow."""
    while not is_open(port):
        ended = process.poll()
        if ended is not None or time.monotonic() > deadline:
            state = "is not open in time" if ended is None else f"never opened: the server ended with {ended}"
            pytest.fail(f"port {port} {state}:\n{log.read_text()[-4000:]}", pytrace=False)
        time.sleep(0.05)


def is_open(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1.0).close()
    except OSError:
        return False
    return True


def stop(process: subprocess.Popen[bytes]) -> None:
    """Ask it to end, and see that it does."""
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


# One worker has all tests of a profile, so that each server is started once.
PROFILES = [pytest.param(name, marks=pytest.mark.xdist_group(f"kraken {name}")) for name in ("0.2.0", "1.x")]


@pytest.fixture(scope="module", params=PROFILES)
def kraken_server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A running server, once in each profile of the dialect."""
    with start_server(request.param, tmp_path_factory.mktemp("kraken")) as server:
        yield server


@pytest.fixture
def say(request: pytest.FixtureRequest) -> Say:
    """Print past pytest's capture, so that who waits for an environment sees it grow."""
    capture = request.config.pluginmanager.getplugin("capturemanager")

    def say(text: str) -> None:
        with capture.global_and_fixture_disabled():
            print(text, file=sys.stderr, flush=True)

    return say


Drive = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def drive(kraken_server: Server, say: Say) -> Drive:
    """Run a client's driver against the server; its findings. A driver that is not content fails the test."""

    def drive(client: str, what: str) -> list[dict[str, Any]]:
        command = [environment(client, say), HERE / client / "drive.py", *addresses(client, kraken_server)]
        command += ["--what", what, "--seconds", str(DRIVE_SECONDS)]
        done = subprocess.run(
            [str(part) for part in command],
            env=clean_environment(),
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=DRIVE_SECONDS + 30,
        )
        if done.returncode != 0:
            text = f"{client} ({what}) ended with {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
            pytest.fail(text, pytrace=False)
        return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]

    return drive


def addresses(client: str, server: Server) -> list[str | Path]:
    """What a driver is told: the address of REST, and of the WebSocket (cryptofeed takes TLS only)."""
    if client == "cryptofeed":
        return ["--rest", server.rest, "--wss", server.wss, "--ca", server.certificate]
    return ["--rest", server.rest, "--ws", server.ws]


def clean_environment() -> dict[str, str]:
    """The tests' own environment would reach into the client's: Python's paths, and proxies."""
    kept = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR")
    return {name: os.environ[name] for name in kept if name in os.environ}
