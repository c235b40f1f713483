"""The relay against a real RabbitMQ: bodies byte for byte, and what becomes of clients when the broker dies."""

from __future__ import annotations

import asyncio
import json
import os
import random
import subprocess
import sys
import time
import urllib.request
from base64 import b64encode
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from decimal import Decimal
from importlib.resources import files
from pathlib import Path
from typing import Any

import aiormq
import pytest
from websockets.asyncio.client import ClientConnection, connect

from polyfeed.app.peatio_keys import demo_private_key
from polyfeed.dialects.peatio.auth import mint
from tests.brokers.conftest import server
from tests.brokers.rabbitmq import RabbitMQ
from tests.brokers.upstream import EXCHANGE, Book
from tests.e2e import kraken_client

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("rabbitmq"), pytest.mark.timeout(900)]

HERE = Path(__file__).parent
QUIET = 8.0
"""Seconds after which everything has come, on a busy machine too."""

WHOLE_SECONDS = 5.0
"""From the moment the broker takes connections until every client has its books again."""

EACH, KEPT = 5, 20
"""Books of each client, and clients that keep and check theirs; see listeners.py."""

Levels = dict[str, dict[Decimal, Decimal]]

BODIES = [
    ("public.btcusd.ob-snap", '{"asks":[["12.0", "1.0"]],\n "bids":[["10.0","2.0"]], "sequence":1}'),
    ("public.btcusd.ob-inc", '{"asks":["12.5","5.0"],"sequence":2}'),
    (
        "public.btcusd.trades",
        '{"trades":[{"tid":7,"taker_type":"buy","date":1588000798,"price":"11.0","amount":"0.1"}]}',
    ),
    ("public.btcusd.trades", '{"z":"<a&b>é ","a":null,"n":12345678901234567890,"f":1E5}'),
    ("global.tickers", ' {"btcusd":{"last":"11.0"}} '),
]


@asynccontextmanager
async def publisher(url: str) -> AsyncIterator[Any]:
    """What publishes (routing key, body)."""
    connection = await aiormq.connect(url)
    channel = await connection.channel(publisher_confirms=False)
    await channel.exchange_declare(EXCHANGE, exchange_type="topic", durable=False)

    async def publish(key: str, body: str) -> None:
        await channel.basic_publish(body.encode(), exchange=EXCHANGE, routing_key=key)

    try:
        yield publish
    finally:
        await connection.close()


