"""Our own server among the others: `python -m bench.peers.ours` carries plain topics through the gateway, with `kraken`
it is the whole way from an order to a book-10 frame.
"""

from __future__ import annotations

import asyncio
import gc
import random
import sys
from collections.abc import Sequence
from typing import Any

from bench.peers.python.common import serve
from bench.scene import Scene
from polyfeed.accounts.accounts import Accounts
from polyfeed.app.clock import SteadyClock
from polyfeed.dialects._base.dialect import Dialect, Limits, Peer
from polyfeed.dialects._base.effects import Effect, FeedKey, Join, Send
from polyfeed.dialects._base.feeds import Feed, Heard, OnLag
from polyfeed.dialects._base.rest import RestRequest, RestResponse
from polyfeed.dialects._base.session import Notice, Session
from polyfeed.gateway.door import Door, DoorLimits
from polyfeed.gateway.gateway import Gateway
from polyfeed.gateway.listener import Listener
from polyfeed.gateway.port import Port, PortLimits
from polyfeed.gateway.requests import Requests
from polyfeed.gateway.rest import rest_app
from polyfeed.market.market import Market
from polyfeed.model.batches import Batch
from polyfeed.model.commands import AnyCommand, Origin
from polyfeed.model.enums import OrderKind, Side
from polyfeed.model.events import Trade
from polyfeed.model.history import Query

LAG_BYTES = 4_194_304


class Texts:
    """What is to be said. In an object of its own: to assign to a class makes Python look up all its methods again."""

    def __init__(self) -> None:
        self.texts: Sequence[str] = ()


class Topic(Feed):
    """Says what it is given."""

    wants = (Trade,)
    on_lag = OnLag.CLOSE
    rank = 0
    said = Texts()

    def fold(self, change: Heard) -> None:
        """There is something to say."""

    def flush(self, batch: Batch) -> Sequence[str]:
        """Says it."""
        return self.said.texts

    def snapshot(self) -> Sequence[str]:
        """Nothing."""
        return ()


class Reader(Session):
    """Subscribes what it is told first."""

    def open(self, now: int) -> list[Effect]:
        """Waits."""
        return []

    def receive(self, now: int, data: str | bytes) -> list[Effect]:
        """A topic's number."""
        return [Send('"ready"'), Join(FeedKey("topic", int(data)))]

    def notice(self, now: int, event: Notice) -> list[Effect]:
        """Nothing."""
        return []

    def expire(self, now: int) -> list[Effect]:
        """Never."""
        return []


class Plain(Dialect):
    """Topics by number."""

    name = "plain"
    limits = Limits()

    def connect(self, now: int, peer: Peer) -> Session | RestResponse:
        """Everybody may."""
        return Reader()

    def feed(self, key: FeedKey) -> Feed:
        """A topic."""
        return Topic(key)

    def rest(self, now: int, request: RestRequest) -> RestResponse:
        """Nothing."""
        return RestResponse(404, b"")


async def recall(query: Query) -> Sequence[Any]:
    """There is no history."""
    raise AssertionError(query)


def refuse(command: AnyCommand, origin: Origin) -> None:
    """There is no venue."""
    raise AssertionError(command, origin)


async def plain() -> None:
    """The gateway alone."""
    now = SteadyClock()
    requests = Requests(1, refuse)
    gateway = Gateway(Market(), Accounts(), [Plain()], requests, now, LAG_BYTES)
    fan = gateway.fans["plain"]
    limits = PortLimits()
    door = Door(DoorLimits(address_connections=0, handshake_rate=0))
    port = Port(fan, requests, recall, limits, now, lambda: random.getrandbits(64), door)
    listener = Listener(rest_app(port), limits, port)
    batch = Batch(1, 1, 1)
    events: dict[str, Trade] = {}

    def publish(topic: str, text: bytes, times: int) -> None:
        event = events.get(topic)
        if event is None:
            event = events[topic] = Trade(int(topic), 1, 1, 1, Side.BUY, OrderKind.LIMIT)
        Topic.said.texts = (text.decode(),) * times
        fan.fold(event)
        fan.flush(batch)

    number = await listener.open("127.0.0.1", 0)
    fan.turns.longest_rest = 0
    await serve(number, publish, lambda: not fan.turns.idle())
    await listener.drain(1.0)


async def kraken() -> None:
    """Orders in, book-10 frames out."""
    scene = Scene()
    ports = await scene.open()

    async def publish(_topic: str, _text: bytes, times: int) -> None:
        for _ in range(times):
            await scene.change_a_level()

    scene.fan.turns.longest_rest = 0
    await serve(ports["kraken"], publish, lambda: not scene.fan.turns.idle())
    await scene.close()


if __name__ == "__main__":
    gc.collect()
    asyncio.run(kraken() if "kraken" in sys.argv else plain())
