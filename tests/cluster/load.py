"""Traders and readers of one gateway, in a process beside it: `python -m tests.cluster.load PORTS SEED READERS RATE`.

PORTS is JSON, READERS how many there are of each dialect (crowd.py), RATE the requests that it means to send in a second.
It begins to trade, says so when every reader has a book, and goes on until its standard input ends; then it reads on
until everything is quiet, and prints as JSON what its
clients were told, what each reader met, and when the gateway was ready. It imports nothing of polyfeed.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
import urllib.error
import urllib.request
from contextlib import suppress
from typing import Any

from tests.cluster.crowd import Crowd
from tests.store.kill_clients import LEFT, Run, Told, clients

AGAIN_SECONDS = 0.2
LOOK_SECONDS = 0.1
QUIET_SECONDS = 2.0
LONGEST_WAIT = 60.0
QUIET_SHARE = 0.01
"""Requests for the quiet market, in parts of those for the busy one."""


class Load:
    """All clients of a gateway."""

    def __init__(self, ports: dict[str, int], seed: int, readers: int, rate: float) -> None:
        self.ports = ports
        self.seed = seed
        self.rate = rate
        self.told = {name: Told() for name in ("bitstamp", "rails", "ekiden")}
        self.crowd = Crowd(ports, readers)
        self.ready: list[tuple[float, bool]] = []

    async def run(self) -> dict[str, Any]:
        reading = asyncio.create_task(self.crowd.run())
        looking = asyncio.create_task(self._look())
        runs = clients(self.ports, self.seed, self.rate, self.told, self.rate * QUIET_SHARE)
        trading = [asyncio.create_task(self._trade(run)) for run in runs]
        await self.crowd.until_whole(LONGEST_WAIT)
        print("going", flush=True)
        began, before = time.monotonic(), self._counts()
        await asyncio.to_thread(sys.stdin.read)
        seconds, after = time.monotonic() - began, self._counts()
        await end(trading)
        await self.crowd.until_whole(LONGEST_WAIT, QUIET_SECONDS)
        await end([looking, reading])
        if not reading.cancelled():
            reading.result()
        rates = {name: (after[name] - before[name]) / seconds for name in after}
        return {**self._report(), "rates": {**rates, "seconds": seconds}}

    def _counts(self) -> dict[str, int]:
        return {
            "requests": sum(one.requests for one in self.told.values()),
            "answers": sum(one.answers for one in self.told.values()),
            "frames": sum(one.frames for one in self.crowd.readers),
            "verified": sum(one.verified for one in self.crowd.feeds.values()),
        }

    async def _trade(self, run: Run) -> None:
        """One client, and another one in its place whenever it has lost the gateway."""
        while True:
            with suppress(*LEFT, ValueError, KeyError):  # the last two: an answer that says that there is no gateway
                await run()
            await asyncio.sleep(AGAIN_SECONDS)

    async def _look(self) -> None:
        """Notes since when the gateway is ready or not; one that is ready again was so since it last said otherwise."""
        said = 0.0
        while True:
            ready = await asyncio.to_thread(is_ready, self.ports["http"])
            now = time.time()
            if ready is not None and (not self.ready or self.ready[-1][1] is not ready):
                self.ready.append((said if ready and said else now, ready))
            if ready is not None:
                said = now
            await asyncio.sleep(LOOK_SECONDS)

    def _report(self) -> dict[str, Any]:
        told = {
            name: {
                "sent": sorted(one.sent),
                "denied": sorted(one.denied),
                "orders": one.orders,
                "cancelled": sorted(one.cancelled),
                "fills": [[order, str(price), str(size), count] for (order, price, size), count in one.fills.items()],
                "filled": {order: str(size) for order, size in one.filled.items()},
                "requests": one.requests,
                "answers": one.answers,
                "refused": one.refused,
            }
            for name, one in self.told.items()
        }
        return {"told": told, "readers": self.crowd.report(), "ready": self.ready}


async def end(tasks: list[asyncio.Task[None]]) -> None:
    """Cancels tasks until they have ended: a client may lose a cancellation while it says goodbye."""
    while pending := [task for task in tasks if not task.done()]:
        for task in pending:
            task.cancel()
        await asyncio.wait(pending, timeout=LOOK_SECONDS)


def is_ready(port: int) -> bool | None:
    """What it says; None of one that says nothing."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=1) as answer:
            return bool(answer.status == 200)
    except urllib.error.HTTPError:
        return False
    except OSError:
        return None


if __name__ == "__main__":
    ports, seed, readers, rate = sys.argv[1:]
    print(json.dumps(asyncio.run(Load(json.loads(ports), int(seed), int(readers), float(rate)).run())), flush=True)