async def metric(port: int, name: str) -> float:
    text = await asyncio.to_thread(lambda: urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics").read().decode())
    return float(next(line.split(" ")[1] for line in text.splitlines() if line.startswith(name)))


async def until(port: int, name: str, value: float) -> None:
    async with asyncio.timeout(30):
        while await metric(port, name) != value:
            await asyncio.sleep(0.1)


async def quiet(port: int, name: str) -> None:
    """Returns when a counter has stood still for so long that all that was on its way has come."""
    value, since = await metric(port, name), time.monotonic()
    while time.monotonic() < since + QUIET:
        await asyncio.sleep(0.5)
        if (found := await metric(port, name)) != value:
            value, since = found, time.monotonic()


async def texts(socket: ClientConnection, count: int) -> list[str]:
    async with asyncio.timeout(10):
        return [str(await socket.recv()) for _ in range(count)]


async def test_bodies_pass_through_and_feed_the_other_dialects(rabbitmq: RabbitMQ, tmp_path: Path) -> None:
    streams = "stream=btcusd.ob-inc&stream=btcusd.trades&stream=global.tickers"
    with server("--relay", rabbitmq.url, "--set", "peatio.profile=3.x", state=str(tmp_path)) as one:
        await until(one.ports["operator"], "polyfeed_relay_connected", 1)
        async with (
            publisher(rabbitmq.url) as publish,
            connect(f"ws://127.0.0.1:{one.ports['peatio']}/?{streams}") as socket,
        ):
            await texts(socket, 1)
            for key, body in BODIES:
                await publish(key, body)
            assert await texts(socket, len(BODIES)) == [
                f'{{"{key.removeprefix("public.")}":{body}}}' for key, body in BODIES
            ]
        async with connect(f"ws://127.0.0.1:{one.ports['kraken']}/") as kraken:
            await kraken.send('{"event":"subscribe","pair":["XBT/USD"],"subscription":{"name":"book"}}')
            book = json.loads((await texts(kraken, 3))[2])
            assert [level[:2] for level in book[1]["as"]] == [
                ["12.00000000", "1.00000000"],
                ["12.50000000", "5.00000000"],
            ]


async def test_the_variables_of_ranger(rabbitmq: RabbitMQ, tmp_path: Path) -> None:
    import base64

    from tests.dialects.peatio.rig import ED_KEY, ED_RAW, mint

    environment = {
        **os.environ,
        "RABBITMQ_HOST": "127.0.0.1",
        "RABBITMQ_PORT": str(rabbitmq.port),
        "JWT_PUBLIC_KEY": base64.b64encode(ED_RAW.encode()).decode(),
        "API_CORS_ORIGINS": "https://app.example",
        "RANGO_RBAC_ADMIN": "admin,superadmin",
        "LOG_LEVEL": "warn",
    }
    words = ("--relay", "--set", "peatio.profile=3.x")
    with server(*words, state=str(tmp_path), environment=environment) as one:
        await until(one.ports["operator"], "polyfeed_relay_connected", 1)
        token = mint(ED_KEY, {"uid": "ID7", "role": "admin"}, int(time.time() * 1e6))
        url = f"ws://127.0.0.1:{one.ports['peatio']}/private?stream=order&stream=admin.btcusd.sys"
        headers = {"Authorization": f"Bearer {token}"}
        async with (
            publisher(rabbitmq.url) as publish,
            connect(url, additional_headers=headers, origin="https://app.example") as socket,  # type: ignore[arg-type]
        ):
            assert await texts(socket, 1) == [
                '{"success":{"message":"subscribed","streams":["admin.btcusd.sys","order"]}}'
            ]
            await publish("private.ID8.order", '{"id":1}')
            await publish("private.ID7.order", '{"id":2}')
            await publish("admin.btcusd.sys", '{"k":1}')
            assert await texts(socket, 2) == ['{"order":{"id":2}}', '{"btcusd.sys":{"k":1}}']
            assert await metric(one.ports["operator"], "rango_hub_clients_count") == 1


@contextmanager
def started(command: list[str]) -> Iterator[subprocess.Popen[str]]:
    """A process of this directory, which is gone at the end, whatever happens."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=HERE) as process:
        try:
            yield process
        finally:
            process.kill()


async def under_fire(
    rabbitmq: RabbitMQ, state: str, *, rate: int, clients: int, seconds: float, restarts: int
) -> dict[str, Any]:
    """Messages for so long, and the broker killed and started again in the middle; what the clients saw."""
    with server("--relay", rabbitmq.url, "--set", "peatio.profile=3.x", state=state) as one:
        await until(one.ports["operator"], "polyfeed_relay_connected", 1)
        longest = f"--seconds={seconds + restarts * 60 + 60}"
        listen = [
            sys.executable,
            "listeners.py",
            str(one.ports["peatio"]),
            f"--clients={clients}",
            f"--keep={KEPT}",
            longest,
        ]
        flow = [sys.executable, "upstream.py", rabbitmq.url, f"--rate={rate}", longest]
        with started(listen) as ears:
            assert ears.stdout is not None
            assert ears.stdout.readline() == "connected\n"
            with started(flow) as mouth:
                kills, returns = [], []
                for connections in range(1, restarts + 1):
                    await until(one.ports["operator"], "polyfeed_relay_connections_total", connections)
                    await asyncio.sleep(seconds / (restarts + 1))
                    kills.append(time.time())
                    await asyncio.to_thread(rabbitmq.kill)
                    await asyncio.to_thread(rabbitmq.start)
                    returns.append(time.time())
                await asyncio.sleep(max(QUIET, seconds / (restarts + 1)))
                mouth.terminate()
                published, _ = await asyncio.to_thread(mouth.communicate)
            await quiet(one.ports["operator"], "polyfeed_relay_messages_total")
            ears.terminate()
            heard = await asyncio.to_thread(ears.stdout.read)
        said: dict[str, Any] = json.loads(heard) | json.loads(published) | {"kills": kills, "returns": returns}
        said["connections"] = await metric(one.ports["operator"], "polyfeed_relay_connections_total")
    return said


def check(said: dict[str, Any], clients: int, restarts: int) -> list[list[float]]:
    """Nobody was dropped, nothing was left out or out of order, every checksum was right, and every book came back: after
    how many seconds, for each return of the broker.
    """
    begun = said.pop("begun")
    print(said)
    assert (said["closed"], said["open"], said["closes"]) == (0, clients, [])
    assert (said["missing"], said["wrong"]) == (0, 0)
    assert said["right"] > 100
    assert said["connections"] == restarts + 1
    # A reader that had fallen behind would have been given a snapshot more than those after each outage.
    books = Counter(number for number, _ in begun)
    assert set(books.values()) == {restarts + 1}
    assert len(books) == min(clients, KEPT) * EACH
    delays = []
    # The relay may be there again before whoever looks for the broker: that is no delay.
    for gone, back, again in zip(said["kills"], said["returns"], [*said["kills"][1:], time.time()], strict=False):
        after = [max(0.0, at - back) for _, at in begun if gone < at < again]
        assert len(after) == len(books)
        delays.append(sorted(after))
    print("whole again after seconds (median, last):", [(one[len(one) // 2], one[-1]) for one in delays])
    return delays


async def test_every_frame_comes(rabbitmq: RabbitMQ, tmp_path: Path) -> None:
    """1,000 messages a second over 50 streams to 50 clients of five each: all of them, in order."""
    said = await under_fire(rabbitmq, str(tmp_path), rate=1000, clients=50, seconds=9, restarts=0)
    check(said, 50, 0)
    # Of each stream, what comes before its first snapshot is dropped, and the snapshot delivered: on an idle machine that
    # is one each. Nothing else may be missing, which the sequences prove.
    assert 0.97 * said["increments"] * 5 <= said["frames"] <= said["increments"] * 5


async def test_under_fire(rabbitmq: RabbitMQ, tmp_path: Path) -> None:
    """1,000 messages a second over 50 streams to 50 clients of five each; the broker is killed twice."""
    said = await under_fire(rabbitmq, str(tmp_path), rate=1000, clients=50, seconds=18, restarts=2)
    assert said["lost"] > 0, "messages were lost while the broker was away"
    check(said, 50, 2)


@pytest.mark.soak
async def test_long_under_fire(rabbitmq: RabbitMQ, tmp_path: Path) -> None:
    """5,000 messages a second over 50 streams to 200 clients of five each for a minute; the broker is killed ten times."""
    said = await under_fire(rabbitmq, str(tmp_path), rate=5000, clients=200, seconds=60, restarts=10)
    delays = check(said, 200, 10)
    assert max(one[-1] for one in delays) < WHOLE_SECONDS


class Bitstamp:
    """What a Bitstamp client knows of one market: the whole book as it was last sent, and one kept from the diffs."""

    def __init__(self) -> None:
        self.whole: Levels = {"asks": {}, "bids": {}}
        self.kept: Levels = {"asks": {}, "bids": {}}

    async def follow(self, socket: ClientConnection, market: str) -> None:
        for channel in ("order_book", "diff_order_book"):
            await socket.send(json.dumps({"event": "bts:subscribe", "data": {"channel": f"{channel}_{market}"}}))
        async for text in socket:
            message = json.loads(text)
            if message["event"] != "data":
                continue
            if message["channel"].startswith("order_book"):
                self.whole = {"asks": {}, "bids": {}}
            book = self.whole if message["channel"].startswith("order_book") else self.kept
            for side in ("asks", "bids"):
                for price, size in message["data"][side]:
                    book[side].pop(Decimal(price), None)
                    if Decimal(size):
                        book[side][Decimal(price)] = Decimal(size)


def levels(sides: dict[str, dict[str, str]]) -> Levels:
    """A book by its numbers, however they are printed."""
    return {side: {Decimal(price): Decimal(size) for price, size in prices.items()} for side, prices in sides.items()}


async def holds(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.02)


async def test_other_dialects_follow_through_an_outage(rabbitmq: RabbitMQ, tmp_path: Path) -> None:
    """A Kraken client, which checks every checksum, and a Bitstamp client: while nobody can know the book they see none,
    and they are never shown a wrong one.
    """
    upstream, dice = Book("m00usd"), random.Random(1)
    for _ in range(50):
        upstream.change(dice)
    with server("--relay", rabbitmq.url, state=str(tmp_path)) as one:
        await until(one.ports["operator"], "polyfeed_relay_connected", 1)
        async with publisher(rabbitmq.url) as publish:
            await publish("public.m00usd.ob-snap", upstream.snapshot().decode())
            await until(one.ports["operator"], "polyfeed_relay_messages_total", 1)
            kraken = await kraken_client.Client.open(one.ports["kraken"])
            await kraken.subscribe(["M00/USD"], name="book", depth=25)
            bitstamp = Bitstamp()
            listener = asyncio.create_task(follow(one.ports["bitstamp"], bitstamp))
            book, taken = kraken_client.Book(25), 0

            def seen() -> list[Levels]:
                nonlocal taken
                data = kraken.data()
                for text in data[taken:]:
                    book.apply(text)
                taken = len(data)
                return [levels({"asks": book.sides["a"], "bids": book.sides["b"]}), bitstamp.whole]

            await holds(lambda: bool(bitstamp.whole["asks"]) or listener.done())
            bitstamp.kept = {side: dict(prices) for side, prices in bitstamp.whole.items()}

            def right() -> bool:
                return all(one == levels(upstream.sides) for one in (*seen(), bitstamp.kept))

            for _ in range(300):
                await publish("public.m00usd.ob-inc", upstream.change(dice).decode())
            await holds(right)
            checked = book.checked
            assert checked >= 300
            await asyncio.to_thread(rabbitmq.kill)
        await asyncio.to_thread(rabbitmq.start)
        for _ in range(50):
            upstream.change(dice)
        await until(one.ports["operator"], "polyfeed_relay_connections_total", 2)
        async with publisher(rabbitmq.url) as publish:
            # The numbers show that something was lost: the book is nobody's until there is a snapshot.
            await publish("public.m00usd.ob-inc", upstream.change(dice).decode())
            await holds(lambda: all(not one["asks"] and not one["bids"] for one in (*seen(), bitstamp.kept)))
            await publish("public.m00usd.ob-snap", upstream.snapshot().decode())
            await holds(right)
            for _ in range(300):
                await publish("public.m00usd.ob-inc", upstream.change(dice).decode())
            await holds(right)
        assert book.checked >= checked + 300
        assert not listener.done()
        listener.cancel()
        await kraken.close()


async def follow(port: int, bitstamp: Bitstamp) -> None:
    async with connect(f"ws://127.0.0.1:{port}/", max_size=None, ping_interval=None) as socket:
        await bitstamp.follow(socket, "m00usd")


class Recorded:
    """The frames of a connection, by their stream."""

    def __init__(self) -> None:
        self.frames: dict[str, list[str]] = {}

    async def follow(self, url: str, token: str) -> None:
        headers = {"Authorization": f"Bearer {token}"}
        async with connect(url, additional_headers=headers, max_size=None, ping_interval=None) as socket:
            async for text in socket:
                name = str(text).split('"', 2)[1]
                self.frames.setdefault(name, []).append(str(text))

    def count(self, name: str) -> int:
        return len(self.frames.get(name, ()))


async def test_what_is_published_comes_back_byte_for_byte(rabbitmq: RabbitMQ, tmp_path: Path) -> None:
    """A venue publishes what Peatio would, a relay passes it on: a client of the relay gets the frames of the venue's own
    client, on every public and private stream.
    """
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    profile = ("--set", "peatio.profile=3.x")
    key = (files("polyfeed") / "data" / "peatio" / "demo-key.pub").read_text("ascii")
    relay_settings = (*profile, "--set", f"peatio.jwt_public_key={b64encode(key.encode()).decode()}")
    token = mint(demo_private_key(), {"uid": "ID1001"}, int(time.time() * 1e6))
    public = ["btcusd.ob-inc", "btcusd.trades", "btcusd.kline-1m", "btcusd.update", "global.tickers"]
    private = ["order", "trade", "balances"]
    query = "&".join(f"stream={name}" for name in public + private)
    with (
        server("--relay", rabbitmq.url, *relay_settings, state=str(tmp_path / "b")) as relay,
        server("--demo", "--publish", rabbitmq.url, *profile, state=str(tmp_path / "a")) as venue,
    ):
        await until(relay.ports["operator"], "polyfeed_relay_connected", 1)
        await until(venue.ports["operator"], "polyfeed_publish_connected", 1)
        dropped = await metric(venue.ports["operator"], "polyfeed_publish_dropped_total")  # before there was a broker
        own, passed = Recorded(), Recorded()
        tasks = [
            asyncio.create_task(record.follow(f"ws://127.0.0.1:{one.ports['peatio']}/private?{query}", token))
            for record, one in ((own, venue), (passed, relay))
        ]
        await holds(lambda: own.count("success") == 1 and passed.count("success") == 1)
        await asyncio.to_thread(trade, venue.ports["operator"])
        await holds(lambda: all(record.count(name) for record in (own, passed) for name in private))
        async with asyncio.timeout(60):
            await holds(lambda: all(passed.count(name) >= 3 for name in public) and passed.count(public[0]) > 100)
        for task in tasks:
            assert not task.done()
            task.cancel()
        assert await metric(venue.ports["operator"], "polyfeed_publish_dropped_total") == dropped
    for name in (*public, *private):
        ours, theirs = own.frames[name], passed.frames[name]
        # Neither began nor ended at the same moment: what both have heard of is one run of frames.
        start = ours.index(theirs[0]) if theirs[0] in ours else 0
        other = theirs.index(ours[start])
        length = min(len(ours) - start, len(theirs) - other)
        assert length >= min(3, len(ours), len(theirs)), name
        assert ours[start : start + length] == theirs[other : other + length], name


def trade(port: int) -> None:
    """The demo's user sells at market, and leaves an order that never fills."""
    for order in (
        {"instrument": "BTC-USD", "side": "sell", "type": "market", "size": "0.01"},
        {"instrument": "BTC-USD", "side": "sell", "price": "900000", "size": "0.01"},
    ):
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/api/orders",
            json.dumps(order).encode(),
            {"Authorization": "Basic " + b64encode(b"demo:demo").decode(), "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request) as answer:
            assert answer.status == 201
