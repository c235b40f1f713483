"""A gateway's side of NATS: batches in, its clients' commands out, and whether what it shows can be vouched for."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable
from contextlib import suppress

import msgspec
from nats.aio.client import Client
from nats.aio.msg import Msg

from polyfeed.app.bus_image import BusImage, ImageStore
from polyfeed.app.config import BusSection
from polyfeed.bus.memory import MemoryBus
from polyfeed.bus.nats.calls import FIRST_GATEWAY, Reply, Wanted, encode, reply_decoder
from polyfeed.bus.nats.connection import FAILURES
from polyfeed.bus.nats.courier import Courier
from polyfeed.bus.nats.freshness import Freshness
from polyfeed.bus.nats.intake import Intake
from polyfeed.bus.nats.names import Names
from polyfeed.bus.nats.parcel import Parcel
from polyfeed.bus.nats.reader import StreamReader
from polyfeed.bus.tasks import Asides
from polyfeed.model.batches import Outcome
from polyfeed.model.commands import AnyCommand, Origin
from polyfeed.model.enums import Refusal

log = logging.getLogger("polyfeed.nats")

CALL_SECONDS = 1.0
"""How often the venue is told that this gateway lives, and what it has not taken is sent again."""

CALL_SOON_SECONDS = 0.25
"""The same, while there is no venue that takes this gateway's commands and vouches for what it shows."""

IMAGE_SECONDS = 5.0
"""What an image is waited for, before the newest one that there is will do."""

FAR_BATCHES, BATCHES_A_SECOND = 5_000, 10_000
"""A gateway that is stale and has to hear more than so many batches goes on from an image instead, unless images take
longer than hearing them does, at so many a second. Fewer it hears: so it knows what became of its clients' commands.
"""

FAR_AGAIN_US = 10_000_000
"""Between two images that are asked for because of that: who has one is given time to hear what comes behind it, and
without one, what was missed is heard meanwhile.
"""

WORD_SECONDS = 0.5
"""What the venue's word is waited for before the stream is read: behind all that was missed it would come late."""

AWAY = "the venue cannot be reached now; nothing was sent to it"
ENDED = "this gateway was away from the venue for too long; the command was not carried out"
LOST = "the venue could not record it, and was replaced; the command was not carried out"


class TooFarBehind(Exception):
    """So much was missed that an image is the sooner way."""


def new_number() -> int:
    """The number of a gateway: never that of another one, and none of those that one machine's processes have."""
    return FIRST_GATEWAY + secrets.randbits(47)


