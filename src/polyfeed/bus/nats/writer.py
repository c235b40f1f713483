"""Appends parcels to a stream: in order, each once, and nobody else between them.

Each message says which sequence number it expects before it (Nats-Expected-Last-Sequence), so the stream takes it in
its place or not at all, and a venue that was replaced can write no more. After any doubt (an error, silence, another
connection) the writer looks at what the stream has, and goes on behind it.

One message is on its way at a time, and what comes meanwhile waits for the next one together. Were there two, and did
another venue's claim come to stand where the first one was to be, then the second would find the number that it expects
and be taken: behind the claim, from a venue that is none any more.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from uuid import uuid4

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.api import StreamConfig
from nats.js.errors import NotFoundError

from polyfeed.bus.nats.connection import FAILURES, jetstream
from polyfeed.bus.nats.parcel import Corrupt, Parcel, decode_parcel, encode_parcel

log = logging.getLogger("polyfeed.nats")

PARCEL_BYTES = 512 << 10
"""Of bodies in one message at most, but for one body that is larger; a server's own limit is 1 MiB."""

BARRIERS = 256
"""Terms that may have begun behind the last parcel with bodies."""

ANSWER_SECONDS = 2.0
"""A stream that says nothing for so long is looked at anew."""

RETRY_SECONDS = 0.2

MOST_WAITING = 256 << 20
"""Bytes that wait for a stream that takes nothing; more is not kept, and readers find the hole."""


class Fenced(Exception):
    """Another process writes this stream now."""


class Refused(Exception):
    """The stream did not take a message where it should stand."""


class _Waiting:
    """A body that the stream has not acknowledged, its number, and who waits for that."""

    __slots__ = ("body", "done", "number")

    def __init__(self, number: int, body: bytes, done: asyncio.Future[None] | None) -> None:
        self.number = number
        self.body = body
        self.done = done


