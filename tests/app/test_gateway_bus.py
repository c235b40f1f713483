"""A gateway's side of the bus, without a bus: which images it goes on from, and whose answers it believes."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest
from msgspec import structs
from nats.aio.client import Client
from nats.aio.msg import Msg

from polyfeed.app import bus_image, gateway_bus
from polyfeed.app.bus_image import FORM, BusImage, ImageStore
from polyfeed.app.config import BusSection
from polyfeed.app.gateway_bus import BATCHES_A_SECOND, FAR_AGAIN_US, FAR_BATCHES, GatewayBus, TooFarBehind
from polyfeed.bus.memory import MemoryBus
from polyfeed.bus.nats.calls import Call, Refusal, Reply, call_decoder, encode, wanted_decoder
from polyfeed.bus.nats.intake import Hole
from polyfeed.bus.nats.parcel import Parcel
from polyfeed.dialects._base.effects import Submit
from polyfeed.gateway.connection import Connection
from polyfeed.gateway.requests import Requests
from polyfeed.gateway.submits import Submits
from polyfeed.model.batches import Outcome
from polyfeed.model.commands import CancelOrder, Clock, Origin
from polyfeed.model.enums import Refusal as Why

SECOND = 1_000_000


def image(seq: int, history: str = "h", term: int = 1) -> BusImage:
    return BusImage(FORM, history, term, 0, 1, {1: seq}, {}, True, False, b"", b"", {})


class Heard(Exception):
    """The gateway hears what it missed."""


class Stream:
    """Who wants to hear what it has does."""

    async def stream_info(self, _: str) -> Any:
        return SimpleNamespace(state=SimpleNamespace(first_seq=1, last_seq=100))

    async def add_consumer(self, *_: object) -> None:
        raise Heard


async def subscribed(_: str, **__: object) -> Any:
    return SimpleNamespace(unsubscribe=lambda: asyncio.sleep(0))


class Bus:
    """Answers with the image that the venue has; the newest that is kept is an old one."""

    def __init__(self) -> None:
        self.now = 0
        self.venue: BusImage | None = image(10)
        self.wanted: list[tuple[str, int]] = []
        self.calls: list[Call] = []
        self.reply_to = ""
        self.told: list[tuple[Origin, Outcome]] = []
        self.renumbered: list[int] = []
        self.image_takes = 0
        self.says: int | None = (
            None  # the number of the venue's last batch, None for a venue that does not answer calls
        )
        client = SimpleNamespace(new_inbox=lambda: "inbox", is_connected=True, jetstream=lambda **_: Stream())
        client.request, client.publish, client.subscribe = self.request, self.publish, subscribed
        self.client = client
        self.bus = bus = MemoryBus()
        bus.subscribe_refusals(lambda origin, outcome: self.told.append((origin, outcome)))
        self.link = GatewayBus(
            cast("Client", client), BusSection(), bus, lambda: self.now, lambda number: self.renumbered.append(number)
        )
        cast("Any", self.link)._store = self

    async def request(self, subject: str, data: bytes, **_: float) -> Any:
        self.now += self.image_takes
        if self.venue is None:
            raise TimeoutError
        wanted = wanted_decoder.decode(data)
        self.wanted.append((wanted.history, wanted.seq))
        return SimpleNamespace(data=b"new")

    async def publish(self, subject: str, data: bytes, reply: str = "") -> None:
        self.calls.append(call_decoder.decode(data))
        self.reply_to = reply
        if self.says is not None:
            await self.hear(Reply(1, 0, self.says, known=True))

    async def get(self, name: str) -> BusImage:
        return image(5) if name == "old" or self.venue is None else self.venue

    async def names(self) -> list[str]:
        return ["old"]

    async def hear(self, reply: Reply, subject: str = "") -> None:
        await self.link._on_reply(cast("Msg", SimpleNamespace(subject=subject or self.reply_to, data=encode(reply))))

    async def joined(self) -> None:
        self.link.begin(image(10))
        await self.link._say(again=True)
        await self.hear(Reply(1, 0, 10, known=True))

    async def enter(self, number: int) -> None:
        self.link.enter(Clock(), Origin(self.link.number, number))
        while not self.calls or not any(one.origin.number == number for one in self.calls[-1].commands):
            await asyncio.sleep(0)


async def test_who_starts_takes_an_old_image_and_who_runs_waits_for_the_venue() -> None:
    bus = Bus()
    bus.venue = None
    assert (await bus.link.start_image()).seen == {1: 5}
    bus.link.begin(image(10))
    with pytest.raises(TimeoutError):
        await bus.link.next_image()
    bus.venue = image(9)
    with pytest.raises(OSError, match="older than what is known"):
        await bus.link.next_image()
    bus.venue = image(11)
    assert (await bus.link.next_image()).seen == {1: 11}
    bus.venue = image(3, "another")
    assert (await bus.link.next_image()).history == "another"
    assert bus.wanted[-1] == ("h", 11), "what is missing has to be in it"


async def test_what_is_shown_is_stale_until_the_venue_confirms_it_and_when_it_does_no_more() -> None:
    bus = Bus()
    bus.link.begin(image(10))
    assert bus.link.trouble
    await bus.link._say(again=True)
    asked, bus.now = bus.now, bus.now + 2 * SECOND
    await bus.hear(Reply(1, 0, 10, known=True))
    assert not bus.link.trouble
    bus.now = asked + 3 * SECOND + 1
    assert bus.link.trouble == "what is known is 3 s old", "it was asked so long ago, whenever the answer came"
    await bus.link._say(again=True)
    await bus.hear(Reply(1, 0, 11, known=True))
    assert bus.link.trouble, "a batch is missing"


async def test_an_answer_to_a_gateway_that_this_no_longer_is_counts_nothing() -> None:
    bus = Bus()
    await bus.joined()
    await bus.enter(1)
    former, late = bus.link.number, bus.reply_to
    await bus.hear(Reply(1, 0, 10, known=False))
    assert [outcome.refusal for _, outcome in bus.told] == [Why.VENUE_AWAY]
    assert bus.renumbered == [bus.link.number] != [former]
    await bus.link._say(again=True)
    await bus.hear(Reply(1, 0, 10, known=True))
    await bus.enter(2)
    await bus.hear(Reply(1, 0, 10, known=False), late)
    assert len(bus.told) == 1, "the second command may have been taken"
    assert len(bus.renumbered) == 1


async def test_an_answer_of_a_venue_that_was_replaced_counts_nothing() -> None:
    bus = Bus()
    await bus.joined()
    await bus.enter(1)
    await bus.hear(Reply(2, 0, 10, known=True))
    refusal = Refusal(Origin(bus.link.number, 1), Outcome(Why.STORE_UNAVAILABLE))
    await bus.hear(Reply(1, 1, 10, known=True, refusals=(refusal,)))
    await bus.hear(Reply(1, 0, 10, known=False))
    assert bus.told == []
    while bus.calls[-1].term != 2:
        await asyncio.sleep(0)
    assert [one.origin.number for one in bus.calls[-1].commands] == [1], "it is sent at once to the venue that is there"


async def test_a_gateway_with_a_hole_sends_no_commands() -> None:
    bus = Bus()
    await bus.joined()
    reading = asyncio.create_task(bus.link.read())
    await asyncio.sleep(0)
    reading.cancel()
    await asyncio.wait([reading])
    bus.link.enter(Clock(), Origin(bus.link.number, 1))
    while not bus.told:
        await asyncio.sleep(0)
    assert bus.told[0][1].refusal is Why.VENUE_AWAY
    assert not any(call.commands for call in bus.calls)


async def test_a_hole_is_known_before_the_reader_has_said_goodbye() -> None:
    """Which may take seconds, in which commands would be taken whose outcomes nobody could tell."""
    bus = Bus()
    await bus.joined()
    with pytest.raises(Hole):
        bus.link._hear(1, Parcel("another", 1, 1))
    bus.link.enter(Clock(), Origin(bus.link.number, 1))
    async with asyncio.timeout(5):
        while not bus.told:
            await asyncio.sleep(0)
    assert bus.told[0][1].refusal is Why.VENUE_AWAY
    assert not any(call.commands for call in bus.calls)


async def test_what_a_client_leaves_behind_while_there_is_no_server_is_sent_when_there_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Soon enough for nobody to be told that anything was away."""
    monkeypatch.setattr("polyfeed.gateway.submits.INSIST_SECONDS", 0.001)
    bus = Bus()
    await bus.joined()
    requests = Requests(bus.link.number, bus.link.enter)
    bus.bus.subscribe_refusals(requests.settle)
    loop = asyncio.get_running_loop()
    ends: list[object] = []
    submits = Submits(requests, loop.call_later, lambda *_: ends.append(0))
    gone = cast("Connection", SimpleNamespace(closing=True))
    bus.client.is_connected = False
    submits.submit(gone, Submit(CancelOrder(7, 70)))
    async with asyncio.timeout(5):
        while len(bus.told) < 3:
            await asyncio.sleep(0)
        bus.client.is_connected = True
        while not bus.calls[-1].commands:
            await asyncio.sleep(0)
    sent = bus.calls[-1].commands
    assert [one.command for one in sent] == [CancelOrder(7, 70)]
    requests.settle(sent[0].origin, Outcome())
    assert ends == [0]


