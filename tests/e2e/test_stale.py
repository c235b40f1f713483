"""A gateway that misses batches, is stalled, begins anew and recovers, beside one that has missed nothing."""

from __future__ import annotations

import asyncio
import json
import urllib.error
import urllib.request
from email.message import Message
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from polyfeed.app.gateway_role import GatewayRole
from polyfeed.dialects.registry import DIALECTS
from polyfeed.model.commands import SetInstrumentStatus, SetSystemStatus
from polyfeed.model.enums import InstrumentStatus, Refusal
from tests.e2e import ekiden_client, kraken_client, rails_client
from tests.e2e.test_ekiden import events, meanwhile, settled
from tests.e2e.test_peatio import Client as PeatioClient
from tests.e2e.test_rails_two_gateways import during
from tests.e2e.test_two_gateways import after, mark
from tests.e2e.world import HISTORY, World, world

PAIRS = ["XBT/USD", "ETH/EUR", "ADA/XBT"]
DEPTHS = (10, 25, 100, 500, 1000)
SOCKETS = {"kraken": "/", "bitstamp": "/", "peatio": "/", "rails": "/", "ekiden": "/ws/public"}
QUIET = ("flow.agents=0", "flow.capture=off")


def alone(*names: str) -> list[str]:
    return [f"{name}.enabled=false" for name in DIALECTS if name not in names]


def lower(headers: Message) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


