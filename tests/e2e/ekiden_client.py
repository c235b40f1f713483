"""An Ekiden client for end-to-end tests, written from Ekiden's documents. It imports nothing of polyfeed."""

from __future__ import annotations

import asyncio
import json
import time
import urllib.error
import urllib.request
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from websockets.asyncio.client import ClientConnection, connect

DEADLINE = 30.0

ALICE = Ed25519PrivateKey.from_private_bytes(b"demo............................")
BOB = Ed25519PrivateKey.from_private_bytes(b"demo2...........................")


class Client:
    """A connection that keeps every message it got."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.messages: list[str] = []
        self._changed = asyncio.Condition()
        self._reader = asyncio.create_task(self._read())

    @classmethod
    async def open(cls, port: int, path: str = "/ws/public", **options: Any) -> Client:
        options = {"ping_interval": None, **options}
        return cls(await connect(f"ws://127.0.0.1:{port}{path}", max_size=None, **options))

    async def _read(self) -> None:
        async for message in self.socket:
            async with self._changed:
                self.messages.append(str(message))
                self._changed.notify_all()

    async def say(self, **message: Any) -> None:
        await self.socket.send(json.dumps(message))

    async def subscribe(self, *topics: str) -> None:
        """Subscribes and waits for the acknowledgement."""
        number = len(self.messages)
        await self.say(op="subscribe", args=list(topics), req_id=number)
        await self.until_text(f'"req_id":{number}}}')

    async def until_text(self, part: str) -> str:
        """The first message that has the text in it, which may be there already."""
        async with asyncio.timeout(DEADLINE), self._changed:
            await self._changed.wait_for(lambda: any(part in text for text in self.messages))
        return next(text for text in self.messages if part in text)

    def of(self, topic: str) -> list[dict[str, Any]]:
        """The events of a topic so far."""
        read = (json.loads(text) for text in self.messages if f'"topic":"{topic}"' in text)
        return [message for message in read if message["op"] == "event"]

    async def close(self) -> None:
        await self.socket.close()
        await self._reader


class Api:
    """REST calls of one user, each in a thread of its own."""

    def __init__(self, port: int, key: Ed25519PrivateKey) -> None:
        self._base = f"http://127.0.0.1:{port}/api/v1"
        self._key = key
        self.token = ""

    async def log_in(self, nonce: str = "first") -> str:
        ms = int(time.time() * 1000)
        fields = {
            "public_key": f"0x{self._key.public_key().public_bytes_raw().hex()}",
            "signature": f"0x{self._key.sign(f'AUTHORIZE|{ms}|{nonce}'.encode()).hex()}",
            "timestamp_ms": ms,
            "nonce": nonce,
        }
        answer = await self.call("POST", "/authorize", fields)
        self.token = str(answer["token"])
        return self.token

    async def call(self, method: str, path: str, fields: dict[str, Any] | None = None) -> dict[str, Any]:
        return await asyncio.to_thread(self._call, method, path, fields)

    def _call(self, method: str, path: str, fields: dict[str, Any] | None) -> dict[str, Any]:
        data = None if fields is None else json.dumps(fields).encode()
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        request = urllib.request.Request(self._base + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=DEADLINE) as answer:
                found: dict[str, Any] = json.loads(answer.read())
        except urllib.error.HTTPError as error:
            with error:
                found = {"status": error.code, **json.loads(error.read())}
        return found


class Book:
    """A book as the documents have a client keep it."""

    def __init__(self, topic: str) -> None:
        self.topic = topic
        self.seq = -1
        self.sides: dict[str, dict[str, str]] = {"a": {}, "b": {}}

    def apply(self, event: dict[str, Any]) -> None:
        data = event["data"]
        if event["type"] == "snapshot":
            self.sides = {"a": {}, "b": {}}
        else:
            assert data["seq"] == self.seq + 1, "a gap"
        self.seq = data["seq"]
        for side, levels in self.sides.items():
            for price, size in data[side]:
                if size == "0":
                    del levels[price]
                else:
                    levels[price] = size

    def rows(self, side: str) -> list[list[str]]:
        """Best first."""
        ordered = sorted(self.sides[side].items(), key=lambda row: float(row[0]), reverse=side == "b")
        return [list(row) for row in ordered]
