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
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.raw import Raw, frame, upgrade
from tests.e2e.world import World, world

pytestmark = pytest.mark.slow

OPEN = ["gateway.address_connections=0", "gateway.handshake_rate=0"]
LONG = pytest.param(10_000, marks=pytest.mark.soak)
KIB_EACH = 8.0
ROOT = Path(__file__).parents[2]


class Crowd:
    """A running tests/e2e/crowd.py."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def __call__(self, *words: object, during: World | None = None) -> dict[str, Any]:
        """Has the crowd do something; time passes in the world meanwhile, if one is given."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write((" ".join(map(str, words)) + "\n").encode())
        answer = asyncio.create_task(self._process.stdout.readline())
        while during is not None and not answer.done():
            await during.pass_time(0.1)
            await asyncio.sleep(0.1)
        line = await answer
        assert line, "the crowd has died: see its errors above"
        return dict(json.loads(line))


@asynccontextmanager
async def crowd_of(one: World) -> AsyncIterator[Crowd]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "tests.e2e.crowd", str(one.first.ports["kraken"])),
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield Crowd(process)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()


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
        crowd_of(one) as crowd,
    ):
        await crowd("open", count)
        await crowd("close")
        await gone(one)
        before, resident_before = footprint(one), resident()
        await crowd("open", count)
        gc.collect()
        each = (resident() - resident_before) / 1024 / count
        first = resident()
        await crowd("close")
        await gone(one)
        await crowd("open", count)
        second = resident()
        await crowd("close")
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
        crowd_of(one) as crowd,
    ):
        await crowd("open", 10)
        gc.collect()
        before = resident()
        await crowd("open", count)
        gc.collect()
        full = resident()
        await crowd("close")
        await gone(one)
        gc.collect()
        print(json.dumps({"kib_each": (full - before) / 1024 / count, "left_mib": (resident() - before) / 1024 / 1024}))


@pytest.mark.parametrize("count", [200, LONG])
async def test_all_are_back_with_their_books_after_all_were_cut_off(count: int) -> None:
    async with world("flow.agents=3", *OPEN) as one, crowd_of(one) as crowd:
        await one.pass_time(1)
        opened = await crowd("open", count, during=one)
        for connection in tuple(one.first.gateway.fans["kraken"].connections):
            connection.outlet.abort()  # type: ignore[attr-defined]
        back = await crowd("back", during=one)
        await one.pass_time(2)
        whole = await crowd("check")
        print(
            f"\n{count} opened in {opened['seconds']:.1f} s; cut off, all back with books after {back['seconds']:.1f} s"
        )
        assert whole["books"] == 1
        assert whole["checked"] > 5
        await crowd("close")
        await gone(one)


@pytest.mark.parametrize("count", [100, pytest.param(1000, marks=pytest.mark.soak)])
async def test_one_that_stops_reading_among_many(count: int) -> None:
    settings = ["flow.agents=20", "gateway.stall_seconds=5", "gateway.send_buffer_bytes=8192", *OPEN]
    async with world(*settings) as one, crowd_of(one) as crowd:
        fan = one.first.gateway.fans["kraken"]
        await crowd("open", count)
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
        whole = await crowd("check")
        assert whole["books"] == 1
        assert whole["checked"] > 5
        assert set(fan.connections) == others
        raw.end()
        await crowd("close")
        await gone(one)