class GatewayBus:
    """Carries one gateway. What the stream says goes to `bus`; commands come by `enter`.

    `number` is the gateway's; `renumber` is told when it is another one. `now` is a clock in microseconds.
    """

    def __init__(
        self,
        client: Client,
        section: BusSection,
        bus: MemoryBus,
        now: Callable[[], int],
        renumber: Callable[[int], None],
    ) -> None:
        self._client = client
        self._names = names = Names(section.name)
        self._bus = bus
        self._now = now
        self._renumber = renumber
        self._store = ImageStore(client, names.store, section.replicas)
        self._stale_us = int(section.stale_seconds * 1e6)
        self._call_seconds = min(CALL_SECONDS, section.stale_seconds / 3)
        self._courier = Courier(new_number())
        self._intake = Intake("", {})
        self._reader: StreamReader | None = None
        self._freshness = Freshness()
        self._torn = False
        self._far = FAR_BATCHES
        self._asked_at: int | None = None  # for an image
        self._word = asyncio.Event()
        self._inbox = client.new_inbox()
        self._due = False
        self._epoch = 0
        self._tried: set[str] = set()
        self._asides = Asides()
        bus.subscribe_words(self._tell)

    @property
    def number(self) -> int:
        """This gateway's, for as long as its lease lasts."""
        return self._courier.gateway

    @property
    def seq(self) -> int:
        """The number of the venue's last batch that was heard."""
        return self._intake.seen.get(self._epoch, 0)

    @property
    def joined(self) -> bool:
        """Whether the venue knows this gateway, and takes its commands."""
        return self._courier.joined

    @property
    def seen(self) -> dict[int, int]:
        """The number of each epoch's last batch that was heard."""
        return self._intake.seen

    @property
    def trouble(self) -> str:
        """Why what this gateway shows cannot be vouched for, empty when it can."""
        at = self._freshness.at
        if at is None:
            return "the venue has not been heard yet"
        behind = self._now() - at
        if behind <= self._stale_us:
            return ""
        return f"what is known is {behind / 1e6:.0f} s old"

    async def start_image(self) -> BusImage:
        """What to start from: the state as of now, or the newest there is while the venue is away.

        Raises one of FAILURES, or ValueError, while there is none.
        """
        try:
            image = await self._image_of_venue()
            self._tried.clear()
            return image
        except FAILURES as error:
            log.debug("the venue gives no image (%s): looking for one that is kept", error)
        for name in await self._store.names():
            if name not in self._tried:
                self._tried.add(name)
                return await self._store.get(name)
        self._tried.clear()
        raise OSError("there is no image to start from: is the venue there?")

    async def next_image(self) -> BusImage:
        """What to go on from: the venue's state, with all that was heard before. Raises as `start_image` does."""
        image = await self._image_of_venue()
        if image.history == self._intake.history and image.seen.get(self._epoch, 0) < self.seq:
            raise OSError("the image that the venue gives is older than what is known")
        return image

    async def _image_of_venue(self) -> BusImage:
        wanted = encode(Wanted(self._intake.history, self.seq + 1))
        self._asked_at = self._now()
        answer = await self._client.request(self._names.images, wanted, timeout=IMAGE_SECONDS)
        return await self._store.get(answer.data.decode())

    def decided(self, image: BusImage) -> int:
        """The number of this gateway's last command that may be in an image. Where the venue has forgotten the gateway,
        its lease has ended, and any may be.
        """
        return image.numbers.get(self.number, self._courier.last if self.joined else 0)

    def begin(self, image: BusImage) -> None:
        """Goes on from an image. What became of commands that it may contain, nobody can tell any more."""
        self._courier.settle_until(self.decided(image))
        self._courier.term = image.term
        if self._asked_at is not None:
            self._far = max(FAR_BATCHES, (self._now() - self._asked_at) * BATCHES_A_SECOND // 1_000_000)
        self._intake = Intake(image.history, image.seen)
        self._epoch = image.epoch
        self._freshness.begin(image.term, self.seq)
        stream = self._names.batches_stream
        self._reader = StreamReader(self._client, stream, image.place, self._hear, self._ask_first)

    async def read(self) -> None:
        """Hands what the stream says to the bus, until cancelled. Raises Gone, Hole or BatchOutOfOrder when another
        image is needed, TooFarBehind when one would be better; without it, reading goes on where it was.
        """
        if self._reader is None:
            return
        self._torn = False
        try:
            await self._reader.run()
        finally:
            self._torn = True

    async def caught_up(self) -> None:
        """Returns when what was heard is of now."""
        while self.trouble:  # noqa: ASYNC110 - once, at the start
            await asyncio.sleep(0.02)

    def metrics(self) -> list[str]:
        """Lines in Prometheus's text format."""
        reader = self._reader
        return [
            "# TYPE polyfeed_batches_total counter",
            f"polyfeed_batches_total {self.seq}",
            "# TYPE polyfeed_bus_connected gauge",
            f"polyfeed_bus_connected {int(self._client.is_connected)}",
            "# TYPE polyfeed_bus_behind_messages gauge",
            f"polyfeed_bus_behind_messages {0 if reader is None else reader.behind}",
            "# TYPE polyfeed_bus_damaged_total counter",
            f"polyfeed_bus_damaged_total {0 if reader is None else reader.damaged}",
            "# TYPE polyfeed_bus_waiting_commands gauge",
            f"polyfeed_bus_waiting_commands {self._courier.waiting}",
        ]

    async def call(self) -> None:
        """Tells the venue again and again that this gateway lives, until cancelled."""
        await self._client.subscribe(f"{self._inbox}.*.*", cb=self._on_reply)
        await self._client.subscribe(self._names.words, cb=self._on_word)
        while True:
            await self._say(again=True)
            well = self.joined and not self.trouble
            await asyncio.sleep(self._call_seconds if well else min(self._call_seconds, CALL_SOON_SECONDS))

    async def leave(self, seconds: float) -> None:
        """Waits so long for the answers to the last commands: those of sessions that have ended."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while self._courier.waiting and loop.time() < deadline:  # noqa: ASYNC110 - a stop is rare
            await asyncio.sleep(0.02)

    # --- batches in -------------------------------------------------------------------------------------------------

    def _hear(self, place: int, parcel: Parcel | None) -> None:
        if parcel is None:  # what is missing shows in the number of the next batch
            return
        try:
            for batch in self._intake.take(parcel):
                if batch.origin is not None and batch.origin.gateway == self.number:
                    self._courier.settle(batch.origin.number)
                self._bus.publish(batch)
        except Exception:
            self._torn = True  # now: the reader takes leave of the server first, which may take seconds
            raise
        self._freshness.heard(parcel.term, self.seq)

    async def _ask_first(self) -> None:
        """Before the stream is read: who is stale hears first how far the venue has come."""
        if not self.trouble or not self._client.is_connected:
            return
        self._word.clear()
        await self._say(again=True)
        with suppress(TimeoutError):
            async with asyncio.timeout(WORD_SECONDS):
                await self._word.wait()

    def _look_ahead(self, reply: Reply) -> None:
        """Hears no more where so much is missing that it is not worth while."""
        missing = reply.seq - self.seq
        if self._reader is None or not self.trouble or missing <= self._far:
            return
        if self._asked_at is None or self._now() - self._asked_at >= FAR_AGAIN_US:
            self._reader.leave(TooFarBehind(f"{missing} batches are missing"))

    # --- other gateways ---------------------------------------------------------------------------------------------

    def _tell(self, word: bytes) -> None:
        """Tells other gateways something; what is lost on the way is said again in time."""
        self._asides.add(self._send_word(word))

    async def _send_word(self, word: bytes) -> None:
        try:
            await self._client.publish(self._names.words, word)
        except FAILURES as error:
            log.debug("nothing can be said to other gateways: %r", error)

    async def _on_word(self, message: Msg) -> None:
        self._bus.tell(message.data, self._tell)

    # --- commands out -----------------------------------------------------------------------------------------------

    def enter(self, command: AnyCommand, origin: Origin) -> None:
        """Takes a client's command. While the venue is away it is refused at once, and not sent later."""
        if self.trouble or self._torn or not self._client.is_connected or not self.joined:
            asyncio.get_running_loop().call_soon(self._refuse, origin, AWAY)
            return
        self._courier.enter(self._now(), command, origin)
        if not self._due:
            self._due = True
            self._asides.add(self._say_soon())

    async def _say_soon(self) -> None:
        self._due = False
        await self._say()

    async def _say(self, *, again: bool = False) -> None:
        """Sends what is to be sent, in as many calls as it takes."""
        while self._client.is_connected and (call := self._courier.call(self._now(), again=again)) is not None:
            try:
                await self._client.publish(self._names.calls, encode(call), reply=self._reply_to())
            except FAILURES as error:
                log.debug("nothing can be said to the venue: %r", error)
                return
            again = False

    def _reply_to(self) -> str:
        """Where a call of now is answered: whose it was and when it was asked comes back with the answer."""
        return f"{self._inbox}.{self.number}.{self._now()}"

    async def _on_reply(self, message: Msg) -> None:
        if not message.data:  # nobody hears calls: the venue is away
            return
        _, number, asked = message.subject.rsplit(".", 2)
        try:
            reply = reply_decoder.decode(message.data)
        except msgspec.DecodeError as error:
            log.error("the venue's answer cannot be read: %s; run one version everywhere", error)
            return
        self._freshness.told(int(asked) - reply.age * 1000, reply.term, reply.seq)
        self._word.set()
        self._look_ahead(reply)
        if int(number) != self.number:  # it was asked before the lease ended
            return
        term = self._courier.term
        if not self._courier.hear(reply):
            return
        if not reply.known:
            self._on_lease_ended(reply)
            return
        if self._courier.term > term:
            self._asides.add(self._say(again=True))
        for refusal in reply.refusals:
            self._courier.settle(refusal.origin.number)
            self._bus.refuse(refusal.origin, refusal.outcome)
        if self.seq >= reply.seq:
            self._courier.forsake(lambda origin: self._refuse(origin, LOST), reply.begun)

    def _refuse(self, origin: Origin, why: str) -> None:
        self._bus.refuse(Origin(self.number, origin.number), Outcome(Refusal.VENUE_AWAY, why))

    def _on_lease_ended(self, reply: Reply) -> None:
        """The venue does not know this gateway. What it took before is in the batches up to `reply.seq`: once these are
        heard, what has no answer was not carried out and never will be.
        """
        if not self._courier.joined or self.seq < reply.seq:
            return
        log.warning("the venue does not know this gateway any more: it begins with another number")
        self._courier.forsake(lambda origin: self._refuse(origin, ENDED))
        self._courier = Courier(new_number(), self._courier.term)
        self._renumber(self.number)
