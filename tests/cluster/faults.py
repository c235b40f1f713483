"""What breaks in a rig, each thing as a function that has it happen and returns when the others have gone on without it
or with it again.
"""

from __future__ import annotations

import asyncio
import random
import shutil
import time
from collections.abc import Awaitable, Callable

from tests.cluster.rig import Rig

Fault = Callable[[Rig], Awaitable[None]]

AWAY_SECONDS = 3.0
HEALING_SECONDS = 5.0
RESTORE_SECONDS = 15.0
FLIPS = 20


async def gateway_killed(rig: Rig) -> None:
    await rig.kill("g1")
    await rig.start("g1")
    print(f"g1 was back after {await rig.until_ready('g1'):.1f} s")


async def nats_server_killed(name: str, rig: Rig) -> None:
    """It is back when it has caught up: two of three at once are no majority."""
    await rig.kill(name)
    await asyncio.sleep(AWAY_SECONDS)
    await rig.start(name)
    await rig.until_serving(name)
    await rig.until_current()


async def nats_servers_killed(rig: Rig) -> None:
    """Each in turn."""
    for name in rig.servers:
        await nats_server_killed(name, rig)


async def venue_killed(rig: Rig) -> None:
    await rig.kill("v1")
    print(f"v2 was the venue after {await rig.until_ready('v2'):.1f} s")
    await rig.start("v1")
    await rig.until_following("v1")


async def everything_restarted(rig: Rig) -> None:
    """Every process is replaced, one after the other, each in its orderly way."""
    for name in ("g1", "g2"):
        await rig.stop(name)
        await rig.start(name)
        await rig.until_ready(name)
    for name in rig.servers:
        await rig.stop(name)
        await rig.start(name)
        await rig.until_serving(name)
        await rig.until_current()
    for name, other in (("v1", "v2"), ("v2", "v1")):
        await rig.stop(name)
        print(f"{other} was the venue after {await rig.until_ready(other):.1f} s")
        await rig.start(name)
        await rig.until_following(name)


async def bits_flipped(rig: Rig) -> None:
    """In every block of batches that a NATS server has, while it does not run. Some of such blocks have it hang
    where it reads them (2.15.1): then it is not there until its directory is deleted.
    """
    await rig.stop("n1")
    dice = random.Random(1)
    blocks = [*rig.servers["n1"].store.rglob("*polyfeed-batches/msgs/*.blk")]
    assert blocks
    for block in blocks:
        data = bytearray(block.read_bytes())
        for _ in range(FLIPS):
            data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
        block.write_bytes(data)
    await rig.start("n1")
    try:
        await rig.until_serving("n1", RESTORE_SECONDS)
    except OSError:
        print("n1 cannot read what it has, and does not serve")


async def directory_deleted(rig: Rig) -> None:
    """All that a NATS server had, while it does not run: the others give it everything again. So a damaged one is mended
    too, which goes on as if nothing were wrong, but cannot help a server that has lost its own.
    """
    await rig.kill("n1")
    shutil.rmtree(rig.servers["n1"].store)
    await rig.start("n1")
    await rig.until_serving("n1")


class Timed:
    """A fault, with when it began, when it was over, and when its effects have to be over."""

    def __init__(self, label: str, fault: Fault) -> None:
        self.label = label
        self._fault = fault
        self.cut = self.healed = self.over = 0.0

    async def __call__(self, rig: Rig) -> None:
        self.cut = time.time()
        await self._fault(rig)
        self.healed = time.time()
        await asyncio.sleep(HEALING_SECONDS)
        self.over = time.time()


class Cut(Timed):
    """Nothing that `name` sends comes to `other` for so long, and the other way round where it is cut both ways. `n` is
    all NATS servers, `v` whoever is the venue. A venue that has ended because of it is started again.

    It is over when NATS is whole: servers that hear each other again may elect another leader first, which takes them up
    to nine seconds.
    """

    def __init__(self, name: str, other: str, seconds: float, *, both: bool) -> None:
        super().__init__(f"{name} - {other}, {'both ways' if both else 'one way'}", self._part)
        self._ends = (name, other)
        self._seconds = seconds
        self._both = both

    async def _part(self, rig: Rig) -> None:
        assert rig.networks is not None
        links = [(a, b) for a in names(rig, self._ends[0]) for b in names(rig, self._ends[1])]
        links += [(b, a) for a, b in links] if self._both else []
        for link in links:
            rig.networks.cut(*link)
        await asyncio.sleep(self._seconds)
        for link in links:
            rig.networks.heal(*link)
        healed = time.time()
        await rig.until_current()
        print(f"{self.label}: NATS was whole {time.time() - healed:.1f} s after it had healed")

    async def __call__(self, rig: Rig) -> None:
        await super().__call__(rig)
        await rig.until_two_venues()


def names(rig: Rig, name: str) -> list[str]:
    return {"n": [*rig.servers], "v": [rig.venue()]}.get(name, [name])
