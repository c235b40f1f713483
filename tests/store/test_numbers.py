"""Numbers that no record can hold: the command is refused by itself, and all others are carried out."""

from __future__ import annotations

import asyncio
import base64
import json
import random
import typing
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from websockets.asyncio.client import connect

from polyfeed.dialects._base.rest import RestRequest
from polyfeed.dialects.bitstamp.rest_form import AMOUNT_END, CallRefused, Form
from polyfeed.model.commands import AnyCommand, Clock, Deposit, Origin, PlaceOrder, SetSystemStatus
from polyfeed.model.enums import OrderKind, Refusal, Side
from tests.store.kill_clients import Bitstamp, Ekiden, Http, Told
from tests.store.rig import equal, recovered, rig
from tests.store.server import Server

HUGE = (2**62, 2**63, 2**64, 10**30)
NUMBERS = (*HUGE, *(-one for one in HUGE))


def bent() -> Iterator[AnyCommand]:
    """Each command with each of its integers in turn being one that is too large."""
    order = PlaceOrder(1, 0, Side.BUY, OrderKind.LIMIT, 1, 1)
    for kind in typing.get_args(AnyCommand):
        try:
            whole = order if kind is PlaceOrder else kind(*_plain(kind))
        except TypeError:
            continue
        for field in msgspec.structs.fields(kind):
            if field.type in {int, int | None}:
                for number in NUMBERS:
                    yield msgspec.structs.replace(whole, **{field.name: number})


def _plain(kind: type[Any]) -> list[Any]:
    """Values for the fields that have no default."""
    plain: dict[Any, Any] = {int: 1, str: "USD", bytes: b"", bool: False}
    fields = [field for field in msgspec.structs.fields(kind) if field.required]
    if any(field.type not in plain for field in fields):
        raise TypeError(kind)
    return [plain[field.type] for field in fields]


async def test_no_number_of_any_command_stops_the_venue(tmp_path: Path) -> None:
    commands = list(bent())
    assert {type(one).__name__ for one in commands} >= {"PlaceOrder", "Deposit", "AmendOrder", "SetIndexPrice"}
    async with rig(tmp_path) as one:
        await one.feed(60)
        for number, command in enumerate(commands):
            one.sequencer.submit(command, Origin(7, number))
            one.sequencer.submit(Clock(), Origin(8, number))
        await one.sequencer.drain()
        answered = {batch.origin for batch in one.batches} | {origin for origin, _ in one.refusals}
        assert answered >= {Origin(gateway, number) for gateway in (7, 8) for number in range(len(commands))}
        assert {outcome.refusal for _, outcome in one.refusals} == {Refusal.INVALID_TERMS}
        assert {origin.gateway for origin, _ in one.refusals} == {7}, "their neighbours in the group are carried out"
    assert equal(recovered(tmp_path), one.sequencer.history)


async def test_what_is_no_text_or_too_much_is_refused_alone(tmp_path: Path) -> None:
    async with rig(tmp_path) as one:
        for number, text in enumerate(("\ud800", "x" * (1 << 20), "fine")):
            one.sequencer.submit(SetSystemStatus(text), Origin(7, number))
        one.sequencer.submit(Deposit(1, "USD", 10**30))
        await one.sequencer.drain()
        assert [(origin.number, outcome.refusal) for origin, outcome in one.refusals] == [
            (0, Refusal.INVALID_TERMS),
            (1, Refusal.INVALID_TERMS),
        ]
        assert one.sequencer.trouble == "" and one.sequencer.history.records == 1
    assert equal(recovered(tmp_path), one.sequencer.history)


