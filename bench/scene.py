"""A venue and a gateway with one busy book, for measuring: the product's own parts, wired as `polyfeed serve` does."""

from __future__ import annotations

import asyncio
import random

from polyfeed.accounts.accounts import Accounts
from polyfeed.accounts.vault import Vault
from polyfeed.app.clock import SteadyClock
from polyfeed.app.config import Config, load
from polyfeed.app.gateway_role import GatewayRole, Memory
from polyfeed.app.relay import RelayRole
from polyfeed.bus.memory import MemoryBus
from polyfeed.dialects.registry import DIALECTS
from polyfeed.gateway.connection import Connection
from polyfeed.gateway.fanout import FanOut
from polyfeed.market.market import Market
from polyfeed.model.commands import (
    AmendOrder,
    AnyCommand,
    DefineCurrency,
    Deposit,
    ListInstrument,
    OpenAccount,
    PlaceOrder,
    SetKey,
)
from polyfeed.model.enums import OrderKind, Side
from polyfeed.model.instruments import Currency, Instrument
from polyfeed.sequencer.history import History
from polyfeed.sequencer.sequencer import Sequencer
from polyfeed.store.journal import NullJournal
from polyfeed.venue.venue import Venue

MID = 5_872_900_000
LEVELS = 100
UNIT = 100_000_000
TRADER = 100
"""The account number of the first user."""

INSTRUMENT = Instrument(
    id=0,
    name="BTC-USD",
    base="BTC",
    quote="USD",
    price_scale=5,
    size_scale=8,
    tick=10_000,
    lot=1,
    min_size=1,
    symbols={"kraken": "XBT/USD", "rails": "BTC-USD"},
)


class IntendedClock:
    """Wall time, or the time at which an order was meant to be sent: its delay in this process counts as latency."""

    def __init__(self) -> None:
        self.wall = SteadyClock()
        self.intended = 0

    def __call__(self) -> int:
        return self.intended or self.wall()


class Scene:
    """One house account with LEVELS orders a side around MID, whose sizes are changed one at a time.

    `stopped` are readers who do not read, and whom nobody waits for.
    """

    def __init__(self) -> None:
        self.clock = IntendedClock()
        bus, memory = MemoryBus(), Memory(Market(), Accounts())
        self.sequencer = Sequencer(History(Venue()), NullJournal(), bus, self.clock)
        settings = [f"{name}.port=0" for name in DIALECTS]
        settings += ["kraken.message_rate=0", "kraken.idle_timeout=0", "peatio.profile=3.x", "peatio.relay=true"]
        settings += ["gateway.address_connections=0", "gateway.handshake_rate=0", "gateway.message_rate=0"]
        config: Config = load(None, {}, settings)
        self._bus, self._market = bus, memory.market
        self.role = GatewayRole(config, 1, bus, memory, Vault(bytes(32)), self.sequencer.submit, self.clock.wall)
        self.fan: FanOut = self.role.gateway.fans["kraken"]
        self._dice = random.Random(1)
        self.stopped: set[Connection] = set()
        self._orders: list[int] = []
        self._tasks: list[asyncio.Task[None]] = []
        bus.subscribe(lambda batch: self._orders.append(batch.outcome.order_id) if batch.outcome.order_id else None)

    async def open(self) -> dict[str, int]:
        """Builds the book and listens; the port of each dialect."""
        setup: list[AnyCommand] = [
            DefineCurrency(Currency("BTC", 8)),
            DefineCurrency(Currency("USD", 8)),
            ListInstrument(INSTRUMENT),
            OpenAccount(1, "bench", house=True),
        ]
        for rank in range(1, LEVELS + 1):
            for side, sign in ((Side.BUY, -1), (Side.SELL, 1)):
                price = MID + sign * rank * INSTRUMENT.tick
                setup.append(PlaceOrder(1, 0, side, OrderKind.LIMIT, UNIT, price))
        for command in setup:
            self.sequencer.submit(command)
        await self.sequencer.drain()
        self._orders = self._orders[: 2 * LEVELS]
        await self.role.open(None)
        return self.role.ports

    async def traders(self, count: int) -> list[str]:
        """So many users with money and a key, without limits; a Rails token each. The venue then works by itself."""
        setup: list[AnyCommand] = []
        for account in range(TRADER, TRADER + count):
            setup += [
                OpenAccount(account, f"trader-{account}", tier="test"),
                Deposit(account, "USD", 10_000_000 * UNIT),
                SetKey(account, f"key-{account}", "hmac", b"", ("trade",)),
            ]
        for command in setup:
            self.sequencer.submit(command)
        await self.sequencer.drain()
        gateway = self.role.gateway
        tokens = []
        for account in range(TRADER, TRADER + count):
            known = gateway.accounts.get(account)
            token = None if known is None else gateway.fans["rails"].dialect.token(self.clock.wall(), known)
            if token is None:
                raise RuntimeError(f"account {account} cannot trade")
            tokens.append(token)
        self._tasks.append(asyncio.create_task(self.sequencer.run()))
        return tokens

    async def relay(self, url: str) -> None:
        """Consumes a RabbitMQ from now on."""
        role = RelayRole(load(None, {}, [f"relay.url={url}"]), self._bus, self._market, self.clock.wall)
        self._tasks.append(asyncio.create_task(role.run()))
        async with asyncio.timeout(10):
            while not role.consumer.connected:  # noqa: ASYNC110 - is looked at now and then
                await asyncio.sleep(0.05)

    async def change_a_level(self) -> None:
        """One order in the ten best levels changes its size: one batch, one frame of book-10."""
        order = self._orders[self._dice.randrange(20)]
        self.sequencer.submit(AmendOrder(1, order, size=self._dice.randrange(1, 10 * UNIT)))
        await self.sequencer.drain()

    async def settle(self) -> None:
        """Returns when every connection, but those who have stopped, has been sent all there is for it."""
        while self.fan.turns.turning or self._behind():  # noqa: ASYNC110 - the turns of the loop are what is measured
            await asyncio.sleep(0)

    async def close(self) -> None:
        """Ends what runs, and says goodbye to the clients."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.role.close(2.0)

    def _behind(self) -> bool:
        """Between turns, only those who stand apart can be."""
        first = next(iter(self.fan.connections), None)
        return first is not None and any(one.waiting() for one in first.cohort.apart if one not in self.stopped)

    def paused(self) -> set[Connection]:
        """Those whose sockets are full."""
        return {one for one in self.connections() if one.outlet.paused}

    def waiting(self) -> int:
        """The most bytes that wait for a connection, those in its transport included."""
        return max(one.waiting() + one.outlet._transport.get_write_buffer_size() for one in self.connections())  # type: ignore[attr-defined]

    def connections(self) -> list[Connection]:
        """Those there are."""
        return list(self.fan.connections)
