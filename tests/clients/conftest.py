"""Fixtures of the client tests: a running server with all its dialects, and a way to drive a client against one."""

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
from typing import Any

import pytest

from polyfeed.app.config import Config
from polyfeed.app.ports import free_ports

from .environments import HERE, NoNode, Say, environment

START_SECONDS = 30.0
STOP_SECONDS = 10.0
# Generous for a slow machine: a driver ends as soon as it has seen enough, in a few seconds.
DRIVE_SECONDS = 60.0
# To drive the clients against another server: its command line, with {profile}, {directory} (where it leaves its
# certificate), and {kraken_port}, {kraken_tls_port} and so on, of the dialects that it has.
OTHER_SERVER = "CLIENT_TESTS_SERVER"
CERTIFICATE = Path("tls", "cert.pem")
# The sections of the configuration that have a listener of their own for TLS.
DIALECTS = [name for name in Config.__struct_fields__ if hasattr(getattr(Config(), name), "tls_port")]


@dataclass(frozen=True)
class Server:
    """One dialect of a running server: where it is, and which certificate to trust."""

    profile: str
    port: int
    tls_port: int
    certificate: Path

    @property
    def ws(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    @property
    def wss(self) -> str:
        return f"wss://localhost:{self.tls_port}"

    @property
    def rest(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def command_line(profile: str, ports: dict[str, int], directory: Path) -> list[str]:
    """How a server is started: the demo, with its ports where nobody else has them and its files in a directory."""
    other = os.environ.get(OTHER_SERVER)
    if other:
        names = {name.replace(".", "_"): port for name, port in ports.items()}
        return shlex.split(other.format(profile=profile, directory=directory, **names))
    settings: dict[str, object] = {**ports, "kraken.profile": profile, "server.state_dir": directory}
    command = [sys.executable, "-m", "polyfeed", "serve", "--demo", "--tls", "self-signed"]
    return [*command, *(part for key, value in settings.items() for part in ("--set", f"{key}={value}"))]


@contextmanager
def start_server(profile: str, directory: Path) -> Iterator[dict[str, Server]]:
    """A server that answers on both ports of each dialect; it is stopped afterwards, whatever happens."""
    names = ["http.port", *(f"{name}.{kind}" for name in DIALECTS for kind in ("port", "tls_port"))]
    ports = dict(zip(names, free_ports(len(names)), strict=True))
    log = directory / "server.log"
    with log.open("w") as output:
        command = command_line(profile, ports, directory)
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + START_SECONDS
        for name, port in ports.items():
            if name.replace(".", "_") in os.environ.get(OTHER_SERVER, name.replace(".", "_")):
                wait_until_open(port, process, log, deadline)
        yield {
            name: Server(profile, ports[f"{name}.port"], ports[f"{name}.tls_port"], directory / CERTIFICATE)
            for name in DIALECTS
        }
    finally:
        stop(process)


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


# One worker has all tests of a profile, so that each server is started once. Bitstamp has no profiles: its tests go
# to the server that has Kraken's newest.
NEWEST = "1.x"
GROUPS = {profile: pytest.mark.xdist_group(f"clients {profile}") for profile in ("0.2.0", NEWEST)}
PROFILES = [pytest.param(profile, marks=mark) for profile, mark in GROUPS.items()]


@pytest.fixture(scope="package")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], dict[str, Server]]]:
    """Gives the running server of a profile, which is started by the first test that wants it."""
    running: dict[str, dict[str, Server]] = {}
    with ExitStack() as stack:

        def server(profile: str) -> dict[str, Server]:
            if profile not in running:
                running[profile] = stack.enter_context(start_server(profile, tmp_path_factory.mktemp("server")))
            return running[profile]

        yield server


@pytest.fixture(scope="module", params=PROFILES)
def kraken_server(request: pytest.FixtureRequest, servers: Callable[[str], dict[str, Server]]) -> Server:
    """The Kraken dialect of a running server, once in each of its profiles."""
    return servers(request.param)["kraken"]


@pytest.fixture(scope="module")
def bitstamp_server(servers: Callable[[str], dict[str, Server]]) -> Server:
    """The Bitstamp dialect of a running server."""
    return servers(NEWEST)["bitstamp"]


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
def drive(say: Say) -> Drive:
    """Run a client's driver against a server; its findings. A driver that is not content fails the test."""

    def drive(server: Server, driver: str, what: str) -> list[dict[str, Any]]:
        client = driver.partition("/")[0]
        try:
            program, variables = environment(client, say)
        except NoNode as error:
            pytest.skip(str(error))
        command = [program, HERE / driver, *addresses(client, server)]
        command += ["--what", what, "--seconds", str(DRIVE_SECONDS)]
        done = subprocess.run(
            [str(part) for part in command],
            env={**clean_environment(), **variables},
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=DRIVE_SECONDS + 30,
        )
        if done.returncode != 0:
            text = f"{driver} ({what}) ended with {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
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
