"""The reading half of polyfeed: a market built from batches, and a fan-out per dialect."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from polyfeed.dialects._base.dialect import Dialect
from polyfeed.dialects._base.session import NOTICES, Notice
from polyfeed.gateway.connection import Connection
from polyfeed.gateway.fanout import FanOut
from polyfeed.gateway.wheel import TimerWheel
from polyfeed.market.changes import InstrumentChange
from polyfeed.market.market import Market
from polyfeed.model.batches import Batch


class Gateway:
    """Serves the market's dialects to connections. `now` is gateway time in microseconds since the epoch."""

    def __init__(self, market: Market, dialects: Sequence[Dialect], now: Callable[[], int], lag_bytes: int) -> None:
        self.market = market
        self._now = now
        self._loop = asyncio.get_running_loop()
        self._wheel: TimerWheel[tuple[FanOut, Connection]] = TimerWheel()
        self._timer: asyncio.TimerHandle | None = None
        self._armed = 0
        self.fans = {
            dialect.name: FanOut(dialect, self._loop.call_soon, self._watch, now, lag_bytes) for dialect in dialects
        }
        self._fans = tuple(self.fans.values())

    def on_batch(self, batch: Batch) -> None:
        """Takes in a batch: state first, then every dialect's frames, then what sessions say about it."""
        notices: list[Notice] = []
        for change in self.market.apply(batch):
            if isinstance(change, InstrumentChange):
                for fan in self._fans:
                    fan.fold(change)
            elif isinstance(change, NOTICES):
                notices.append(change)
        for fan in self._fans:
            fan.flush(batch)
        for notice in notices:
            self._tell(notice)

    def stop(self) -> None:
        """Ends the timers. Connections are the listeners' to close."""
        if self._timer is not None:
            self._timer.cancel()

    def _tell(self, notice: Notice) -> None:
        now = self._now()
        for fan in self._fans:
            for connection in tuple(fan.connections):
                if not connection.closing:
                    fan.carry_out(connection, connection.session.notice(now, notice))

    def _watch(self, fan: FanOut, connection: Connection, deadline: int) -> None:
        """Has the fan-out look at the connection when its deadline has come."""
        self._wheel.add(deadline, (fan, connection))
        self._arm()

    def _arm(self) -> None:
        due = self._wheel.next_due()
        if due is None or (self._timer is not None and self._armed <= due):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._armed = due
        self._timer = self._loop.call_later(max(0, due - self._now()) / 1e6, self._on_time)

    def _on_time(self) -> None:
        self._timer = None
        now = self._now()
        for fan, connection in self._wheel.pop_due(now):
            fan.expire(connection, now)
        self._arm()
