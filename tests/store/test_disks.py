"""A running venue on disks that are full, that break, that freeze: what its clients are told, and when all is well again."""

from __future__ import annotations

import asyncio
import json
import random
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect

from polyfeed.app.config import load
from polyfeed.app.recovery import recover
from tests.store.disks import break_down, fill, frozen, image, small
from tests.store.kill_clients import Bitstamp, Ekiden, Http, Told
from tests.store.server import Server

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("process")]

SETTINGS = ("flow.capture=levels", "store.snapshots=false", "store.patience_seconds=0.3")
"""A recording gives market data all the time; orders go into another market."""
PRICE, SIZE = "100", "0.1"
WITHIN = 10.0
"""Seconds until a refusal on a machine that has other things to do; on a quiet one it is a fraction of one."""

BITSTAMP = (
    503,
    {
        "status": "error",
        "reason": {"__all__": ["Orders cannot be recorded now. Please try again."]},
        "response_code": "500.002",
    },
)
RAILS = (503, "orders cannot be recorded now, retry")
_EKIDEN_TEXT = "the venue cannot record orders now"
EKIDEN = (
    503,
    {"error_code": 2005, "error_message": _EKIDEN_TEXT, "error": _EKIDEN_TEXT, "message": _EKIDEN_TEXT},
)


class Desk:
    """Places orders by every dialect that has any, and hears the public feed of Kraken."""

    def __init__(self, ports: dict[str, int]) -> None:
        self.ports = ports
        self.told = Told()
        self.updates = 0
        self.accepted: list[str] = []
        self.longest = 0.0
        self._bitstamp = Bitstamp(ports["bitstamp"], "demo", 1001, self.told, random.Random(1))
        self._ekiden = Ekiden(ports["ekiden"], "demo", self.told, random.Random(1))

    def close(self) -> None:
        self._bitstamp.http.close()
        self._ekiden.http.close()

    async def listen(self) -> None:
        async with connect(f"ws://127.0.0.1:{self.ports['kraken']}/") as socket:
            await socket.send('{"event":"subscribe","pair":["XBT/USD"],"subscription":{"name":"book"}}')
            async for text in socket:
                self.updates += str(text).startswith("[")

    async def bitstamp(self) -> Any:
        return await self._timed(self._place_at_bitstamp())

    async def _place_at_bitstamp(self) -> Any:
        name = str(uuid.uuid4())
        fields = {"amount": SIZE, "price": PRICE, "client_order_id": name}
        status, answer = await self._bitstamp.call("buy/ltcusd", fields)
        if "id" in answer:
            self.accepted.append(name)
            return None
        return status, answer

    async def ekiden(self) -> Any:
        return await self._timed(self._place_at_ekiden())

    async def _place_at_ekiden(self) -> Any:
        name = str(uuid.uuid4())
        order = {"symbol": "LTC-USD", "side": "Buy", "order_type": "Limit", "qty": SIZE, "price": PRICE}
        status, answer = await self._ekiden.call("place", {**order, "order_link_id": name})
        if status == 200:
            self.accepted.append(name)
            return None
        return status, answer

    async def rails(self) -> Any:
        http = Http(self.ports["rails"])
        _, given = await http.call("POST", "/api/v1/token", X_Api_Key="demo2", X_Api_Secret="demo2")
        http.close()
        offered: Any = f"authorization#{given['access_token']}"
        address = f"ws://127.0.0.1:{self.ports['rails']}/?market=LTC-USD&subscriptions=orders"
        async with connect(address, subprotocols=[offered]) as socket:
            return await self._timed(self._place_at_rails(socket))

    async def _place_at_rails(self, socket: Any) -> Any:
        name = str(uuid.uuid4())
        order = {"orderType": "buy", "tradeType": "limit", "price": PRICE, "quantity": SIZE}
        await socket.send(json.dumps({"message": "createOrder", "content": {"clientRequestId": name, **order}}))
        data = json.loads(await socket.recv())["data"]
        if data["statusCode"] == 202:
            self.accepted.append(name)
            return None
        return data["statusCode"], data["body"]

    async def api(self) -> Any:
        """By the native API: the operator's commands are refused as well."""
        return await self._timed(asyncio.to_thread(self._set_status))

    def _set_status(self) -> Any:
        url = f"http://127.0.0.1:{self.ports['http']}/api/system/status"
        request = urllib.request.Request(url, b'{"status":"online"}', method="PUT")
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                assert answer.status == 200
                return None
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read())["error"]

    async def ready(self) -> str:
        def get() -> str:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.ports['http']}/readyz", timeout=30) as answer:
                    return str(answer.read().decode())
            except urllib.error.HTTPError as error:
                with error:
                    assert error.code == 503
                    return str(error.read().decode())

        return await asyncio.to_thread(get)

    async def _timed(self, call: Any) -> Any:
        began = time.monotonic()
        answer = await call
        self.longest = max(self.longest, time.monotonic() - began)
        return answer


