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

import msgspec
from nats.aio.client import Client

from polyfeed.app.config import BusSection
from polyfeed.app.store import Store
from polyfeed.app.streamed_journal import StreamedJournal
from polyfeed.bus.tasks import cancelled
from polyfeed.bus.nats.connection import FAILURES
from polyfeed.bus.nats.lease import Lease
from polyfeed.bus.nats.names import Names
from polyfeed.bus.nats.parcel import Parcel
from polyfeed.bus.nats.reader import StreamReader
from polyfeed.bus.nats.terms import records_config
from polyfeed.bus.nats.writer import StreamWriter
from polyfeed.model.batches import Batch
from polyfeed.model.commands import Record
from polyfeed.store.format import decode_record
from polyfeed.venue.version import ENGINE

log = logging.getLogger("polyfeed.standby")

TRY_SECONDS = 0.25
"""Between two attempts to become the venue."""

GROUP = 4096
"""Records made durable together at most, or one parcel's."""

RECENT = 5000
"""Batches that are remembered: a venue that dies has decided some that gateways have not been given yet."""


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
        self._queue: deque[tuple[int, Parcel]] = deque()
        self._taken = 0
        self.recent: deque[Batch] = deque(maxlen=RECENT)
        self._news = asyncio.Event()

    @property
    def journal(self) -> StreamedJournal:
        """What the venue that this has become writes to."""
        return StreamedJournal(self._store.file, self.writer, self._history.records)

    async def until_venue(self, lease: Lease) -> int:
        """Follows until the lease is ours and everything before our term is in our journal; the term.

        Raises NoStandby, Gone, OSError.
        """
        try:
            return await self._until_venue(lease)
        except ExceptionGroup as group:
            raise group.exceptions[0] from None

    async def _until_venue(self, lease: Lease) -> int:
        async with asyncio.TaskGroup() as group:
            place = self._taken = await self._begin()
            reader = StreamReader(self._client, self._stream, place, self._hear)
            tasks = [group.create_task(reader.run()), group.create_task(self._follow())]
            await self._leased(lease)
            term = await self._claimed()
            while self._taken < self.writer.last:
                self._news.clear()
                await self._news.wait()
            await cancelled(tasks)
        log.info("this is the venue now: term %d, behind record %d", term, self._history.records)
        return term

    # --- becoming the venue -----------------------------------------------------------------------------------------

    async def _leased(self, lease: Lease) -> None:
        said = ""
        while True:
            try:
                if await lease.take():
                    return
                news = f"following {await lease.holder()}"
            except FAILURES as error:
                news = f"the bus cannot give the venue's lease: {error}"
            if news != said:
                said = news
                log.info("%s, behind record %d", news, self._history.records)
            await asyncio.sleep(TRY_SECONDS)

    async def _claimed(self) -> int:
        """Ends the terms of all others."""
        while True:
            try:
                last = await self.writer.look()
                term = last[0].term + 1 if last else 1
                if await self.writer.claim(self._name(), term):
                    return term
            except FAILURES as error:
                log.warning("the stream %s cannot be claimed: %s; trying again", self._stream, error)
                await asyncio.sleep(TRY_SECONDS)

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
        return place

    async def _place(self) -> tuple[int, Parcel | None]:
        """The last place whose records we all have, and a parcel that says whose they are."""
        known = self._history.records
        said = ""
        while True:
            try:
                return await self.writer.find(lambda parcel: parcel.first + len(parcel.bodies) - 1 <= known)
            except FAILURES as error:
                if str(error) != said:
                    said = str(error)
                    log.warning("the stream %s cannot be read: %s; trying again", self._stream, error)
                await asyncio.sleep(TRY_SECONDS)

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

    def _hear(self, place: int, parcel: Parcel) -> None:
        self._queue.append((place, parcel))
        self._news.set()

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
                records += self._records_of(parcel, self._history.records + len(records))
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
        for record in records:
            self.recent.extend(self._store.replica.take(record))

    async def _turn(self) -> None:
        await self._store.file.turn(self._history.mark())
        self._history.turn()
        if self._store.keeper is not None:
            self._store.keeper.wake()

    def _records_of(self, parcel: Parcel, known: int) -> list[Record]:
        """The records of a parcel that follow on the `known` ones. Raises NoStandby."""
        if parcel.bodies and parcel.history != self._name():
            raise NoStandby(f"the bus has records of {parcel.history} now, and this follows {self._name()}")
        if parcel.bodies and parcel.first > known + 1:
            raise NoStandby(
                f"the records {known + 1} to {parcel.first - 1} are not in the stream: copy the venue's journal here, "
                "and start again"
            )
        try:
            return [decode_record(memoryview(body)) for body in parcel.bodies[max(0, known + 1 - parcel.first) :]]
        except msgspec.DecodeError as error:
            raise NoStandby(f"the records from {parcel.first} on cannot be read: {error}") from error
