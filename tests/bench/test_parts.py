"""Each part of `make bench`, short and small: that it runs, and that its counts add up. No speed is asserted."""

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.typing import Subprotocol

from bench import __main__ as command
from bench import engine, gateway, journal, native, orders, peatio, reading
from bench.scene import Scene
from tests.brokers.rabbitmq import REQUIRED, installed

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("bench")]

TOKENS = ["one", "two", "three"]


def test_engine() -> None:
    result = engine.measure()
    if result is None:
        pytest.skip("the recording is not installed")
    assert result.commands_per_second > 0 and result.trades > 0


def test_journal() -> None:
    results = journal.measure(100, 0.2)
    assert [one.way for one in results] == ["always", "interval", "off", "none"]
    assert all(one.commands_per_second > 0 and 0 < one.p50 <= one.p99 for one in results)
    assert results[0].syncs > results[1].syncs > results[2].syncs == 0


def test_start(tmp_path: Path) -> None:
    result = journal.measure_start(tmp_path, 500)
    assert result.records >= 500 and min(one.seconds for one in (result.whole, result.killed, result.stopped)) > 0
    assert (result.whole.replayed, result.stopped.replayed) == (result.records, 0)


def test_reading() -> None:
    result = reading.measure(200, 2, 20)
    if result is None:
        pytest.skip("the recording is not installed")
    # The kernel counts a process's time in hundredths of a second: NATS may need less for so few.
    assert min(result) >= 0 and min(result.parcel_us, result.batch_us, result.parcel_bytes) > 0


def test_fan_out() -> None:
    result = gateway.fan_out(20, 1, 0.2)
    assert min(result.frames_per_second, result.c_frames_per_second, result.saturated, result.ratio) > 0


def test_latency() -> None:
    result = gateway.latency(100, 10, 0.5)
    assert 0 < result.p50 <= result.p99


def test_stopped() -> None:
    result = gateway.stopped(100, 10, 0.5, 1)
    assert min(result.p99, result.p99_stopped, result.ratio) > 0
    assert 0 < result.waiting < 1024


def test_memory() -> None:
    result = gateway.memory(50)
    assert result.subscribed > 0


def test_orders() -> None:
    result = orders.measure(100, 10, 1)
    assert (result.orders, result.refused, result.unanswered) == (100, 0, 0)
    assert 0 < result.acknowledged[0] <= result.acknowledged[1] <= result.acknowledged[2]
    assert result.acknowledged[0] <= result.accepted[0]


def test_orders_of_one_user() -> None:
    """All connections hear of every order; only the one that asked is timed."""
    result = orders.measure(50, 4, 1, users=1)
    assert (result.orders, result.unanswered) == (50, 0)


def test_peatio() -> None:
    reason = installed()
    if reason:
        (pytest.fail if os.environ.get(REQUIRED) else pytest.skip)(reason)
    result = peatio.measure(50, 5, 0.5)
    assert result is not None
    assert result.frames == result.expected == 125
    assert 0 < result.p50 <= result.p99


async def test_every_dialect_has_a_free_port() -> None:
    first, second = Scene(), Scene()
    ports = [*(await first.open()).values(), *(await second.open()).values()]
    assert len(set(ports)) == len(ports)
    await first.close()
    await second.close()


async def test_a_trader_of_the_scene_is_let_in() -> None:
    scene = Scene()
    ports = await scene.open()
    (token,) = await scene.traders(1)
    offered = Subprotocol(f"authorization#{token}")
    async with connect(f"ws://127.0.0.1:{ports['rails']}{orders.PATH}", subprotocols=[offered]) as socket:
        assert socket.subprotocol == offered
    await scene.close()


def test_the_lines(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["bench", "--quick", "orders", "memory"])
    command.main()
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["Python", "orders", "memory"]
    assert "p99.9" in lines[1]


# --- the order client against a server that is not ours, and whose delays are known ------------------------------------


class Exchange:
    """Acknowledges after 20 ms and confirms after 50; counts what each connection has open."""

    def __init__(self, *, refuse: bool = False) -> None:
        self.refuse = refuse
        self.open: dict[str, set[str]] = {name: set() for name in TOKENS}
        self.most = 0
        self.ids: set[str] = set()
        self.number = 0
        self.tasks: set[asyncio.Task[None]] = set()

    async def talk(self, connection: ServerConnection) -> None:
        name = str(connection.subprotocol).removeprefix("authorization#")
        async for text in connection:
            task = asyncio.create_task(self.answer(connection, self.open[name], json.loads(text)))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    async def answer(self, connection: ServerConnection, mine: set[str], request: dict[str, dict[str, str]]) -> None:
        content, message = request["content"], str(request["message"])
        given = content["clientRequestId"]
        assert given not in self.ids
        self.ids.add(given)
        if message == "createOrder":
            assert content["price"] == "5"
            self.number += 1
            order_id = f"{self.number:026}"
        else:
            order_id = content["orderId"]
        await asyncio.sleep(0.02)
        await self.say(connection, message, 400 if self.refuse else 202, order_id, given)
        if self.refuse:
            return
        await asyncio.sleep(0.03)
        if message == "createOrder":
            mine.add(order_id)
            self.most = max(self.most, len(mine))
        else:
            mine.remove(order_id)
        await self.say(connection, message, 200, order_id, given)

    async def say(self, connection: ServerConnection, message: str, status: int, order_id: str, given: str) -> None:
        entered = next(iter(self.ids))  # an order's own clientRequestId, which is not the request's
        order = {"orderId": order_id, "clientRequestId": entered}
        data = {"statusCode": status, "body": "text", "order": order, "clientRequestId": given}
        await connection.send(json.dumps({"resultType": message, "data": data}, separators=(",", ":")))


async def order_client(exchange: Exchange, folder: Path) -> native.OrdersResult:
    headers = folder / "headers"
    headers.write_text("".join(f"Sec-WebSocket-Protocol: authorization#{name}\n" for name in TOKENS))
    known = [Subprotocol(f"authorization#{name}") for name in TOKENS]
    async with serve(exchange.talk, "127.0.0.1", 0, subprotocols=known) as server:
        options = native.OrdersOptions(
            port=next(iter(server.sockets)).getsockname()[1],
            connections=3,
            headers=headers,
            order='"price":"5"',
            rate=30,
            warmup_seconds=0.5,
            seconds=1,
        )
        with native.Orders(options) as client:
            return await asyncio.to_thread(client.result)


async def test_the_order_client_times_each_answer(tmp_path: Path) -> None:
    exchange = Exchange()
    result = await order_client(exchange, tmp_path)
    assert (result.orders, result.unanswered, result.refused) == (30, 0, 0)
    assert result.cancels >= 25, "one that is due before an order is confirmed has nothing to cancel"
    assert result.created.count == result.accepted.count == 30
    assert result.cancelling.count == result.cancelled.count == result.cancels
    assert result.created.p50_us >= 20_000 and result.accepted.p50_us >= 50_000
    assert result.cancelling.p50_us >= 20_000 and result.cancelled.p50_us >= 50_000
    assert result.created.p50_us < result.accepted.p50_us
    assert exchange.most < 15, "what was entered is cancelled"


async def test_the_order_client_tells_of_refusals(tmp_path: Path) -> None:
    result = await order_client(Exchange(refuse=True), tmp_path)
    assert result.refused == 45 and result.created.count == 0 and result.unanswered == 0
    assert '"statusCode":400' in result.first_refusal
