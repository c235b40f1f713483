"""A venue with the demo's flow on a clock that is stepped, a bus that encodes and decodes, and gateways on free ports.

The bus is in memory, or, for those who ask for `either_bus`, a real NATS server: then every gateway but the first one
hears the venue, and sends it commands, through that.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from polyfeed.accounts.accounts import Accounts
from polyfeed.app.clock import SteadyClock
from polyfeed.app.config import Config, load
from polyfeed.app.demo_keys import DEMO_VAULT
from polyfeed.app.driver import Driver
from polyfeed.app.flow import demo_flow
from polyfeed.app.gateway_role import GatewayRole, Memory
from polyfeed.bus.memory import MemoryBus
from polyfeed.dialects.registry import DIALECTS
from polyfeed.market.market import Market
from polyfeed.model.batches import Batch
from polyfeed.model.commands import AnyCommand
from polyfeed.sequencer.history import History
from polyfeed.sequencer.sequencer import Sequencer
from polyfeed.store.journal import NullJournal
from polyfeed.venue.venue import Venue
from tests.e2e.wire import Wire

ON_NATS = False
"""Whether worlds are on NATS: see `either_bus`."""

SETTLING = 0.001
"""Seconds that a step takes where a command comes through another process."""

START = 1_800_000_000_000_000
STEP = 10_000
HISTORY = "0f1e2d"


class Line:
    """Batches on their way to one gateway; while it is `cut` they are lost."""

    def __init__(self, bus: MemoryBus) -> None:
        self.bus = MemoryBus()
        self.cut = False
        self.lost = 0
        bus.subscribe(self._carry)

    def _carry(self, batch: Batch) -> None:
        if self.cut:
            self.lost += 1
        else:
            self.bus.publish(batch)


class World:
    """Venue time is `time`, in microseconds; nothing happens but in `pass_time`."""

    def __init__(self, settings: list[str], wire: Wire | None) -> None:
        self.wire = wire
        self.time = START
        base = [f"{name}.port=0" for name in (*DIALECTS, "http")]
        base += ["kraken.message_rate=0", "kraken.idle_timeout=0", "flow.demo=true"]
        self.config: Config = load(None, {}, [*base, *settings])
        self.bus = MemoryBus(encode=True)
        self.sequencer = Sequencer(History(Venue()), NullJournal(), self.bus, lambda: self.time)
        self.gateways: list[GatewayRole] = []
        market = Market()
        self.first = self._gateway(Memory(market, Accounts()))
        self.flow = demo_flow(self.config.flow, market)
        self.driver = Driver(self.flow.sources, self.flow.recordings, self.sequencer, self.bus, lambda: self.time)
        self.bus.subscribe(self.driver.on_batch)

    def _gateway(self, memory: Memory, bus: MemoryBus | None = None) -> GatewayRole:
        number = len(self.gateways) + 1
        entries = (memory, DEMO_VAULT, self.sequencer.submit, SteadyClock())
        role = GatewayRole(self.config, number, bus or self.bus, *entries, history=HISTORY)
        self.gateways.append(role)
        return role

    async def start(self) -> None:
        if self.wire is not None:
            await self.wire.open_venue(self.config.bus, self.bus, self.first.images, self.sequencer)
        for command in self.flow.setup:
            self.sequencer.submit(command)
        await self.sequencer.drain()
        await self.first.open(None)

    async def another_gateway(self) -> GatewayRole:
        """A gateway that starts now, from a snapshot of the first one's market."""
        if self.wire is not None:
            role = await self.wire.gateway(self.config)
            self.gateways.append(role)
            await role.open(None)
            return role
        role = self._gateway(self.first.remember())
        await role.open(None)
        return role

    async def distant_gateway(self) -> tuple[GatewayRole, Line]:
        """The same, at the end of a line that can be cut."""
        line = Line(self.bus)
        role = self._gateway(self.first.remember(), line.bus)
        await role.open(None)
        return role, line

    def image_for(self, role: GatewayRole) -> Memory:
        """What a gateway begins anew from: what the first one knows, and how many of its commands are decided."""
        memory = self.first.remember()
        memory.last_number = self.sequencer.history.numbers.get(self.gateways.index(role) + 1, 0)
        return memory

    async def pass_time(self, seconds: float) -> None:
        """Lets the flow run so long, in steps of 10 ms; sockets are served in between."""
        end = self.time + int(seconds * 1e6)
        while self.time < end:
            self.time += STEP
            self.driver.step(self.time)
            await self.sequencer.drain()
            await self.sequencer.work_off()
            await asyncio.sleep(0 if self.wire is None else SETTLING)
        await self.heard()

    async def command(self, command: AnyCommand) -> None:
        self.sequencer.submit(command)
        await self.sequencer.drain()
        await self.heard()

    async def heard(self) -> None:
        """Returns when every gateway has heard of everything."""
        if self.wire is not None:
            await self.wire.heard()

    async def stop(self) -> None:
        for role in self.gateways:
            await role.close(5.0)
        if self.wire is not None:
            await self.wire.close()


@asynccontextmanager
async def world(*settings: str) -> AsyncIterator[World]:
    """A started world."""
    one = World(list(settings), Wire() if ON_NATS else None)
    await one.start()
    try:
        yield one
    finally:
        await one.stop()