async def test_who_is_stale_and_has_missed_much_hears_no_more_of_it() -> None:
    bus = Bus()
    await bus.joined()
    bus.says = 10 + FAR_BATCHES + 1
    with pytest.raises(Heard):
        await bus.link.read()
    bus.now += 4 * SECOND
    with pytest.raises(TooFarBehind, match="5001 batches are missing"):
        await bus.link.read()
    bus.says -= 1
    with pytest.raises(Heard):
        await bus.link.read()


async def test_who_is_stale_and_hears_nothing_of_the_venue_hears_what_was_missed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(gateway_bus, "WORD_SECONDS", 0.01)
    bus = Bus()
    await bus.joined()
    bus.now += 4 * SECOND
    with pytest.raises(Heard):
        await bus.link.read()


async def test_where_images_are_slow_more_is_heard() -> None:
    bus = Bus()
    bus.image_takes = 2 * SECOND
    bus.link.begin(await bus.link.next_image())
    bus.now += FAR_AGAIN_US
    bus.says = 10 + 2 * BATCHES_A_SECOND
    with pytest.raises(Heard):
        await bus.link.read()
    bus.says += 1
    with pytest.raises(TooFarBehind):
        await bus.link.read()


@pytest.mark.parametrize("given", [True, False])
async def test_what_comes_behind_an_image_is_heard_and_without_one_all_is(given: bool) -> None:
    """Who waits for images only would hear nothing ever."""
    bus = Bus()
    await bus.joined()
    bus.says, bus.now, bus.venue = 1_000_000, 4 * SECOND, image(11) if given else None
    with pytest.raises(TooFarBehind):
        await bus.link.read()
    if given:
        bus.link.begin(await bus.link.next_image())
    else:
        with pytest.raises(TimeoutError):
            await bus.link.next_image()
    bus.now += FAR_AGAIN_US - 1
    with pytest.raises(Heard):
        await bus.link.read()
    bus.now += 1
    with pytest.raises(TooFarBehind):
        await bus.link.read()


