"""The reading role: market and accounts fed from the bus, and the dialects' ports."""

from __future__ import annotations

import asyncio
import random
import ssl
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from polyfeed.accounts.accounts import Accounts
from polyfeed.accounts.vault import Vault
from polyfeed.app.config import Config
from polyfeed.app.historian import Historian
from polyfeed.app.jwks import KeyKeeper
from polyfeed.app.ports import set_by
from polyfeed.app.returns import Returns
from polyfeed.bus.memory import MemoryBus
from polyfeed.dialects._base.context import Context
from polyfeed.dialects._base.recent import Recent
from polyfeed.dialects.peatio import PeatioDialect
from polyfeed.dialects.registry import DIALECTS, make_dialects
from polyfeed.gateway.door import Door, DoorLimits, networks
from polyfeed.gateway.gateway import Gateway
from polyfeed.gateway.listener import Listener
from polyfeed.gateway.port import Port, PortLimits
from polyfeed.gateway.requests import Entry, Requests
from polyfeed.gateway.rest import rest_app
from polyfeed.market.market import Market
from polyfeed.model.enums import Detail
from polyfeed.model.history import CandlesOf, Query, TradesOf

LAST_SECONDS = 1.0
"""What a stop waits at least for the ends of connections, however long their farewell took."""


class Memory(Struct):
    """What a gateway reads: the market and the accounts as of one batch, and what each dialect numbers.

    `last_number` is that of the last command of the gateway which starts from it.
    """

    market: Market
    accounts: Accounts
    projections: dict[str, bytes] = {}
    last_number: int = 0


