"""The benchmark's own instruments: what the C programs count and time is held against a server that is not theirs."""

import asyncio
import json
import time
import zlib
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path

import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from bench import native
from polyfeed.app.ports import free_ports
from tests.e2e.crowd import crowd

pytestmark = pytest.mark.slow

# From Kraken's document: an update with a level that is gone, and one that is published again with its time of old.
REPUBLISH = (
    '[1234,{"b":[["5541.30000","0.00000000","1534614335.345903"],["5541.20000","1.52900000","1534614248.765567","r"]],'
    '"c":"974942666"},"book-10","XBT/USD"]'
)
LAST, LATEST = 1534614248.765567, 1534614335.345903
HEARTBEAT = '{"event":"heartbeat"}'


def subscribe(pair: str) -> str:
    return json.dumps({"event": "subscribe", "pair": [pair], "subscription": {"name": "book"}})


class Exchange:
    """Acks each subscribe, waits for all clients, then sends each a heartbeat, a ping, the frames; counts answers."""

    def __init__(self, clients: int, frames: list[str | bytes | list[str]]) -> None:
        self.clients = clients
        self.frames = frames
        self.said: Counter[str] = Counter()
        self.closed: Counter[int | None] = Counter()
        self.pongs = 0
        self.all_said = asyncio.Event()
        self.start = asyncio.Event()
        self.port = 0

    async def talk(self, connection: ServerConnection) -> None:
        await connection.send('{"event":"systemStatus","status":"online"}')
        self.said[str(await connection.recv())] += 1
        await connection.send('{"event":"subscriptionStatus","status":"subscribed"}')
        if self.said.total() == self.clients:
            self.all_said.set()
        await self.start.wait()
        await connection.send(HEARTBEAT)
        await (await connection.ping(b"are you there"))
        self.pongs += 1
        for frame in self.frames:
            await connection.send(frame)
        await connection.wait_closed()
        self.closed[connection.close_code] += 1

    @asynccontextmanager
    async def run(self) -> AsyncIterator[None]:
        async with serve(self.talk, "127.0.0.1", 0, compression=None) as server:
            self.port = next(iter(server.sockets)).getsockname()[1]
            yield


@pytest.mark.parametrize(("size", "join"), [(36, 1), (200, 10), (70_000, 2)])
def test_both_programs_count_the_same(size: int, join: int) -> None:
    with native.SendLoop(native.SendOptions(connections=30, size=size, join=join, rounds=20)) as server:
        with native.Load(native.LoadOptions(port=server.port, connections=30, seconds=20, in_flight=5)) as load:
            load.wait_ready()
            server.wait_ready()
            server.go()
            counted = load.result(30)
        sent = server.result(30)
    assert sent.frames == 30 * 20 * join
    assert sent.bytes == sent.frames * sent.frame_bytes
    assert sent.payload_bytes == size
    assert (counted.frames, counted.bytes) == (sent.frames, sent.bytes)
    assert counted.payload_bytes == sent.frames * size
    assert counted.frames_min == counted.frames_max == 20 * join
    assert counted.closed == {1000: 30}
    assert (sent.dropped, counted.protocol_errors, counted.open) == (0, 0, 0)
    assert 0 < counted.active_seconds < counted.seconds < 20
    assert counted.latency is None


@pytest.mark.parametrize("payload", [200, b'[["1.0","2.0","0000000000.000000"]]'])
def test_paced_frames_are_timed_from_when_they_were_meant_to_go(payload: int | bytes) -> None:
    limit = native.c_limit(20, payload, rate=200, seconds=0.5, server_cpu=0)
    latency = limit.load.latency
    assert latency is not None
    assert limit.send.rounds <= 100
    assert latency.count == limit.load.frames == limit.send.frames == limit.send.rounds * 20
    assert (latency.early, latency.untimed) == (0, 0)
    assert 0 < latency.p50_us <= latency.p90_us <= latency.p99_us <= latency.p99_9_us <= latency.max_us < 1_000_000
    assert latency.mean_us <= latency.max_us


def test_the_limit_is_in_the_range_of_a_machine() -> None:
    limit = native.c_limit(50, seconds=0.5)
    assert limit.send.frames == limit.load.frames
    assert 0.5 < limit.send.seconds < 2
    assert 2_000 < limit.send.frames_per_second < 20_000_000
    assert 0 < limit.send.cpu_us_per_frame < 500


@pytest.mark.parametrize(("kind", "stamp"), [("kraken", LAST), ("kraken-max", LATEST)])
async def test_a_kraken_session(kind: native.LatencyKind, stamp: float, tmp_path: Path) -> None:
    """Rotating subscriptions, readiness by text, heartbeats apart, fragments, pings answered, times found."""
    lines = [subscribe("XBT/USD"), subscribe("ETH/USD"), subscribe("XBT/EUR")]
    (tmp_path / "lines").write_text("\n".join(lines) + "\n")
    exchange = Exchange(7, [REPUBLISH, [REPUBLISH[:20], REPUBLISH[20:]], '{"no":"time"}'])
    async with exchange.run():
        options = native.LoadOptions(
            port=exchange.port,
            connections=7,
            send_file=tmp_path / "lines",
            ready_text='"subscribed"',
            ignore='"heartbeat"',
            latency=kind,
            until_frames=7 * 5,
            seconds=20,
        )
        with native.Load(options) as load:
            await exchange.all_said.wait()
            await asyncio.to_thread(load.wait_ready)
            exchange.start.set()
            counted = await asyncio.to_thread(load.result, 30)
        age = time.time() - stamp
    assert exchange.said == {lines[0]: 3, lines[1]: 2, lines[2]: 2}
    assert exchange.closed == {1000: 7}
    assert exchange.pongs == 7
    assert (counted.frames, counted.fragments, counted.ignored) == (35, 21, 7)
    assert counted.latency is not None
    # Of the fragments the first holds no whole time, the second both, and the one that websockets ends with is empty.
    assert (counted.latency.count, counted.latency.untimed, counted.latency.early) == (14, 21, 0)
    assert counted.latency.max_us / 1e6 == pytest.approx(age, abs=5)
    assert counted.latency.p50_us / 1e6 == pytest.approx(age, rel=0.005)


