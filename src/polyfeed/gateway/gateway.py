"""The reading half of polyfeed: a market built from batches, and a fan-out per dialect."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from polyfeed.accounts.accounts import Accounts
from polyfeed.dialects._base.dialect import Dialect
from polyfeed.dialects._base.feeds import GRID_US
from polyfeed.dialects._base.session import NOTICES, Notice
from polyfeed.gateway.connection import Connection
from polyfeed.gateway.fanout import FanOut
from polyfeed.gateway.requests import Requests
from polyfeed.gateway.wheel import TimerWheel
from polyfeed.market.changes import InstrumentChange
from polyfeed.market.market import Market
from polyfeed.model.batches import Batch


class Gateway:
    """Serves dialects, which all read the same market and accounts, to connections.

    `requests` takes commands to the venue; `now` is gateway time in microseconds since the epoch.
    """

    def __init__(
        self,
        market: Market,
        accounts: Accounts,
        dialects: Sequence[Dialect],
        requests: Requests,
        now: Callable[[], int],
        lag_bytes: int,
    ) -> None:
        self.market = market
        self.accounts = accounts
        self.requests = requests
        self._now = now
        self._loop = asyncio.get_running_loop()
        self._wheel: TimerWheel[tuple[FanOut, Connection]] = TimerWheel()
        self._timer: asyncio.TimerHandle | None = None
        self._armed = 0
        self.fans = {
            dialect.name: FanOut(dialect, self._loop.call_soon, self._watch, requests, now, lag_bytes)
            for dialect in dialects
        }
        self._fans = tuple(self.fans.values())
        self._projections = [one.projection for one in dialects if one.projection is not None]
        self._marks: dict[int, int] = {}

    def on_batch(self, batch: Batch) -> None:
        """Takes in a batch: state first, then its answer, then every dialect's frames, then what sessions say to it."""
        self._mark(batch)
        notices = self._fold_public(batch)
        self._fold_private(batch)
        self.requests.on_batch(batch)
        for fan in self._fans:
            fan.flush(batch)
        for notice in notices:
            self._tell(notice)

    def _mark(self, batch: Batch) -> None:
        """Has the timed feeds speak when the time of the batch's history passes a mark."""
        mark = batch.ts - batch.ts % GRID_US
        if mark > self._marks.setdefault(batch.epoch, mark):
            self._marks[batch.epoch] = mark
            for fan in self._fans:
                fan.tick(batch.epoch, mark)

    def _fold_public(self, batch: Batch) -> list[Notice]:
        notices: list[Notice] = []
        for change in self.market.apply(batch):
            for projection in self._projections:
                projection.fold(batch, change)
            if isinstance(change, InstrumentChange):
                for fan in self._fans:
                    fan.fold(change)
            elif isinstance(change, NOTICES):
                notices.append(change)
        return notices

    def _fold_private(self, batch: Batch) -> None:
        for change in self.accounts.apply(batch):
            for projection in self._projections:
                projection.fold(batch, change)
            for fan in self._fans:
                fan.fold_private(change)

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
