"""Deterministic delivery: the five rules of spec/rails.md section 8, on random traffic.

Each user has a *reference*: a connection of all markets and all streams that always reads. Everybody else's events
must be those of their user's reference in the same intervals, less what they did not subscribe to, byte for byte.
"""

from __future__ import annotations

import json
import random
from typing import NamedTuple

import pytest

from tests.dialects.rails.rig import Client, Rig
from tests.dialects.rails.traffic import MARKETS, Traffic, about, drain

STREAMS = ("orders", "trades", "publicTrades", "publicOrderBook")
LAG_BYTES = 200_000


class Interval(NamedTuple):
    """From which place of the reference on which streams are heard."""

    start: int
    streams: frozenset[str]


class Listener:
    """A connection, what it was told, and what it should have been."""

    def __init__(self, user: int, market: str, client: Client, start: int, streams: frozenset[str]) -> None:
        self.user = user
        self.market = market
        self.client = client
        self.heard: list[bytes] = []
        self.intervals = [Interval(start, streams)]
        self.end: int | None = None

    def read(self) -> None:
        self.heard += [payload for payload in drain(self.client) if about(payload)[0]]

    def expected(self, reference: list[bytes]) -> list[bytes]:
        """The reference's events in the intervals, less other streams and markets."""
        end = len(reference) if self.end is None else self.end
        said: list[bytes] = []
        for place, interval in enumerate(self.intervals):
            until = self.intervals[place + 1].start if place + 1 < len(self.intervals) else end
            said += [one for one in reference[interval.start : until] if self._hears(interval.streams, one)]
        return said

    def _hears(self, streams: frozenset[str], payload: bytes) -> bool:
        stream, market = about(payload)
        return stream in streams and (self.market == "ALL" or market in ("", self.market))


class Crowd:
    """Connections that come, go, change their subscriptions, read and do not read."""

    def __init__(self, users: int, connections: int, seed: int) -> None:
        self.dice = random.Random(seed)
        self.users = list(range(1001, 1001 + users))
        self.rig = Rig(*MARKETS, accounts=dict.fromkeys(self.users, "test"), lag_bytes=LAG_BYTES, ping_interval=0)
        self.references = {user: self.rig.client(user, market="ALL") for user in self.users}
        self.said: dict[int, list[bytes]] = {user: [] for user in self.users}
        self.open: list[Listener] = []
        self.gone: list[Listener] = []
        self.traffic = Traffic(self.rig, self.users, self.dice)
        self.traffic.ulids = self._some_order
        for _ in range(connections):
            self.join()

    def _some_order(self, client: Client) -> str:
        user = next(one.user for one in self.open if one.client is client)
        for payload in reversed(self.said[user][-40:]):
            if about(payload)[0] == "orders" and b"orderId" in payload:
                return str(json.loads(payload)["data"]["order"]["orderId"])
        return "none"

    def settle(self) -> None:
        """Everything is decided and sent; the references have all of it."""
        self.rig.settle()
        for user, client in self.references.items():
            self.said[user] += [payload for payload in drain(client) if about(payload)[0]]

    def read(self) -> None:
        for one in self.open:
            one.read()
        for one in [one for one in self.open if one.client.closed]:
            self._remove(one)

    def join(self) -> None:
        user = self.dice.choice(self.users)
        market = self.dice.choice((*MARKETS, "ALL"))
        streams = frozenset(name for name in STREAMS if self.dice.random() < 0.6)
        client = self.rig.client(user, subscriptions=",".join(streams), market=market)
        listener = Listener(user, market, client, len(self.said[user]), streams)
        self.open.append(listener)
        self.traffic.speakers.append(client)

    def leave(self) -> None:
        one = self.dice.choice(self.open)
        one.client.outlet.paused = False
        self.rig.fan.resume(one.client.connection)
        one.read()
        one.end = len(self.said[one.user])
        self.rig.fan.exit(one.client.connection)
        self._remove(one)

    def _remove(self, one: Listener) -> None:
        self.open.remove(one)
        self.traffic.speakers.remove(one.client)
        self.gone.append(one)

    def change(self) -> None:
        """Subscribes or unsubscribes a stream or two."""
        one = self.dice.choice(self.open)
        names = self.dice.sample(STREAMS, self.dice.randrange(1, 3))
        message = self.dice.choice(("subscribe", "unsubscribe"))
        one.client.send(json.dumps({"message": message, "content": {"subscriptions": names}}))
        before = one.intervals[-1].streams
        after = before | set(names) if message == "subscribe" else before - set(names)
        one.intervals.append(Interval(len(self.said[one.user]), frozenset(after)))

    def pause(self) -> None:
        self.dice.choice(self.open).client.outlet.paused = True

    def resume(self) -> None:
        for one in self.open:
            if one.client.outlet.paused and self.dice.random() < 0.3:
                one.client.outlet.paused = False
                self.rig.fan.resume(one.client.connection)

    def run(self, actions: int, step: int = 7) -> None:
        while self.traffic.count < actions:
            for _ in range(self.dice.randrange(1, 2 * step)):
                self.traffic.act()
            self.settle()
            moves = (self.change, self.pause, self.resume, self.leave, self.join)
            if self.dice.random() < 0.25:
                self.dice.choices(moves, (8, 3, 3, 2, 2))[0]()
            self.read()
        for one in self.open:
            one.client.outlet.paused = False
            self.rig.fan.resume(one.client.connection)
        self.read()

    def check(self) -> tuple[int, int, int]:
        """Compares everybody with the reference: connections that were compared, closed ones, events."""
        closed = events = 0
        for one in (*self.open, *self.gone):
            expected = one.expected(self.said[one.user])
            if one.client.closed:
                assert one.client.closed[0] == 1013
                assert one.client.closed[1].startswith("slow consumer")
                expected = expected[: len(one.heard)]
                closed += 1
            assert one.heard == expected
            events += len(expected)
        public = [[one for one in said if about(one)[0].startswith("public")] for said in self.said.values()]
        assert all(one == public[0] for one in public)
        return len(self.open) + len(self.gone), closed, events


