"""Floods: half-open handshakes, messages, subscriptions, and a million messages that nobody should send.

The short forms run with `make test`, the long ones with `make soak`; `-s` shows the figures.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import resource
import weakref
from collections.abc import AsyncIterator

import pytest

from polyfeed.app.config import load
from polyfeed.app.peatio_keys import with_peatio
from polyfeed.dialects._base.dialect import Peer
from polyfeed.dialects._base.session import Session
from polyfeed.dialects.registry import DIALECTS
from polyfeed.gateway.connection import Connection
from polyfeed.gateway.fanout import LONGEST_WATCH_US, FanOut
from polyfeed.model.commands import RevokeKey
from polyfeed.model.events import Trade
from tests.e2e.fuzzing import Fuzzer
from tests.e2e.kraken_client import Book, Client
from tests.e2e.raw import Raw, frame, upgrade
from tests.e2e.world import World, world

pytestmark = pytest.mark.slow

MESSAGES_OF_ONE = 200
UNLIMITED = [
    "gateway.address_connections=0",
    "gateway.handshake_rate=0",
    "rails.limits=false",
    "ekiden.message_rate=0",
]


@pytest.fixture(autouse=True)
def descriptors() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def peatio_keys() -> list[str]:
    """Settings by which tokens can be made."""
    peatio = with_peatio(load(None, {}, ["flow.demo=true"])).peatio
    return [f"peatio.jwt_{half}_key={getattr(peatio, f'jwt_{half}_key')}" for half in ("public", "private")]


@pytest.fixture
async def one() -> AsyncIterator[World]:
    async with world("flow.agents=3", *peatio_keys(), *UNLIMITED) as running:
        await running.pass_time(1)
        yield running


@pytest.fixture
async def neighbour(one: World) -> AsyncIterator[Client]:
    """A polite client, whose book is whole at the end."""
    client = await Client.open(one.first.ports["kraken"])
    await client.subscribe(["XBT/USD"], name="book", depth=25)
    yield client
    await one.pass_time(1)
    await client.say({"event": "ping", "reqid": 4711})
    await client.until_text('"reqid":4711')
    book = Book(25)
    for text in client.data():
        book.apply(text)
    assert book.checked > 5
    await client.close()


async def handshake_seconds(port: int) -> float:
    """How long a client waits for its connection and the first message."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    raw = await Raw.connect(port, upgrade())
    await raw.head()
    await raw.frame()
    took = loop.time() - began
    raw.end()
    return took


