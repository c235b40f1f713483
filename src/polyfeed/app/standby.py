"""A venue that is not one yet: it takes what the other one records into its own journal and state, and goes on from
there when the other one is gone.

    lease -> claim of the stream of records, which fences the other one -> everything up to the claim -> the venue

The lease only says when to try. What makes two venues impossible is the stream: it takes a record of this term, or of
no term before it, behind the last one that was read here.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar

import msgspec
from nats.aio.client import Client

from polyfeed.app.config import BusSection
from polyfeed.app.store import Store
from polyfeed.app.streamed_journal import StreamedJournal
from polyfeed.bus.again import until_done
from polyfeed.bus.nats.connection import FAILURES
from polyfeed.bus.nats.lease import Lease
from polyfeed.bus.nats.names import Names
from polyfeed.bus.nats.parcel import Parcel
from polyfeed.bus.nats.reader import Gone, StreamReader
from polyfeed.bus.nats.terms import records_config
from polyfeed.bus.nats.writer import StreamWriter
from polyfeed.bus.tasks import before_any_ends, cancelled
from polyfeed.model.batches import Batch
from polyfeed.model.commands import Record
from polyfeed.store.format import decode_record
from polyfeed.venue.version import ENGINE

log = logging.getLogger("polyfeed.standby")

T = TypeVar("T")

TRY_SECONDS = 0.25
"""Between two attempts to become the venue."""

GROUP = 4096
"""Records made durable together at most, or one parcel's."""

MOST_WAITING = 128
"""Parcels that have been read and not taken, at most: 64 MiB."""

RECENT = 5000
"""Batches that are remembered: a venue that dies has decided some that gateways have not been given yet."""


class _Overtaken(Exception):
    """Somebody has written while the stream was looked at."""


class NoStandby(ValueError):
    """This process cannot follow the venue; the text says why, and what to do."""


