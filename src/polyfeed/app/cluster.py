"""`polyfeed cluster up`: NATS, a venue and two gateways on this machine, to try out what runs past one.

What dies stays dead and is said, with the command that brings it back: killing one is what a trial is for.
"""

from __future__ import annotations

import argparse
import asyncio
import shlex
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from polyfeed.app.children import Child, Say, ended_how
from polyfeed.app.nats_server import NatsCluster, NatsServer
from polyfeed.app.ports import free_ports
from polyfeed.app.serve import before
from polyfeed.dialects.registry import DIALECTS
from polyfeed.store.disk import locked

FIRST_PORT = 9000
GATEWAYS = 2
STEP = 10
"""Between the ports of one gateway and the next one's."""

READY = "polyfeed is ready"
START_SECONDS = 60.0
STOP_SECONDS = 15.0
LOCK = "cluster.lock"


class Trial:
    """Everything that runs, below one directory.

    The venue's operator port is `first`; a gateway has its dialects' ports from one above, then its operator port. With
    `first` 0 all are free ones. Without `say`, what the processes say is kept to themselves.
    """

    def __init__(self, directory: Path, nodes: int, first: int = FIRST_PORT, say: Say | None = None) -> None:
        self.nats = NatsCluster(directory / "nats", nodes, say=say)
        self._ready: dict[str, asyncio.Event] = {}
        self._say = say
        self._stopping = False
        ports = _ports(first)
        self.venue_port = ports.pop(0)
        replicas = f"bus.replicas={3 if nodes >= 3 else 1}"
        state = directory / "venue"
        words = ["--demo", "--journal", str(state / "journal")]
        settings = [replicas, f"http.port={self.venue_port}", f"server.state_dir={state}"]
        self.venue = self._polyfeed("venue", "venue", words, settings)
        self.gateways: list[Child] = []
        self.gateway_ports: list[dict[str, int]] = []
        for number in range(1, GATEWAYS + 1):
            numbers = dict(zip((*DIALECTS, "http"), ports, strict=False))
            del ports[: len(numbers)]
            settings = [replicas, f"server.state_dir={directory / f'gateway{number}'}"]
            settings += [f"{name}.port={port}" for name, port in numbers.items()]
            self.gateways.append(self._polyfeed("gateway", f"gateway{number}", [], settings))
            self.gateway_ports.append(numbers)

    def _polyfeed(self, verb: str, label: str, words: list[str], settings: list[str]) -> Child:
        command = [sys.executable, "-m", "polyfeed", verb, "--bus", self.nats.url, *words]
        command += [word for one in settings for word in ("--set", one)]
        self._ready[label] = asyncio.Event()
        return Child(label, command, self._hear)

    def _hear(self, label: str, line: str) -> None:
        if line == READY:
            self._ready[label].set()
        if self._say is not None:
            self._say(label, line)

    async def start(self) -> None:
        """Starts NATS, then the venue, then the gateways; each waits for who it needs. Raises OSError."""
        await self.nats.start()
        await self._begin(self.venue)
        await asyncio.gather(*(self._begin(gateway) for gateway in self.gateways))

    async def _begin(self, child: Child) -> None:
        """Starts a process and waits until it serves. Raises OSError."""
        await child.start()
        ready = asyncio.create_task(self._ready[child.label].wait())
        ended = asyncio.create_task(child.wait())
        try:
            done, _ = await asyncio.wait({ready, ended}, timeout=START_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ready.cancel()
            ended.cancel()
        if ready not in done:
            why = f"ended with {child.code}" if child.code is not None else f"was not ready within {START_SECONDS:g} s"
            raise OSError(f"{child.label} {why}; it said last:\n" + "\n".join(list(child.lines)[-10:]))

    async def watch(self, tell: Callable[[str], None]) -> None:
        """Tells of every process that ends by itself, until cancelled."""
        await asyncio.gather(*(self._watch(one, tell) for one in self._processes()))

    def _processes(self) -> list[Child | NatsServer]:
        return [*self.gateways, self.venue, *self.nats.servers]

    async def _watch(self, process: Child | NatsServer, tell: Callable[[str], None]) -> None:
        pid = process.pid
        code = await process.wait()
        again = shlex.join(process.command)
        tell(f"{process.label} (process {pid}) {ended_how(code)}; the others go on. To bring it back: {again}")

    async def stop(self) -> None:
        """Gateways say goodbye to their clients, then the venue ends, then NATS."""
        await asyncio.gather(*(gateway.stop(STOP_SECONDS) for gateway in self.gateways))
        await self.venue.stop(STOP_SECONDS)
        await self.nats.stop()

    def kill(self) -> None:
        """Ends everything at once."""
        for process in self._processes():
            process.signal(signal.SIGKILL)

    def directory(self) -> str:
        """Where everything is, for people."""
        operator = f"http://127.0.0.1:{self.venue_port}/ (console, readyz, metrics)"
        lines = [f"  venue     process {self.venue.pid}, operator {operator}"]
        for child, ports in zip(self.gateways, self.gateway_ports, strict=True):
            lines.append(f"  {child.label}  process {child.pid}, operator http://127.0.0.1:{ports['http']}/")
            lines += [f"    {name:<9} ws://127.0.0.1:{ports[name]}/" for name in DIALECTS]
        lines += [f"  NATS {one.label}   process {one.pid}, {one.url}, {one.monitor}/" for one in self.nats.servers]
        words = [word for one in self.nats.servers for word in ("--monitor", one.monitor)]
        command = shlex.join([sys.executable, "-m", "polyfeed", "doctor", "--bus", self.nats.url, *words])
        lines.append(f"  look at it: polyfeed doctor, here: {command}")
        return "\n".join(lines)


async def up(directory: Path, nodes: int, first: int) -> int:
    """Runs a trial until SIGINT or SIGTERM; a second signal ends it at once. Raises OSError."""
    stop = asyncio.Event()
    trial = Trial(directory, nodes, first, _print_line)

    def on_signal() -> None:
        if stop.is_set():
            trial.kill()
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, on_signal)
    stopped = asyncio.create_task(stop.wait())
    try:
        if await before(stopped, trial.start()):
            print(f"polyfeed's cluster is up, in {directory}\n{trial.directory()}", flush=True)
            await before(stopped, trial.watch(_print_note))
        _print_note("stopping: gateways, then the venue, then NATS")
    finally:
        stopped.cancel()
        await trial.stop()
    return 0


