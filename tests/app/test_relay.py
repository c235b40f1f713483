"""Whatever an upstream publishes, the relay, the market and every dialect live on; and batches can be encoded."""

from __future__ import annotations

import asyncio
import json
import random
from typing import Any
from urllib.parse import parse_qs

import pytest

from polyfeed.accounts.accounts import Accounts
from polyfeed.accounts.vault import Vault
from polyfeed.app.config import load
from polyfeed.app.gateway_role import GatewayRole, Memory
from polyfeed.app.relay import RelayRole
from polyfeed.bus.memory import MemoryBus
from polyfeed.dialects._base.dialect import Peer
from polyfeed.dialects._base.session import Session
from polyfeed.market.market import Market
from tests.dialects.peatio.rig import Outlet

NOW = 1_588_000_800_000_000
KEYS = (
    *(
        "public.btcusd.ob-snap",
        "public.btcusd.ob-inc",
        "public.btcusd.trades",
        "public.btcusd.update",
        "global.tickers",
    ),
    *("public.btcusd.kline-1m", "public.ethusd.trades", "public.x.ob-inc", "private.ID1.order", "private..x", "a.b.c"),
    *(
        "public..",
        "...",
        "",
        "public.btcusd.-snap",
        "public.btcusd.-inc",
        "é.é.é",
        "public.usd.trades",
        "public.a.b.c.d",
    ),
)
ODD: tuple[Any, ...] = (
    *(None, True, "", "x", "-1", "1e400", "NaN", "Infinity", "0", "1", "9" * 40, "1e-40", -1, 0, 1, 1.5, -1e300, 1e300),
    *(10**18, 10**30, -(10**30), [], {}, [[]], "é", "\ud800"),
)


def message(dice: random.Random) -> dict[str, Any]:
    """Something like a message, with odd values in it."""
    odd = lambda: dice.choice(ODD)  # noqa: E731
    good = lambda: f"{dice.randrange(1, 9)}.{dice.randrange(9)}"  # noqa: E731
    some = lambda: good() if dice.random() < 0.8 else odd()  # noqa: E731
    if dice.random() < 0.5:
        names = ("tid", "taker_type", "type", "date", "created_at", "price", "amount")
        trade: dict[str, Any] = {
            "tid": 1,
            "taker_type": "buy",
            "date": 1_588_000_800,
            "price": good(),
            "amount": good(),
        }
        trade[dice.choice(names)] = odd()
        return {"trades": [trade] if dice.random() < 0.9 else odd()}
    sides = {name: [[some(), some()] for _ in range(dice.randrange(4))] for name in ("asks", "bids")}
    body: dict[str, Any] = {**sides, "sequence": dice.randrange(9) if dice.random() < 0.8 else odd()}
    if dice.random() < 0.2:
        body[dice.choice(("asks", "bids", "sequence"))] = odd()
    return body


def listen(role: GatewayRole, name: str, text: str, query: str = "") -> Outlet:
    """A client of a dialect that has sent one message."""
    fan, outlet = role.gateway.fans[name], Outlet()
    session = fan.dialect.connect(NOW, Peer(1, "/", parse_qs(query), {"host": "x"}, query))
    assert isinstance(session, Session)
    connection = fan.enter(session, outlet)
    fan.carry_out(connection, session.open(NOW))
    if text:
        fan.carry_out(connection, session.receive(NOW, text))
    return outlet


@pytest.mark.slow
@pytest.mark.parametrize("profile", ["2.2", "3.x"])
async def test_no_message_of_an_upstream_ends_anything(profile: str, caplog: pytest.LogCaptureFixture) -> None:
    config = load(None, {}, ["relay.url=amqp://127.0.0.1/", f"peatio.profile={profile}", "peatio.relay=true"])
    dice, market, bus, now = random.Random(profile), Market(), MemoryBus(encode=True), NOW
    clock = lambda: now  # noqa: E731
    gateway = GatewayRole(config, 1, bus, Memory(market, Accounts()), Vault(bytes(32)), lambda _: None, clock)
    relay = RelayRole(config, bus, market, clock)
    relay.take("public.btcusd.ob-snap", b'{"asks":[["2.0","1.0"]],"bids":[["1.0","3.0"]],"sequence":50}')
    kraken = '{"event":"subscribe","pair":["XBT/USD"],"subscription":{"name":"%s"}}'
    bitstamp = '{"event":"bts:subscribe","data":{"channel":"%s_btcusd"}}'
    outlets = [
        *(listen(gateway, "kraken", kraken % name) for name in ("book", "trade", "ticker", "ohlc", "spread")),
        *(listen(gateway, "bitstamp", bitstamp % name) for name in ("order_book", "diff_order_book", "live_trades")),
        listen(gateway, "peatio", "", "stream=btcusd"),
        listen(gateway, "peatio", "", "stream=btcusd.ob-inc"),
    ]
    for number in range(10_000):
        now += dice.randrange(1, 8_000)  # 40 seconds in all: nobody has to answer a ping
        body = json.dumps(message(dice) if dice.random() < 0.9 else dice.choice(ODD)).encode("utf-8", "replace")
        relay.take(dice.choice(KEYS), body if dice.random() < 0.95 else dice.randbytes(9))
        if number % 100 == 0:
            await asyncio.sleep(0)  # frames go out
        if number % 1000 == 0:
            relay.reconnected(again=True)
    assert relay.relay.passed > 5_000
    assert "failed" not in relay.relay.dropped
    assert not [record for record in caplog.records if record.levelname == "ERROR"]
    relay.take("public.btcusd.ob-snap", b'{"asks":[["2.0","1.0"]],"bids":[["1.0","3.0"]],"sequence":50}')
    state = market.by_symbol("peatio", "btcusd")
    assert state is not None
    assert [level.size for level in state.book.bids.top(5)] == [3 * 10**8]
    for _ in range(20):
        await asyncio.sleep(0)
    assert [outlet.closed for outlet in outlets] == [None] * len(outlets)
    assert all(len(outlet.data) > 1_000 for outlet in outlets)
    gateway.gateway.stop()
