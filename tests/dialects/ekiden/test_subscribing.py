"""Subscribing at ten thousand random moments under load never misses a delta and never gets one twice."""

from __future__ import annotations

import json
import random

import pytest

from polyfeed.model.enums import Side

from .flow import Flow, accounts, ladder
from .follower import Follower
from .rig import Client, Rig, instrument

MOMENTS = 10_000


class Reader:
    """A client that subscribes to some depths, may subscribe again in between, and leaves after a while."""

    def __init__(self, rig: Rig, dice: random.Random, until: int) -> None:
        self.rig = rig
        self.until = until
        self.client: Client = rig.connect()
        depths = dice.sample((1, 2, 3, 10, 25, 50, 400), dice.randrange(1, 4))
        self.books = {f"orderbook.{depth}.BTC-USDC": Follower(f"orderbook.{depth}.BTC-USDC", 2, 4) for depth in depths}
        self.subscribe()

    def subscribe(self) -> None:
        topics = list(self.books)
        self.rig.receive(self.client, json.dumps({"op": "subscribe", "args": topics, "req_id": 1}))
        self.hear()

    def hear(self) -> None:
        for text in self.client.take():
            if '"subscribed"' not in text:
                topic = text.partition('"topic":"')[2].partition('"')[0]
                self.books[topic].hear(text)

    def check(self) -> None:
        book = self.rig.market.instruments[0].book
        for topic, follower in self.books.items():
            depth = int(topic.split(".")[1])
            for side, name in ((Side.BUY, "b"), (Side.SELL, "a")):
                assert follower.sides[name] == {one.price: one.size for one in book.side(side).top(depth)}
            assert follower.seq == self.rig.dialect.projection.of(0).seq(depth)


def load(moments: int, seed: int) -> int:
    rig, flow, dice = Rig(), Flow(seed), random.Random(seed)
    rig.list(instrument(0, "BTC-USDC"))
    rig.must(*accounts())
    for command in ladder()[:800]:
        flow.opened(rig.command(command).order_id)
    readers: list[Reader] = []
    begun = messages = step = 0
    while begun < moments or readers:
        step += 1
        flow.opened(rig.command(flow.command()).order_id)
        rig.now += 50
        if begun < moments and dice.random() < 0.7:
            begun += 1
            readers.append(Reader(rig, dice, step + dice.randrange(30)))
        for reader in list(readers):
            reader.hear()
            if dice.random() < 0.02:
                reader.subscribe()
            if reader.until <= step:
                reader.check()
                messages += sum(book.messages for book in reader.books.values())
                rig.leave(reader.client)
                readers.remove(reader)
    assert not rig.feeds
    return messages


def test_a_few_hundred_moments() -> None:
    assert load(300, 5) > 1_000


@pytest.mark.slow
def test_two_thousand_moments() -> None:
    assert load(2_000, 7) > 20_000


@pytest.mark.soak
def test_ten_thousand_moments() -> None:
    assert load(MOMENTS, 6) > 100_000