def run(options: argparse.Namespace) -> int:
    """`polyfeed cluster up`."""
    with _place(options.directory) as directory, locked(directory, LOCK, "the cluster's directory (--directory)"):
        return asyncio.run(up(directory, options.nodes, options.port))


def add_verbs(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The actions of `polyfeed cluster`."""
    text = "start NATS, a venue with demo markets and two gateways on this machine; Ctrl-C ends them"
    action = verbs.add_parser("up", help=text, description=text)
    action.add_argument(
        "--nodes", type=int, choices=[1, 3, 5], default=3, help="NATS servers: a majority must live (default: 3)"
    )
    action.add_argument(
        "--directory", type=Path, metavar="DIR", help="keep journal and streams there (default: gone at the end)"
    )
    action.add_argument(
        "--port",
        type=int,
        default=FIRST_PORT,
        metavar="FIRST",
        help="the venue's operator port, before those of the gateways; 0 takes free ones (default: %(default)s)",
    )
    action.set_defaults(run=run)


@contextmanager
def _place(given: Path | None) -> Iterator[Path]:
    if given is not None:
        yield given.expanduser().absolute()
        return
    with tempfile.TemporaryDirectory(prefix="polyfeed-cluster-") as name:
        yield Path(name)


def _ports(first: int) -> list[int]:
    """The venue's operator port, then each gateway's dialects' and operator ports."""
    each = len(DIALECTS) + 1
    if not first:
        return free_ports(1 + GATEWAYS * each)
    return [first, *(first + STEP * gateway + place for gateway in range(GATEWAYS) for place in range(1, each + 1))]


def _print_line(label: str, line: str) -> None:
    print(f"{label:<9}| {line}", flush=True)


def _print_note(text: str) -> None:
    print(f"polyfeed: {text}", flush=True)