class StreamWriter:
    """Writes one stream: `look`, then `claim`, then `run`.

    `term` counts who has written the stream; `last` is the sequence number of the last message that is known to be in
    it, `unread` how many at its end the last `look` could not read. At `confirmed`, by the monotonic clock, nobody else
    had begun a term: what was sent then was taken. `trouble` says why nothing is taken at present,
    empty while it is.
    """

    def __init__(self, client: Client, config: StreamConfig) -> None:
        self.history = ""
        self.term = 0
        self.last = 0
        self.trouble = ""
        self.unread = 0
        self.confirmed = 0.0
        self.dropped = 0
        self._client = client
        self._js = jetstream(client)
        self._config = config
        self._stream = config.name or ""
        self._subject = (config.subjects or [""])[0]
        self._queue: deque[_Waiting] = deque()
        self._bytes = 0
        self._parcel: Parcel | None = None  # what is on its way, and is until it is known to have come
        self._wake = asyncio.Event()

    async def look(self) -> list[Parcel]:
        """The last parcels of the stream, the newest first, until one that is not empty. Raises one of FAILURES."""
        self.last = await self._length()
        self.unread = 0
        found: list[Parcel] = []
        for sequence in range(self.last, max(0, self.last - BARRIERS), -1):
            parcel = await self._at(sequence)
            if parcel is None:
                self.unread += not found
                continue
            found.append(parcel)
            if parcel.bodies:
                break
        return found

    def next_term(self, found: list[Parcel]) -> int:
        """A term that is later than all that have begun, by what `look` found. Each message that cannot be read, or was
        dropped for its age, may have begun one.
        """
        return (found[0].term if found else self.last - self.unread) + self.unread + 1

    async def find(self, before: Callable[[Parcel], bool]) -> tuple[int, Parcel | None]:
        """The last place whose parcel, and all before it, are `before` something, and the first parcel behind it, or
        the last there is. Raises one of FAILURES.
        """
        info = (await self._js.stream_info(self._stream)).state if await self._length() else None
        low, high = (info.first_seq - 1, info.last_seq) if info is not None else (0, 0)
        found: Parcel | None = None
        while low < high:
            middle = (low + high + 1) // 2
            place, parcel = await self._full_at(middle, high)
            if parcel is None:  # nothing but barriers from there on
                high = middle - 1
                continue
            found = parcel
            if before(parcel):
                low = place
            else:
                high = middle - 1
        return low, found

    async def claim(self, history: str, term: int) -> bool:
        """Begins a term, from which on nobody of an earlier one can write; False when somebody has written since
        `look`. Raises one of FAILURES.
        """
        barrier = Parcel(history, term, 0)
        data = encode_parcel(history, term, 0, ())
        # An id of its own: JetStream may take another process's claim of the same term for this one, said again.
        headers = _headers(f"{barrier.id}.{uuid4().hex}", self.last)
        answer = await self._client.request(self._subject, data, timeout=ANSWER_SECONDS, headers=headers)
        try:
            self.last = _place(answer)
        except Refused as error:
            log.debug("the stream %s was not claimed: %s", self._stream, error)
            return False
        self.history, self.term = history, term
        return True

    def put(self, first: int, bodies: Sequence[bytes]) -> None:
        """Queues bodies, numbered from `first` on. When the stream takes nothing for too long, what waits is dropped
        and counted.
        """
        if self._bytes > MOST_WAITING:
            self._give_up()
        self._add(first, bodies, None)

    async def put_told(self, first: int, bodies: Sequence[bytes]) -> None:
        """Returns when the stream has them, however long that takes."""
        if bodies:
            done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._add(first, bodies, done)
            await done

    def _add(self, first: int, bodies: Sequence[bytes], done: asyncio.Future[None] | None) -> None:
        self._queue.extend(_Waiting(number, body, None) for number, body in enumerate(bodies, first))
        self._bytes += sum(map(len, bodies))
        self._queue[-1].done = done
        self._wake.set()

    @property
    def waiting(self) -> int:
        """Bodies that the stream has not acknowledged."""
        return len(self._queue)

    async def run(self) -> None:
        """Works until cancelled. Raises Fenced when somebody else writes."""
        while True:
            try:
                await self._work()
            except (*FAILURES, Refused) as error:
                self._note(str(error) or type(error).__name__)
            await asyncio.sleep(RETRY_SECONDS)
            try:
                await self._align()
            except FAILURES as error:
                self._note(str(error) or type(error).__name__)

    # --- what the stream has ----------------------------------------------------------------------------------------

    async def _length(self) -> int:
        """The sequence number of the stream's last message; the stream is made where there is none."""
        try:
            info = await self._js.stream_info(self._stream)
        except NotFoundError:
            info = await self._js.add_stream(self._config)
        return info.state.last_seq

    async def _full_at(self, sequence: int, last: int) -> tuple[int, Parcel | None]:
        """The first parcel with bodies from a place on, and where it is."""
        for place in range(sequence, last + 1):
            parcel = await self._at(place)
            if parcel is not None and parcel.bodies:
                return place, parcel
        return last, None

    async def _at(self, sequence: int) -> Parcel | None:
        """The parcel at a sequence number, None where there is none or it is damaged."""
        try:
            message = await self._js.get_msg(self._stream, sequence)
            return decode_parcel(message.data or b"")
        except NotFoundError:
            return None
        except Corrupt as error:
            log.error("message %d of the stream %s is damaged: %s", sequence, self._stream, error)
            return None

    async def _align(self) -> None:
        """Finds what of the queue the stream has already, and where it goes on. Raises Fenced, one of FAILURES."""
        last = await self._length()
        await self._see_whose(last)
        if last < self.last:
            # It was deleted, or who leads it now has not read all of it yet; then what is ours is found again.
            log.error("the stream %s ends at %d, and has ended at %d", self._stream, last, self.last)
            self.last = last
        while self.last < last:
            parcel = await self._at(self.last + 1)
            self.last += 1
            if parcel is None:
                continue
            if self._parcel is not None and parcel.id == self._parcel.id:
                self._done(self._parcel)

    async def _see_whose(self, last: int) -> None:
        """Raises Fenced where the last parcel, up to a place, is of a later term: terms never go down in a stream."""
        for place in range(last, max(0, last - BARRIERS), -1):
            parcel = await self._at(place)
            if parcel is None:
                continue
            if parcel.term > self.term:
                raise Fenced(f"the stream {self._stream} is written by term {parcel.term}, and this is {self.term}")
            return

    # --- the way out ------------------------------------------------------------------------------------------------

    async def _work(self) -> None:
        """Sends and hears answers, until something is in doubt. Raises Refused, one of FAILURES."""
        while True:
            while not self._queue:
                self._wake.clear()
                await self._wake.wait()
            await self._send(self._parcel or self._next())

    def _next(self) -> Parcel:
        """As much of the queue as one message carries."""
        first, size = self._queue[0].number, 0
        bodies: list[bytes] = []
        for waiting in self._queue:
            size += len(waiting.body)
            if waiting.number != first + len(bodies) or (bodies and size > PARCEL_BYTES):
                break
            bodies.append(waiting.body)
        self._parcel = Parcel(self.history, self.term, first, tuple(bodies))
        return self._parcel

    async def _send(self, parcel: Parcel) -> None:
        data = encode_parcel(parcel.history, parcel.term, parcel.first, parcel.bodies)
        headers = _headers(parcel.id, self.last)
        sent = time.monotonic()
        place = _place(await self._client.request(self._subject, data, timeout=ANSWER_SECONDS, headers=headers))
        if place != self.last + 1:
            raise Refused(f"a message came to stand at {place}, not at {self.last + 1}")
        self.last, self.confirmed = place, sent
        self._done(parcel)
        if self.trouble:
            log.warning("the stream %s takes what is published again", self._stream)
            self.trouble = ""

    def _done(self, parcel: Parcel) -> None:
        self._parcel = None
        for _ in parcel.bodies:
            waiting = self._queue.popleft()
            self._bytes -= len(waiting.body)
            if waiting.done is not None and not waiting.done.done():
                waiting.done.set_result(None)

    def _give_up(self) -> None:
        """Lets what waits go, but for what is on its way."""
        kept = [*self._queue][: 0 if self._parcel is None else len(self._parcel.bodies)]
        self.dropped += len(self._queue) - len(kept)
        log.error("the stream %s takes nothing: what waited is dropped, and readers begin anew", self._stream)
        self._queue = deque(kept)
        self._bytes = sum(len(one.body) for one in kept)

    def _note(self, why: str) -> None:
        if not self.trouble:
            log.warning("the stream %s takes nothing: %s; trying again", self._stream, why)
        self.trouble = f"the stream {self._stream} takes nothing: {why}"


def _headers(parcel_id: str, last: int) -> dict[str, str]:
    return {"Nats-Msg-Id": parcel_id, "Nats-Expected-Last-Sequence": str(last)}


def _place(answer: Msg) -> int:
    """The sequence number that a message was given. Raises Refused with what JetStream said instead."""
    if (answer.headers or {}).get("Status") == "503":
        raise Refused("there is no such stream, or nobody leads it")
    said = json.loads(answer.data)
    if "error" in said:
        raise Refused(f"{said['error'].get('description', said['error'])}")
    return int(said["seq"])
