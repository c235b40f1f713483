"""Whatever clients send, every message is answered or passed over, nothing is raised, and the server stays as it was."""

from __future__ import annotations

import gc
import json
import random
import tracemalloc
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from polyfeed.gateway.fanout import LONGEST_WATCH_US
from tests.dialects.peatio.rig import Client, Rig

PROFILES = ("2.2", "3.x", "legacy")
NAMES = (
    *("btcusd.trades", "btcusd.ob-inc", "btcusd.ob-snap", "btcusd.update", "btcusd.kline-1m", "btcusd.kline-9m"),
    *(
        "global.tickers",
        "global",
        "btcusd",
        "order",
        "trade",
        "balances",
        "a.b",
        "a.b.c",
        "a.b.c.d",
        "",
        ".",
        "..",
        "-inc",
    ),
    *("é.\ud800", "x" * 300, "btcusd.-inc", "admin.btcusd.sys", "\x00", "global.ob-inc", "btcusd.ob-", "none.trades"),
)
SCALARS: tuple[Any, ...] = (None, True, False, 0, -1, 1e300, 10**400, 1.5, "", "subscribe", "Bearer x", "é\ud800\x00")


def anything(dice: random.Random, depth: int = 0) -> Any:
    kind = dice.random()
    if depth > 3 or kind < 0.6:
        return dice.choice(SCALARS)
    if kind < 0.8:
        return [anything(dice, depth + 1) for _ in range(dice.randrange(4))]
    return {str(dice.choice(SCALARS)): anything(dice, depth + 1) for _ in range(dice.randrange(4))}


def valid(dice: random.Random) -> dict[str, Any]:
    names = [dice.choice(NAMES) for _ in range(dice.randrange(5))]
    return {"event": dice.choice(("subscribe", "unsubscribe")), "streams": names}


def changed(dice: random.Random) -> str:
    request = valid(dice)
    request[dice.choice(["event", "streams", "jwt", "id"])] = anything(dice)
    return json.dumps(request, ensure_ascii=dice.random() < 0.5)


def damaged(dice: random.Random) -> str:
    text = list(json.dumps(valid(dice)))
    for _ in range(dice.randrange(1, 4)):
        place = dice.randrange(len(text))
        text[place : place + dice.randrange(3)] = dice.choice(('"', "{", "}", "[", ",", ":", "\\", "0", "\x7f", ""))
    return "".join(text)


MAKERS: tuple[Callable[[random.Random], str | bytes], ...] = (
    lambda dice: json.dumps(valid(dice)),
    lambda dice: json.dumps(anything(dice)),
    changed,
    damaged,
    lambda dice: dice.randbytes(dice.randrange(60)),
    lambda dice: json.dumps(valid(dice)).encode(),
    lambda dice: dice.choice(("ping", " ping\n", "PING", "", "null", "[[" * dice.randrange(200), "{" * 30_000)),
    lambda dice: json.dumps({"jwt": dice.choice(("Bearer a.b.c", "Bearer ", "x", 5, None, ["Bearer"]))}),
)


class Hall:
    """A server with a moving market, and whatever clients come and go."""

    def __init__(self, profile: str, *, relay: bool) -> None:
        self.dice = random.Random(f"{profile} {relay}")
        self.rig = Rig(profile=profile, relay=relay, rbac="admin=admin")
        self.rig.list("btcusd")
        self.rig.open(1001, "alice", usd=10_000)

    def fuzz(self, messages: int) -> int:
        """Ten clients, three of them of somebody who is known, send so many messages and leave; the answers."""
        rig, dice = self.rig, self.dice
        clients = [client_of(rig, number) for number in range(10)]
        answered = 0
        for number in range(messages):
            client = dice.choice(clients)
            message = dice.choice(MAKERS)(dice)
            if isinstance(message, str):
                message = message.encode("utf-8", "replace").decode()
            texts = client.say(message)
            answered += len(texts)
            for text in texts:
                assert text == "pong" or isinstance(json.loads(text), dict | list)
            assert client.outlet.closed is None
            if number % 100 == 0:
                if rig.settings.relay:
                    rig.relayed("public.btcusd.ob-inc", '{"asks":["1","2"],"sequence":1}')
                rig.clock(100_000)
                rig.batches.clear()
        rig.dialect.metrics(one.session for one in rig.fan.connections)
        for client in clients:
            client.leave()
        rig.advance(LONGEST_WATCH_US)  # so long a connection that has gone is watched
        return answered

    def census(self) -> Counter[str]:
        """How many objects there are of each of our classes."""
        gc.collect()
        kinds = (type(one) for one in gc.get_objects())
        return Counter(kind.__qualname__ for kind in kinds if str(kind.__module__).startswith("polyfeed."))


@pytest.mark.slow
@pytest.mark.parametrize("relay", [False, True])
@pytest.mark.parametrize("profile", PROFILES)
def test_a_hundred_thousand_messages(profile: str, relay: bool) -> None:
    """6 x 17,000 messages: connections, subscriptions, feeds, objects and memory are what they were before them."""
    hall = Hall(profile, relay=relay)
    hall.fuzz(3_000)  # what is made once is there now: books, caches, compiled patterns
    before = hall.census()
    tracemalloc.start()
    try:
        answered = hall.fuzz(17_000)
        after = hall.census()
        grown, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert answered > 8_000
    assert hall.rig.fan.idle(), "no feed is left when everybody has gone"
    assert not hall.rig.fan.connections
    assert after == before
    assert grown < 262_144, "two bytes a message would be more than what Python itself keeps"


def client_of(rig: Rig, number: int) -> Client:
    client = rig.client("/?stream=order&stream=btcusd.ob-inc", rig.token(role="admin") if number < 3 else "")
    client.take()
    return client
