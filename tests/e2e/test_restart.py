"""A venue that is stopped, or killed, and started again: what clients see goes on as if nothing had happened."""

from __future__ import annotations

import asyncio
import json
import random
import signal
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.store.kill_clients import Bitstamp, Ekiden, Told
from tests.store.server import Server

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("process")]

WAIT = 60


class Listener:
    """Everything a socket says."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.frames: list[Any] = []
        self.task = asyncio.create_task(self._read())

    async def _read(self) -> None:
        try:
            async for text in self.socket:
                self.frames.append(json.loads(text))
        except ConnectionClosed:
            pass

    async def until(self, name: str, count: int = 1) -> list[Any]:
        """The frames with this text in them, once there are so many."""
        async with asyncio.timeout(WAIT):
            while len(found := [one for one in self.frames if name in json.dumps(one)]) < count:
                await asyncio.sleep(0.02)
        return found


class Visit:
    """One client's visit: orders by two dialects, two sockets that listen."""

    def __init__(self, server: Server) -> None:
        told, dice = Told(), random.Random(1)
        self.server = server
        self.bitstamp = Bitstamp(server.ports["bitstamp"], "demo", 1001, told, dice)
        self.ekiden = Ekiden(server.ports["ekiden"], "demo2", told, dice)

    async def listen(self) -> None:
        self.live = Listener(await connect(f"ws://127.0.0.1:{self.server.ports['bitstamp']}/"))
        await self.live.socket.send('{"event":"bts:subscribe","data":{"channel":"live_orders_btcusd"}}')
        self.book = Listener(await connect(f"ws://127.0.0.1:{self.server.ports['ekiden']}/ws/public"))
        await self.book.socket.send('{"op":"subscribe","args":["orderbook.1.BTC-USD"],"req_id":1}')
        await self.live.until("subscription_succeeded")
        await self.book.until('"snapshot"')

    async def order(self, side: str, price: int, size: str = "0.01") -> str:
        _, answer = await self.bitstamp.call(f"{side}/btcusd", {"amount": size, "price": str(price)})
        return str(answer["id"])

    def api(self, method: str, path: str, body: Any = None, key: str = "") -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {"X-Api-Key": key, "X-Api-Secret": key} if key else {}
        url = f"http://127.0.0.1:{self.server.ports['http']}{path}"
        try:
            with urllib.request.urlopen(
                urllib.request.Request(url, data, headers, method=method), timeout=WAIT
            ) as answer:
                return json.loads(answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return error.code

    def get(self, dialect: str, path: str) -> Any:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.server.ports[dialect]}{path}", timeout=WAIT) as answer:
            return json.loads(answer.read())

    async def seen(self) -> dict[str, Any]:
        """What does not change while nobody does anything."""
        book = self.get("bitstamp", "/api/v2/order_book/btcusd/")
        _, orders = await self.bitstamp.call("open_orders/all", {})
        _, balance = await self.bitstamp.call("account_balances", {})
        return {
            "book": (book["bids"], book["asks"]),
            "orders": orders,
            "balance": balance,
            "candles": self.get("kraken", "/0/public/OHLC?pair=XBT/USD&interval=1")["result"]["XXBTZUSD"][-1:],
            "day": self.get("kraken", "/0/public/Ticker?pair=XBT/USD")["result"],
            "trades": self.get("bitstamp", "/api/v2/transactions/btcusd/"),
            "accounts": self.api("GET", "/api/accounts"),
            "fills": self.api("GET", "/api/fills", key="demo"),
        }

    async def leave(self) -> None:
        self.bitstamp.http.close()
        self.ekiden.http.close()
        for one in (self.live, self.book):
            await one.socket.close()
            await one.task


@asynccontextmanager
async def visit(directory: Path, *settings: str) -> AsyncIterator[Visit]:
    server = await asyncio.to_thread(Server, directory, *settings)
    one = Visit(server)
    await one.listen()
    try:
        yield one
    finally:
        if server.process.poll() is None:
            await asyncio.to_thread(server.kill)
        await one.leave()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
async def test_everything_goes_on(tmp_path: Path, how: signal.Signals) -> None:
    async with visit(tmp_path / "journal", "server.drain_seconds=1") as one:
        resting = [await one.order("buy", 50_000), await one.order("sell", 60_000)]
        await one.order("sell", 50_000, "0.004")
        one.api("POST", "/api/accounts", {"name": "carol"})
        one.api("DELETE", "/api/accounts/bob/keys/demo2")
        async with asyncio.timeout(WAIT):
            while (before := await one.seen())["book"][0] != [["50000.0", "0.00600000"]]:
                await asyncio.sleep(0.1)  # the book of the REST call is that of the last mark of time
        last_event = (await one.live.until("pre_event_id", 4))[-1]
        last_seq = (await one.book.until('"seq"', 3))[-1]["data"]["seq"]
        one.server.process.send_signal(how)
        errors = await asyncio.to_thread(one.server.end)
        assert "Traceback" not in errors
        if how == signal.SIGTERM:
            assert await one.live.until("bts:request_reconnect"), "the dialect's own notice"
            assert len(list((tmp_path / "journal").glob("*.snapshot"))) == 1
    async with visit(tmp_path / "journal") as one:
        after = await one.seen()
        for name, value in before.items():
            assert after[name] == value, name
        assert any(account["name"] == "carol" for account in after["accounts"])
        assert next(account for account in after["accounts"] if account["name"] == "bob")["keys"] != ["demo2"]
        assert one.api("GET", "/api/orders", key="demo2") == 401, "what was revoked stays revoked"
        snapshot = (await one.book.until('"snapshot"'))[0]
        assert snapshot["data"]["seq"] >= last_seq
        number = await one.order("buy", 50_001)
        event = (await one.live.until("pre_event_id"))[0]
        assert event["pre_event_id"] == last_event["event_id"], "no event of the chain is missing"
        delta = (await one.book.until('"delta"'))[0]
        assert delta["data"]["seq"] == snapshot["data"]["seq"] + 1
        assert int(number) > max(map(int, resting)), "no number comes twice"
        for order in resting:
            _, answer = await one.bitstamp.call("cancel_order", {"id": order})
            assert answer["status"] == "Canceled"
