"""A Kraken client of our own for end-to-end tests, written from Kraken's document. It imports nothing of polyfeed."""

from __future__ import annotations

import asyncio
import json
import zlib
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

DEADLINE = 30.0


class Client:
    """A connection that keeps every message it got."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.messages: list[str] = []
        self._changed = asyncio.Condition()
        self._reader = asyncio.create_task(self._read())

    @classmethod
    async def open(cls, port: int, **options: Any) -> Client:
        return cls(await connect(f"ws://127.0.0.1:{port}/", max_size=None, ping_interval=None, **options))

    async def _read(self) -> None:
        async for message in self.socket:
            async with self._changed:
                self.messages.append(str(message))
                self._changed.notify_all()

    async def say(self, message: dict[str, Any] | str) -> None:
        await self.socket.send(message if isinstance(message, str) else json.dumps(message))

    async def subscribe(self, pairs: list[str], **subscription: Any) -> None:
        """Subscribes and waits for the acknowledgements."""
        seen = len(self.messages)
        await self.say({"event": "subscribe", "pair": pairs, "subscription": subscription})
        wanted = len(pairs) * (5 if subscription["name"] == "*" else 1)
        await self.until(lambda: sum('"subscribed"' in text for text in self.messages[seen:]) >= wanted)

    async def until(self, condition: Any) -> None:
        """Returns when the condition holds; it is looked at after each message."""
        async with asyncio.timeout(DEADLINE), self._changed:
            await self._changed.wait_for(condition)

    async def until_text(self, part: str) -> None:
        await self.until(lambda: any(part in text for text in self.messages))

    def data(self) -> list[str]:
        """The data messages so far."""
        return [text for text in self.messages if text.startswith("[")]

    async def close(self) -> None:
        await self.socket.close()
        await self._reader


class Book:
    """A book as a client keeps it: applied, cut to its depth, checked by its checksum."""

    def __init__(self, depth: int) -> None:
        self.depth = depth
        self.sides: dict[str, dict[str, str]] = {"a": {}, "b": {}}
        self.checked = 0

    def apply(self, text: str) -> None:
        message = json.loads(text)
        for part in message[1:-2]:
            if "as" in part:
                self.sides = {"a": {}, "b": {}}
                part = {"a": part["as"], "b": part["bs"]}
            for side in ("a", "b"):
                for price, volume, *_ in part.get(side, ()):
                    self.sides[side].pop(price, None)
                    if float(volume):
                        self.sides[side][price] = volume
        for side in ("a", "b"):
            for price in self.top(side)[self.depth :]:
                del self.sides[side][price]
        checksum = message[-3].get("c")
        if checksum is not None:
            assert checksum == self.checksum(), text
            self.checked += 1

    def top(self, side: str) -> list[str]:
        return sorted(self.sides[side], key=float, reverse=side == "b")

    def checksum(self) -> str:
        digits = ""
        for side in ("a", "b"):
            for price in self.top(side)[:10]:
                for number in (price, self.sides[side][price]):
                    digits += number.replace(".", "").lstrip("0")
        return str(zlib.crc32(digits.encode()))