@pytest.mark.parametrize("seed", range(3))
def test_every_sequence_is_its_references(seed: int) -> None:
    crowd = Crowd(users=4, connections=24, seed=seed)
    crowd.run(1500)
    connections, _, events = crowd.check()
    assert connections >= 24
    assert events > 1500


@pytest.mark.parametrize(
    "actions", [pytest.param(50_000, marks=pytest.mark.slow), pytest.param(100_000, marks=pytest.mark.soak)]
)
def test_two_hundred_connections_of_twenty_users(actions: int) -> None:
    """Thousands of order actions; slow readers are closed, nobody else notices."""
    crowd = Crowd(users=20, connections=200, seed=7)
    crowd.run(actions, step=20)
    connections, closed, events = crowd.check()
    print(f"\n{connections} connections, {closed} slow readers closed, {events} events compared")
    whole = actions == 100_000
    assert connections > (300 if whole else 200)
    assert closed > (5 if whole else 0)
    assert events > (3_000_000 if whole else 25 * actions)


def test_equal_connections_hear_equal_bytes_whenever_they_connected() -> None:
    """Rule 2 and 3: an equal set from now on hears the same bytes; a subset the same less the rest."""
    crowd = Crowd(users=2, connections=5, seed=3)
    early = crowd.rig.client(1001, market="BTC-USD")
    crowd.run(300)
    late = crowd.rig.client(1001, market="BTC-USD")
    part = crowd.rig.client(1001, market="BTC-USD", subscriptions="publicOrderBook")
    other = crowd.rig.client(1002, market="BTC-USD", subscriptions="publicOrderBook")
    drain(early)
    crowd.run(900)
    whole = drain(early)
    assert drain(late) == whole
    assert len(whole) > 100
    books = [one for one in whole if about(one)[0] == "publicOrderBook"]
    assert drain(part) == drain(other) == books
