"""Private events through the real gateway: every socket of their owner gets each exactly once, and no one else's."""

from __future__ import annotations

import json
import random
from collections import Counter

import pytest

from polyfeed.accounts.accounts import Accounts
from polyfeed.dialects._base.context import Context
from polyfeed.dialects._base.dialect import Peer
from polyfeed.dialects._base.session import Session
from polyfeed.dialects.bitstamp import BitstampDialect
from polyfeed.gateway.gateway import Gateway
from polyfeed.gateway.requests import Requests
from polyfeed.market.market import Market
from polyfeed.model.batches import Batch
from polyfeed.model.commands import (
    AnyCommand,
    DefineCurrency,
    Deposit,
    ListInstrument,
    OpenAccount,
    Origin,
    PlaceOrder,
    Proceed,
    RevokeKey,
    Stamped,
)
from polyfeed.model.enums import OrderKind, SelfTrade, Side, TimeInForce
from polyfeed.model.events import OwnFill
from polyfeed.model.instruments import Currency
from polyfeed.venue.venue import Venue
from tests.dialects.bitstamp.desk import MARKETS, START, VAULT, key_of

USERS = range(1001, 1101)
SOCKETS = 2
FILLS = 100_000


class Socket:
    """A socket that takes everything. `texts` are its messages."""

    def __init__(self) -> None:
        self.paused = False
        self.texts: list[str] = []

    def write(self, data: bytes) -> None:
        at = 0
        while at < len(data):
            size, at = data[at + 1], at + 2
            if size == 126:
                size, at = int.from_bytes(data[at : at + 2], "big"), at + 2
            self.texts.append(data[at : at + size].decode())
            at += size

    def keep(self, rest: bytes) -> None:
        raise AssertionError

    def close_frame(self, code: int, reason: str) -> bytes:
        raise AssertionError(f"closed with {code} {reason}")


def to_nobody(command: AnyCommand, origin: Origin) -> None:
    """No session enters commands here."""
    raise AssertionError(command)


class World:
    """A venue and a gateway."""

    def __init__(self) -> None:
        self.venue = Venue()
        market, accounts = Market(), Accounts()
        self.accounts = accounts
        self.now = START
        self.dialect = BitstampDialect(Context(market, accounts, VAULT))
        requests = Requests(1, to_nobody)
        self.gateway = Gateway(market, accounts, [self.dialect], requests, lambda: self.now, 1 << 26)
        self.fan = self.gateway.fans["bitstamp"]
        self.fills: Counter[tuple[int, int, int]] = Counter()
        self.owners: dict[int, int] = {}

    def do(self, command: AnyCommand) -> None:
        following: AnyCommand | None = command
        while following is not None:
            self.now += 300
            batch = self.venue.apply(Stamped(self.venue.seq + 1, self.now, following))
            assert batch.outcome.accepted, batch.outcome
            self.note(command, batch)
            self.gateway.on_batch(batch)
            following = Proceed() if batch.more else None

    def note(self, command: AnyCommand, batch: Batch) -> None:
        if isinstance(command, PlaceOrder):
            self.owners[batch.outcome.order_id] = command.account
        for account, events in batch.private.items():
            for event in events:
                if isinstance(event, OwnFill):
                    self.fills[account, event.trade_id, event.order_id] += 1

    def connect(self, *requests: str) -> Socket:
        session = self.dialect.connect(self.now, Peer(1, "/"))
        assert isinstance(session, Session)
        socket = Socket()
        connection = self.fan.enter(session, socket)
        for request in requests:
            self.fan.carry_out(connection, session.receive(self.now, request))
        assert len(socket.texts) == len(requests)
        assert all("succeeded" in text for text in socket.texts)
        socket.texts.clear()
        return socket

    def token(self, account: int, key: str) -> str:
        found = self.accounts.key(key)
        assert found is not None
        assert found[0].account_id == account
        return self.dialect._tokens.issue(self.now, *found)


def subscribe(channel: str, auth: str) -> str:
    return json.dumps({"event": "bts:subscribe", "data": {"channel": channel, "auth": auth}})


