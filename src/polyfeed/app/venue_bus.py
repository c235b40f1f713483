"""The venue's side of NATS: its batches out, gateways' commands in, images for those that start."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial

import msgspec
from msgspec import structs
from nats.aio.client import Client
from nats.aio.msg import Msg

from polyfeed.app.bus_image import FORM, BusImage, ImageStore
from polyfeed.app.config import BusSection
from polyfeed.app.historian import HistoryRole
from polyfeed.bus.again import until_done
from polyfeed.bus.memory import MemoryBus
from polyfeed.bus.nats.calls import Reply, Wanted, call_decoder, encode, wanted_decoder
from polyfeed.bus.nats.connection import FAILURES
from polyfeed.bus.nats.entrance import Entrance
from polyfeed.bus.nats.lease import Lease
from polyfeed.bus.nats.names import Names
from polyfeed.bus.nats.parcel import Parcel
from polyfeed.bus.nats.terms import batches_config
from polyfeed.bus.nats.writer import StreamWriter
from polyfeed.bus.questions import encode_refusal
from polyfeed.bus.tasks import Asides
from polyfeed.model.batches import Batch, Outcome, decode_batch, encode_batch
from polyfeed.model.commands import AnyCommand, Origin
from polyfeed.model.history import HistoryUnavailable

log = logging.getLogger("polyfeed.nats")

MOST_MISSING = 20_000
"""Batches that are made again for a stream that has not got them; where there are more, gateways begin anew."""

RETRY_SECONDS = 0.25

IMAGES_KEPT = 3

IMAGE_SECONDS = 1.0
"""Gateways that ask within so long start from the same image."""

LOOK_SECONDS = 1.0
"""Between two looks at the leases of gateways."""

TOO_MUCH = "the answer is larger than a message of the bus may be: ask for fewer rows"

DEAF_US = 3_000_000
"""A look that comes so late says that this process stood still."""


Images = Callable[[], tuple[bytes, bytes, dict[str, bytes]]]
"""Gives the state as of the last batch."""


class Standing:
    """Where the venue stands: the name of its history, the epoch and number of its last batch, the last command of each
    gateway, and what makes its batches again, from one number to another, None where nothing does.
    """

    def __init__(
        self,
        history: str,
        epoch: int,
        seq: int,
        numbers: Mapping[int, int],
        again: Callable[[int, int], Iterator[Batch]] | None = None,
    ) -> None:
        self.history = history
        self.epoch = epoch
        self.seq = seq
        self.numbers = numbers
        self.again = again


class VenueBus:
    """Carries one venue, which has the `lease` and whose batches are those of `bus`.

    `images` gives the state as of the last of them, `submit` takes commands, `end_gateway` returns when the venue has
    ended a gateway, `now` is the clock in microseconds, `history` answers questions about the past.

    `term` is the least that this process may begin, where it has begun one already; `recent` are the last batches that
    it heard as a standby. `demo` says whose master key gateways open credentials with. `seen` has the number of each
    epoch's last batch.
    """

    def __init__(
        self,
        client: Client,
        section: BusSection,
        lease: Lease,
        bus: MemoryBus,
        images: Images,
        submit: Callable[[AnyCommand, Origin], None],
        end_gateway: Callable[[int], Awaitable[None]],
        history: HistoryRole | None,
        *,
        now: Callable[[], int],
        demo: bool,
        term: int,
        recent: Sequence[Batch] = (),
    ) -> None:
        self._client = client
        self._lease = lease
        self._names = names = Names(section.name)
        self._bus = bus
        self._images = images
        self._submit = submit
        self._end_gateway = end_gateway
        self._now = now
        self._past = history
        self._demo = demo
        self._term = term
        self._recent = recent
        self._writer = StreamWriter(client, batches_config(names, section.replicas))
        self._store = ImageStore(client, names.store, section.replicas)
        self._entrance: Entrance | None = None
        self.seen: dict[int, int] = {}
        self._count = 0
        self._image: asyncio.Task[str] | None = None
        self._image_at = 0.0
        self._epoch = 0
        self._inboxes: dict[int, str] = {}
        self._image_seq = 0
        self._asides = Asides()

    @property
    def trouble(self) -> str:
        """Why gateways hear nothing, empty when they do."""
        return self._writer.trouble

    def metrics(self) -> list[str]:
        """Lines in Prometheus's text format."""
        return [
            "# TYPE polyfeed_venue gauge",
            "polyfeed_venue 1",
            "# TYPE polyfeed_bus_gateways gauge",
            f"polyfeed_bus_gateways {0 if self._entrance is None else self._entrance.gateways}",
            "# TYPE polyfeed_bus_waiting_batches gauge",
            f"polyfeed_bus_waiting_batches {self._writer.waiting}",
            "# TYPE polyfeed_bus_dropped_batches_total counter",
            f"polyfeed_bus_dropped_batches_total {self._writer.dropped}",
        ]

    async def begin(self, standing: Standing) -> None:
        """Takes the stream over, and gives it what the venue has decided and the stream has not got.

        From then on what is on the bus goes there too.
        """
        self._epoch = standing.epoch
        say = partial(log.warning, "the stream of batches cannot be taken over: %s; trying again")
        history, term, reached = await until_done(partial(self._claim, standing), FAILURES, RETRY_SECONDS, say)
        self._entrance = Entrance(term, self._now(), standing.numbers, self._submit)
        for batch in await self._missing(standing, reached + 1):
            self._on_batch(batch)
        self.seen = {standing.epoch: standing.seq}
        self._bus.subscribe(self._on_batch)
        self._bus.subscribe_refusals(self._on_refusal)
        log.info("term %d of history %s begins behind batch %d", term, history, reached)

    async def _missing(self, standing: Standing, first: int) -> Iterable[Batch]:
        """The batches from a number on. A replay goes on beside the event loop: a lease that is not renewed ends."""
        if not first <= standing.seq < first + MOST_MISSING:
            return ()
        recent = [one for one in self._recent if one.seq >= first]
        if recent and recent[0].seq == first:
            return recent
        if standing.again is None:
            return ()
        return await asyncio.to_thread(list, standing.again(first, standing.seq))

    async def _claim(self, standing: Standing) -> tuple[str, int, int]:
        """The history that goes on, its new term, and the venue's last batch in the stream. Raises one of FAILURES."""
        while True:
            last = await self._writer.look()
            term = max(self._term, self._writer.next_term(last))
            history, reached = _history(standing, last, term)
            if await self._writer.claim(history, term):
                return history, term, reached

    async def open(self) -> None:
        """Answers gateways from now on. Raises one of FAILURES."""
        await self._client.subscribe(self._names.calls, cb=self._on_call)
        await self._client.subscribe(self._names.images, cb=self._on_image_wanted)
        if self._past is not None:
            await self._client.subscribe(self._names.history, cb=self._on_question)

    def tasks(self) -> list[asyncio.Task[None]]:
        """Starts what works until it is cancelled; none should end before."""
        works = (self._writer.run(), self._look_after(), self._lease.kept())
        return [asyncio.create_task(work) for work in works]

    async def flush(self, seconds: float) -> None:
        """Waits so long for the stream to have everything that was decided; nothing more will be."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while self._writer.waiting and loop.time() < deadline:  # noqa: ASYNC110 - a stop is rare
            await asyncio.sleep(0.02)

    async def leave(self) -> None:
        """Gives the lease back, once the tasks have ended, so that the next venue need not wait."""
        with suppress(*FAILURES):
            await self._lease.leave()

    # --- batches out ------------------------------------------------------------------------------------------------

    def _on_batch(self, batch: Batch) -> None:
        self._writer.put(self._count, (encode_batch(batch),))
        self._count += 1
        self.seen[batch.epoch] = batch.seq

    # --- gateways' calls --------------------------------------------------------------------------------------------

    async def _on_call(self, message: Msg) -> None:
        try:
            call = call_decoder.decode(message.data)
        except msgspec.DecodeError as error:
            log.warning("a call of a gateway cannot be read: %s", error)
            return
        if self._entrance is None:
            return
        reply = self._entrance.take(self._now(), self.seen.get(self._epoch, 0), call)
        if reply is not None:
            if reply.known:
                self._inboxes[call.gateway] = message.reply
            await self._answer_call(message.reply, reply)

    def _on_refusal(self, origin: Origin, outcome: Outcome) -> None:
        """Tells a gateway at once what its next call would tell it too."""
        if self._entrance is None:
            return
        reply = self._entrance.refuse(self.seen.get(self._epoch, 0), origin, outcome)
        if reply is not None:
            self._asides.add(self._answer_call(self._inboxes[origin.gateway], reply))

    async def _answer_call(self, inbox: str, reply: Reply) -> None:
        """Where NATS is cut in two, another one may be the venue beyond. It was not while the lease was ours, and not
        when the stream took the last parcel of ours.
        """
        now = time.monotonic()
        alone = max(min(now, self._lease.until), self._writer.confirmed)
        await self._publish(inbox, encode(structs.replace(reply, age=int((now - alone) * 1000))))

    async def _publish(self, subject: str, data: bytes) -> None:
        """Says something that is said again when it is not heard."""
        try:
            await self._client.publish(subject, data)
        except FAILURES as error:
            log.debug("nothing can be said to a gateway: %r", error)

    async def _look_after(self) -> None:
        """Ends leases. While this process stood still or was cut off it was deaf, and nobody else was silent."""
        looked = self._now()
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            since, looked = looked, self._now()
            if self._entrance is None:
                continue
            if looked - since > DEAF_US or not self._client.is_connected:
                self._entrance.pardon(looked)
            for gateway in self._entrance.expire(self._now()):
                log.warning("gateway %d is gone: its lease has ended, and what is bound to it is cancelled", gateway)
                self._inboxes.pop(gateway, None)
                self._asides.add(self._end(self._entrance, gateway))

    async def _end(self, entrance: Entrance, gateway: int) -> None:
        await self._end_gateway(gateway)
        entrance.ended(gateway)

    # --- history ----------------------------------------------------------------------------------------------------

    async def _on_question(self, message: Msg) -> None:
        self._asides.add(self._answer(message))

    async def _answer(self, message: Msg) -> None:
        if self._past is None:
            return
        answer = await self._past.answer(message.data)
        if len(answer) > self._client.max_payload:
            answer = encode_refusal(HistoryUnavailable(TOO_MUCH))
        await self._publish(message.reply, answer)

    # --- images -----------------------------------------------------------------------------------------------------

    async def _on_image_wanted(self, message: Msg) -> None:
        """Answers with the name of an image, once it is there."""
        try:
            wanted = wanted_decoder.decode(message.data)
        except msgspec.DecodeError as error:
            log.warning("a gateway wants an image, and cannot be understood: %s", error)
            return
        self._asides.add(self._give_image(wanted, message.reply))

    async def _give_image(self, wanted: Wanted, reply: str) -> None:
        task = self._image
        if task is None or not self._will_do(task, wanted):
            self._image_at = asyncio.get_running_loop().time()
            self._image_seq = self.seen.get(self._epoch, 0)
            task = self._image = asyncio.create_task(self._put_image())
        try:
            name = await asyncio.shield(task)
        except FAILURES as error:
            log.warning("no image could be kept for a gateway: %s", error)
            return
        await self._publish(reply, name.encode())

    def _will_do(self, task: asyncio.Task[str], wanted: Wanted) -> bool:
        """Whether the image that there is, or will be in a moment, is what a gateway wants."""
        if wanted.history == self._writer.history and wanted.seq > self._image_seq:
            return False
        if not task.done():
            return True
        young = asyncio.get_running_loop().time() - self._image_at <= IMAGE_SECONDS
        return young and not task.cancelled() and task.exception() is None

    async def _put_image(self) -> str:
        market, accounts, projections = self._images()
        writer = self._writer
        numbers = {} if self._entrance is None else self._entrance.numbers
        place = (writer.history, writer.term, writer.last, self._epoch, dict(self.seen), numbers)
        image = BusImage(FORM, *place, self._demo, self._past is not None, market, accounts, projections)
        name = f"{image.history}.{image.term}.{sum(image.seen.values())}"
        await self._store.put(name, image)
        self._asides.add(self._drop_old_images())
        return name

    async def _drop_old_images(self) -> None:
        try:
            for old in (await self._store.names())[IMAGES_KEPT:]:
                await self._store.drop(old)
        except FAILURES as error:
            log.debug("old images stay for now: %r", error)


def _history(standing: Standing, last: list[Parcel], term: int) -> tuple[str, int]:
    """The name of the history that goes on, and the number of the venue's last batch in the stream."""
    mine = [one for one in last if one.history.startswith(standing.history)]
    if not mine or mine[0] is not last[0]:
        return standing.history, standing.seq
    batches = [decode_batch(body) for parcel in mine for body in parcel.bodies]
    reached = max((one.seq for one in batches if one.epoch == standing.epoch), default=standing.seq)
    if reached > standing.seq:
        log.error("the stream has batch %d and the journal ends at %d: another history begins", reached, standing.seq)
        return f"{standing.history}-{term}", standing.seq
    return mine[0].history, reached


MakeLink = Callable[
    [MemoryBus, Images, Callable[[AnyCommand, Origin], None], Callable[[int], Awaitable[None]], HistoryRole | None],
    VenueBus,
]
"""Makes one for the bus of a server."""