@pytest.mark.parametrize("value", [1 << 61, (1 << 62) // 1000, AMOUNT_END - 1, 10**30])
def test_bitstamp_bounds_a_number_as_the_venue_counts_it(value: int) -> None:
    form = Form(RestRequest("POST", "/", body=f"price={value}".encode()))
    with pytest.raises(CallRefused):
        form.decimal("price", 5, 2, "400.011")


SETTINGS = ("store.snapshots=false", "rails.limits=false")
TEXTS = [*map(str, HUGE), "9" * 25, str(2**62 // 1000), str(2**63 // 100_000)]


class Desk:
    """Sends orders in which one number is too large, by every dialect that takes orders and by the native API."""

    def __init__(self, ports: dict[str, int]) -> None:
        self.ports = ports
        self._bitstamp = Bitstamp(ports["bitstamp"], "demo", 1001, Told(), random.Random(1))
        self._ekiden = Ekiden(ports["ekiden"], "demo", Told(), random.Random(1))

    def close(self) -> None:
        self._bitstamp.http.close()
        self._ekiden.http.close()

    async def bitstamp(self, text: str) -> list[int]:
        calls = [
            ("buy/ltcusd", {"amount": "1", "price": "100", "client_order_id": str(uuid.uuid4()), bad: text})
            for bad in ("amount", "price", "limit_price", "expire_time")
        ]
        calls += [
            (name, {"amount": text}) for name in ("buy/market/ltcusd", "buy/instant/ltcusd", "sell/instant/ltcusd")
        ]
        return [(await self._bitstamp.call(name, fields))[0] for name, fields in calls]

    async def ekiden(self, text: str) -> list[int]:
        told = []
        for bad in ("qty", "price", "trigger_price"):
            order = {"symbol": "LTC-USD", "side": "Buy", "order_type": "Limit", "qty": "1", "price": "100", bad: text}
            told.append((await self._ekiden.call("place", order))[0])
        return told

    async def rails(self, text: str) -> list[int]:
        http = Http(self.ports["rails"])
        _, given = await http.call("POST", "/api/v1/token", X_Api_Key="demo2", X_Api_Secret="demo2")
        http.close()
        offered: Any = f"authorization#{given['access_token']}"
        told = []
        address = f"ws://127.0.0.1:{self.ports['rails']}/?market=LTC-USD&subscriptions=orders"
        async with connect(address, subprotocols=[offered]) as socket:
            for bad in ("price", "quantity"):
                for value in (text, int(text)):
                    order = {"orderType": "buy", "tradeType": "limit", "price": "100", "quantity": "1", bad: value}
                    await socket.send(json.dumps({"message": "createOrder", "content": order}))
                    told.append(json.loads(await socket.recv())["data"]["statusCode"])
        return told

    async def api(self, text: str) -> list[int]:
        order = {"instrument": "LTC-USD", "side": "buy", "size": "1", "price": "100"}
        texts = ("size", "price", "amount", "trigger_price", "activation_price")
        orders = [{**order, bad: text} for bad in texts]
        orders += [{**order, bad: int(text)} for bad in ("expire_at", "trailing_bps")]
        calls = [("/api/orders", body, "demo:demo") for body in orders]
        calls += [("/api/accounts/1001/transfers", {"currency": "USD", "amount": f"{s}{text}"}, "") for s in ("", "-")]
        return [await asyncio.to_thread(self._call, *call) for call in calls]

    def _call(self, path: str, body: dict[str, Any], key: str) -> int:
        headers = {"Authorization": "Basic " + base64.b64encode(key.encode()).decode()} if key else {}
        url = f"http://127.0.0.1:{self.ports['http']}{path}"
        try:
            with urllib.request.urlopen(
                urllib.request.Request(url, json.dumps(body).encode(), headers), timeout=30
            ) as a:
                return int(a.status)
        except urllib.error.HTTPError as error:
            with error:
                return error.code


@pytest.mark.slow
@pytest.mark.xdist_group("process")
async def test_no_number_of_a_client_stops_the_server(tmp_path: Path) -> None:
    server = Server(tmp_path / "journal", *SETTINGS, f"server.state_dir={tmp_path / 'state'}")
    desk = Desk(server.ports)
    try:
        for text in TEXTS:
            told = await desk.bitstamp(text) + await desk.ekiden(text) + await desk.rails(text) + await desk.api(text)
            assert all(200 <= status < 500 for status in told), (text, told)
        assert server.process.poll() is None
        assert (await desk._bitstamp.call("buy/ltcusd", {"amount": "1", "price": "100"}))[0] == 200
    finally:
        desk.close()
        said = server.stop()
    assert "Traceback" not in said
