"""A client of Bitstamp, as its documentation has it: a public channel, and a signed order of the demo's user bob."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
import urllib.request
import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from websockets.asyncio.client import connect

KEY = SECRET = "demo2"
DEADLINE = 60.0


class Client:
    """Hears one channel."""

    def __init__(self, port: int, channel: str) -> None:
        self._channel = channel
        self._connecting = connect(f"ws://127.0.0.1:{port}/")

    async def __aenter__(self) -> Client:
        self._socket = await self._connecting.__aenter__()
        await self._socket.send(json.dumps({"event": "bts:subscribe", "data": {"channel": self._channel}}))
        await self.until(lambda one: one["event"] == "bts:subscription_succeeded")
        return self

    async def __aexit__(self, *failure: Any) -> None:
        await self._socket.close()

    async def until(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The next message that is wanted."""
        async with asyncio.timeout(DEADLINE):
            while True:
                message: dict[str, Any] = json.loads(await self._socket.recv())
                if wanted(message):
                    return message

    async def event(self, name: str) -> dict[str, Any]:
        """The data of the next event of a name."""
        data: dict[str, Any] = (await self.until(lambda one: one["event"] == name))["data"]
        return data


async def sell(port: int, market: str, amount: str, price: str) -> dict[str, Any]:
    """Sends bob's limit order; the reply."""
    body, path, host = urlencode({"amount": amount, "price": price}), f"/api/v2/sell/{market}/", f"127.0.0.1:{port}"
    nonce, timestamp, content_type = (
        str(uuid.uuid4()),
        str(time.time_ns() // 1_000_000),
        "application/x-www-form-urlencoded",
    )
    text = f"BITSTAMP {KEY}POST{host}{path}{content_type}{nonce}{timestamp}v2{body}"
    headers = {
        "X-Auth": f"BITSTAMP {KEY}",
        "X-Auth-Signature": hmac.new(SECRET.encode(), text.encode(), hashlib.sha256).hexdigest(),
        "X-Auth-Nonce": nonce,
        "X-Auth-Timestamp": timestamp,
        "X-Auth-Version": "v2",
        "Content-Type": content_type,
    }
    request = urllib.request.Request(f"http://{host}{path}", body.encode(), headers)

    def send() -> dict[str, Any]:
        with urllib.request.urlopen(request, timeout=DEADLINE) as answer:
            reply: dict[str, Any] = json.load(answer)
            return reply

    return await asyncio.to_thread(send)
