"""Reads a stream from a place on: every parcel, in order.

It is read by a consumer that the server keeps for us only, and that is made anew, behind what was heard, whenever
something is missing or silent. What the stream itself no longer has is not passed over: `Gone`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import APIError, NotFoundError, ServiceUnavailableError

from polyfeed.bus.nats.connection import FAILURES, jetstream
from polyfeed.bus.nats.parcel import Corrupt, Parcel, decode_parcel

log = logging.getLogger("polyfeed.nats")

BEAT_SECONDS = 1.0
"""How often the server says that a consumer lives, when there is nothing else to say."""

SILENCE_SECONDS = 2.5
"""After which a consumer is made anew."""

FORGOTTEN_SECONDS = 30.0
"""After which the server drops a consumer that nobody listens to."""

RETRY_SECONDS = 0.2

GONE_SECONDS = 5.0
"""What is missing for so long is gone: a server that has just come to lead a stream may not have read all of it."""

WITHOUT_DOMAIN = 9
"""Words in the reply subject of a message, where the account has no JetStream domain (ADR-15)."""


class Gone(Exception):
    """The stream no longer has what follows; who reads it has to begin anew."""


class StreamReader:
    """Hands parcels to `hear` with their sequence numbers, from the one after `place` on; None instead of what the
    stream has lost or has damaged.

    Where reading begins, and begins again after a break, `before` is waited for; after each parcel, `room`, and the
    server sends no more than a connection's buffers hold until it is there. `behind` is how many messages the
    stream had after the last one when it was sent; `heard` counts them.
    """

    def __init__(
        self,
        client: Client,
        stream: str,
        place: int,
        hear: Callable[[int, Parcel | None], None],
        before: Callable[[], Awaitable[None]] | None = None,
        room: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self.place = place
        self.behind = 0
        self.heard = 0
        self.damaged = 0
        self._client = client
        self._js = jetstream(client)
        self._stream = stream
        self._hear = hear
        self._before = before
        self._room = room
        self._next = 1
        self._news = asyncio.Event()
        self._broken = ""
        self._full = False
        self._said = ""
        self._failure: Exception | None = None

    async def run(self) -> None:
        """Works until cancelled. Raises Gone, what `hear` raises, and what `leave` is given."""
        clock = asyncio.get_running_loop().time
        self._failure = None
        whole = clock()
        while True:
            missing = ""
            try:
                missing = await self._missing()
                if not missing:
                    whole = clock()
                    if self._before is not None:
                        await self._before()
                    self._fail()
                    await self._consume()
            except FAILURES as error:
                self._note(str(error) or type(error).__name__)
            if not missing:
                whole = clock()
            elif clock() - whole > GONE_SECONDS:
                raise Gone(missing)
            await asyncio.sleep(RETRY_SECONDS)

    def leave(self, why: Exception) -> None:
        """Has `run` end soon, with this."""
        self._failure = self._failure or why
        self._news.set()

    def _note(self, why: str) -> None:
        """Says why nothing is read, once until something is."""
        if why != self._said:
            log.warning("the stream %s cannot be read: %s; trying again", self._stream, why)
        self._said = why

    async def _missing(self) -> str:
        """Why the stream cannot be read on where we are, empty when it can. Raises one of FAILURES."""
        try:
            state = (await self._js.stream_info(self._stream)).state
        except NotFoundError:
            return f"there is no stream {self._stream} any more"
        if state.last_seq < self.place:
            return f"the stream {self._stream} ends at {state.last_seq}, before {self.place}"
        if state.first_seq > self.place + 1:
            return f"the stream {self._stream} begins at {state.first_seq}, after {self.place + 1}"
        return ""

    async def _consume(self) -> None:
        """Reads through one consumer until it is in doubt. Raises one of FAILURES."""
        self._next, self._broken, self._full = 1, "", False
        inbox = self._client.new_inbox()
        subscription = await self._client.subscribe(inbox, cb=self._on_message)
        name = ""
        try:
            name = await self._make_consumer(inbox)
            await self._listen()
        finally:
            await self._end(subscription.unsubscribe())
            if name and self._client.is_connected:
                await self._end(self._js.delete_consumer(self._stream, name))

    async def _make_consumer(self, inbox: str) -> str:
        consumer = await self._js.add_consumer(
            self._stream,
            ConsumerConfig(
                deliver_subject=inbox,
                deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
                opt_start_seq=self.place + 1,
                ack_policy=AckPolicy.NONE,
                max_deliver=1,
                flow_control=True,
                idle_heartbeat=BEAT_SECONDS,
                inactive_threshold=FORGOTTEN_SECONDS,
                mem_storage=True,
                num_replicas=1,
            ),
        )
        return consumer.name

    async def _listen(self) -> None:
        while not self._broken:
            self._fail()
            self._news.clear()
            try:
                async with asyncio.timeout(SILENCE_SECONDS):
                    await self._news.wait()
            except TimeoutError:
                if not self._full:  # otherwise it is we who do not listen
                    raise

    def _fail(self) -> None:
        if self._failure is not None:
            raise self._failure

    async def _end(self, farewell: object) -> None:
        """Says goodbye, where there is somebody to hear it."""
        try:
            async with asyncio.timeout(SILENCE_SECONDS):
                await farewell  # type: ignore[misc]
        except FAILURES:
            pass

    # --- messages ---------------------------------------------------------------------------------------------------

    async def _on_message(self, message: Msg) -> None:
        self._news.set()
        if self._broken or self._failure is not None:
            return
        if (message.headers or {}).get("Status"):
            await self._on_status(message)
            return
        words = message.reply.split(".")
        offset = 5 if len(words) == WITHOUT_DOMAIN else 7
        place, number, behind = int(words[offset]), int(words[offset + 1]), int(words[offset + 3])
        if number != self._next:
            self._broken = f"message {self._next} of the consumer is missing"
            return
        self._next += 1
        self.behind = behind
        if place <= self.place:
            return
        try:
            parcel = await self._read(place, message.data)
        except FAILURES as error:  # it may be whole there: nothing is passed over for want of an answer
            self._broken = f"message {place} could not be read again: {error}"
            return
        try:
            self._take(place, parcel)
        except Exception as error:
            self.leave(error)
        if self._room is not None:
            self._full = True
            await self._room()
            self._full = False

    async def _on_status(self, message: Msg) -> None:
        """A beat, or a question whether we still listen."""
        headers = message.headers or {}
        asked = message.reply or headers.get("Nats-Consumer-Stalled")
        if asked:
            await self._client.publish(asked)
        last = headers.get("Nats-Last-Consumer")
        if last is not None and int(last) >= self._next:
            self._broken = f"message {self._next} of the consumer is missing"

    def _take(self, place: int, parcel: Parcel | None) -> None:
        if place > self.place + 1:
            log.error("the stream %s has nothing between %d and %d", self._stream, self.place, place)
            self._hear(place - 1, None)
        self.place = place
        self._said = ""
        self.heard += 1
        self._hear(place, parcel)

    async def _read(self, place: int, data: bytes) -> Parcel | None:
        """What a message carries; one that was damaged on its way is read once more. None when it is damaged there.

        Raises one of FAILURES when nobody answers.
        """
        try:
            return decode_parcel(data)
        except Corrupt as error:
            log.error("message %d of the stream %s is damaged: %s; reading it again", place, self._stream, error)
        self.damaged += 1
        try:
            return decode_parcel((await self._js.get_msg(self._stream, place)).data or b"")
        except ServiceUnavailableError:
            raise
        except (Corrupt, APIError) as error:
            log.error("message %d of the stream %s cannot be had whole: %s", place, self._stream, error)
            return None