@pytest.mark.parametrize("count", [200, pytest.param(2000, marks=pytest.mark.soak)])
async def test_half_open_handshakes(one: World, neighbour: Client, count: int) -> None:
    port = one.first.ports["kraken"]
    firsts = (b"", b"GET / HTTP/1.1\r\nHost: x\r\n", upgrade()[:-2], b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\n")
    raws = [await Raw.connect(port, firsts[number % len(firsts)]) for number in range(count)]
    times = [await handshake_seconds(port) for _ in range(20)]
    print(f"\nbeside {count} half-open ones a handshake takes {max(times) * 1000:.1f} ms at most")
    for raw in raws:
        raw.end()
    state = one.first._listeners[0]._state
    async with asyncio.timeout(20):
        while state.connections:
            await asyncio.sleep(0.02)


async def test_a_flood_of_messages(one: World, neighbour: Client) -> None:
    """Ten clients send as fast as they can; each is ended, and while they are a handshake is as quick as ever."""
    port = one.first.ports["kraken"]
    raws = []
    for _ in range(10):
        raw = await Raw.connect(port, upgrade())
        await raw.head()
        raw.writer.write(frame(1, b'{"event":"ping"}') * 20_000)
        raws.append(raw)
    times = [await handshake_seconds(port) for _ in range(5)]
    print(f"\nbeside ten floods a handshake takes {max(times) * 1000:.1f} ms at most")
    for raw in raws:
        assert await raw.close_code() == (1008, "too many messages")
        raw.end()


BOMBS = {
    "kraken": [
        json.dumps({"event": "subscribe", "pair": ["XBT/USD"] * 3000, "subscription": {"name": "*", "depth": 1000}}),
        json.dumps(
            {"event": "subscribe", "pair": [f"X{n}/USD" for n in range(3000)], "subscription": {"name": "book"}}
        ),
    ],
    "bitstamp": [
        json.dumps({"event": "bts:subscribe", "data": {"channel": f"live_trades_x{number}"}}) for number in range(1100)
    ],
    "peatio": [json.dumps({"event": "subscribe", "streams": [f"x{number}.trades" for number in range(3000)]})],
    "rails": [json.dumps({"message": "subscribe", "content": {"subscriptions": ["trades"] * 4000}})],
    "ekiden": [json.dumps({"op": "subscribe", "args": ["trade.BTC-USD"] * 3000, "req_id": "1"})] * 3,
}


@pytest.mark.parametrize("name", DIALECTS)
async def test_a_subscription_bomb(one: World, neighbour: Client, name: str) -> None:
    """Whatever is asked for at once, what is held stays within the dialect's cap, and all goes when the client does."""
    fan = one.first.gateway.fans[name]
    before = len(fan._lines)
    connection = enter(one, fan)
    for text in BOMBS[name]:
        fan.ask(connection, lambda session, now, text=text: session.receive(now, text))
    assert len(connection.feeds) <= 1024
    fan.exit(connection)
    assert len(fan._lines) == before


async def test_who_has_gone_is_forgotten_before_its_deadlines_come(one: World) -> None:
    """Otherwise who comes and goes fills the memory with a minute of subscriptions."""
    for fan in one.first.gateway.fans.values():
        connection = enter(one, fan)
        kept = weakref.ref(connection)
        fan.exit(connection)
        del connection
        gc.collect()
        assert kept() is None


async def test_a_revoked_key_ends_who_came_by_it(one: World) -> None:
    """At once, and nobody else: the second user's connections stay (spec/rails.md 1, spec/ekiden.md 7)."""
    alice, bob = (one.first.gateway.accounts.by_name(name) for name in ("alice", "bob"))
    assert alice is not None
    assert bob is not None
    for name, scheme in (("rails", "hmac"), ("ekiden", "ed25519")):
        fan = one.first.gateway.fans[name]
        opened = {user: enter(one, fan, 1, user) for user in ("alice", "bob")}
        if name == "ekiden":
            for account, connection in ((alice, opened["alice"]), (bob, opened["bob"])):
                bearer = fan.dialect.token(one.first._now(), account)
                request = json.dumps({"op": "auth", "bearer": bearer})
                fan.ask(connection, lambda session, now, text=request: session.receive(now, text))
        (key,) = (key.key_id for key in alice.keys.values() if key.scheme == scheme)
        await one.command(RevokeKey(alice.account_id, key))
        assert isinstance(opened["alice"].outlet, Sink)
        assert opened["alice"].outlet.code == 4401
        assert not opened["bob"].closing


# --- whatever they send -------------------------------------------------------------------------------------------------


class Sink:
    """A socket that takes everything and keeps nothing."""

    def __init__(self) -> None:
        self.paused = False
        self.code = 0

    def write(self, data: bytes) -> None:
        assert data

    keep = write

    def close_frame(self, code: int, reason: str) -> bytes:
        self.code = code
        return b"\x88\x02" + code.to_bytes(2, "big")


def enter(one: World, fan: FanOut, place: int = 0, user: str = "alice") -> Connection:
    """A connection without a socket, with a token where the dialect wants one."""
    now = one.first._now()
    account = one.first.gateway.accounts.by_name(user)
    assert account is not None
    name, token = fan.dialect.name, fan.dialect.token(now, account) or ""
    peers = {
        "kraken": [Peer(1, "/")],
        "bitstamp": [Peer(1, "/")],
        "peatio": [
            Peer(1, "/", {"stream": ["btcusd.trades"]}, {}, "stream=btcusd.trades"),
            Peer(1, "/private", {}, {"authorization": f"Bearer {token}"}),
        ],
        "rails": [
            Peer(1, "/", {"market": [market]}, {"sec-websocket-protocol": f"authorization#{token}"})
            for market in ("ALL", "BTC-USD")
        ],
        "ekiden": [Peer(1, "/ws/public"), Peer(1, "/ws/private")],
    }[name]
    session = fan.dialect.connect(now, peers[place % len(peers)])
    assert isinstance(session, Session), session
    connection = fan.enter(session, Sink())
    fan.ask(connection, lambda session, now: session.open(now))
    return connection


async def pelt(one: World, fan: FanOut, fuzzer: Fuzzer, count: int) -> None:
    """Sends so many messages, over connections that come and go; what they order is carried out."""
    connection = enter(one, fan)
    for number in range(count):
        if connection.closing or number % MESSAGES_OF_ONE == 0:
            fan.exit(connection)
            connection = enter(one, fan, number // MESSAGES_OF_ONE)
            await one.sequencer.drain()
            await one.pass_time(0.01)
        message = fuzzer.next()
        fan.ask(connection, lambda session, now, message=message: session.receive(now, message))
    fan.exit(connection)
    await one.sequencer.drain()


@pytest.mark.parametrize("count", [2000, pytest.param(200_000, marks=[pytest.mark.soak, pytest.mark.timeout(0)])])
@pytest.mark.parametrize("name", DIALECTS)
async def test_whatever_they_send(
    one: World, neighbour: Client, caplog: pytest.LogCaptureFixture, name: str, count: int
) -> None:
    """No session fails, nothing of those who have gone stays, and the neighbours are not touched."""
    fan = one.first.gateway.fans[name]
    fuzzer = Fuzzer(name, seed=1)
    await pelt(one, fan, fuzzer, 1000)
    lines, connections = set(fan._lines), len(fan.connections)
    before = objects(one)
    await pelt(one, fan, fuzzer, count)
    grown = objects(one) - before
    print(f"\n{name}: {count} messages, objects {grown:+}, most memory so far {most_memory()} MiB")
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []
    assert set(fan._lines) == lines
    assert len(fan.connections) == connections
    assert grown < 20_000 + kept_by_the_venue(one)


@pytest.mark.parametrize("count", [1000, pytest.param(100_000, marks=[pytest.mark.soak, pytest.mark.timeout(0)])])
@pytest.mark.parametrize("name", DIALECTS)
async def test_nothing_grows_where_nobody_trades(name: str, count: int) -> None:
    """The same on markets that stand still, where all that is kept would be the hostile clients' own: twice as many
    messages leave as much behind as once as many, but for the orders that they place.
    """
    async with world("flow.capture=off", "flow.agents=0", *peatio_keys(), *UNLIMITED) as one:
        fan = one.first.gateway.fans[name]
        fuzzer = Fuzzer(name, seed=2)
        await pelt(one, fan, fuzzer, count)
        before, orders = objects(one), kept_by_the_venue(one)
        await pelt(one, fan, fuzzer, count)
        grown, ordered = objects(one) - before, kept_by_the_venue(one) - orders
        print(f"\n{name}: {count} messages after {count}, objects {grown:+}, of which orders may be {ordered}")
        assert grown < 1000 + ordered


def objects(one: World) -> int:
    """How many there are, once the deadlines of those who have gone are past: a minute is the longest."""
    gateway = one.first.gateway
    now, later = gateway._now, gateway._now() + LONGEST_WATCH_US + 1_000_000
    gateway._now = lambda: later
    gateway._on_time()
    gateway._now = now
    gc.collect()
    return len(gc.get_objects())


def most_memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10


def kept_by_the_venue(one: World) -> int:
    """Objects that orders and trades leave in histories, which have bounds of their own."""
    trades = sum(1 for one in gc.get_objects() if isinstance(one, Trade))
    orders = sum(len(account.orders) + len(account.fills) for account in one.first.gateway.accounts.all())
    return 10 * (trades + orders)
