"""A Rails client of our own for end-to-end tests, written from Rails' documents. It imports nothing of polyfeed."""

from __future__ import annotations

import asyncio
import json
import uuid
from typing import Any
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from websockets.asyncio.client import ClientConnection, connect

DEADLINE = 30.0
EVERYTHING = "orders,trades,publicTrades,publicOrderBook"


def call(port: int, method: str, path: str, **headers: str) -> Any:
    """A REST call; the JSON body."""
    request = Request(f"http://127.0.0.1:{port}{path}", method=method, headers=headers)
    with urlopen(request, timeout=DEADLINE) as response:
        return json.loads(response.read())


async def token_of(port: int, key: str) -> str:
    """An access token for a demo key, whose secret is its name."""
    headers = {"X-Api-Key": key, "X-Api-Secret": key}
    body = await asyncio.to_thread(call, port, "POST", "/api/v1/token", **headers)
    return str(body["access_token"])


class Client:
    """A connection that keeps every message it got."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.messages: list[str] = []
        self._changed = asyncio.Condition()
        self._reader = asyncio.create_task(self._read())

    @classmethod
    async def open(
        cls, port: int, key: str = "demo", market: str = "BTC-USD", subscriptions: str = EVERYTHING, **query: str
    ) -> Client:
        token = await token_of(port, key)
        given = urlencode({"market": market, "subscriptions": subscriptions, **query})
        address = f"ws://127.0.0.1:{port}/?{given}"
        offered = f"authorization#{token}"
        socket = await connect(address, subprotocols=[offered], max_size=None, ping_interval=None)  # type: ignore[list-item]
        assert socket.subprotocol == offered
        return cls(socket)

    async def _read(self) -> None:
        async for message in self.socket:
            async with self._changed:
                self.messages.append(str(message))
                self._changed.notify_all()

    async def say(self, message: str, **content: Any) -> str:
        """Sends a request; its clientRequestId."""
        number = str(uuid.uuid4())
        await self.socket.send(json.dumps({"message": message, "content": {"clientRequestId": number, **content}}))
        return number

    async def ask(self, message: str, status: int = 200, **content: Any) -> dict[str, Any]:
        """Sends a request; the reply or confirmation with this status."""
        number = await self.say(message, **content)

        def answers() -> list[dict[str, Any]]:
            found = [json.loads(text) for text in self.messages if number in text]
            return [
                one
                for one in found
                if one["data"].get("clientRequestId") == number and one["data"].get("statusCode", 200) == status
            ]

        await self.until(lambda: bool(answers()))
        return answers()[0]

    async def until(self, condition: Any) -> None:
        """Returns when the condition holds; it is looked at after each message."""
        async with asyncio.timeout(DEADLINE), self._changed:
            await self._changed.wait_for(condition)

    async def until_text(self, part: str) -> None:
        await self.until(lambda: any(part in text for text in reversed(self.messages)))

    async def close(self) -> None:
        await self.socket.close()
        await self._reader


class Book:
    """A book as the documents have a client keep it: deltas count from the snapshot on that was asked for."""

    def __init__(self) -> None:
        self.begun = False
        self.sides: dict[str, dict[str, str]] = {"sell": {}, "buy": {}}

    def apply(self, message: dict[str, Any]) -> None:
        """A `publicOrderBook` or a `publicOrderBookDelta`."""
        if message["resultType"] == "publicOrderBook":
            self.begun = True
            self.sides = {"sell": {}, "buy": {}}
        if self.begun:
            for row in message["data"]["orders"]:
                levels = self.sides[row["orderType"]]
                if row["quantity"] == "0":
                    del levels[row["price"]]
                else:
                    levels[row["price"]] = row["quantity"]
