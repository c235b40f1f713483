"""The reading half of polyfeed: a market built from batches, and a fan-out per dialect."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from polyfeed.accounts.accounts import AccountChange, Accounts
from polyfeed.dialects._base.dialect import Dialect
from polyfeed.dialects._base.effects import Effect
from polyfeed.dialects._base.feeds import GRID_US
from polyfeed.dialects._base.session import ACCOUNT_NOTICES, NOTICES, Notice, Session
from polyfeed.gateway.connection import Connection
from polyfeed.gateway.fanout import FanOut
from polyfeed.gateway.requests import Requests
from polyfeed.gateway.submits import Question
from polyfeed.gateway.wheel import TimerWheel
from polyfeed.market.changes import InstrumentChange, VenueChange
from polyfeed.market.market import Market
from polyfeed.model.batches import Batch


class Gateway:
    """Serves dialects, which all read the same market and accounts, to connections.

    `requests` takes commands to the venue; `now` is gateway time in microseconds since the epoch. `stale` is why it
    cannot be vouched for what is known, empty when it can.
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
        self._wheel: TimerWheel[tuple[FanOut, weakref.ref[Connection]]] = TimerWheel()
        self._timer: asyncio.TimerHandle | None = None
        self._armed = 0
        self.fans = {
            dialect.name: FanOut(
                dialect, self._loop.call_soon, self._loop.call_later, self._watch, requests, now, lag_bytes
            )
            for dialect in dialects
        }
        self._fans = tuple(self.fans.values())
        self._dialects = tuple(dialects)
        self.stale = ""
        self._projections = [one.projection for one in dialects if one.projection is not None]
        self._marks: dict[int, int] = {}
        self._take_marks()

    def on_batch(self, batch: Batch) -> None:
        """Takes in a batch: state first, then its answer, then every dialect's frames, then what sessions say to it."""
        self._mark(batch)
        notices = self._fold_public(batch)
        account_notices = self._fold_private(batch)
        for projection in self._projections:
            projection.settle(batch)
        self.requests.on_batch(batch)
        for fan in self._fans:
            fan.flush(batch)
        for notice in notices:
            self._tell(partial(_say, notice))
        for change in account_notices:
            self._tell(partial(_say_of_account, change))

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
            elif isinstance(change, VenueChange):
                for fan in self._fans:
                    fan.fold_venue(change)
            elif isinstance(change, NOTICES):
                notices.append(change)
        return notices

    def _fold_private(self, batch: Batch) -> list[AccountChange]:
        notices: list[AccountChange] = []
        for change in self.accounts.apply(batch):
            for projection in self._projections:
                projection.fold(batch, change)
            for fan in self._fans:
                fan.fold_private(change)
            if isinstance(change.event, ACCOUNT_NOTICES):
                notices.append(change)
        return notices

    # --- when it cannot be vouched for what is known ----------------------------------------------------------------

    def stall(self, reason: str) -> None:
        """What is known may be old from now on, and the venue out of reach: every client is told, in its exchange's own
        way, who comes is turned away or told, calls and commands are refused, until `recover`.

        Batches may still come and are carried on, to whoever is still there and has been told. Called again, it
        only changes the reason.
        """
        told, self.stale = bool(self.stale), reason or "no reason was given"
        if told:
            return
        self.requests.away = True
        for fan in self._fans:
            fan.stale = True
        self._tell(_stalled)

    def recover(self) -> None:
        """What is known is the present again; nothing was missed, or `resync` has been called."""
        if not self.stale:
            return
        self.stale = ""
        for fan in self._fans:
            fan.stale = False
        self._tell(_recovered)
        self.requests.back()

    def resync(self, market: Market, accounts: Accounts, projections: Mapping[str, bytes], last_number: int) -> None:
        """Goes on from another state, of this history or another, which is taken over as it is, between two batches.

        Every client is given what its channels promise to a reader that lost something: fresh snapshots or a close.
        `projections` has what each dialect numbers, `last_number` is that of this gateway's last command that the state
        contains. Where the instruments are others, not only more, everybody is closed. Raises KeyError, before anything
        has changed, for a dialect without its numbers.
        """
        numbered = [(one.projection, projections[one.name]) for one in self._dialects if one.projection is not None]
        other = not market.extends(self.market)
        if other:
            self._tell(lambda session, now: session.resynced(now, whole=False))
        self.market.become(market)
        self.accounts.become(accounts)
        for dialect in self._dialects if other else ():
            dialect.relisted()
        for projection, data in numbered:
            projection.restore(data)
        self._take_marks()
        for fan in self._fans:
            fan.resync()
        self.requests.skip(last_number)

    def _take_marks(self) -> None:
        """Taken over in the midst of a history, the next mark must be heard like every other."""
        self._marks = {epoch: self.market.time_of(epoch) // GRID_US * GRID_US for epoch in self.market.seen}

    def drain(self) -> list[Connection]:
        """Has every session say goodbye in its own way; the connections whose clients were asked to leave."""
        return self._tell(lambda session, now: session.drain(now))

    def stop(self) -> None:
        """Ends the timers, and what is sent again. Connections are the listeners' to close."""
        self.requests.end()
        if self._timer is not None:
            self._timer.cancel()

    def _tell(self, say: Question) -> list[Connection]:
        """Says something to every session; the connections that it had any effect on."""
        return [
            connection
            for fan in self._fans
            for connection in tuple(fan.connections)
            if not connection.closing and fan.ask(connection, say)
        ]

    def _watch(self, fan: FanOut, connection: Connection, deadline: int) -> None:
        """Has the fan-out look at the connection when its deadline has come. It is not kept for that."""
        self._wheel.add(deadline, (fan, weakref.ref(connection)))
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
        for fan, watched in self._wheel.pop_due(now):
            connection = watched()
            if connection is not None:
                fan.expire(connection, now)
        self._arm()


def _stalled(session: Session, now: int) -> list[Effect]:
    session.stale = True
    return session.stalled(now)


def _recovered(session: Session, now: int) -> list[Effect]:
    session.stale = False
    return session.recovered(now)


def _say(notice: Notice, session: Session, now: int) -> list[Effect]:
    return session.notice(now, notice)


def _say_of_account(change: AccountChange, session: Session, now: int) -> list[Effect]:
    return session.account_notice(now, change)
