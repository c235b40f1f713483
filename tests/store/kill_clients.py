"""Clients that trade as fast as they are let, and remember what they were told. They import nothing of polyfeed."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import random
import time
import uuid
from collections import Counter
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

MID = 58_000
OUTSTANDING = 24
"""Requests that a socket client has on their way."""


class Told:
    """What clients were told, by the identifiers of their exchange: orders by the client's own name of them, ends, fills
    as (order, price, size), and the most that an order was said to have filled.
    """

    def __init__(self) -> None:
        self.sent: set[str] = set()
        self.orders: dict[str, str] = {}
        self.cancelled: set[str] = set()
        self.fills: Counter[tuple[str, Decimal, Decimal]] = Counter()
        self.filled: dict[str, Decimal] = {}
        self.answers = 0
        self.refused: Counter[str] = Counter()


class Http:
    """One connection that is kept; calls come one after the other."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def call(self, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, Any]:
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        lines = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{self._port}", f"Content-Length: {len(body)}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        writer.write("\r\n".join([*lines, "", ""]).encode() + body)
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.partition("content-length: ")[2].partition("\r")[0])
        return int(head.split()[1]), json.loads(await reader.readexactly(length))

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()


class Wishes:
    """What a client does next: orders on both sides of one price, so that many of them meet."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        self.resting: list[str] = []

    def order(self) -> tuple[str, str, str]:
        """Side, price and size."""
        price = MID + self._dice.randint(-5, 5)
        return self._dice.choice(("buy", "sell")), str(price), f"0.{self._dice.randint(10, 50):03}"

    def cancel(self) -> str | None:
        """One of the orders that may rest, now and then."""
        if self.resting and self._dice.random() < 0.4:
            return self.resting.pop(self._dice.randrange(len(self.resting)))
        return None


class Bitstamp:
    """REST calls one after the other, and the private channel of the own trades."""

    def __init__(self, port: int, key: str, account: int, told: Told, dice: random.Random) -> None:
        self.http, self._port, self._key, self._account = Http(port), port, key, account
        self._told, self._wishes = told, Wishes(dice)

    async def run(self) -> None:
        _, answer = await self.call("websockets_token", {})
        socket = await connect(f"ws://127.0.0.1:{self._port}/", ping_interval=None)
        channel = f"private-my_trades_btcusd-{self._account}"
        await socket.send(json.dumps({"event": "bts:subscribe", "data": {"channel": channel, "auth": answer["token"]}}))
        reader = asyncio.create_task(self._listen(socket))
        try:
            while True:
                await self._act()
        finally:
            self.http.close()
            await asyncio.gather(reader, socket.close(), return_exceptions=True)

    async def _listen(self, socket: ClientConnection) -> None:
        async for text in socket:
            frame = json.loads(text)
            if frame["event"] == "trade":
                one = frame["data"]
                self._told.fills[one["order_id"], Decimal(one["price"]), Decimal(one["amount"])] += 1

    async def _act(self) -> None:
        gone = self._wishes.cancel()
        if gone is not None:
            _, answer = await self.call("cancel_order", {"id": gone})
            if answer.get("status") == "Canceled":
                self._told.cancelled.add(str(answer["id"]))
            return
        side, price, size = self._wishes.order()
        name = str(uuid.uuid4())
        self._told.sent.add(name)
        _, answer = await self.call(f"{side}/btcusd", {"amount": size, "price": price, "client_order_id": name})
        if "id" in answer:
            self._told.orders[name] = answer["id"]
            self._wishes.resting.append(answer["id"])
        else:
            self._told.refused[str(answer)] += 1

    async def call(self, name: str, fields: dict[str, str]) -> tuple[int, Any]:
        body, path = urlencode(fields), f"/api/v2/{name}/"
        kind = "application/x-www-form-urlencoded" if body else ""
        nonce, ms = str(uuid.uuid4()), str(int(time.time() * 1000))
        signed = f"BITSTAMP {self._key}POST127.0.0.1:{self._port}{path}{kind}{nonce}{ms}v2{body}"
        headers = {
            "X_Auth": f"BITSTAMP {self._key}",
            "X_Auth_Signature": hmac.new(self._key.encode(), signed.encode(), hashlib.sha256).hexdigest(),
            "X_Auth_Nonce": nonce,
            "X_Auth_Timestamp": ms,
            "X_Auth_Version": "v2",
        }
        if kind:
            headers["Content_Type"] = kind
        answer = await self.http.call("POST", path, body.encode(), **headers)
        self._told.answers += 1
        return answer


class Rails:
    """A socket with many requests on their way."""

    def __init__(self, port: int, key: str, told: Told, dice: random.Random) -> None:
        self._port, self._key, self._told, self._dice = port, key, told, dice
        self._wishes = Wishes(dice)

    async def run(self) -> None:
        http = Http(self._port)
        _, answer = await http.call("POST", "/api/v1/token", X_Api_Key=self._key, X_Api_Secret=self._key)
        http.close()
        offered: Any = f"authorization#{answer['access_token']}"
        address = f"ws://127.0.0.1:{self._port}/?market=BTC-USD&subscriptions=orders"
        async with connect(address, subprotocols=[offered], ping_interval=None) as socket:
            for _ in range(OUTSTANDING):
                await self._act(socket)
            async for text in socket:
                message = json.loads(text)
                if self._hear(message["resultType"], message["data"]):
                    await self._act(socket)

    async def _act(self, socket: ClientConnection) -> None:
        name, gone = str(uuid.uuid4()), self._wishes.cancel()
        if gone is None:
            side, price, size = self._wishes.order()
            self._told.sent.add(name)
            content = {"orderType": side, "tradeType": "limit", "price": price, "quantity": size}
            request = {"message": "createOrder", "content": {"clientRequestId": name, **content}}
        else:
            request = {"message": "cancelOrder", "content": {"clientRequestId": name, "orderId": gone}}
        await socket.send(json.dumps(request))

    def _hear(self, kind: str, data: dict[str, Any]) -> bool:
        """Notes what was said; whether it is the answer to a request."""
        order, status, told = data.get("order"), data["statusCode"], self._told
        if status == 202:
            told.answers += 1
            if kind == "createOrder":
                told.orders[data["clientRequestId"]] = order["orderId"]
                self._wishes.resting.append(order["orderId"])
            return True
        if status != 200:
            told.answers += 1
            told.refused[data["body"]] += 1
            return True
        if kind == "cancelOrder":
            told.cancelled.add(order["orderId"])
        number, filled = order["orderId"], Decimal(order["filledQuantity"])
        told.filled[number] = max(filled, told.filled.get(number, Decimal(0)))
        return False


class Ekiden:
    """REST calls one after the other."""

    def __init__(self, port: int, key: str, told: Told, dice: random.Random) -> None:
        self.http, self._told, self._wishes = Http(port), told, Wishes(dice)
        self._bearer = ""
        self._key = Ed25519PrivateKey.from_private_bytes(key.ljust(32, ".").encode())

    async def run(self) -> None:
        try:
            while True:
                await self._act()
        finally:
            self.http.close()

    async def _log_in(self) -> None:
        ms, nonce = int(time.time() * 1000), str(uuid.uuid4())
        fields = {
            "public_key": f"0x{self._key.public_key().public_bytes_raw().hex()}",
            "signature": f"0x{self._key.sign(f'AUTHORIZE|{ms}|{nonce}'.encode()).hex()}",
            "timestamp_ms": ms,
            "nonce": nonce,
        }
        _, answer = await self.http.call("POST", "/api/v1/authorize", json.dumps(fields).encode())
        self._bearer = f"Bearer {answer['token']}"

    async def _act(self) -> None:
        gone = self._wishes.cancel()
        if gone is not None:
            status, answer = await self.call("cancel", {"order_id": gone})
            if status == 200:
                self._told.cancelled.add(gone)
            return
        side, price, size = self._wishes.order()
        name = str(uuid.uuid4())
        self._told.sent.add(name)
        order = {"symbol": "BTC-USD", "side": side.title(), "order_type": "Limit", "qty": size, "price": price}
        status, answer = await self.call("place", {**order, "order_link_id": name})
        if status == 200:
            self._told.orders[name] = answer["order_id"]
            self._wishes.resting.append(answer["order_id"])
        else:
            self._told.refused[str(answer)] += 1

    async def call(self, name: str, fields: dict[str, str]) -> tuple[int, Any]:
        if not self._bearer:
            await self._log_in()
        body = json.dumps(fields).encode()
        answer = await self.http.call("POST", f"/api/v1/order/{name}", body, Authorization=self._bearer)
        self._told.answers += 1
        return answer


async def trade(ports: dict[str, int], seed: int, told: dict[str, Told]) -> None:
    """All clients at once, until each has lost its server."""
    dice = [random.Random(f"{seed} {number}") for number in range(8)]
    clients = [
        Bitstamp(ports["bitstamp"], "demo", 1001, told["bitstamp"], dice[0]),
        Bitstamp(ports["bitstamp"], "demo2", 1002, told["bitstamp"], dice[1]),
        Ekiden(ports["ekiden"], "demo", told["ekiden"], dice[2]),
        Ekiden(ports["ekiden"], "demo2", told["ekiden"], dice[3]),
        *(Rails(ports["rails"], key, told["rails"], dice[4 + n]) for n, key in enumerate(("demo", "demo2") * 2)),
    ]
    results = await asyncio.gather(*(one.run() for one in clients), return_exceptions=True)
    for result in results:
        if not isinstance(result, OSError | EOFError | WebSocketException):
            raise result if isinstance(result, BaseException) else RuntimeError("a client ended by itself")
