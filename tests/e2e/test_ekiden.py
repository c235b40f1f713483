"""Ekiden end to end: two gateways, one of them later and from a snapshot, say the same; a user trades over REST."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Coroutine
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosedError, InvalidStatus

from polyfeed.dialects.ekiden.projection import EkidenProjection
from polyfeed.model.commands import SetSystemStatus
from tests.e2e.ekiden_client import ALICE, BOB, Api, Book, Client
from tests.e2e.world import World, world

PERPETUAL = "BTC-USDC"
PAIRS = ("BTC-USD", "ETH-USD", "ADA-BTC", "ETH-EUR", PERPETUAL)
DEPTHS = (1, 10, 50, 200, 1000)
TOPICS = [
    *(f"orderbook.{depth}.{pair}" for pair in PAIRS for depth in DEPTHS),
    *(f"{name}.{pair}" for pair in PAIRS for name in ("trade", "ticker", "kline.1m", "kline.1M", "all_liquidations")),
    f"insurance_pool.{PERPETUAL}",
    f"adl_alert.{PERPETUAL}",
]
SETTINGS = ("flow.agents=5", "ekiden.message_rate=0", "ekiden.later_topics=true")


async def meanwhile(one: World, call: Coroutine[Any, Any, dict[str, Any]]) -> dict[str, Any]:
    """A REST call, while venue time passes."""
    task = asyncio.create_task(call)
    while not task.done():
        await one.pass_time(0.02)
        await asyncio.sleep(0.001)
    return task.result()


def events(client: Client, since: int) -> list[str]:
    """What happened after venue time `since`, in milliseconds."""
    found = []
    for text in client.messages:
        message = json.loads(text)
        if message["op"] == "event" and message.get("type") != "snapshot" and message["server_ts_ms"] > since:
            found.append(text)
    return found


async def settled(one: World, *clients: Client) -> None:
    """Waits until everything that was sent has arrived: a ping comes back behind it."""
    await one.command(SetSystemStatus("online"))
    await asyncio.sleep(0.05)
    for client in clients:
        number = len(client.messages)
        await client.say(op="ping", req_id=f"settled-{number}")
        await client.until_text(f'"settled-{number}"')


@pytest.mark.slow
@pytest.mark.parametrize(("capture", "least"), [("orders", 500), ("levels", 100)])
@pytest.mark.usefixtures("either_bus")
async def test_both_gateways_say_the_same_bytes(capture: str, least: int) -> None:
    async with world(*SETTINGS, f"flow.capture={capture}") as one:
        await one.pass_time(2)
        early = await Client.open(one.first.ports["ekiden"])
        await early.subscribe(*TOPICS)
        await one.pass_time(1.5)
        second = await one.another_gateway()
        late = await Client.open(second.ports["ekiden"])
        await late.subscribe(*TOPICS)
        start = one.time // 1000
        await one.pass_time(4)
        await settled(one, early, late)
        assert events(early, start) == events(late, start)
        assert len(events(early, start)) > least

        # The second gateway's feeds end and are made anew in the middle of things; it goes on saying the same.
        await late.close()
        while not second.gateway.fans["ekiden"].idle():
            await asyncio.sleep(0.001)
        await one.pass_time(1.03)
        again = await Client.open(second.ports["ekiden"])
        await again.subscribe(*TOPICS)
        start = one.time // 1000
        await one.pass_time(3)
        await settled(one, early, again)
        assert events(early, start) == events(again, start)
        for pair in PAIRS:
            check_books(one, early, pair)
            check_books(one, again, pair)
        await early.close()
        await again.close()


def check_books(one: World, client: Client, pair: str) -> None:
    """Every book is whole from its snapshot on, and the market's at the end."""
    state = one.first.gateway.market.by_symbol("ekiden", pair)
    assert state is not None
    for depth in DEPTHS:
        book = Book(f"orderbook.{depth}.{pair}")
        for event in client.of(book.topic):
            book.apply(event)
        for side, levels in (("a", state.book.asks), ("b", state.book.bids)):
            assert len(book.rows(side)) == min(depth, len(levels))
            prices = [float(price) for price, _ in book.rows(side)]
            unit = 10**state.instrument.price_scale
            assert prices == [level.price / unit for level in levels.top(depth)]


