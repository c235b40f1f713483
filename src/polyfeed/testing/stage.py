"""A server whose venue lives by a clock that is stepped. Everything here runs in the server's own event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from polyfeed.app.clock import SteadyClock
from polyfeed.app.config import load
from polyfeed.app.flow import demo_flow
from polyfeed.app.server import WARM_UP_SECONDS, Server
from polyfeed.dialects.registry import DIALECTS
from polyfeed.gateway.connection import Connection
from polyfeed.gateway.observer import Observer
from polyfeed.market.market import Market
from polyfeed.testing.record import Recorder, Sent

STEP_US = 10_000
"""Venue time moves in steps of this, so that what is due in between happens in its order."""

UNLIMITED = ("gateway.message_rate=0", "gateway.handshake_rate=0", "kraken.message_rate=0", "ekiden.rest_rate=0")
"""Limits of rates are off: a test says more in a second than a client does."""

SHORT = ("server.drain_seconds=0.1", "gateway.close_seconds=1")
"""A test does not wait long for clients that do not say goodbye."""


class StepClock:
    """Microseconds since the epoch, moved by hand."""

    def __init__(self, start: int) -> None:
        self.time = start

    def __call__(self) -> int:
        """The time."""
        return self.time


class Keeper(Observer):
    """Records every connection of one dialect, each in a list of its own."""

    def __init__(self, sent: list[Sent]) -> None:
        self._sent = sent

    def entered(self, connection: Connection) -> None:
        """One more."""
        self._sent.append(Recorder(connection).sent)


class Stage:
    """One server with everything that was sent through it. Connections go by real time: their clients do."""

    def __init__(self, settings: Sequence[str], start: int) -> None:
        ports = [f"{name}.port=0" for name in (*DIALECTS, "http")]
        given = [*ports, *UNLIMITED, *SHORT, "flow.demo=true", "http.faults=true", "flow.capture=off", *settings]
        config = load(None, {}, given)
        market = Market()
        self.clock = StepClock(start)
        self.server = Server(config, self.clock, market, demo_flow(config.flow, market), None, SteadyClock())
        self.sent: dict[str, list[Sent]] = {name: [] for name in self.server.fans}

    @classmethod
    async def open(cls, settings: Sequence[str], start: int) -> Stage:
        """A server that has started."""
        stage = cls(settings, start)
        for name, fan in stage.server.fans.items():
            fan.observers.append(Keeper(stage.sent[name]))
        await stage.server.start()
        stage.clock.time += int(WARM_UP_SECONDS * 1e6)
        return stage

    async def step(self, seconds: float) -> None:
        """Lets so much venue time pass, with all that is due in it; sockets are served meanwhile."""
        end = self.clock.time + round(seconds * 1e6)
        while self.clock.time < end:
            self.clock.time = min(end, self.clock.time + STEP_US)
            self.server.driver.step(self.clock.time)
            self.server.sequencer.look()
            await asyncio.sleep(0)
            while not self.server.sequencer.idle:  # noqa: ASYNC110 - its own task works at it
                await asyncio.sleep(0)