async def test_idle_connections_are_held_answer_pings_and_end_in_good_order() -> None:
    exchange = Exchange(12, [])
    async with exchange.run():
        options = native.LoadOptions(
            port=exchange.port, connections=12, send=(subscribe("XBT/USD"),), sources=3, ramp=200
        )

        def held() -> int:
            with native.hold(options) as load:
                while exchange.pongs < 12:
                    time.sleep(0.01)
                memory = native.resident_bytes(load.pid)
                load.stop()
                assert load.result(10).open == 12
                return memory

        exchange.start.set()
        assert await asyncio.to_thread(held) > 100_000
    assert exchange.closed == {1000: 12}


async def test_another_librarys_client_accepts_the_send_loop() -> None:
    with native.SendLoop(native.SendOptions(connections=1, size=100, rounds=2)) as server:
        async with connect(f"ws://127.0.0.1:{server.port}", compression=None) as client:
            await client.send("ignored")
            server.go()
            frames = [frame async for frame in client]
        assert (await asyncio.to_thread(server.result, 10)).frames == 2
    assert [len(frame) for frame in frames] == [100, 100]
    assert json.loads(frames[0])["ns"] > 0
    assert client.close_code == 1000


async def test_failures_say_what_failed() -> None:
    def refuse(connection: ServerConnection, request: Request) -> Response:
        return connection.respond(HTTPStatus.NOT_FOUND, "not here")

    async def nothing(connection: ServerConnection) -> None:
        await connection.close(1013, "too many")

    async with (
        serve(nothing, "127.0.0.1", 0, process_request=refuse) as refusing,
        serve(nothing, "127.0.0.1", 0) as closing,
    ):
        for server, timeout, message in (
            (refusing, 5.0, "404 Not Found"),
            (closing, 5.0, "too many .close code 1013."),
        ):
            port = next(iter(server.sockets)).getsockname()[1]
            options = native.LoadOptions(port=port, connections=1, ready_text="never", timeout=timeout)
            with pytest.raises(native.NativeError, match=message):
                await asyncio.to_thread(native.run_load, options)
    with pytest.raises(native.NativeError, match="Connection refused"):
        native.run_load(native.LoadOptions(port=free_ports(1)[0], connections=1))
    with (
        native.SendLoop(native.SendOptions(connections=3, size=64)) as lonely,
        pytest.raises(native.NativeError, match="1 of 1 connections were open and 0 ready"),
    ):
        native.run_load(native.LoadOptions(port=lonely.port, connections=1, ready_text="never", timeout=2.0))
    with native.SendLoop(native.SendOptions(connections=3, size=64)) as lonely:
        lonely.stop()
        with pytest.raises(native.NativeError, match="stopped with 0 of 3 clients"):
            lonely.wait_ready()


def test_it_compiles_once_and_where_it_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(native, "CACHE", tmp_path / "cache")
    program = native.build("load")
    made = program.stat().st_mtime_ns
    assert native.build("load") == program
    assert program.stat().st_mtime_ns == made
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [program.name]
    monkeypatch.setenv("CC", "no-such-compiler")
    with pytest.raises(native.NativeError, match="no-such-compiler"):
        native.build("load")


async def test_a_crowd_keeps_books_and_says_which_are_wrong() -> None:
    """One of three is told a wrong checksum; each is cut off once and comes back."""
    levels = {"a": [["1.20", "1.0", "1"], ["1.10", "2.0", "1"]], "b": [["1.00", "0.5", "1"], ["0.90", "4.0", "1"]]}
    snapshot = {"as": levels["a"], "bs": levels["b"]}
    change = [{"a": [["1.10", "0.0", "2"], ["1.15", "3.0", "2"]]}, {"b": [["0.95", "7.0", "2"]]}]
    # 1.15 3.0, 1.20 1.0; 1.00 0.5, 0.95 7.0, 0.90 4.0: without points and leading zeros
    checksum = str(zlib.crc32(b"11530" + b"12010" + b"1005" + b"9570" + b"9040"))
    served: list[ServerConnection] = []

    async def talk(connection: ServerConnection) -> None:
        assert json.loads(await connection.recv())["subscription"] == {"name": "book", "depth": 10}
        served.append(connection)
        await connection.send(json.dumps([7, snapshot, "book-10", "XBT/USD"]))
        told = "1" if len(served) == 2 else checksum
        last = {**change[1], "c": told}
        await connection.send(json.dumps([7, change[0], last, "book-10", "XBT/USD"], separators=(",", ":")))
        async for text in connection:
            await connection.send(
                json.dumps({"event": "pong", "reqid": json.loads(text)["reqid"]}, separators=(",", ":"))
            )

    async with serve(talk, "127.0.0.1", 0, compression=None) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        async with crowd(port, 3, spread=0.01) as those:
            await those("open", 3)
            first = await those("check")
            assert (first["connections"], first["checked"], first["wrong"], first["others"]) == (3, 0, 1, 0)
            assert first["checksum"] == checksum
            for connection in served[:3]:
                connection.transport.abort()
            back = await those("back")
            assert (back["cut_off"], back["attempts"]) == (3, 6)
            assert len(served) == 6
            assert (await those("close"))["connections"] == 0
