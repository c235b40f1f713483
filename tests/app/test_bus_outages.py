"""NATS is away, full, or has lost a stream: what a venue and a gateway say meanwhile, and that they go on by themselves."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from pathlib import Path

import pytest
from nats.aio.client import Client

from polyfeed.app.bus_roles import connected
from polyfeed.app.clock import SteadyClock
from polyfeed.app.config import Config, load
from polyfeed.app.gateway_bus import GatewayBus
from polyfeed.app.gateway_process import GatewayProcess
from polyfeed.app.nats_server import NatsServer
from polyfeed.app.store import opened
from polyfeed.app.venue_process import VenueProcess
from polyfeed.bus.nats.connection import jetstream
from polyfeed.bus.nats.entrance import LEASE_US
from polyfeed.bus.nats.lease import Lease
from polyfeed.bus.nats.names import Names
from polyfeed.dialects.registry import DIALECTS
from polyfeed.model.batches import Outcome
from polyfeed.model.commands import SetLeverage
from polyfeed.model.enums import Refusal

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("nats")]

PATIENCE = 120.0


def config_of(url: str, state: Path, *settings: str) -> Config:
    given = [f"{name}.port=0" for name in (*DIALECTS, "http")]
    given += [
        f"bus.url={url}",
        f"server.state_dir={state}",
        "flow.demo=true",
        "flow.agents=1",
        "server.drain_seconds=1",
    ]
    return load(None, {}, [*given, f"store.journal={state / 'journal'}", *settings])


class Both:
    """A venue and a gateway on one NATS server."""

    def __init__(self, server: NatsServer, client: Client, venue: VenueProcess, gateway: GatewayProcess) -> None:
        self.server = server
        self.client = client
        self.venue = venue
        self.gateway = gateway

    @property
    def link(self) -> GatewayBus:
        return self.gateway._link

    async def ordered(self) -> Outcome:
        """What becomes of a command of the gateway's client. The demo's first account has no such instrument."""
        assert self.gateway.role is not None
        answer: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self.gateway.role.gateway.requests.submit(SetLeverage(1, 10**6, 2), answer.set_result)
        return await asyncio.wait_for(answer, PATIENCE)

    async def refused(self, why: Refusal) -> None:
        """Returns when commands are refused for a reason."""
        async with asyncio.timeout(PATIENCE):
            while (await self.ordered()).refusal is not why:
                await asyncio.sleep(0.05)

    async def goes_on(self) -> None:
        """Returns when commands are decided, and batches come."""
        await until(lambda: not self.gateway.trouble and self.link.joined)
        async with asyncio.timeout(PATIENCE):
            while (await self.ordered()).refusal in {Refusal.VENUE_AWAY, Refusal.STORE_UNAVAILABLE}:
                await asyncio.sleep(0.05)
        seen = self.link.seq
        await until(lambda: self.link.seq > seen)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.01)


@asynccontextmanager
async def both(directory: Path, *settings: str) -> AsyncIterator[Both]:
    server = NatsServer(directory / "nats")
    await server.start()
    async with AsyncExitStack() as stack:
        stack.push_async_callback(server.stop)
        config = config_of(server.url, directory, *settings)
        store = stack.enter_context(opened(config, Path(config.store.journal), SteadyClock()))
        client = await stack.enter_async_context(connected(config.bus, "venue"))
        venue = VenueProcess(config, client, Lease(client, Names(config.bus.name).bucket, 1), store)
        stack.push_async_callback(venue.stop)
        await asyncio.wait_for(venue.start(), PATIENCE)
        other = await stack.enter_async_context(connected(config.bus, "gateway"))
        gateway = GatewayProcess(config, other, SteadyClock())
        stack.push_async_callback(gateway.stop)
        await asyncio.wait_for(gateway.start(), PATIENCE)
        yield Both(server, client, venue, gateway)


@pytest.mark.parametrize("standby", [False, True])
async def test_all_of_nats_is_away_for_longer_than_leases_last(tmp_path: Path, standby: bool) -> None:
    async with both(tmp_path, f"bus.standby={str(standby).lower()}") as one:
        await one.goes_on()
        number = one.link.number
        await one.server.kill()
        await until(lambda: bool(one.gateway.trouble))
        assert (await one.ordered()).refusal is Refusal.VENUE_AWAY
        await asyncio.sleep(2 * LEASE_US / 1e6)
        await one.server.start()
        await one.goes_on()
        assert one.link.number == number, "nobody was heard, and nobody was silent: its orders are what they were"


@pytest.mark.parametrize("standby", [False, True])
async def test_an_operator_deletes_every_stream(tmp_path: Path, standby: bool) -> None:
    async with both(tmp_path, f"bus.standby={str(standby).lower()}") as one:
        await one.goes_on()
        names = Names("polyfeed")
        streams = [names.batches_stream, f"OBJ_{names.store}", f"KV_{names.bucket}"]
        for stream in [*streams, names.records_stream] if standby else streams:
            await jetstream(one.client).delete_stream(stream)
        await until(lambda: bool(one.gateway.trouble))
        await one.goes_on()
        assert not one.venue.trouble


@contextmanager
def small_disk(place: Path) -> Iterator[Callable[[bool], None]]:
    """A disk of its own at a place; what it gives fills it, and frees it again."""
    if os.geteuid():
        pytest.skip("to mount a disk takes root")
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256m", "tmpfs", str(place)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("this machine does not let us mount a disk")
    ballast = place / "ballast"

    def fill(full: bool) -> None:
        if not full:
            ballast.unlink()
            return
        with suppress(OSError), ballast.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))

    try:
        yield fill
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.mark.parametrize("standby", [False, True])
async def test_the_disk_of_nats_is_full(tmp_path: Path, standby: bool) -> None:
    with small_disk(tmp_path / "nats") as fill:
        async with both(tmp_path, f"bus.standby={str(standby).lower()}") as one:
            await one.goes_on()
            fill(True)
            await until(lambda: bool(one.venue.trouble))
            if standby:
                await one.refused(Refusal.STORE_UNAVAILABLE)
                assert not one.gateway.trouble, "nothing is decided: what it shows is the present"
            else:
                await until(lambda: bool(one.gateway.trouble))
                await one.refused(Refusal.VENUE_AWAY)
            fill(False)
            await (
                one.server.stop()
            )  # a stream whose blocks could not be written takes nothing until its server is another
            await one.server.start()
            await until(lambda: not one.venue.trouble)
            await one.goes_on()