@pytest.mark.slow
@pytest.mark.usefixtures("either_bus")
async def test_a_user_trades() -> None:
    async with world("flow.agents=0", "flow.capture=off", "ekiden.rest_rate=0") as one:
        port = one.first.ports["ekiden"]
        alice, bob = Api(port, ALICE), Api(port, BOB)
        await meanwhile(one, _named(alice.log_in()))
        await meanwhile(one, _named(bob.log_in()))
        public, private = await Client.open(port), await Client.open(port, "/ws/private")
        await public.subscribe("orderbook.1.BTC-USD", "trade.BTC-USD")
        await private.say(op="auth", bearer=alice.token, req_id="200001")
        assert '"success":true' in await private.until_text('"req_id":"200001"')
        await private.subscribe("order", "execution", "position", "account_balance")
        order = {"symbol": "BTC-USD", "side": "Buy", "order_type": "Limit", "qty": "0.5", "price": "50000"}
        placed = await meanwhile(one, alice.call("POST", "/order/place", order))
        sold = {"symbol": "BTC-USD", "side": "Sell", "order_type": "Market", "qty": "0.2"}
        await meanwhile(one, bob.call("POST", "/order/place", sold))
        await settled(one, public, private)
        assert [event["data"][0]["order_status"] for event in private.of("order")] == ["New", "PartiallyFilled"]
        assert {event["data"][0]["order_id"] for event in private.of("order")} == {placed["order_id"]}
        (fill,) = private.of("execution")
        (trade,) = public.of("trade.BTC-USD")
        assert fill["data"][0]["seq"] == trade["data"][0]["seq"]
        assert (trade["data"][0]["S"], trade["data"][0]["p"], trade["data"][0]["v"]) == ("Sell", "50000", "0.2")
        assert [event["data"]["b"] for event in public.of("orderbook.1.BTC-USD")] == [
            [],
            [["50000", "0.5"]],
            [["50000", "0.3"]],
        ]
        listed = await meanwhile(one, alice.call("GET", "/execution/list"))
        assert listed["list"] == fill["data"]
        cancelled = await meanwhile(one, alice.call("POST", "/order/cancel-all", {}))
        assert [row["order_id"] for row in cancelled["result"]] == [placed["order_id"]]
        missing = await meanwhile(one, alice.call("POST", "/order/cancel", {"order_id": placed["order_id"]}))
        assert (missing["status"], missing["error_code"]) == (404, 2004)
        await public.close()
        await private.close()


@pytest.mark.slow
@pytest.mark.usefixtures("either_bus")
async def test_a_user_trades_a_perpetual() -> None:
    """Leverage and margin mode over REST, positions on the socket of a gateway that came later, closed with a profit."""
    async with world("flow.agents=0", "flow.capture=off", "ekiden.rest_rate=0") as one:
        await one.pass_time(0.5)
        second = await one.another_gateway()
        alice, bob = Api(one.first.ports["ekiden"], ALICE), Api(second.ports["ekiden"], BOB)
        await meanwhile(one, _named(alice.log_in()))
        await meanwhile(one, _named(bob.log_in()))
        private = await Client.open(second.ports["ekiden"], "/ws/private")
        await private.say(op="auth", bearer=alice.token, req_id="200001")
        assert '"success":true' in await private.until_text('"req_id":"200001"')
        await private.subscribe("order", "execution", "position", "account_balance")
        (ticker,) = (await meanwhile(one, alice.call("GET", f"/market/tickers?symbol={PERPETUAL}")))["list"]
        mark = round(float(ticker["mark_price"]))
        wish = {"symbol": PERPETUAL, "order_type": "Limit", "qty": "0.01", "price": str(mark)}
        isolated = {"side": "Buy", "margin_mode": "Isolated", "leverage": "4"}
        bought = await meanwhile(one, alice.call("POST", "/order/place", wish | isolated))
        await meanwhile(one, bob.call("POST", "/order/place", wish | {"side": "Sell"}))
        (held,) = (await meanwhile(one, alice.call("GET", "/position/list")))["list"]
        assert (held["side"], held["size"], held["avg_price"]) == ("Buy", "0.01", str(mark))
        assert (held["margin_mode"], held["leverage"], held["risk_id"]) == ("Isolated", "4", 1)
        assert float(held["position_im"]) == mark * 0.01 / 4
        await settled(one, private)
        assert private.of("execution")[0]["data"][0]["order_id"] == bought["order_id"]
        assert private.of("position")[-1]["data"] == [held]

        higher = wish | {"price": str(mark + 10)}
        await meanwhile(one, bob.call("POST", "/order/place", higher | {"side": "Buy"}))
        await meanwhile(one, alice.call("POST", "/order/place", higher | {"side": "Sell", "reduce_only": True}))
        (closed,) = (await meanwhile(one, alice.call("GET", "/position/closed-pnl")))["list"]
        profit = float(closed["cum_exit_value"]) - float(closed["cum_entry_value"])
        assert round(profit, 6) == 0.1
        net = profit - float(closed["open_fee"]) - float(closed["close_fee"])
        assert round(float(closed["closed_pnl"]), 4) == round(net, 4)
        await settled(one, private)
        assert private.of("order")[-1]["data"][-1]["closed_pnl"] == closed["closed_pnl"]
        assert private.of("position")[-1]["data"][0]["size"] == "0"
        assert (await meanwhile(one, alice.call("GET", "/position/list")))["list"] == []
        await private.close()


