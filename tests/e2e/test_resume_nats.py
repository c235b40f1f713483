"""Coming back to another gateway on a real NATS: the gateways tell each other which feeds are to be kept."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from polyfeed.app.bus_roles import connected
from polyfeed.app.clock import SteadyClock
from polyfeed.app.config import Config, load
from polyfeed.app.gateway_process import GatewayProcess
from polyfeed.app.nats_server import NatsServer
from polyfeed.app.venue_process import VenueProcess
from polyfeed.bus.nats.lease import Lease
from polyfeed.bus.nats.names import Names
from polyfeed.dialects.registry import DIALECTS
from tests.e2e.resuming import Heard

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("nats")]


def config_of(url: str, state: Path) -> Config:
    settings = [f"{name}.port=0" for name in (*DIALECTS, "http")]
    settings += ["flow.demo=true", "flow.agents=3", f"bus.url={url}", f"server.state_dir={state}"]
    return load(None, {}, [*settings, "gateway.resume_seconds=120", "server.drain_seconds=1"])


async def gateway_on(stack: AsyncExitStack, config: Config) -> GatewayProcess:
    client = await stack.enter_async_context(connected(config.bus, "gateway"))
    one = GatewayProcess(config, client, SteadyClock())
    await one.start()
    stack.push_async_callback(one.stop)
    return one


def place_of(gateway: GatewayProcess) -> int:
    """How far a gateway is, 0 before it has heard that somebody may come back."""
    assert gateway.role is not None
    replays = gateway.role.gateway.fans["kraken"].replays
    return replays.offset if replays is not None and replays.active else 0


async def test_who_is_cut_misses_nothing_on_another_gateway_of_the_bus(tmp_path: Path) -> None:
    server = NatsServer(tmp_path / "nats")
    await server.start()
    async with asyncio.timeout(180), AsyncExitStack() as stack:
        stack.push_async_callback(server.stop)
        config = config_of(server.url, tmp_path)
        client = await stack.enter_async_context(connected(config.bus, "venue"))
        venue = VenueProcess(config, client, Lease(client, Names(config.bus.name).bucket, 1), None)
        await venue.start()
        stack.push_async_callback(venue.stop)
        gateways = [await gateway_on(stack, config) for _ in range(2)]
        ports = [one.ports["kraken"] for one in gateways]
        steady = await Heard.open("kraken", ports[0])
        await steady.until(steady.events)
        heard: list[str] = []
        one = await Heard.open("kraken", ports[0], "1")
        while not all(map(place_of, gateways)):
            await asyncio.sleep(0.01)
        since = max(map(place_of, gateways))
        await one.until(lambda one=one: one.ours()[-1].get("offset", 0) >= since)
        for port in reversed(ports * 2):
            await one.until(lambda one=one: len(one.events()) > 3)
            heard += await one.cut()
            count = len(steady.events())
            await steady.until(lambda count=count: len(steady.events()) > count + 3)
            one = await Heard.open("kraken", port, one.place())
            await one.until_offset()
            assert one.ours()[0].get("resumed") is True, one.ours()
        heard += await one.cut()
        await steady.until(lambda: heard[-1] in steady.events())
        said = steady.events()
        first = said.index(heard[1])
        assert [said.index(text) - first for text in heard[1:]] == list(range(len(heard) - 1)), "from the snapshot on"
        await steady.close()