@asynccontextmanager
async def desk(directory: Path) -> AsyncIterator[tuple[Desk, Server]]:
    server = await asyncio.to_thread(Server, directory, *SETTINGS)
    one = Desk(server.ports)
    listening = asyncio.create_task(one.listen())
    try:
        yield one, server
    finally:
        one.close()
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        await asyncio.to_thread(server.kill)


async def until(condition: Callable[[], Any], seconds: float = 30.0) -> None:
    """Waits until what the condition gives is true."""
    async with asyncio.timeout(seconds):
        while not await condition():
            await asyncio.sleep(0.05)


async def refused_everywhere(one: Desk) -> None:
    """Orders are refused in each dialect's words, within a second, and market data goes on."""
    one.longest = 0.0
    updates = one.updates
    assert await one.bitstamp() == BITSTAMP
    assert await one.rails() == RAILS
    assert await one.ekiden() == EKIDEN
    status, text = await one.api()
    assert status == 503 and text.startswith("the venue cannot record orders now: the journal")
    assert one.longest < WITHIN
    assert (await one.ready()).startswith("not ready: the journal")

    async def more() -> bool:
        return one.updates > updates + 20

    await until(more)


async def well_again(one: Desk) -> None:
    async def ready() -> bool:
        return await one.ready() == "ready\n"

    await until(ready)
    assert [await call() for call in (one.bitstamp, one.rails, one.ekiden, one.api)] == [None] * 4


def check(directory: Path, one: Desk) -> None:
    """What was accepted is in the journal, and nothing that was refused."""
    replica = recover(load(None, {}, ["flow.demo=true"]), directory).replica
    names = [
        order.terms.client_id
        for number in (1001, 1002)
        if (account := replica.accounts.get(number)) is not None
        for order in account.orders.values()
    ]
    assert sorted(names) == sorted(one.accepted)


async def refusal(one: Desk) -> None:
    """Places orders until one is refused: what is left of the last block takes some."""
    for _ in range(200):
        if await one.bitstamp() is not None:
            return
    raise AssertionError("the disk is not full")


async def test_a_full_disk(tmp_path: Path) -> None:
    with small(tmp_path / "disk", "4m") as disk:
        async with desk(disk / "journal") as (one, _):
            await well_again(one)
            for _ in range(2):
                filler = fill(disk)
                await refusal(one)
                await refused_everywhere(one)
                filler.unlink()
                await well_again(one)
        check(disk / "journal", one)


async def test_a_sync_that_fails(tmp_path: Path) -> None:
    """A volume that promised more than there is: writes go through, fsync says that they did not."""
    with small(tmp_path / "backing", "6m") as backing, image(backing, tmp_path / "disk", errors="continue") as disk:
        async with desk(disk / "journal") as (one, _):
            await well_again(one)
            filler = fill(backing)
            await refusal(one)
            await refused_everywhere(one)
            filler.unlink()
            await well_again(one)
        check(disk / "journal", one)


async def test_a_disk_that_becomes_read_only(tmp_path: Path) -> None:
    """After an error of its own the kernel lets nobody write there until it is mounted again."""
    with small(tmp_path / "backing", "20m") as backing, image(backing, tmp_path / "disk", errors="remount-ro") as disk:
        async with desk(disk / "journal") as (one, _):
            await well_again(one)
            break_down(disk)
            await refusal(one)
            await refused_everywhere(one)
        check(disk / "journal", one)


async def test_a_disk_that_freezes(tmp_path: Path) -> None:
    with small(tmp_path / "backing", "20m") as backing, image(backing, tmp_path / "disk", errors="continue") as disk:
        async with desk(disk / "journal") as (one, _):
            await well_again(one)
            with frozen(disk):
                waiting = asyncio.create_task(one.rails())

                async def slow() -> bool:
                    return "has not answered" in await one.ready()

                await until(slow)
                await refused_everywhere(one)
            assert await waiting in (None, RAILS), "it was on its way to the disk, or behind what was"
            await well_again(one)
        check(disk / "journal", one)