class GatewayRole:
    """Serves what batches say on the dialects' ports. `ports` says where, once `open` has returned.

    `memory` is taken over as it is; `vault` opens the keys' secrets; `entry` takes this gateway's commands, which carry
    its `number`. `historian` is asked for history; None is memory alone. `history` names the venue's history to clients
    that come back; without it none can. Raises ValueError for a dialect that `memory` has no numbers of, though it has
    others'.
    """

    def __init__(
        self,
        config: Config,
        number: int,
        bus: MemoryBus,
        memory: Memory,
        vault: Vault,
        entry: Entry,
        now: Callable[[], int],
        historian: Historian | None = None,
        history: str = "",
    ) -> None:
        self.ports: dict[str, int] = {}
        self._config = config
        self._now = now
        self._historian = historian
        self._recent = Recent(memory.market, memory.accounts)
        context = Context(memory.market, memory.accounts, vault)
        sections = {name: getattr(config, name) for name in DIALECTS}
        self._dialects = make_dialects(context, {name: one for name, one in sections.items() if one.enabled})
        for dialect in self._dialects if memory.projections else ():
            if dialect.projection is None:
                continue
            if dialect.name not in memory.projections:
                raise ValueError(f"{dialect.name} is on here, and not at the venue, which numbers it: turn it on there")
            dialect.projection.restore(memory.projections[dialect.name])
        requests = Requests(number, entry, memory.last_number)
        self.gateway = Gateway(memory.market, memory.accounts, self._dialects, requests, now, config.gateway.lag_bytes)
        self._unsubscribe = [bus.subscribe(self.gateway.on_batch), bus.subscribe_refusals(requests.settle)]
        self._returns = None
        if history and config.gateway.resume_seconds:
            later = asyncio.get_running_loop().call_later
            self._returns = Returns(self.gateway, config.gateway, history, bus, later, now)
            self._unsubscribe.append(self._returns.close)
        self._listeners: list[Listener] = []
        self._keeping: list[asyncio.Task[None]] = []

    @property
    def trouble(self) -> str:
        """Why it is not ready to serve anybody, empty when it is."""
        return self.gateway.stale

    def stall(self, reason: str) -> None:
        """Tells every client that what is served may be old, and refuses commands, until `recover`; `reason` is for
        operators.
        """
        self.gateway.stall(reason)

    def recover(self) -> None:
        """Goes on serving: nothing was missed, or `resync` has been called."""
        self.gateway.recover()

    def resync(self, memory: Memory, history: str) -> None:
        """Begins anew from `memory`, of this history or another, which is taken over as it is; the next batch is the
        one after it. Clients stay, and are resynchronised, as far as their exchange has a way to (`Gateway.resync`).
        """
        if self._returns is not None:
            self._returns.begin(history)
        self.gateway.resync(memory.market, memory.accounts, memory.projections, memory.last_number)

    async def ask(self, query: Query) -> Sequence[Any]:
        """The rows that answer a query, as of the last batch: from the store, or as far back as memory goes.

        Recordings and relays have a history of their own, which is kept in memory only. Raises HistoryUnavailable.
        """
        market = self.gateway.market
        told = isinstance(query, TradesOf | CandlesOf) and (
            market.instruments[query.instrument].instrument.detail is Detail.LEVELS
        )
        if self._historian is None or told:
            return self._recent.ask(query)
        return await self._historian.ask(query, market.seen.get(self._historian.epoch, 0))

    def remember(self) -> Memory:
        """A copy of what this gateway knows, for another one to start from."""
        market, accounts, projections = self.images()
        return Memory(Market.restore(market), Accounts.restore(accounts), projections)

    def images(self) -> tuple[bytes, bytes, dict[str, bytes]]:
        """What this gateway knows as values: its market, its accounts, and what each dialect numbers."""
        projections = {one.name: one.projection.snapshot() for one in self._dialects if one.projection is not None}
        return self.gateway.market.snapshot(), self.gateway.accounts.snapshot(), projections

    async def open(self, tls: ssl.SSLContext | None, *, shared: bool = False) -> None:
        """Starts to listen on every dialect's port, and with `tls` on its TLS port as well; `shared` with others."""
        for dialect in self._dialects:
            if isinstance(dialect, PeatioDialect) and dialect.ring is not None:
                keeper = KeyKeeper(self._config.peatio.jwks_url, dialect.ring)
                self._keeping.append(asyncio.create_task(keeper.run()))
        limits = port_limits(self._config)
        numbers = random.SystemRandom()
        door = door_of(self._config)
        for name, fan in self.gateway.fans.items():
            entries = (fan, self.gateway.requests, self.ask)
            port = Port(*entries, limits, self._now, lambda: numbers.getrandbits(64), door)
            section = getattr(self._config, name)
            await self._listen(name, port, section.port, None, shared)
            if tls is not None:
                await self._listen(f"{name} (tls)", port, section.tls_port, tls, shared)

    async def _listen(self, label: str, port: Port, number: int, tls: ssl.SSLContext | None, shared: bool) -> None:
        listener = Listener(rest_app(port), port.limits, port)
        self._listeners.append(listener)
        with set_by(key_of(label)):
            self.ports[label] = await listener.open(self._config.server.host, number, tls, shared=shared)

    async def close(self, seconds: float) -> None:
        """Says goodbye to every client, then stops.

        Where a dialect asks its clients to leave by themselves, everything goes on until they have, at most so long.
        """
        for listener in self._listeners:
            listener.stop_accepting()
        asked = self.gateway.drain()
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while any(not one.closing for one in asked) and loop.time() < deadline:  # noqa: ASYNC110 - a stop is rare
            await asyncio.sleep(0.02)
        left = max(LAST_SECONDS, deadline - loop.time())
        await asyncio.gather(*(listener.drain(left) for listener in self._listeners))
        for task in self._keeping:
            task.cancel()
        await asyncio.gather(*self._keeping, return_exceptions=True)
        while self._unsubscribe:
            self._unsubscribe.pop()()
        self.gateway.stop()


def key_of(label: str) -> str:
    """The key that says where a dialect listens: `kraken`, or `kraken (tls)`."""
    name, tls, _ = label.partition(" (tls)")
    return f"{name}.tls_port" if tls else f"{name}.port"


def door_of(config: Config) -> Door:
    """Who may come in by any of a gateway's ports."""
    limits = msgspec.convert(msgspec.to_builtins(config.gateway), DoorLimits)
    return Door(limits, networks(config.server.trusted_proxies))


def port_limits(config: Config) -> PortLimits:
    """The part of the configuration that each port needs."""
    return msgspec.convert(msgspec.to_builtins(config.gateway), PortLimits)
