"""Many clients at once, from a process of their own: what each costs, that nothing of them stays, that they come back
after all were cut off, and one among them that has stopped to read.

The short forms run with `make test`, the long ones with `make soak`; `-s` shows the figures.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import resource
import sys
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.crowd import Crowd, crowd
from tests.e2e.kraken_client import Book, Client
from tests.e2e.raw import Raw, frame, upgrade
from tests.e2e.world import World, world

pytestmark = pytest.mark.slow

OPEN = ["gateway.address_connections=0", "gateway.handshake_rate=0"]
LONG = pytest.param(10_000, marks=pytest.mark.soak)
KIB_EACH = 8.0
ROOT = Path(__file__).parents[2]


def crowd_of(one: World, most: int, **options: object) -> AbstractAsyncContextManager[Crowd]:
    return crowd(one.first.ports["kraken"], most, **options)


@pytest.fixture(autouse=True)
def descriptors() -> None:
    """As many as this process may have."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def resident() -> int:
    """Bytes of this process that are in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


def footprint(one: World) -> dict[str, int]:
    """What must be as before when everybody has left."""
    gc.collect()
    return {
        "connections": len(one.first.gateway.fans["kraken"].connections),
        "tasks": len(asyncio.all_tasks()),
        "descriptors": len(list(Path("/proc/self/fd").iterdir())),
        "idle": one.first.gateway.fans["kraken"].idle(),
        "objects": len(gc.get_objects()),
    }


async def gone(one: World) -> None:
    async with asyncio.timeout(60):
        while one.first.gateway.fans["kraken"].connections:
            await asyncio.sleep(0.05)
    # What was closed last has its descriptor until the loop has been round once more, deadlines are looked at later.
    for _ in range(3):
        await asyncio.sleep(0.05)


@pytest.mark.parametrize("count", [200, LONG])
async def test_what_a_connection_costs_and_that_it_is_given_back(count: int) -> None:
    async with (
        world("flow.capture=off", "flow.agents=0", "kraken.heartbeat=idle", *OPEN) as one,
        crowd_of(one, count) as those,
    ):
        await those("open", count)
        await those("close")
        await gone(one)
        before, resident_before = footprint(one), resident()
        await those("open", count)
        gc.collect()
        each = (resident() - resident_before) / 1024 / count
        first = resident()
        await those("close")
        await gone(one)
        await those("open", count)
        second = resident()
        await those("close")
        await gone(one)
        after = footprint(one)
        print(f"\n{count} idle connections: {each:.2f} KiB each over what the first {count} left; after them", end=" ")
        print(
            f"{(resident() - resident_before) / 1024 / 1024:+.1f} MiB, objects {after['objects'] - before['objects']:+}"
        )
        # Deadlines of those who have gone are remembered until they come due, a minute at most: two objects for each of
        # those who came in either round.
        objects = after.pop("objects") - before.pop("objects")
        assert after == before
        assert objects < 2 * 2 * count + 100
        assert second < first + (64 << 10) + first // 50


@pytest.mark.soak
async def test_how_much_memory_ten_thousand_take_from_nothing() -> None:
    """In a process that has had none before: what malloc kept of others cannot hide any of it."""
    code = "import asyncio, sys; from tests.e2e.test_crowds import measure; asyncio.run(measure(int(sys.argv[1])))"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, "10000", cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    measured = json.loads(output)
    print(f"\n{measured}")
    assert measured["kib_each"] <= KIB_EACH


async def measure(count: int) -> None:
    """Prints the memory that each of so many connections takes, with a session and a subscription."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    async with (
        world("flow.capture=off", "flow.agents=0", "kraken.heartbeat=idle", *OPEN) as one,
        crowd_of(one, count + 10) as those,
    ):
        await those("open", 10)
        gc.collect()
        before = resident()
        await those("open", count)
        gc.collect()
        full = resident()
        await those("close")
        await gone(one)
        gc.collect()
        print(json.dumps({"kib_each": (full - before) / 1024 / count, "left_mib": (resident() - before) / 1024 / 1024}))


