"""The pytest plugin: a venue of one's own, stepped by hand."""

from __future__ import annotations

import asyncio
import json
import time

import pytest
from websockets.asyncio.client import connect as connect_async
from websockets.sync.client import connect

from polyfeed.app.api.endpoints import Problem
from polyfeed.testing.venue import Polyfeed

QUIET = pytest.mark.polyfeed(agents=0)
BOOK = {"event": "subscribe", "pair": ["XBT/USD"], "subscription": {"name": "book", "depth": 10}}


def kraken_data(venue: Polyfeed) -> list[str]:
    """What a Kraken client is sent in three seconds."""
    with connect(venue.kraken.ws_url) as socket:
        socket.send(json.dumps(BOOK))
        venue.wait(lambda: venue.connections("kraken")[0].subscriptions)
        venue.step(3)
        (sent,) = venue.sent("kraken")
        data = [text for text in sent.texts if text.startswith("[")]
        received = []
        while len(received) < len(data):
            text = socket.recv(10)
            if text.startswith("["):
                received.append(text)
    assert received == data
    return data


def test_the_same_seed_says_the_same(polyfeed: Polyfeed) -> None:
    with Polyfeed(seed=1) as twin, Polyfeed(seed=2) as other:
        data = kraken_data(polyfeed)
        assert len(data) > 3
        assert kraken_data(twin) == data
        assert kraken_data(other) != data


@QUIET
def test_time_stands_still_between_steps(polyfeed: Polyfeed) -> None:
    begun, sequence = polyfeed.time, polyfeed.place("BTC-USD", "buy", price="50000", size="1")
    assert sequence > 0
    assert polyfeed.time == begun
    polyfeed.step(1.5)
    assert polyfeed.time == begun + 1_500_000


@QUIET
def test_orders_fills_and_refusals(polyfeed: Polyfeed) -> None:
    order = polyfeed.place("BTC-USD", "sell", user="demo", price="60000", size="2")
    polyfeed.place("BTC-USD", "buy", price="60000", size="0.5")
    (fill,) = polyfeed.fills(user="alice")
    assert (fill.order_id, fill.price, fill.size, fill.liquidity) == (order, "60000.00000", "0.50000000", "maker")
    polyfeed.cancel(order, user="demo")
    assert polyfeed.orders(user="demo") == []
    with pytest.raises(Problem, match="insufficient funds"):
        polyfeed.place("BTC-USD", "sell", price="60000", size="5000")
    with pytest.raises(ValueError, match="sise"):
        polyfeed.place("BTC-USD", "sell", price="60000", sise="1")
    with pytest.raises(KeyError, match=r"demo \(alice\), demo2 \(bob\)"):
        polyfeed.user("carol")


@pytest.mark.parametrize("dialect", ["bitstamp", "peatio", "rails", "ekiden"])
def test_a_user_has_a_token(polyfeed: Polyfeed, dialect: str) -> None:
    assert polyfeed.user("demo").token(dialect)


def test_kraken_has_no_tokens(polyfeed: Polyfeed) -> None:
    with pytest.raises(ValueError, match="kraken has no tokens"):
        polyfeed.user("demo").token("kraken")
    with pytest.raises(AttributeError, match="binance"):
        _ = polyfeed.binance


@pytest.mark.polyfeed(agents=0, start=1_700_000_000_000_000, settings=["kraken.profile=1.x", "peatio.enabled=false"])
def test_the_marker_says_how_the_venue_is_to_be(polyfeed: Polyfeed) -> None:
    assert polyfeed.time == 1_700_000_002_000_000
    assert set(polyfeed.ports) == {"kraken", "bitstamp", "rails", "ekiden"}
    with connect(polyfeed.kraken.ws_url) as socket:
        assert json.loads(socket.recv(10))["version"].startswith("1.")


@QUIET
async def test_coroutines_and_clients_that_live_in_their_loop(polyfeed: Polyfeed) -> None:
    heard: list[str] = []

    async def listen() -> None:
        async with connect_async(polyfeed.kraken.ws_url) as socket:
            await socket.send(json.dumps(BOOK))
            heard.extend([text async for text in socket])

    client = asyncio.create_task(listen())
    await polyfeed.wait_async(lambda: any(one.subscriptions for one in polyfeed.connections("kraken")))
    polyfeed.place("BTC-USD", "buy", price="50000", size="1")
    await polyfeed.step_async(1)
    polyfeed.fault("kraken", "restart")
    await client
    assert any('"50000.00000","1.00000000"' in text for text in heard)
    assert polyfeed.sent("kraken")[0].close == (1001, "server is shutting down")
    with pytest.raises(TimeoutError):
        await polyfeed.wait_async(lambda: polyfeed.connections("kraken"), 0.05)
    with pytest.raises(TimeoutError):
        polyfeed.wait(lambda: False, 0.01)


@QUIET
def test_a_status(polyfeed: Polyfeed) -> None:
    with connect(polyfeed.kraken.ws_url) as socket:
        polyfeed.status("post_only")
        polyfeed.status("halted", "BTC-USD")
        polyfeed.wait(lambda: len(polyfeed.sent("kraken")[0].texts) == 2)
        assert [json.loads(socket.recv(10))["status"] for _ in range(2)] == ["online", "post_only"]
    with pytest.raises(Problem, match="no status"):
        polyfeed.status("asleep", "BTC-USD")


@QUIET
def test_connections_go_by_real_time(polyfeed: Polyfeed) -> None:
    with connect(polyfeed.kraken.ws_url) as socket:
        begun = time.monotonic()
        assert "systemStatus" in socket.recv(10)
        socket.send(json.dumps(BOOK))
        while "heartbeat" not in socket.recv(10):
            pass
        assert time.monotonic() - begun > 0.5
