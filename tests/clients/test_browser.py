"""The `WebSocket` of a real browser on the dialects whose clients are web pages, with the Origin that it sends."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.e2e import rails_client
from tests.e2e.ekiden_client import ALICE, Api
from tests.e2e.rails_client import token_of
from tests.e2e.test_ekiden_node import HOST, LOG_IN, PING_MS, PRINTED
from tests.e2e.world import world

from .browser import BrowserSocket, Page, open_page
from .conftest import GROUPS, NEWEST, Server
from .environments import Say

pytestmark = [pytest.mark.clients, GROUPS[NEWEST]]

STREAMS = ["orders", "trades", "publicTrades", "publicOrderBook"]


@pytest.fixture(scope="module")
def running(servers: Callable[[str], dict[str, Server]]) -> dict[str, Server]:
    """The dialects of a running server."""
    return servers(NEWEST)


async def rails(page: Page, server: Server, token: str, market: str, subscriptions: str = "") -> BrowserSocket:
    address = f"{server.ws}/?market={market}&subscriptions={subscriptions}"
    return await BrowserSocket.open(page, address, f"authorization#{token}")


async def test_every_stream_of_rails_and_orders(running: dict[str, Server], say: Say) -> None:
    token = await token_of(running["rails"].port, "demo")
    async with open_page(say) as page:
        socket = await rails(page, running["rails"], token, "BTC-USD")
        assert socket.protocol == f"authorization#{token}"
        client = rails_client.Client(socket)  # type: ignore[arg-type]
        await client.ask("ping")
        assert (await client.ask("subscribe", subscriptions=STREAMS))["data"]["activeSubscriptions"] == STREAMS
        book = await client.ask("emitPublicOrderBook")
        bid = next(row["price"] for row in book["data"]["orders"] if row["orderType"] == "buy")
        terms = {"orderType": "buy", "tradeType": "limit", "quantity": "0.01", "price": f"{float(bid) * 0.9:.0f}"}
        created = await client.ask("createOrder", postOnly=True, **terms)
        number = created["data"]["order"]["orderId"]
        modified = await client.ask("modifyOrder", orderId=number, quantity="0.02")
        assert modified["data"]["body"] == "original order modified"
        changed = await client.ask("createOrder", **terms)
        await client.ask("cancelOrder", orderId=changed["data"]["order"]["orderId"], cancelBy="orderId")
        await client.ask("cancelOrder", 404, orderId=number, cancelBy="orderId")
        await client.ask("createOrder", orderType="buy", tradeType="market", quantity="0.001")
        for part in ("fillOrder", "completedOrdersDelta", "publicCompletedOrdersDelta", "publicOrderBookDelta"):
            await client.until_text(f'"resultType":"{part}"')
        assert (await client.ask("emitPublicCompletedOrders", limit=5))["data"]["orders"]
        check_order_of_messages(client.messages)
        await client.ask("unsubscribe", subscriptions=STREAMS)
        await client.close()
        assert socket.closed == (1005, "")
        assert page.errors == []


def check_order_of_messages(messages: list[str]) -> None:
    """202 stands before 200 and before whatever the order comes to; fills before their row, that before the public's."""
    read = [json.loads(text) for text in messages]
    filled = next(one["data"]["order"]["orderId"] for one in read if one["resultType"] == "fillOrder")
    mine = [one for one in read if filled in json.dumps(one)]
    assert [one["resultType"] for one in mine] == ["createOrder", "createOrder", "fillOrder", "completedOrdersDelta"]
    assert [one["data"]["statusCode"] for one in mine[:3]] == [202, 200, 200]
    match = mine[3]["data"][0]["matchId"]
    public = next(one for one in read if one["resultType"] == "publicCompletedOrdersDelta" and match in json.dumps(one))
    assert read.index(public) > read.index(mine[3])