async def cut_off_and_back(one: World, those: Crowd, count: int) -> dict[str, Any]:
    """Opens so many, cuts all off at once, waits for them, and holds their books against an ordinary client's; what the
    crowd says of its way back.
    """
    fan = one.first.gateway.fans["kraken"]
    await one.pass_time(1)
    opened = await those("open", count, during=one)
    cut = tuple(fan.connections)
    steady = await Client.open(one.first.ports["kraken"])
    await steady.subscribe(["XBT/USD"], name="book", depth=10)
    for connection in cut:
        connection.outlet.abort()
    back = await those("back", during=one)
    await one.pass_time(2)
    whole = await those("check")
    await steady.say({"event": "ping", "reqid": 4711})
    await steady.until_text('"reqid":4711')
    book = Book(10)
    for text in steady.data():
        book.apply(text)
    print(f"\n{count} opened in {opened['seconds']:.1f} s; all cut off, and back after {back['seconds']:.1f} s: {back}")
    assert (whole["connections"], whole["others"], whole["wrong"]) == (count, 0, 0)
    assert whole["checksum"] == book.checksum()
    assert min(whole["checked"], book.checked) > 5
    assert back["cut_off"] == count
    await steady.close()
    await those("close")
    await gone(one)
    return back


@pytest.mark.parametrize(("count", "sources"), [(300, 3), pytest.param(10_000, 20, marks=pytest.mark.soak)])
async def test_all_are_back_with_their_books_after_all_were_cut_off(count: int, sources: int) -> None:
    """With the limits as they are by default: 500 clients of one address open and open again within their burst."""
    async with world("flow.agents=3") as one, crowd_of(one, count, sources=sources) as those:
        back = await cut_off_and_back(one, those, count)
        assert back["crowded"] == back["full"] == 0


async def test_who_is_refused_on_the_way_back_comes_when_it_was_told_to() -> None:
    """Of 50 of one address that come within a moment, 30 are let in at once, and the others later."""
    limits = ("gateway.handshake_rate=20", "gateway.handshake_burst=30")
    async with world("flow.agents=3", *limits) as one, crowd_of(one, 100, sources=2, spread=0.1) as those:
        back = await cut_off_and_back(one, those, 100)
        assert back["crowded"] > 0
        assert back["without_hint"] == 0


@pytest.mark.parametrize("count", [100, pytest.param(1000, marks=pytest.mark.soak)])
async def test_one_that_stops_reading_among_many(count: int) -> None:
    """What waits for it stays below its bound; it is ended when it has not read for `stall_seconds`, without a word,
    because no word would reach it; the others hear everything.
    """
    settings = ["flow.agents=20", "gateway.stall_seconds=5", "gateway.send_buffer_bytes=8192", *OPEN]
    async with world(*settings) as one, crowd_of(one, count) as those:
        fan = one.first.gateway.fans["kraken"]
        await those("open", count)
        others = set(fan.connections)
        raw = await Raw.connect(one.first.ports["kraken"], upgrade())
        await raw.head()
        raw.writer.transport.pause_reading()  # type: ignore[attr-defined]
        for depth in (1000, 500, 100, 25):
            pairs = '["XBT/USD","ETH/USD","XBT/EUR","ETH/EUR"]'
            wish = f'{{"event":"subscribe","pair":{pairs},"subscription":{{"name":"book","depth":{depth}}}}}'
            raw.writer.write(frame(1, wish.encode()))
        while set(fan.connections) <= others:
            await asyncio.sleep(0.01)
        (stopped,) = set(fan.connections) - others
        most, began = 0, asyncio.get_running_loop().time()
        async with asyncio.timeout(60):
            while stopped in fan.connections:
                await one.pass_time(0.2)
                transport = stopped.outlet._transport  # type: ignore[attr-defined]
                most = max(most, stopped.own_bytes + stopped.cohort.bytes + transport.get_write_buffer_size())
                await asyncio.sleep(0.01)
        ended = asyncio.get_running_loop().time() - began
        print(f"\nat most {most / 1024:.0f} KiB waited for the stopped reader, which was ended after {ended:.1f} s")
        assert 0 < most < 1 << 20
        whole = await those("check")
        assert (whole["others"], whole["wrong"]) == (0, 0)
        assert whole["checked"] > 5
        assert set(fan.connections) == others
        raw.end()
        await those("close")
        await gone(one)
