"""aiohttp on Rails' WebSocket: the token as sub-protocol, every stream, orders from their entry to their end.

The client is used as its documents say. Its own checks are the framing and the handshake; it hands on every message.
"""

import asyncio
import json
import sys
import uuid
from pathlib import Path
from typing import Any

import aiohttp

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "shared"))

from findings import Tally, arguments, emit, require, run

KEYS = ("demo", "demo2")
STREAMS = "orders,trades,publicTrades,publicOrderBook"
NEEDS = {
    "pong": 1,
    "subscribed": 1,
    "createOrder": 4,
    "modifyOrder": 3,
    "cancelOrder": 2,
    "fillOrder": 1,
    "completedOrdersDelta": 1,
    "publicCompletedOrdersDelta": 1,
    "publicCompletedOrders": 1,
    "publicOrderBook": 1,
    "publicOrderBookDelta": 5,
}


async def token(session: aiohttp.ClientSession, rest: str, key: str) -> str:
    headers = {"X-Api-Key": key, "X-Api-Secret": key}
    async with session.post(f"{rest}/api/v1/token", headers=headers) as response:
        body = await response.json()
        require(response.status == 200 and body["expires_in"] == 1800, f"no token: {body}")
        return str(body["access_token"])


class Conversation:
    """A socket, and what it was told by result type."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, tally: Tally) -> None:
        self.socket = socket
        self.tally = tally
        self.heard: list[dict[str, Any]] = []
        self.news = asyncio.Event()

    async def read(self) -> None:
        async for message in self.socket:
            require(message.type is aiohttp.WSMsgType.TEXT, f"not a text: {message}")
            told = json.loads(message.data)
            self.heard.append(told)
            self.tally.saw(told["resultType"], message.data[:200])
            self.news.set()

    async def ask(self, message: str, status: int = 200, **content: Any) -> dict[str, Any]:
        """Sends a request; the answer to it with this status."""
        number = str(uuid.uuid4())
        await self.socket.send_json({"message": message, "content": {"clientRequestId": number, **content}})
        while True:
            for told in self.heard:
                data = told["data"]
                if isinstance(data, dict) and data.get("clientRequestId") == number:
                    if data.get("statusCode", status) == status:
                        return data
                    require(data["statusCode"] < 400, f"{message}: {data}")
            self.news.clear()
            await asyncio.wait_for(self.news.wait(), 10.0)


async def trade(conversation: Conversation, market: str) -> None:
    """Every request, every workflow."""
    await conversation.ask("ping")
    await conversation.ask("subscribe", subscriptions=STREAMS.split(","))
    book = await conversation.ask("emitPublicOrderBook")
    bids = [row for row in book["orders"] if row["orderType"] == "buy"]
    require(bool(bids), "the book has no bids")
    low = f"{float(bids[0]['price']) * 0.9:.0f}"
    terms = {"orderType": "buy", "tradeType": "limit", "quantity": "0.01"}
    order = await conversation.ask("createOrder", price=low, postOnly=True, **terms)
    changed = await conversation.ask("modifyOrder", 202, orderId=order["order"]["orderId"], quantity="0.02")
    require(changed["order"]["orderStatus"] == "modifying", str(changed))
    accepted = await conversation.ask("createOrder", price=low, **terms)
    number = accepted["order"]["orderId"]
    await conversation.ask("cancelOrder", orderId=number, cancelBy="orderId")
    await conversation.ask("createOrder", orderType="buy", tradeType="market", quantity="0.001")
    await conversation.ask("emitPublicCompletedOrders", limit=10)
    gone = await conversation.ask("cancelOrder", 404, orderId=number, cancelBy="orderId")
    emit("refused", text=gone["body"], market=market)


async def refusals(session: aiohttp.ClientSession, address: str) -> None:
    """A handshake that is refused has its status and its reason."""
    try:
        await session.ws_connect(f"{address}/?market=BTC-USD", protocols=("authorization#nothing",))
    except aiohttp.WSServerHandshakeError as error:
        require(error.status == 401, f"refused with {error.status}")
    else:
        raise ValueError("a connection without a token")


async def sockets(address: str, rest: str, market: str, seconds: float) -> int:
    tally = Tally(NEEDS)
    async with aiohttp.ClientSession() as session:
        await refusals(session, address)
        offered = f"authorization#{await token(session, rest, KEYS[0])}"
        url = f"{address}/?market={market}&subscriptions=orders"
        async with session.ws_connect(url, protocols=(offered,)) as socket:
            require(socket.protocol == offered, "the sub-protocol was not chosen")
            conversation = Conversation(socket, tally)
            reader = asyncio.create_task(conversation.read())
            await asyncio.wait_for(trade(conversation, market), seconds)
            await tally.wait(seconds)
            reader.cancel()
    return tally.verdict()


def main() -> int:
    options = arguments(__doc__ or "", pair="BTC-USD").parse_args()
    return asyncio.run(sockets(options.ws, options.rest, options.pair, options.seconds))


if __name__ == "__main__":
    run(main)
