"""Clients that trade at a pace, and remember what they were told. They import nothing of polyfeed."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import itertools
import json
import random
import time
import uuid
from collections import Counter
from collections.abc import Callable, Coroutine
from decimal import Decimal
from functools import partial
from typing import Any, NamedTuple, Never
from urllib.parse import urlencode

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

RATE = 2000
"""Requests that all clients together mean to send in a second: orders, and cancellations of three in ten or so."""
SOCKETS, CALLERS = 4, 10
"""Sockets of Rails; connections for REST calls of Bitstamp, and of Ekiden."""
SOCKET_SHARE = 0.75
AGAIN_SECONDS = 0.1
"""Until what was refused is asked for again, where nothing goes on without it."""

LEFT = (OSError, EOFError, WebSocketException)
"""How a client ends that has lost its server."""


class Traded(NamedTuple):
    """A market by the name that Rails and Ekiden have for it, the price that orders are around, and how their sizes
    begin.
    """

    name: str
    mid: int
    size: str


BUSY = Traded("BTC-USD", 58_000, "0.000")
QUIET = Traded("ETH-USD", 2_090, "0.0")


UNCERTAIN = "not known"
"""In the answer to a command that may have been carried out, in each dialect's words."""


class Told:
    """What clients were told, by the identifiers of their exchange: orders by the client's own name of them, those that
    were refused, ends, fills as (order, price, size), and the most that an order was said to have filled. `first` and
    `last` are when they asked.
    """

    def __init__(self) -> None:
        self.sent: set[str] = set()
        self.orders: dict[str, str] = {}
        self.denied: set[str] = set()
        self.cancelled: set[str] = set()
        self.fills: Counter[tuple[str, Decimal, Decimal]] = Counter()
        self.filled: dict[str, Decimal] = {}
        self.first = self.last = 0.0
        self.requests = self.answers = 0
        self.refused: Counter[str] = Counter()

    def refuse(self, name: str, why: str) -> None:
        """An order was answered so, and not taken."""
        self.refused[why] += 1
        if UNCERTAIN not in why:
            self.denied.add(name)

    def asked(self) -> None:
        """A request is sent now."""
        self.last = time.monotonic()
        self.first = self.first or self.last
        self.requests += 1


class Pace:
    """Turns at a rate, fixed beforehand: who is late does not wait."""

    def __init__(self, rate: float) -> None:
        self._step = 1 / rate
        self._next = time.monotonic() + random.random() * self._step

    async def turn(self) -> None:
        wait = self._next - time.monotonic()
        self._next += self._step
        await asyncio.sleep(max(wait, 0))