async def _named(token: Coroutine[Any, Any, str]) -> dict[str, Any]:
    return {"token": await token}


async def test_a_token_of_another_environment() -> None:
    async with world("flow.agents=0", "flow.capture=off", "ekiden.environment=staging") as one:
        api = Api(one.first.ports["ekiden"], ALICE)
        staging = await api.log_in()
    async with world("flow.agents=0", "flow.capture=off") as one:
        client = await Client.open(one.first.ports["ekiden"], "/ws/private")
        await client.say(op="auth", bearer=staging, req_id=1)
        answer = json.loads(await client.until_text('"req_id":1'))
        assert answer == {"op": "auth", "success": False, "message": "INVALID_TOKEN", "req_id": 1}
        await client.close()


async def test_paths_and_control_frames() -> None:
    """Other paths are no sockets; a client that answers pings lives, one that does not is closed."""
    async with world("flow.agents=0", "flow.capture=off", "ekiden.ping_seconds=0.2") as one:
        port = one.first.ports["ekiden"]
        for path in ("/", "/ws", "/ws/public/", "/ws/other"):
            with pytest.raises(InvalidStatus) as refused:
                await Client.open(port, path)
            assert refused.value.response.status_code == 404
        client = await Client.open(port)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(
            b"GET /ws/public HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101")
        heard = await asyncio.wait_for(reader.readexactly(2), 5)
        assert heard == b"\x89\x00", "a ping"
        closed = await asyncio.wait_for(reader.readexactly(4), 5)
        assert (closed[0], int.from_bytes(closed[2:], "big")) == (0x88, 4408)
        writer.close()
        await asyncio.sleep(0.5)
        await client.say(op="ping", req_id="alive")
        await client.until_text('"alive"')
        await client.close()


async def test_the_close_of_who_does_not_log_in() -> None:
    async with world("flow.agents=0", "flow.capture=off", "ekiden.auth_seconds=0.2") as one:
        client = await Client.open(one.first.ports["ekiden"], "/ws/private")
        with pytest.raises(ConnectionClosedError) as closed:
            await asyncio.wait_for(client._reader, 5)
        assert closed.value.rcvd is not None
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4401, "no auth in time")


@pytest.mark.slow
async def test_a_slow_reader_of_books_is_healed_by_a_snapshot() -> None:
    """Nothing is queued without end for it: it gets a fresh snapshot, and from there on every delta."""
    async with world("flow.agents=20", "gateway.lag_bytes=65536", "gateway.send_buffer_bytes=4096") as one:
        await one.pass_time(0.5)
        narrow = socket.socket()
        narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        narrow.connect(("127.0.0.1", one.first.ports["ekiden"]))
        slow = await connect("ws://x/ws/public", sock=narrow, max_queue=1, max_size=None, ping_interval=None)
        listed = [
            state.instrument.symbols["ekiden"]
            for state in one.first.gateway.market.instruments
            if "ekiden" in state.instrument.symbols
        ]
        topics = [f"orderbook.1000.{symbol}" for symbol in listed[:80]]
        await slow.send(json.dumps({"op": "subscribe", "args": topics}))
        books = {topic: Book(topic) for topic in topics}
        snapshots = dict.fromkeys(topics, 0)
        async with asyncio.timeout(30):
            while not all(snapshots.values()):
                _hear(await slow.recv(), books, snapshots)
        await one.pass_time(4)
        # It reads again, all that there is, and a bit of what comes then.
        reading = asyncio.create_task(_read_on(slow, books, snapshots))
        await one.pass_time(0.5)
        async with asyncio.timeout(30):
            while not caught_up(one, books) and not reading.done():
                await asyncio.sleep(0.01)
        assert not reading.done(), reading.exception()
        reading.cancel()
        assert all(count >= 2 for count in snapshots.values()), "fresh snapshots"
        await slow.close()


def caught_up(one: World, books: dict[str, Book]) -> bool:
    """Whether every book has the number that its topic has come to."""
    projection = one.first.gateway.fans["ekiden"].dialect.projection
    assert isinstance(projection, EkidenProjection)
    for topic, book in books.items():
        state = one.first.gateway.market.by_symbol("ekiden", topic.split(".")[2])
        assert state is not None
        if book.seq != projection.of(state.instrument.id).seq(1000):
            return False
    return True


async def _read_on(slow: ClientConnection, books: dict[str, Book], snapshots: dict[str, int]) -> None:
    async for text in slow:
        _hear(text, books, snapshots)


def _hear(text: str | bytes, books: dict[str, Book], snapshots: dict[str, int]) -> None:
    message = json.loads(text)
    if message["op"] == "event":
        snapshots[message["topic"]] += message["type"] == "snapshot"
        books[message["topic"]].apply(message)
