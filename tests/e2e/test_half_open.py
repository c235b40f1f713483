"""Peers whose machine goes without a word: TCP gives them up within `gateway.dead_seconds`, on every dialect, whether
anything is being sent to them or not, and nothing of them stays.

The peers are in a network namespace of their own, whose link is cut; that takes Linux, `ip` and root.
"""

from __future__ import annotations

import asyncio
import gc
import ipaddress
import json
import os
import sys
import weakref
from collections.abc import Iterator
from contextlib import ExitStack
from typing import NamedTuple

import pytest

from polyfeed.dialects.registry import DIALECTS
from tests.e2e.raw import frame, upgrade
from tests.e2e.world import World, world
from tests.networks import ip, make, need_networks, within

pytestmark = pytest.mark.slow

DEAD_SECONDS = 5
"""The least that can be set."""

PATIENCE = 35.0
"""Seconds for the test itself, before any dialect's own pings could find it out: the first to do so takes 40."""

NETWORKS = ipaddress.IPv4Address("198.18.0.0")
"""Those of RFC 2544, for tests between machines; each process takes four addresses of its own."""

PEERS = """
import json, socket, sys
sockets = []
for address, port, request, message in json.loads(sys.stdin.readline()):
    one = socket.create_connection((address, port))
    one.sendall(request.encode("latin-1") + bytes.fromhex(message))
    assert b" 101 " in one.recv(65536)
    sockets.append(one)
print("ready", flush=True)
sys.stdin.readline()
"""

SUBSCRIBES = {
    "kraken": {"event": "subscribe", "pair": ["XBT/USD"], "subscription": {"name": "book"}},
    "bitstamp": {"event": "bts:subscribe", "data": {"channel": "live_orders_btcusd"}},
    "peatio": {"event": "subscribe", "streams": ["btcusd.ob-inc"]},
    "rails": {"message": "subscribe", "content": {"subscriptions": ["publicOrderBook"]}},
    "ekiden": {"op": "subscribe", "args": ["orderbook.25.BTC-USD"]},
}


class Link(NamedTuple):
    """A namespace behind a link: its name, our address and the name of our end."""

    space: str
    address: str
    end: str

    def cut(self) -> None:
        """From now on nothing comes through, and nobody is told."""
        ip("-n", self.space, "link", "set", "far", "down")


@pytest.fixture
def link() -> Iterator[Link]:
    number = os.getpid()
    network = NETWORKS + 4 * (number % (1 << 14))
    one = Link(f"polyfeed{number}", str(network + 1), f"pf{number}")
    need_networks()
    with ExitStack() as made:
        make(made, "netns", one.space)
        make(made, "link", one.end, "type", "veth", "peer", "name", "far", "netns", one.space)
        ip("address", "add", f"{one.address}/30", "dev", one.end)
        ip("link", "set", one.end, "up")
        ip("-n", one.space, "address", "add", f"{network + 2}/30", "dev", "far")
        ip("-n", one.space, "link", "set", "far", "up")
        yield one


def handshake(one: World, name: str) -> str:
    """A WebSocket handshake of Alice's."""
    fan = one.first.gateway.fans[name]
    alice = one.first.gateway.accounts.by_name("alice")
    assert alice is not None
    if name == "rails":
        token = fan.dialect.token(one.first._now(), alice)
        return upgrade("/?market=BTC-USD", f"Sec-WebSocket-Protocol: authorization#{token}\r\n").decode()
    return upgrade("/ws/public" if name == "ekiden" else "/").decode()


async def test_peers_that_are_cut_off_are_dropped_on_every_dialect(link: Link) -> None:
    settings = (
        f"server.host={link.address}",
        f"gateway.dead_seconds={DEAD_SECONDS}",
        "flow.agents=5",
        "flow.capture=off",
    )
    async with world(*settings) as one:
        await one.pass_time(0.5)
        lines = {name: len(fan._lines) for name, fan in one.first.gateway.fans.items()}
        idle = [(link.address, one.first.ports[name], handshake(one, name), "") for name in DIALECTS]
        busy = [
            (*peer[:3], frame(1, json.dumps(SUBSCRIBES[name]).encode()).hex())
            for name, peer in zip(DIALECTS, idle, strict=True)
        ]
        peers = await asyncio.create_subprocess_exec(
            *(*within(link.space), sys.executable, "-c", PEERS),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        assert peers.stdin is not None
        assert peers.stdout is not None
        try:
            peers.stdin.write(json.dumps(idle + busy).encode() + b"\n")
            assert await peers.stdout.readline() == b"ready\n"
            await one.pass_time(0.5)
            fans = one.first.gateway.fans
            assert {name: len(fan.connections) for name, fan in fans.items()} == dict.fromkeys(DIALECTS, 2)
            kept = [weakref.ref(connection) for fan in fans.values() for connection in fan.connections]
            outlets = [connection.outlet for fan in fans.values() for connection in fan.connections]
            link.cut()
            async with asyncio.timeout(PATIENCE):
                while any(fan.connections for fan in fans.values()):
                    await one.pass_time(0.02)
                    await asyncio.sleep(0.1)
            assert all(outlet.paused for outlet in outlets)
            outlets.clear()
            gc.collect()
            assert [ref() for ref in kept if ref() is not None] == []
            assert {name: len(fan._lines) for name, fan in fans.items()} == lines
        finally:
            peers.kill()
            await peers.wait()
