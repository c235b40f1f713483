"""Clients that are cut at random places and come back to the other gateway hear what nobody else misses, byte for byte."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Iterator
from random import Random
from typing import Any

import msgspec
import pytest

from polyfeed.app.config import load
from polyfeed.app.returns import Returns
from polyfeed.bus.memory import MemoryBus
from polyfeed.dialects._base.dialect import Dialect
from polyfeed.dialects._base.effects import FeedKey, Join, Snapshot
from polyfeed.gateway.fanout import FanOut
from polyfeed.gateway.gateway import Gateway
from polyfeed.gateway.requests import Requests
from polyfeed.gateway.returning import wish_in
from polyfeed.model.batches import Batch
from tests.e2e.batches import DIALECTS, batches_of
from tests.e2e.reader import Reader, keys
from tests.gateway.fakes import EchoSession, FakeOutlet
from tests.venue import flows as spot
from tests.venue.perpetuals import flows as perpetual

OWNERS = (1, 2, 8)
WARM_UP = 60
SECTION = msgspec.structs.replace(load(None, {}, []).gateway, resume_bytes=1 << 30)


def gateway_on(bus: MemoryBus) -> Gateway:
    """A gateway of all dialects without sockets or time."""
    reader = Reader(OWNERS)
    requests = Requests(0, lambda *_: None)
    gateway = Gateway(reader.market, reader.accounts, reader.dialects, requests, lambda: 0, 1 << 20)
    bus.subscribe(gateway.on_batch)
    Returns(gateway, SECTION, "ab", bus, asyncio.get_running_loop().call_later, lambda: 0)
    return gateway


class Client:
    """Hears one feed; takes messages in when their offset comes, so what comes again after a cut is not there twice."""

    def __init__(self, fans: list[FanOut], key: FeedKey, random: Random) -> None:
        self.heard: list[str] = []
        self.answers: Counter[str] = Counter()
        self._fans = fans
        self._key = key
        self._random = random
        self._place = ""
        self._back = 0
        steady = FakeOutlet()
        fans[0].carry_out(fans[0].enter(EchoSession(), steady), [Join(key), Snapshot(key)])
        self.steady = steady
        self._open("1")

    def _open(self, value: str) -> None:
        wish = wish_in(f"/?polyfeed_resume={value}")[1]
        assert wish is not None
        fan = self._fans[0]
        self._outlet = FakeOutlet()
        self._connection = fan.enter(EchoSession(), self._outlet)
        fan.follow(self._connection, wish)
        fan.carry_out(self._connection, [Join(self._key), Snapshot(self._key)])

    def batch(self) -> None:
        """A batch has passed: perhaps it is cut, perhaps it comes back, to another gateway than before."""
        if self._back:
            self._back -= 1
            if not self._back:
                self._open(self._place)
        elif self._random.random() < 0.1:
            texts = self._outlet.texts()
            least = 0 if self._place else next(n for n, text in enumerate(texts, 1) if '"offset"' in text)
            self.take(texts[: self._random.randint(least, len(texts))])
            self._fans[0].exit(self._connection)
            self._fans.reverse()
            self._back = self._random.randint(1, 8)

    def end(self) -> None:
        if not self._back:
            self.take(self._outlet.texts())

    def take(self, texts: list[str]) -> None:
        pending: list[str] = []
        for text in texts:
            if not text.startswith('{"polyfeed"'):
                pending.append(text)
                continue
            said = json.loads(text)["polyfeed"]
            if "offset" in said:
                self._place = f"{said['epoch']}.{said['offset']}"
                self.heard += pending
                pending = []
            elif "resumed" in said:
                self.answers[said.get("reason", "resumed")] += 1


async def follow(batches: Iterator[Batch], seed: int) -> Counter[str]:
    """Every feed of two instruments, each with a client that is cut and one that is not; how much each dialect said."""
    random = Random(seed)
    bus = MemoryBus(encode=True)
    gateways = [gateway_on(bus), gateway_on(bus)]
    for _ in range(WARM_UP):
        bus.publish(next(batches))
    clients = [
        (name, Client([one.fans[name] for one in gateways], key, random))
        for name, fan in gateways[0].fans.items()
        for key in sorted(all_keys(gateways[0], fan.dialect))
    ]
    for batch in batches:
        bus.publish(batch)
        while any(fan.turns.turning for one in gateways for fan in one.fans.values()):
            await asyncio.sleep(0)
        for _, client in clients:
            client.batch()
    said: Counter[str] = Counter()
    for name, client in clients:
        client.end()
        steady = client.steady.texts()
        assert client.heard == steady[: len(client.heard)], (name, client._key)
        assert set(client.answers) <= {"resumed"}
        said[name] += len(client.heard)
        said["resumed"] += client.answers["resumed"]
        said["whole"] += len(client.heard) == len(steady)
    said["clients"] = len(clients)
    return said


def all_keys(gateway: Gateway, dialect: Dialect) -> set[FeedKey]:
    owners = tuple(one for one in OWNERS if gateway.accounts.get(one) is not None)
    listed = [state.instrument for state in gateway.market.instruments]
    return {key for one in listed for key in keys(dialect, one, owners)}


async def check(flow: Any, hear: Any, seed: int, step: int, count: int = 200) -> None:
    said = await follow(batches_of(flow, hear, count, step), seed)
    assert min(said[one] for one in DIALECTS) > 20, said
    assert said["resumed"] > 500, said
    assert said["whole"] > said["clients"] // 3, "whoever is connected at the end has heard everything"


@pytest.mark.parametrize("step", [37_000, 1_700_000])
@pytest.mark.parametrize("mix", spot.MIXES[::6], ids=lambda mix: mix.name)
async def test_spot(mix: spot.Mix, step: int) -> None:
    flow = spot.Flow(mix, 3)
    await check(flow, lambda _, batch: flow.hear(batch), 5, step)


@pytest.mark.slow
@pytest.mark.parametrize("step", [37_000, 17_000_000])
async def test_perpetuals(step: int) -> None:
    flow = perpetual.Flow(perpetual.MIXES[0], 3)
    await check(flow, flow.hear, 6, step)