def opened(world: World) -> None:
    for code in ("BTC", "USD", "ETH"):
        world.do(DefineCurrency(Currency(code, 8)))
    for instrument in MARKETS:
        world.do(ListInstrument(instrument))
    for user in USERS:
        world.do(OpenAccount(user, f"user{user}"))
        world.do(key_of(user, f"user{user}"))
        for code in ("BTC", "USD"):
            world.do(Deposit(user, code, 10**16))


@pytest.mark.slow
async def test_a_hundred_users_and_a_hundred_thousand_fills() -> None:
    world = World()
    opened(world)
    sockets: dict[int, list[Socket]] = {}
    for user in USERS:
        token = world.token(user, f"user{user}")
        channels = (f"private-my_trades_btcusd-{user}", f"private-my_orders_btcusd-{user}")
        sockets[user] = [world.connect(*(subscribe(name, token) for name in channels)) for _ in range(SOCKETS)]
    rng = random.Random(5)
    while world.fills.total() < FILLS:
        side = Side(rng.randrange(2))
        price, size = 10_000 + rng.randrange(-3, 4), rng.randrange(1, 100) * 10_000
        user = rng.choice(USERS)
        tif = TimeInForce.IOC if rng.random() < 0.5 else TimeInForce.GTC
        world.do(PlaceOrder(user, 0, side, OrderKind.LIMIT, size, price, tif, self_trade=SelfTrade.DECREMENT))
    record = world.dialect._projection.record(next(iter(world.dialect._markets)))
    assert record.chain.last.ts > START
    for user, owned in sockets.items():
        first = owned[0].texts
        for socket in owned:
            assert socket.texts == first, "every socket of a user hears the same"
        frames = [json.loads(text) for text in first]
        assert {frame["channel"].rpartition("-")[2] for frame in frames} == {str(user)}
        fills = Counter(
            (user, frame["data"]["id"], int(frame["data"]["order_id"])) for frame in frames if frame["event"] == "trade"
        )
        assert fills == Counter({key: count for key, count in world.fills.items() if key[0] == user})
        assert set(fills.values()) == {1}
        events = [frame for frame in frames if frame["event"] != "trade"]
        ids = [frame["event_id"] for frame in events]
        assert len(set(ids)) == len(ids)
        assert {world.owners[frame["data"]["id"]] for frame in events} == {user}
        traded = sum(float(frame["data"]["amount_traded"]) > 0 for frame in events)
        assert traded == fills.total(), "one order event for each fill"


async def test_a_revoked_key_ends_its_subscriptions_with_its_batch() -> None:
    """Not within a second, but before anything else is heard."""
    world = World()
    opened(world)
    user, other = USERS[0], USERS[1]
    channel = f"private-my_orders_btcusd-{user}"
    socket = world.connect(subscribe(channel, world.token(user, f"user{user}")))
    others = world.connect(subscribe(f"private-my_orders_btcusd-{other}", world.token(other, f"user{other}")))
    world.do(PlaceOrder(user, 0, Side.BUY, OrderKind.LIMIT, 10_000, 100))
    assert len(socket.texts) == 1
    world.do(RevokeKey(user, f"user{user}"))
    assert socket.texts[1:] == [
        '{"event":"bts:error","channel":"","data":{"code":4009,"message":"Connection is unauthorized."}}'
    ]
    world.do(PlaceOrder(user, 0, Side.BUY, OrderKind.LIMIT, 10_000, 100))
    assert len(socket.texts) == 2
    assert others.texts == []


async def test_a_drain_asks_and_goes_on() -> None:
    world = World()
    opened(world)
    user = USERS[0]
    socket = world.connect(subscribe(f"private-my_orders_btcusd-{user}", world.token(user, f"user{user}")))
    told = world.gateway.drain()
    assert len(told) == 1
    assert socket.texts == ['{"event":"bts:request_reconnect","channel":"","data":""}']
    assert world.gateway.drain() == []
    world.do(PlaceOrder(user, 0, Side.BUY, OrderKind.LIMIT, 10_000, 100))
    assert len(socket.texts) == 2
    fresh = world.connect(subscribe(f"private-my_orders_btcusd-{user}", world.token(user, f"user{user}")))
    world.do(PlaceOrder(user, 0, Side.BUY, OrderKind.LIMIT, 10_000, 100))
    assert fresh.texts == socket.texts[2:], "both hear everything meanwhile"
    world.gateway.stop()
