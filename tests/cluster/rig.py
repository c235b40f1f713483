"""NATS x 3, two venues and two gateways as processes, each in a network of its own where links are to be cut."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import ExitStack, asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

from polyfeed.app.children import Child
from polyfeed.app.nats_server import NatsCluster, NatsServer
from polyfeed.app.ports import free_ports
from polyfeed.dialects.registry import DIALECTS
from tests.networks import ip, make, need_networks, within
from tests.store.kill_clients import Told
from tests.store.server import QUIET

READY_SECONDS = 90.0
LAG_MESSAGES = 500
LOOK_SECONDS = 0.05
NAMES = ("n1", "n2", "n3", "v1", "v2", "g1", "g2")
CROWDED = ("gateway.address_connections=0", "gateway.handshake_rate=0")
"""All clients of a gateway have one address."""
READY, FOLLOWING = "polyfeed is ready", "; following, "
"""What a process says when it serves, and a standby when it has found whom to follow."""


class Networks:
    """A network namespace for each process, joined by a bridge: links between two of them can be cut, one way or both.

    Several of these may be there at once: each has one of 256 ranges of addresses, by chance.
    """

    def __init__(self) -> None:
        mark = uuid4()
        self._mark, network = mark.hex[:6], f"10.213.{mark.int % 256}"
        self._made = ExitStack()
        self._ours, self._hosts = f"{network}.254", {name: f"{network}.{at}" for at, name in enumerate(NAMES, 1)}

    def __enter__(self) -> Networks:
        need_networks()
        with ExitStack() as made:
            self._make(made)
            self._made = made.pop_all()
        return self

    def _make(self, made: ExitStack) -> None:
        bridge = f"pb{self._mark}"
        make(made, "link", bridge, "type", "bridge")
        ip("link", "set", bridge, "up")
        ip("addr", "add", f"{self._ours}/24", "dev", bridge)
        for name, host in self._hosts.items():
            space, ours = self.space(name), f"p{name}{self._mark}"
            make(made, "netns", space)
            make(made, "link", ours, "type", "veth", "peer", "name", "eth0", "netns", space)
            ip("link", "set", ours, "master", bridge, "up")
            run(*self.prefix(name), "ip", "link", "set", "lo", "up")
            run(*self.prefix(name), "ip", "addr", "add", f"{host}/24", "dev", "eth0")
            run(*self.prefix(name), "ip", "link", "set", "eth0", "up")

    def __exit__(self, *_: object) -> None:
        self._made.close()

    def space(self, name: str) -> str:
        return f"polyfeed-{self._mark}-{name}"

    def host(self, name: str) -> str:
        return self._hosts[name]

    def prefix(self, name: str) -> list[str]:
        return within(self.space(name))

    def cut(self, name: str, other: str) -> None:
        """From now on nothing that `name` sends comes to `other`."""
        run(*self.prefix(name), "ip", "route", "add", "blackhole", f"{self._hosts[other]}/32")

    def heal(self, name: str, other: str) -> None:
        """It comes there again."""
        run(*self.prefix(name), "ip", "route", "del", "blackhole", f"{self._hosts[other]}/32")


def run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


class Load:
    """Traders and readers of one gateway (load.py)."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def start(
        cls, prefix: Sequence[str], ports: dict[str, int], seed: int, readers: int, rate: float, niceness: int
    ) -> Load:
        process = await asyncio.create_subprocess_exec(
            *(
                *prefix,
                *("nice", "-n", str(niceness)),
                sys.executable,
                "-m",
                "tests.cluster.load",
                json.dumps(ports),
                str(seed),
                str(readers),
                str(rate),
            ),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=1 << 28,
            cwd=Path(__file__).parents[2],
        )
        assert process.stdout is not None
        assert await process.stdout.readline() == b"going\n"
        return cls(process)

    async def report(self) -> dict[str, Any]:
        """Ends it; what it met."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        async with asyncio.timeout(READY_SECONDS):
            line = await self._process.stdout.readline()
            await self._process.wait()
        return dict(json.loads(line))

    def kill(self) -> None:
        if self._process.returncode is None:
            self._process.kill()


async def streams_of(server: NatsServer) -> dict[str, dict[str, Any]]:
    """What a server says of each stream that it has a part of."""
    try:
        said = await server.ask("jsz?accounts=1&streams=1")
    except OSError:
        return {}
    streams = [one for account in said.get("account_details", ()) for one in account.get("stream_detail", ())]
    return {one["name"]: one.get("cluster", {}) for one in streams}


def has_caught_up(replica: dict[str, Any]) -> bool:
    """Under load none ever has all."""
    return bool(replica["current"]) and replica.get("lag", 0) <= LAG_MESSAGES


class Rig:
    """The processes, by name: n1 to n3, v1 and v2, g1 and g2. What each says is in its log file below the directory."""

    def __init__(self, directory: Path, networks: Networks | None, *settings: str) -> None:
        self.directory = directory
        self.networks = networks
        self.loads: dict[str, Load] = {}
        self.ports: dict[str, dict[str, int]] = {}
        hosts = [] if networks is None else [networks.host(name) for name in NAMES[:3]]
        prefixes = [] if networks is None else [networks.prefix(name) for name in NAMES[:3]]
        self._said: dict[str, str] = {}  # of READY and FOLLOWING the one that was said last since the start
        self.nats = NatsCluster(directory, 3, hosts=hosts, prefixes=prefixes, say=self._hear)
        self.servers = dict(zip(NAMES[:3], self.nats.servers, strict=True))
        self.children = {name: self._child(name, settings) for name in NAMES[3:]}

    def prefix(self, name: str) -> list[str]:
        return [] if self.networks is None else self.networks.prefix(name)

    def _child(self, name: str, settings: Sequence[str]) -> Child:
        verb = "venue" if name.startswith("v") else "gateway"
        numbers = free_ports(len(DIALECTS) + 1)
        self.ports[name] = dict(zip((*DIALECTS, "http"), numbers, strict=True))
        given = [f"{key}.port={number}" for key, number in self.ports[name].items()]
        given += [
            *QUIET,
            *CROWDED,
            "bus.replicas=3",
            "store.keep=all",
            "server.drain_seconds=2",
            "log.level=info",
            *settings,
        ]
        words = ["--bus", self.nats.url]
        if verb == "venue":
            words += ["--demo", "--standby", "--journal", str(self.directory / name)]
        words += [word for one in given for word in ("--set", one)]
        return Child(name, [*self.prefix(name), sys.executable, "-m", "polyfeed", verb, *words], self._hear)

    def _hear(self, name: str, line: str) -> None:
        with (self.directory / f"{name}.log").open("a") as log:
            log.write(f"{time.time():.3f} {line}\n")
        self._said[name] = next((mark for mark in (READY, FOLLOWING) if mark in line), self._said[name])

    async def start(self, name: str) -> None:
        """Starts a process, or starts it again."""
        self._said[name] = ""
        await (self.servers.get(name) or self.children[name]).start()

    async def kill(self, name: str) -> None:
        """SIGKILL."""
        await (self.servers.get(name) or self.children[name]).kill()

    async def stop(self, name: str) -> None:
        """SIGTERM, and its orderly end."""
        await (self.servers[name].stop() if name in self.servers else self.children[name].stop(30.0))

    async def until_ready(self, *names: str) -> float:
        """Waits for processes to say that they are ready; how long that took."""
        began = time.monotonic()
        await self._until_said({READY}, *names)
        return time.monotonic() - began

    async def until_following(self, name: str) -> None:
        """Waits for a venue to be the standby of the other one, or the venue where that one has gone meanwhile."""
        await self._until_said({READY, FOLLOWING}, name)

    async def _until_said(self, marks: Collection[str], *names: str) -> None:
        async with asyncio.timeout(READY_SECONDS):
            for name in names:
                child = self.children[name]
                while self._said[name] not in marks:
                    assert child.code is None, (name, list(child.lines)[-20:])
                    await asyncio.sleep(LOOK_SECONDS)

    def venue(self) -> str:
        """Who has become the venue and has not ended; of two, one that was cut off has not noticed yet."""
        return next((name for name in ("v1", "v2") if self.children[name].pid and self._said[name] == READY), "")

    async def until_two_venues(self) -> None:
        """Waits until one is the venue and the other one its standby. One that has ended is started again."""
        async with asyncio.timeout(READY_SECONDS):
            while sorted(self._said[name] for name in ("v1", "v2")) != [FOLLOWING, READY]:
                for name in ("v1", "v2"):
                    if not self.children[name].pid:
                        await self.start(name)
                await asyncio.sleep(LOOK_SECONDS)

    async def until_serving(self, name: str, seconds: float = READY_SECONDS) -> None:
        """Waits for a NATS server to be one of the cluster again; its streams may still be catching up. Raises OSError."""
        await self.servers[name].until_ready(seconds, streams=False)

    async def until_current(self) -> None:
        """Waits for every stream to have one leader, and the others what it has: the loss of a server stops nothing
        then. A leader that was killed is missed for up to nine seconds.
        """
        async with asyncio.timeout(READY_SECONDS):
            while not await self._are_current():
                await asyncio.sleep(LOOK_SECONDS)

    async def _are_current(self) -> bool:
        said = [await streams_of(server) for server in self.servers.values()]
        if not all(said) or any(one.keys() != said[0].keys() for one in said):
            return False
        for name in said[0]:
            led = [one[name]["replicas"] for one in said if "leader_since" in one[name]]
            if len(led) != 1 or not all(map(has_caught_up, led[0])):
                return False
        return True

    async def until_whole(self) -> None:
        """Waits for every NATS server to have all that the others have: under load that may take for ever."""
        await self.nats.until_ready(READY_SECONDS)

    async def load(self, name: str, seed: int, readers: int, rate: float, niceness: int) -> None:
        """Begins to trade and read on a gateway, with so many readers of each dialect; they have their books."""
        self.loads[name] = await Load.start(self.prefix(name), self.ports[name], seed, readers, rate, niceness)

    async def reports(self) -> list[dict[str, Any]]:
        """Ends all loads; what they met, by the names of their gateways."""
        loads, self.loads = self.loads, {}
        return [*await asyncio.gather(*(one.report() for _, one in sorted(loads.items())))]

    async def end(self) -> None:
        for load in self.loads.values():
            load.kill()
        for name in ("g1", "g2", "v2", "v1"):
            await self.children[name].stop(30.0)
        await self.nats.stop()


@asynccontextmanager
async def rig(directory: Path, networks: Networks | None = None, *settings: str) -> AsyncIterator[Rig]:
    """Everything started: v1 is the venue, v2 its standby."""
    one = Rig(directory, networks, *settings)
    try:
        for name in one.servers:
            await one.start(name)
        await one.until_whole()
        await one.start("v1")
        await one.until_ready("v1")
        for name in ("v2", "g1", "g2"):
            await one.start(name)
        await one.until_ready("g1", "g2")
        yield one
    finally:
        await one.end()


def told_of(report: dict[str, Any]) -> dict[str, Told]:
    """What a load's clients were told, as it was."""
    found = {}
    for name, said in report["told"].items():
        told = found[name] = Told()
        told.sent, told.orders, told.cancelled = set(said["sent"]), said["orders"], set(said["cancelled"])
        told.denied = set(said["denied"])
        told.fills.update({(order, Decimal(price), Decimal(size)): n for order, price, size, n in said["fills"]})
        told.filled = {order: Decimal(size) for order, size in said["filled"].items()}
        told.requests, told.answers = said["requests"], said["answers"]
        told.refused.update(said["refused"])
    return found
