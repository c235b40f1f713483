"""A gateway that was cut off from all NATS servers, one way or both, is whole again soon after the cut is."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from uuid import uuid4

import pytest

from polyfeed.app.children import Child
from polyfeed.app.nats_server import NatsCluster
from polyfeed.app.ports import free_ports
from polyfeed.dialects.registry import DIALECTS
from tests.networks import need_networks, within

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("nats")]

PATIENCE = 120.0
CUT_SECONDS = 6.0
"""Longer than a gateway's lease, and than it takes to notice."""

PROMISED_SECONDS = 5.0
HOSTS = {"far": "10.217.3.1", "near": "10.217.3.2"}


class Line:
    """Two machines with a cable between them: `far` has everything but the gateway, which is `near`."""

    def __init__(self) -> None:
        self._mark = uuid4().hex[:6]

    def prefix(self, name: str) -> list[str]:
        return within(self._space(name))

    def _space(self, name: str) -> str:
        return f"polyfeed-{self._mark}-{name}"

    @contextmanager
    def laid(self) -> Iterator[Line]:
        need_networks()
        try:
            for name in HOSTS:
                run("ip", "netns", "add", self._space(name))
                run(*self.prefix(name), "ip", "link", "set", "lo", "up")
            cable = ["ip", "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", self._space("near")]
            run(*self.prefix("far"), *cable)
            for name, host in HOSTS.items():
                run(*self.prefix(name), "ip", "addr", "add", f"{host}/24", "dev", "eth0")
                run(*self.prefix(name), "ip", "link", "set", "eth0", "up")
            yield self
        finally:
            for name in HOSTS:
                subprocess.run(["ip", "netns", "del", self._space(name)], check=False, capture_output=True)

    def change(self, what: str, senders: list[str]) -> None:
        """`add` has what these send come nowhere, `del` ends that."""
        for name in senders:
            (other,) = set(HOSTS) - {name}
            run(*self.prefix(name), "ip", "route", what, "blackhole", f"{HOSTS[other]}/32")


def run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


class Watch:
    """When a gateway was ready and when not."""

    def __init__(self, line: Line, port: int) -> None:
        url = f"http://127.0.0.1:{port}/readyz"
        command = [*line.prefix("near"), sys.executable, str(Path(__file__).with_name("watch_ready.py")), url]
        self._child = Child("watch", command, self._hear)
        self.changes: list[tuple[float, bool]] = []

    def _hear(self, _: str, text: str) -> None:
        at, ready = text.split()
        self.changes.append((float(at), ready == "1"))

    @asynccontextmanager
    async def going(self) -> AsyncIterator[Watch]:
        await self._child.start()
        try:
            yield self
        finally:
            await self._child.kill()

    async def until(self, ready: bool) -> float:
        """When it last became so."""
        async with asyncio.timeout(PATIENCE):
            while not self.changes or self.changes[-1][1] is not ready:
                await asyncio.sleep(0.01)
        return self.changes[-1][0]


@asynccontextmanager
async def gateway(directory: Path, line: Line) -> AsyncIterator[int]:
    """Three servers and a venue far away, and a gateway here: its operator port."""
    host, far = HOSTS["far"], line.prefix("far")
    nats = NatsCluster(directory, 3, hosts=[host] * 3, prefixes=[far] * 3)
    numbers = free_ports(len(DIALECTS) + 2)
    ports = dict(zip((*DIALECTS, "http"), numbers, strict=False))
    polyfeed = [sys.executable, "-m", "polyfeed"]
    common = ["--bus", nats.url, "--set", "bus.replicas=3"]
    venue = Child("venue", [*far, *polyfeed, "venue", *common, "--demo", "--set", f"http.port={numbers[-1]}"])
    sets = [word for name, number in ports.items() for word in ("--set", f"{name}.port={number}")]
    one = Child("gateway", [*line.prefix("near"), *polyfeed, "gateway", *common, *sets])
    try:
        for server in nats.servers:
            await server.start()
        await venue.start()
        await one.start()
        yield ports["http"]
    finally:
        print(*venue.lines, *one.lines, sep="\n")  # pytest shows it of a test that fails
        await one.stop(30.0)
        await venue.stop(30.0)
        await nats.stop()


@pytest.mark.parametrize("senders", [["far"], ["near"], ["far", "near"]], ids=["back", "there", "both"])
async def test_a_gateway_is_whole_soon_after_the_network_is(tmp_path: Path, senders: list[str]) -> None:
    with Line().laid() as line:
        async with gateway(tmp_path, line) as port, Watch(line, port).going() as watch:
            await watch.until(ready=True)
            line.change("add", senders)
            await watch.until(ready=False)
            await asyncio.sleep(CUT_SECONDS)
            line.change("del", senders)
            healed = time.time()
            took = await watch.until(ready=True) - healed
    print(f"ready again after {took:.2f} s")
    assert took < PROMISED_SECONDS