async def test_leverage_reaches_every_socket_of_the_page(running: dict[str, Server], say: Say) -> None:
    token = await token_of(running["rails"].port, "demo2")
    async with open_page(say) as page:
        clients = [
            rails_client.Client(await rails(page, running["rails"], token, market, "orders"))  # type: ignore[arg-type]
            for market in ("BTC-USD-PERP", "ALL")
        ]
        await clients[0].ask("updateLeverage", 202, leverage="3")
        for client in clients:
            await client.until_text('"body":"leverage updated successfully"')
        for client in clients:
            await client.close()


@pytest.mark.parametrize("token", ["", "eyJhbGciOiJIUzI1NiJ9.e30.AAAA"])
async def test_a_page_with_a_bad_token_is_refused(token: str, running: dict[str, Server], say: Say) -> None:
    async with open_page(say) as page:
        socket = await rails(page, running["rails"], token, "BTC-USD")
        assert socket.protocol is None
        assert socket.closed == (1006, "")


def ekiden_script(server: Server, path: str = "/ws/public") -> str:
    """The quick start as it is printed, its address and the pause between its pings apart."""
    return PRINTED.replace(HOST, server.ws).replace("/ws/public", path).replace("20_000", PING_MS)


def told(page: Page, *words: Any) -> bool:
    """Whether the page's console was called with these first words."""
    return any(said[: len(words)] == list(words) for said in page.said)


async def test_the_quick_start_of_ekiden(running: dict[str, Server], say: Say) -> None:
    async with open_page(say, ekiden_script(running["ekiden"])) as page:
        await page.until(lambda: told(page, "Subscribed:", ["orderbook.1.BTC-USDC", "trade.BTC-USDC"]))
        await page.until(lambda: told(page, "Topic:", "orderbook.1.BTC-USDC", "Data:"))
        await page.until(lambda: told(page, "Topic:", "trade.BTC-USDC", "Data:"))
        await page.until(lambda: told(page, "Pong:"))
        assert not told(page, "Error:")
        assert page.errors == []


async def test_the_quick_start_of_ekiden_on_the_private_socket(running: dict[str, Server], say: Say) -> None:
    server = running["ekiden"]
    api = Api(server.port, ALICE)
    token = await api.log_in("browser")
    topics = ["order", "position", "execution", "account_balance"]
    async with open_page(say, ekiden_script(server, "/ws/private") + LOG_IN.replace("TOKEN", token)) as page:
        await page.until(lambda: told(page, "Subscribed:", topics))
        order = {"symbol": "BTC-USDC", "side": "Buy", "order_type": "Market", "qty": "0.001"}
        placed = await api.call("POST", "/order/place", order)
        for topic in topics:
            await page.until(lambda topic=topic: told(page, "Topic:", topic, "Data:"))  # type: ignore[misc]
        rows = next(said[3] for said in page.said if said[:2] == ["Topic:", "order"])
        assert rows[0]["order_id"] == placed["order_id"]
        # The page's own subscription is one of the other socket.
        assert told(page, "Error:", "INVALID_TOPIC_FOR_PRIVATE_WS: orderbook.1.BTC-USDC")
        assert page.errors == []


@pytest.mark.parametrize(
    ("setting", "peatio_admits", "ekiden_admits"),
    [
        ("peatio.origins=", True, True),
        ("peatio.origins=PAGE", True, True),
        ("peatio.origins=https://example.org", False, True),
        ("gateway.origins=PAGE", True, True),
        ("gateway.origins=https://example.org", False, False),
    ],
)
async def test_the_origin_of_a_page(setting: str, peatio_admits: bool, ekiden_admits: bool, say: Say) -> None:
    """Without a setting every page may connect; with one, those that it names. A page that may not is told nothing."""
    async with open_page(say) as page:
        setting = setting.replace("PAGE", page.origin)
        async with world("flow.agents=0", "flow.capture=off", setting) as one:
            for name, path, admits in (
                ("peatio", "/public", peatio_admits),
                ("ekiden", "/ws/public", ekiden_admits),
            ):
                socket = await BrowserSocket.open(page, f"ws://127.0.0.1:{one.first.ports[name]}{path}")
                assert (socket.protocol, socket.closed) == (("", None) if admits else (None, (1006, "")))