class Standby:
    """Follows the venue of a bus with a store of its own; `until_venue`, and then `journal` and `recent`, the last
    batches, is what a server needs.
    """

    def __init__(self, client: Client, section: BusSection, store: Store) -> None:
        names = Names(section.name)
        self._client = client
        self._store = store
        self._history = store.replica.history
        self._stream = names.records_stream
        self.writer = StreamWriter(client, records_config(names, section.replicas))
        self._queue: deque[tuple[int, Parcel | None]] = deque()
        self._taken = 0
        self._lost = 0  # a place of the stream that cannot be read, until what follows shows that we miss nothing
        self.recent: deque[Batch] = deque(maxlen=RECENT)
        self._news = asyncio.Event()
        self._space = asyncio.Event()
        self._reader: StreamReader | None = None

    @property
    def records(self) -> int:
        """How many records of the venue are in the journal here."""
        return self._history.records

    @property
    def behind(self) -> int:
        """Messages of the stream that are not in the journal here yet, as far as is known."""
        return len(self._queue) + (0 if self._reader is None else self._reader.behind)

    @property
    def journal(self) -> StreamedJournal:
        """What the venue that this has become writes to."""
        return StreamedJournal(self._store.file, self.writer, self._history.records)

    async def until_venue(self, lease: Lease) -> int:
        """Follows until the lease is ours and everything before our term is in our journal; the term.

        Raises NoStandby, OSError.
        """
        place = self._taken = await self._begin()
        self._reader = StreamReader(self._client, self._stream, place, self._hear, room=self._room)
        tasks = [asyncio.create_task(self._reader.run()), asyncio.create_task(self._follow())]
        try:
            return await before_any_ends(tasks, self._succeed(lease))
        except Gone as error:
            raise NoStandby(f"{error}: {self._way_out()}") from error
        finally:
            await cancelled(tasks)

    # --- becoming the venue -----------------------------------------------------------------------------------------

    async def _succeed(self, lease: Lease) -> int:
        await lease.until_taken(TRY_SECONDS, lambda why: log.info("%s; following, behind record %d", why, self.records))
        self._check_lost()  # before a claim ends the other one, which may be there yet
        term = await self._again(self._claimed)
        while self._taken < self.writer.last:
            self._news.clear()
            await self._news.wait()
        self._check_lost()
        log.info("this is the venue now: term %d, behind record %d", term, self.records)
        return term

    async def _claimed(self) -> int:
        """Ends the terms of all others. Raises _Overtaken, one of FAILURES."""
        last = await self.writer.look()
        term = self.writer.next_term(last)
        if not await self.writer.claim(self._name(), term):
            raise _Overtaken("somebody else has written")
        return term

    async def _again(self, attempt: Callable[[], Awaitable[T]]) -> T:
        say = partial(log.warning, "the stream %s cannot be used: %s; trying again", self._stream)
        return await until_done(attempt, (*FAILURES, _Overtaken), TRY_SECONDS, say)

    def _check_lost(self) -> None:
        if self._lost:
            raise NoStandby(f"message {self._lost} of the stream {self._stream} cannot be read: {self._way_out()}")

    def _way_out(self) -> str:
        return (
            f"the venue may have recorded more than the {self.records} records that are here. Copy its journal here "
            f"and start again; if this is its journal, delete the stream {self._stream} first"
        )

    def _name(self) -> str:
        """Of what the records are: the venue's, decided by one engine."""
        return f"{self._store.venue.hex()}.{ENGINE}"

    # --- following --------------------------------------------------------------------------------------------------

    async def _begin(self) -> int:
        """Opens the journal of this process; the place in the stream behind which there is what it has not got."""
        place, first = await self._place()
        if first is not None:
            self._adopt(first)
        await self._turn()
        if (past := self._store.own_past) is not None:
            past.start()  # behind what history has not got, nothing of the journal could be dropped
        return place

    async def _place(self) -> tuple[int, Parcel | None]:
        """The last place whose records we all have, and a parcel that says whose they are."""
        return await self._again(self._found)

    async def _found(self) -> tuple[int, Parcel | None]:
        known = self._history.records
        place, parcel = await self.writer.find(lambda one: one.first + len(one.bodies) - 1 <= known)
        if parcel is None:  # a venue that has begun and recorded nothing yet has a name too
            last = await self.writer.look()
            parcel = last[0] if last else None
        return place, parcel

    def _adopt(self, parcel: Parcel) -> None:
        """Sees that the records are ours to follow. One without a journal takes over the venue's name."""
        venue, _, engine = parcel.history.partition(".")
        if engine != str(ENGINE):
            raise NoStandby(f"the venue is of engine {engine} and this is {ENGINE}: run one version everywhere")
        if not self._history.records and venue != self._store.venue.hex():
            self._store.adopt(bytes.fromhex(venue))
        elif venue != self._store.venue.hex():
            raise NoStandby(
                f"the journal here is of the venue {self._store.venue.hex()}, the bus has records of {venue}: start "
                "with that one's journal, with an empty directory, or with another bus.name"
            )

    def _hear(self, place: int, parcel: Parcel | None) -> None:
        self._queue.append((place, parcel))
        self._news.set()

    async def _room(self) -> None:
        """Returns when more may be read: a standby that was away for days has more to read than memory."""
        while len(self._queue) >= MOST_WAITING:
            self._space.clear()
            await self._space.wait()

    async def _follow(self) -> None:
        while True:
            if not self._queue:
                self._news.clear()
                await self._news.wait()
                continue
            place = 0
            records: list[Record] = []
            while self._queue and len(records) < GROUP:
                place, parcel = self._queue.popleft()
                if parcel is None:
                    self._lost = place
                else:
                    records += self._records_of(parcel, self._history.records + len(records))
            self._space.set()
            await self._take(records)
            self._taken = place
            self._news.set()

    async def _take(self, records: list[Record]) -> None:
        """Takes records into the journal, then into the state. Raises OSError while the disk takes nothing."""
        if not records:
            return
        if self._store.file.full:
            await self._turn()
        for record in records:
            self._store.file.append(record)
        await self._store.file.sync()
        past = self._store.own_past
        for record in records:
            for batch in self._store.replica.take(record):
                self.recent.append(batch)
                if past is not None:
                    past.publish(batch)

    async def _turn(self) -> None:
        await self._store.file.turn(self._history.mark())
        self._history.turn()
        if self._store.keeper is not None:
            self._store.keeper.wake()

    def _records_of(self, parcel: Parcel, known: int) -> list[Record]:
        """The records of a parcel that follow on the `known` ones. Raises NoStandby."""
        if not parcel.bodies:
            return []
        if parcel.history != self._name():
            raise NoStandby(f"the bus has records of {parcel.history} now, and this follows {self._name()}")
        if parcel.first > known + 1:
            raise NoStandby(
                f"the records {known + 1} to {parcel.first - 1} are not in the stream: copy the venue's journal here, "
                "and start again"
            )
        self._lost = 0
        try:
            return [decode_record(memoryview(body)) for body in parcel.bodies[max(0, known + 1 - parcel.first) :]]
        except msgspec.DecodeError as error:
            raise NoStandby(f"the records from {parcel.first} on cannot be read: {error}") from error
