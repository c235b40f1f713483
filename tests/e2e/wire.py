"""A venue and gateways on a real NATS server, within one process and around a clock that somebody else steps."""

from __future__ import annotations

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

from nats.aio.client import Client

from polyfeed.app.clock import SteadyClock
from polyfeed.app.config import BusSection, Config
from polyfeed.app.demo_keys import DEMO_VAULT
from polyfeed.app.gateway_bus import GatewayBus
from polyfeed.app.gateway_role import GatewayRole
from polyfeed.app.nats_server import NatsServer
from polyfeed.app.venue_bus import Images, Standing, VenueBus
from polyfeed.bus.memory import MemoryBus
from polyfeed.bus.nats.connection import connect
from polyfeed.bus.nats.lease import Lease
from polyfeed.bus.nats.names import Names
from polyfeed.bus.tasks import cancelled
from polyfeed.model.commands import EndGateway
from polyfeed.sequencer.sequencer import Sequencer

PATIENCE = 30.0


class Wire:
    """The server, the venue's link to it, and those of gateways."""

    def __init__(self) -> None:
        self._directory = TemporaryDirectory()
        self.server = NatsServer(Path(self._directory.name))
        self.venue: VenueBus
        self.links: list[GatewayBus] = []
        self._clients: list[Client] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def open_venue(self, section: BusSection, bus: MemoryBus, images: Images, sequencer: Sequencer) -> None:
        """Starts the server, and carries what is on `bus` from now on."""
        await self.server.start()
        await self.server.until_ready()
        client = await self._client()
        lease = Lease(client, Names(section.name).bucket, 1)
        async with asyncio.timeout(PATIENCE):  # a server that has just started may be late with an answer
            await lease.until_taken(0.05, lambda _: None)

        async def end(gateway: int) -> None:
            sequencer.submit(EndGateway(gateway))

        entry = (sequencer.submit, end)
        now = SteadyClock()
        self.venue = venue = VenueBus(client, section, lease, bus, images, *entry, None, now=now, demo=True, term=1)
        await venue.begin(Standing("world", 1, sequencer.seq, sequencer.history.numbers))
        await venue.open()
        self._tasks += venue.tasks()

    async def gateway(self, config: Config) -> GatewayRole:
        """A gateway that starts now, from an image that the venue makes for it."""
        bus = MemoryBus()
        link = GatewayBus(await self._client(), config.bus, bus, SteadyClock(), lambda _: None)
        image = await link.start_image()
        role = GatewayRole(config, link.number, bus, image.memory(link.number), DEMO_VAULT, link.enter, SteadyClock())
        link.begin(image)
        self.links.append(link)
        self._tasks += [asyncio.create_task(link.read()), asyncio.create_task(link.call())]
        async with asyncio.timeout(PATIENCE):
            while not link.joined:
                await asyncio.sleep(0.01)
        await self.heard()
        return role

    async def heard(self) -> None:
        """Returns when every gateway has heard what the venue has said."""
        async with asyncio.timeout(PATIENCE):
            while any(link.seen != self.venue.seen for link in self.links):
                await asyncio.sleep(0.002)

    async def close(self) -> None:
        """Ends everything."""
        await cancelled(self._tasks)
        for client in self._clients:
            await client.close()
        await self.server.stop()
        self._directory.cleanup()

    async def _client(self) -> Client:
        client = await connect(self.server.url, "a test")
        self._clients.append(client)
        return client