async def fetch(port: int, path: str) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of a GET."""

    def call() -> tuple[int, dict[str, str], bytes]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=30) as answer:
                return answer.status, lower(answer.headers), answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, lower(error.headers), error.read()

    return await asyncio.to_thread(call)


# --- Kraken ---------------------------------------------------------------------------------------------------------


async def books(port: int) -> kraken_client.Client:
    """A client of everything that a snapshot mends."""
    client = await kraken_client.Client.open(port)
    for depth in DEPTHS:
        await client.subscribe(PAIRS, name="book", depth=depth)
    for name in ("ticker", "spread", "ohlc"):
        await client.subscribe(PAIRS, name=name)
    return client


def kept(client: kraken_client.Client) -> dict[tuple[int, str], kraken_client.Book]:
    """The books as the client keeps them; each message is checked against its checksum."""
    found = {}
    for depth in DEPTHS:
        for pair in PAIRS:
            book = found[depth, pair] = kraken_client.Book(depth)
            for text in client.data():
                if text.endswith(f'"book-{depth}","{pair}"]'):
                    book.apply(text)
    return found


def while_behind(client: kraken_client.Client) -> list[str]:
    """The data messages from the word that the feed is behind to the word that it is not."""
    start = next(place for place, text in enumerate(client.messages) if '"maintenance"' in text)
    end = next(place for place, text in enumerate(client.messages) if place > start and '"online"' in text)
    return [text for text in client.messages[start:end] if text.startswith("[")]


@pytest.mark.slow
@pytest.mark.parametrize("profile", ["0.2.0", "1.x"])
async def test_krakens_clients_are_told_and_healed(profile: str) -> None:
    async with world(f"kraken.profile={profile}", "flow.agents=5", *alone("kraken")) as one:
        await one.pass_time(2)
        early = await books(one.first.ports["kraken"])
        role, line = await one.distant_gateway()
        late = await books(role.ports["kraken"])
        await one.pass_time(1)
        line.cut = True
        await one.pass_time(1)
        role.stall("no batch for 3 s")
        await late.until_text('"maintenance"')
        newcomer = await books(role.ports["kraken"])
        assert '"maintenance"' in newcomer.messages[0]
        await one.pass_time(1)
        port = role.ports["kraken"]
        assert await fetch(port, "/0/public/Depth?pair=XBTUSD") == await fetch(port, "/0/public/Ticker?pair=XBTUSD")
        assert json.loads((await fetch(port, "/0/public/Depth?pair=XBTUSD"))[2]) == {"error": ["EService:Unavailable"]}
        assert json.loads((await fetch(port, "/0/public/SystemStatus"))[2])["result"]["status"] == "maintenance"
        assert line.lost > 100

        role.resync(one.image_for(role), HISTORY)
        line.cut = False
        role.recover()
        await mark(one, "mended", early, late, newcomer)
        assert while_behind(newcomer) == [], "nothing old is shown to newcomers"
        assert while_behind(late) == [], "nothing came, and the snapshots come with the word that it is over"
        await one.pass_time(2)
        await mark(one, "end", early, late, newcomer)
        assert after(early, "mended") == after(late, "mended") == after(newcomer, "mended")
        assert len(after(early, "mended")) > 100
        wanted = {name: book.sides for name, book in kept(early).items()}
        for client in (late, newcomer):
            found = kept(client)
            assert {name: book.sides for name, book in found.items()} == wanted
            assert all(book.checked for name, book in found.items() if name[1] != "ADA/XBT")
        assert one.first.gateway.market.state_hash() == role.gateway.market.state_hash()
        assert one.first.gateway.accounts.state_hash() == role.gateway.accounts.state_hash()
        for client in (early, late, newcomer):
            await client.close()


async def test_a_stall_without_a_hole_goes_on_as_it_was() -> None:
    async with world("flow.agents=5", *alone("kraken")) as one:
        await one.pass_time(0.5)
        role = await one.another_gateway()
        early, late = await books(one.first.ports["kraken"]), await books(role.ports["kraken"])
        await mark(one, "start", early, late)
        role.stall("behind")
        await one.pass_time(0.5)
        role.recover()
        await mark(one, "end", early, late)
        assert after(early, "start") == after(late, "start")
        for client in (early, late):
            await client.close()


# --- those who are closed -------------------------------------------------------------------------------------------

ENDS = {"bitstamp": (1001, "reconnect")}
BEHIND = (1013, "the feed is behind: try again later")
CALLS = {"bitstamp": "/api/v2/order_book/btcusd/", "rails": "/api/v1/markets", "ekiden": "/api/v1/market/tickers"}


async def open_socket(role: GatewayRole, name: str) -> Any:
    options: dict[str, Any] = {"ping_interval": None}
    path = SOCKETS[name]
    if name == "rails":
        token = await rails_client.token_of(role.ports["rails"], "demo")
        path, options["subprotocols"] = "/?market=BTC-USD&subscriptions=publicOrderBook", [f"authorization#{token}"]
    return await connect(f"ws://127.0.0.1:{role.ports[name]}{path}", **options)


@pytest.mark.parametrize("name", ["bitstamp", "peatio", "rails", "ekiden"])
async def test_who_has_no_word_for_it_is_closed_and_turned_away(name: str) -> None:
    async with world(*QUIET, "bitstamp.reconnect_seconds=0.2", *alone(name)) as one:
        role = one.first
        await one.pass_time(0.1)
        client = await open_socket(role, name)
        options = {"subprotocols": [client.subprotocol]} if client.subprotocol else {}
        role.stall("the bus is away")
        heard = []
        with pytest.raises(ConnectionClosed):
            async with asyncio.timeout(10):
                while True:
                    heard.append(await client.recv())
        assert (client.close_code, client.close_reason) == ENDS.get(name, BEHIND)
        assert any("request_reconnect" in text for text in heard) == (name == "bitstamp")
        url = f"ws://127.0.0.1:{role.ports[name]}{SOCKETS[name]}"
        with pytest.raises(InvalidStatus) as refused:
            await connect(url, **options)
        assert refused.value.response.status_code == 503
        assert refused.value.response.headers["Retry-After"] == "1"
        if name in CALLS:
            status, headers, body = await fetch(role.ports[name], CALLS[name])
            assert status == 503
            assert headers["retry-after"] == "1"
            json.loads(body)
        assert role.trouble == "the bus is away"
        role.recover()
        assert role.trouble == ""
        again = await open_socket(role, name)
        await again.close()
        if name in CALLS:
            assert (await fetch(role.ports[name], CALLS[name]))[0] == 200


# --- those whose channels are healed --------------------------------------------------------------------------------


@pytest.mark.slow
async def test_ekidens_numbers_go_on_as_if_nothing_had_been_missed() -> None:
    topics = [
        f"{name}.{pair}" for pair in ("BTC-USD", "BTC-USDC") for name in ("orderbook.1", "orderbook.50", "ticker")
    ]
    async with world("flow.agents=5", "ekiden.message_rate=0", *alone("ekiden")) as one:
        await one.pass_time(2)
        role, line = await one.distant_gateway()
        early, late = [await ekiden_client.Client.open(each.ports["ekiden"]) for each in (one.first, role)]
        trades = await ekiden_client.Client.open(role.ports["ekiden"])
        await trades.subscribe("trade.BTC-USD")
        for client in (early, late):
            await client.subscribe(*topics)
        await one.pass_time(1)
        line.cut = True
        await one.pass_time(1)
        role.resync(one.image_for(role), HISTORY)
        line.cut = False
        resynced = one.time // 1000
        await asyncio.wait_for(trades.socket.wait_closed(), 10)
        assert (trades.socket.close_code, trades.socket.close_reason) == (
            1013,
            "messages were lost: reconnect and subscribe again",
        )
        await one.pass_time(2)
        await settled(one, early, late)
        assert events(early, resynced) == events(late, resynced)
        assert len(events(early, resynced)) > 50
        for topic in topics:
            if topic.startswith("orderbook"):
                found = []
                for client in (early, late):
                    book = ekiden_client.Book(topic)
                    for event in client.of(topic):
                        book.apply(event)  # which asserts that no number is missing
                    found.append((book.seq, book.sides))
                assert found[0] == found[1]
        for client in (early, late):
            await client.close()


@pytest.mark.slow
async def test_peatios_sequences_go_on_as_if_nothing_had_been_missed() -> None:
    async with world("flow.agents=5", *alone("peatio")) as one:
        await one.pass_time(2)
        role, line = await one.distant_gateway()
        streams = "stream=btcusd.ob-inc&stream=btcusd.kline-1m&stream=global.tickers"
        early, late = [
            PeatioClient(await connect(f"ws://127.0.0.1:{each.ports['peatio']}/?{streams}", ping_interval=None))
            for each in (one.first, role)
        ]
        await one.pass_time(1)
        line.cut = True
        await one.pass_time(1)
        told = await late.mark()
        role.resync(one.image_for(role), HISTORY)
        line.cut = False
        starts = [await early.mark(), await late.mark()]
        assert any("btcusd.ob-snap" in text for text in late.messages[told:])
        await one.pass_time(6)
        await asyncio.gather(early.mark(), late.mark())
        said, again = (
            [text for text in client.messages[start:] if text != "pong"]
            for client, start in zip((early, late), starts, strict=True)
        )
        assert said == again
        assert len(said) > 50
        sequence = None
        for text in late.messages[told:]:
            for name, body in (json.loads(text) if text != "pong" else {}).items():
                if name.startswith("btcusd.ob"):
                    assert sequence is None or body["sequence"] == sequence + 1
                    sequence = body["sequence"]
        for client in (early, late):
            await client.socket.close()


# --- commands -------------------------------------------------------------------------------------------------------


async def test_orders_of_a_connection_that_was_closed_are_cancelled_when_the_venue_is_back() -> None:
    async with world(*QUIET, "rails.limits=false", *alone("rails")) as one:
        role, line = await one.distant_gateway()
        watcher = await rails_client.Client.open(one.first.ports["rails"], subscriptions="orders")
        client = await rails_client.Client.open(role.ports["rails"], cancelOnDisconnect="true")
        order = {"orderType": "buy", "tradeType": "limit", "price": "9000", "quantity": "0.5"}
        await during(one, client.ask("createOrder", **order))
        line.cut = True
        role.stall("the bus is away")
        await asyncio.wait_for(client.socket.wait_closed(), 10)
        while role.gateway.fans["rails"].connections:
            await asyncio.sleep(0.001)
        await one.pass_time(0.5)
        assert not any('"order cancelled"' in text for text in watcher.messages)
        role.resync(one.image_for(role), HISTORY)
        line.cut = False
        role.recover()
        async with asyncio.timeout(10):
            while not any('"order cancelled"' in text for text in watcher.messages):
                await one.pass_time(0.02)
        await watcher.close()


async def test_an_order_whose_outcome_was_missed_ends_with_its_connection() -> None:
    async with world(*QUIET, "rails.limits=false", *alone("rails")) as one:
        role, line = await one.distant_gateway()
        watcher = await rails_client.Client.open(one.first.ports["rails"], subscriptions="orders")
        client = await rails_client.Client.open(role.ports["rails"], cancelOnDisconnect="true")
        line.cut = True
        order = {"orderType": "buy", "tradeType": "limit", "price": "9000", "quantity": "0.5"}
        await client.say("createOrder", **order)
        async with asyncio.timeout(10):
            while not one.image_for(role).last_number:
                await one.pass_time(0.02)
                await asyncio.sleep(0.001)
        await watcher.until_text('"order accepted"')
        role.resync(one.image_for(role), HISTORY)
        line.cut = False
        await asyncio.wait_for(client.socket.wait_closed(), 10)
        with pytest.raises(ConnectionClosed, match="messages were lost"):
            await client.close()
        async with asyncio.timeout(10):
            while not any('"order cancelled"' in text for text in watcher.messages):
                await one.pass_time(0.02)
        await watcher.close()


async def test_the_outcome_that_was_missed_is_not_made_up() -> None:
    async with world(*QUIET, "ekiden.message_rate=0", *alone("ekiden")) as one:
        role, line = await one.distant_gateway()
        api = ekiden_client.Api(role.ports["ekiden"], ekiden_client.ALICE)
        await api.log_in()
        line.cut = True
        order = {"symbol": "BTC-USD", "side": "Buy", "order_type": "Limit", "qty": "0.1", "price": "9000"}
        call = asyncio.create_task(api.call("POST", "/order/place", order))
        async with asyncio.timeout(10):
            while not one.image_for(role).last_number:
                await one.pass_time(0.02)
                await asyncio.sleep(0.001)
        assert not call.done()
        role.resync(one.image_for(role), HISTORY)
        line.cut = False
        answer = await call
        assert (answer["status"], answer["error_code"]) == (503, 2005)
        assert answer["message"] == str(Refusal.OUTCOME_UNKNOWN)
        listed = await meanwhile(one, api.call("GET", "/order/realtime?symbol=BTC-USD"))
        assert [one["price"] for one in listed["list"]] == ["9000"], "it was taken"
        role.stall("the bus is away")
        answer = await api.call("POST", "/order/place", order)
        assert (answer["status"], answer["message"]) == (503, str(Refusal.VENUE_AWAY))
        role.recover()
        answer = await meanwhile(one, api.call("POST", "/order/place", order))
        assert "order_id" in answer


def instrument_of(one: World, symbol: str) -> int:
    state = one.first.gateway.market.by_symbol("kraken", symbol)
    assert state is not None
    return state.instrument.id


async def test_what_happened_meanwhile_to_a_halted_market_is_heard() -> None:
    async with world(*QUIET, *alone("kraken")) as one:
        role, line = await one.distant_gateway()
        client = await kraken_client.Client.open(role.ports["kraken"])
        await client.subscribe(["XBT/USD"], name="book")
        line.cut = True
        await one.command(SetInstrumentStatus(instrument_of(one, "XBT/USD"), InstrumentStatus.HALTED))
        await one.command(SetSystemStatus("limit_only"))
        role.resync(one.image_for(role), HISTORY)
        line.cut = False
        await client.until_text('"limit_only"')
        await client.until_text('"unsubscribed"')
        await client.close()