async def test_an_image_of_a_venue_that_has_forgotten_the_gateway_may_contain_any_of_its_commands() -> None:
    bus = Bus()
    await bus.joined()
    await bus.enter(1)
    known = structs.replace(image(500), numbers={bus.link.number: 7})
    assert (bus.link.decided(known), bus.link.decided(image(500))) == (7, 1)
    bus.link.begin(image(500))
    await bus.hear(Reply(1, 0, 500, known=False))
    assert bus.told == [], "nobody knows whether it was carried out"
    assert bus.link.decided(image(500)) == 0, "nothing was sent under the new number"


async def test_an_image_that_was_lost_on_its_way_is_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library waits for the rest of it without a bound."""

    async def never(*_: object) -> None:
        await asyncio.Event().wait()

    async def bucket(_: str) -> Any:
        return SimpleNamespace(get=never, put=never, list=never, delete=never)

    monkeypatch.setattr(bus_image, "USE_SECONDS", 0.01)
    jetstream = SimpleNamespace(object_store=bucket)
    store = ImageStore(cast("Client", SimpleNamespace(jetstream=lambda **_: jetstream)), "b", 1)
    for use in (store.get("a"), store.put("a", image(1)), store.names(), store.drop("a")):
        with pytest.raises(TimeoutError):
            await use


def test_what_is_no_image_of_this_version_is_said() -> None:
    assert bus_image.decode_image(bus_image.encode_image(image(7))) == image(7)
    with pytest.raises(ValueError, match="run one version everywhere"):
        bus_image.decode_image(b"of the version before")
    with pytest.raises(ValueError, match=f"form 1, this version reads {FORM}"):
        bus_image.decode_image(bus_image.encode_image(structs.replace(image(7), form=1)))
