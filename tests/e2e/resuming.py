"""A client of any dialect that is told how far it has heard. It imports nothing of polyfeed."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from tests.e2e.rails_client import token_of

PLACES: dict[str, tuple[str, dict[str, Any] | None, str]] = {
    "kraken": (
        "/?",
        {"event": "subscribe", "pair": ["XBT/USD"], "subscription": {"name": "book"}},
        '"book-10","XBT/USD"]',
    ),
    "bitstamp": ("/?", {"event": "bts:subscribe", "data": {"channel": "live_orders_btcusd"}}, '"order_'),
    "peatio": ("/?stream=btcusd.ob-inc&", None, '{"btcusd.ob-'),
    "rails": ("/?market=BTC-USD&subscriptions=publicOrderBook&", None, '"publicOrderBookDelta"'),
    "ekiden": ("/ws/public?", {"op": "subscribe", "args": ["orderbook.50.BTC-USD"]}, '"op":"event"'),
}
"""Of each dialect where to connect, what to say, and what its events of the one channel have in them."""


class Heard:
    """A connection that keeps what it got."""

    def __init__(self, socket: ClientConnection, mark: str) -> None:
        self.socket = socket
        self.messages: list[str] = []
        self._mark = mark
        self._changed = asyncio.Condition()
        self._reader = asyncio.create_task(self._read())

    @classmethod
    async def open(cls, dialect: str, port: int, place: str = "") -> Heard:
        path, request, mark = PLACES[dialect]
        path += f"polyfeed_resume={place}" if place else ""
        protocols: Any = [f"authorization#{await token_of(port, 'demo')}"] if dialect == "rails" else None
        one = cls(await connect(f"ws://127.0.0.1:{port}{path}", subprotocols=protocols, max_size=None), mark)
        if request is not None:
            await one.socket.send(json.dumps(request))
        return one

    async def _read(self) -> None:
        async for message in self.socket:
            async with self._changed:
                self.messages.append(str(message))
                self._changed.notify_all()

    async def until(self, condition: Any) -> None:
        async with asyncio.timeout(30), self._changed:
            await self._changed.wait_for(condition)

    async def until_offset(self) -> None:
        await self.until(lambda: any("offset" in one for one in self.ours()))

    def ours(self) -> list[dict[str, Any]]:
        return [json.loads(text)["polyfeed"] for text in self.messages if text.startswith('{"polyfeed"')]

    def place(self) -> str:
        last = [one for one in self.ours() if "offset" in one][-1]
        return f"{last['epoch']}.{last['offset']}"

    def events(self) -> list[str]:
        """The channel's messages; up to the last offset where it is told of any."""
        offsets = [n for n, text in enumerate(self.messages) if '"offset"' in text]
        return [text for text in self.messages[: offsets[-1] if offsets else None] if self._mark in text]

    async def cut(self) -> list[str]:
        """Ends without a goodbye; its events."""
        self.socket.transport.abort()
        await asyncio.gather(self._reader, return_exceptions=True)
        return self.events()

    async def close(self) -> None:
        await self.socket.close()
        await self._reader