class Http:
    """One connection that is kept; calls come one after the other."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def call(self, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, Any]:
        status, answer = await self.ask(method, path, body, **headers)
        return status, json.loads(answer)

    async def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, bytes]:
        """The same, with the answer as it came."""
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        lines = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{self._port}", f"Content-Length: {len(body)}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        writer.write("\r\n".join([*lines, "", ""]).encode() + body)
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.partition("content-length: ")[2].partition("\r")[0])
        return int(head.split()[1]), await reader.readexactly(length)

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()


class Wishes:
    """What a client does next: orders on both sides of one price, so that many of them meet."""

    def __init__(self, dice: random.Random, market: Traded = BUSY) -> None:
        self._dice, self._market = dice, market
        self.resting: list[str] = []

    def order(self) -> tuple[str, str, str]:
        """Side, price and size."""
        price = self._market.mid + self._dice.randint(-5, 5)
        return self._dice.choice(("buy", "sell")), str(price), f"{self._market.size}{self._dice.randint(2, 9)}"

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

    async def run(self, pace: Pace) -> None:
        """Calls alone."""
        try:
            while True:
                await pace.turn()
                await self._act()
        finally:
            self.http.close()

    async def listen(self) -> None:
        """The channel alone, once everything that rests has been cancelled: no money stays locked for good."""
        _, gone = await self.call("cancel_all_orders", {})
        while "canceled" not in gone:
            self._told.refused[str(gone)] += 1
            await asyncio.sleep(AGAIN_SECONDS)
            _, gone = await self.call("cancel_all_orders", {})
        self._told.cancelled |= {str(order["id"]) for order in gone["canceled"]}
        _, answer = await self.call("websockets_token", {})
        socket = await connect(f"ws://127.0.0.1:{self._port}/", ping_interval=None)
        channel = f"private-my_trades_btcusd-{self._account}"
        await socket.send(json.dumps({"event": "bts:subscribe", "data": {"channel": channel, "auth": answer["token"]}}))
        self.http.close()
        async for text in socket:
            frame = json.loads(text)
            if frame["event"] == "trade":
                one = frame["data"]
                self._told.fills[one["order_id"], Decimal(one["price"]), Decimal(one["amount"])] += 1
        raise ConnectionError("the server has gone")

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
            self._told.refuse(name, str(answer))

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
        self._told.asked()
        answer = await self.http.call("POST", path, body.encode(), **headers)
        self._told.answers += 1
        return answer


class Rails:
    """A socket on which requests do not wait for each other."""

    def __init__(self, port: int, key: str, told: Told, dice: random.Random) -> None:
        self._port, self._key, self._told, self._dice = port, key, told, dice
        self._wishes = Wishes(dice)

    async def run(self, pace: Pace) -> None:
        http = Http(self._port)
        _, answer = await http.call("POST", "/api/v1/token", X_Api_Key=self._key, X_Api_Secret=self._key)
        http.close()
        offered: Any = f"authorization#{answer['access_token']}"
        address = f"ws://127.0.0.1:{self._port}/?market=BTC-USD&subscriptions=orders"
        async with connect(address, subprotocols=[offered], ping_interval=None) as socket:
            sender = asyncio.create_task(self._send(socket, pace))
            try:
                async for text in socket:
                    message = json.loads(text)
                    self._hear(message["resultType"], message["data"])
            finally:
                await sender

    async def _send(self, socket: ClientConnection, pace: Pace) -> Never:
        while True:
            await pace.turn()
            await self._act(socket)

    async def _act(self, socket: ClientConnection) -> None:
        name, gone = str(uuid.uuid4()), self._wishes.cancel()
        if gone is None:
            side, price, size = self._wishes.order()
            self._told.sent.add(name)
            content = {"orderType": side, "tradeType": "limit", "price": price, "quantity": size}
            request = {"message": "createOrder", "content": {"clientRequestId": name, **content}}
        else:
            request = {
                "message": "cancelOrder",
                "content": {"clientRequestId": name, "cancelBy": "orderId", "orderId": gone},
            }
        self._told.asked()
        await socket.send(json.dumps(request))

    def _hear(self, kind: str, data: dict[str, Any]) -> None:
        """Notes what was said."""
        order, status, told = data.get("order"), data["statusCode"], self._told
        if status == 202:
            told.answers += 1
            if kind == "createOrder":
                told.orders[data["clientRequestId"]] = order["orderId"]
                self._wishes.resting.append(order["orderId"])
            return
        if status != 200:
            told.answers += 1
            if kind == "createOrder":
                told.refuse(data["clientRequestId"], data["body"])
            else:
                told.refused[data["body"]] += 1
            return
        if kind == "cancelOrder":
            told.cancelled.add(order["orderId"])
        number, filled = order["orderId"], Decimal(order["filledQuantity"])
        told.filled[number] = max(filled, told.filled.get(number, Decimal(0)))


class Ekiden:
    """REST calls one after the other."""

    def __init__(self, port: int, key: str, told: Told, dice: random.Random, market: Traded = BUSY) -> None:
        self.http, self._told, self._wishes = Http(port), told, Wishes(dice, market)
        self._symbol = market.name
        self._bearer = ""
        self._key = Ed25519PrivateKey.from_private_bytes(key.ljust(32, ".").encode())

    async def run(self, pace: Pace) -> None:
        try:
            while True:
                await pace.turn()
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
        order = {"symbol": self._symbol, "side": side.title(), "order_type": "Limit", "qty": size, "price": price}
        status, answer = await self.call("place", {**order, "order_link_id": name})
        if status == 200:
            self._told.orders[name] = answer["order_id"]
            self._wishes.resting.append(answer["order_id"])
        else:
            self._told.refuse(name, str(answer))

    async def call(self, name: str, fields: dict[str, str]) -> tuple[int, Any]:
        if not self._bearer:
            await self._log_in()
        body = json.dumps(fields).encode()
        self._told.asked()
        answer = await self.http.call("POST", f"/api/v1/order/{name}", body, Authorization=self._bearer)
        self._told.answers += 1
        return answer


Run = Callable[[], Coroutine[Any, Any, None]]
"""Begins a client, which ends when it has lost its server."""


def clients(ports: dict[str, int], seed: int, rate: float, told: dict[str, Told], quiet: float = 0.0) -> list[Run]:
    """All clients, which note what they are told by each dialect. `quiet` requests a second are for another market."""
    users = (("demo", 1001), ("demo2", 1002))
    dice = (random.Random(f"{seed} {number}") for number in itertools.count())
    each, call = rate * SOCKET_SHARE / SOCKETS, rate * (1 - SOCKET_SHARE) / (2 * CALLERS)

    def rails(key: str) -> Coroutine[Any, Any, None]:
        return Rails(ports["rails"], key, told["rails"], next(dice)).run(Pace(each))

    def bitstamp(key: str, account: int) -> Coroutine[Any, Any, None]:
        return Bitstamp(ports["bitstamp"], key, account, told["bitstamp"], next(dice)).run(Pace(call))

    def listen(key: str, account: int) -> Coroutine[Any, Any, None]:
        return Bitstamp(ports["bitstamp"], key, account, told["bitstamp"], next(dice)).listen()

    def ekiden(key: str) -> Coroutine[Any, Any, None]:
        return Ekiden(ports["ekiden"], key, told["ekiden"], next(dice)).run(Pace(call))

    def elsewhere(key: str) -> Coroutine[Any, Any, None]:
        return Ekiden(ports["ekiden"], key, told["ekiden"], next(dice), QUIET).run(Pace(quiet / len(users)))

    found: list[Run] = [partial(rails, users[number % 2][0]) for number in range(SOCKETS)]
    for number in range(CALLERS):
        key, account = users[number % 2]
        found += [partial(bitstamp, key, account), partial(ekiden, key)]
    if quiet:
        found += [partial(elsewhere, key) for key, _ in users]
    return [*found, *(partial(listen, key, account) for key, account in users)]


async def trade(ports: dict[str, int], seed: int, rate: float) -> dict[str, Told]:
    """All clients at once, until each has lost its server; what they were told by each dialect."""
    told = {name: Told() for name in ("bitstamp", "rails", "ekiden")}
    runs = clients(ports, seed, rate, told)
    for result in await asyncio.gather(*(run() for run in runs), return_exceptions=True):
        if not isinstance(result, LEFT):
            raise result if isinstance(result, BaseException) else RuntimeError("a client ended by itself")
    return told


def load(ports: dict[str, int], seed: int, rate: float) -> dict[str, Told]:
    """The same in a process of its own."""
    return asyncio.run(trade(ports, seed, rate))
