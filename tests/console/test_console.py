"""The console in Debian's Chromium, over a running demo: every view with real clicks, and the build that is shipped."""

from __future__ import annotations

import asyncio
import filecmp
import json
import os
import shutil
import sys
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from polyfeed.app.ports import free_ports
from tests.app.test_process import Process
from tests.clients.environments import locked
from tests.console.bitstamp import Client, sell
from tests.console.samples import first_line
from tests.e2e.kraken_client import Book
from tests.e2e.kraken_client import Client as Kraken

pytestmark = [pytest.mark.slow, pytest.mark.clients, pytest.mark.xdist_group("console")]

CONSOLE = Path(__file__).parents[2] / "console"
STATIC = Path(__file__).parents[2] / "src/polyfeed/app/console/static"
REQUIRED = "POLYFEED_REQUIRE_CHROMIUM"
"""With this variable set (CI does) a machine without Chromium or Node.js fails the tests instead of skipping them."""
DEADLINE = 180.0
INSTALL_SECONDS = 240


def missing(reason: str) -> None:
    (pytest.fail if os.environ.get(REQUIRED) else pytest.skip)(reason)


@pytest.fixture(scope="module")
def node() -> str:
    """Node.js, with what the console's lock file names installed."""
    node, npm, chromium = (shutil.which(name) for name in ("node", "npm", "chromium"))
    if node is None or npm is None or chromium is None:
        missing("the console's tests need node, npm and chromium (on Debian: apt-get install nodejs npm chromium)")
    assert node is not None and npm is not None
    lock, done = CONSOLE / "package-lock.json", CONSOLE / "node_modules" / ".installed"
    with locked(CONSOLE / ".node_modules.lock", INSTALL_SECONDS):
        if not done.exists() or done.stat().st_mtime < lock.stat().st_mtime:
            asyncio.run(install(npm))
            done.touch()
    return node


async def install(npm: str) -> None:
    process = await asyncio.create_subprocess_exec(
        npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", cwd=CONSOLE, stdout=asyncio.subprocess.DEVNULL
    )
    async with asyncio.timeout(INSTALL_SECONDS):
        assert await process.wait() == 0


@pytest.fixture(scope="module")
def demo() -> Iterator[Process]:
    process = Process("serve", "--demo")
    yield process
    process.end()


@pytest.fixture(scope="module")
def quiet() -> Iterator[Process]:
    """A demo where nobody but the tests trades."""
    process = Process("serve", "--demo", "--set", "flow.capture=off", "--set", "flow.agents=0")
    yield process
    process.end()


def port_of(server: Process, dialect: str) -> int:
    with urllib.request.urlopen(f"http://127.0.0.1:{server.port('http')}/api/directory") as reply:
        return int(next(one["port"] for one in json.load(reply)["dialects"] if one["name"] == dialect))


class Scene:
    """A running script of `console/tests`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def told(self) -> Any:
        """The next thing that it tells."""
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        assert line, await self._complaint()
        return json.loads(line)

    def answer(self, value: object) -> None:
        """Lets it go on."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(value).encode() + b"\n")

    async def end(self) -> None:
        """Returns when it has ended well."""
        output, errors = await self._process.communicate()
        assert self._process.returncode == 0, (output + errors).decode()[-6000:]

    async def _complaint(self) -> str:
        assert self._process.stderr is not None
        return (await self._process.stderr.read()).decode()[-6000:]


@asynccontextmanager
async def scene(node: str, name: str, port: int) -> AsyncIterator[Scene]:
    process = await asyncio.create_subprocess_exec(
        node,
        CONSOLE / "tests" / f"{name}.mjs",
        f"http://127.0.0.1:{port}",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        limit=1 << 20,
    )
    try:
        async with asyncio.timeout(DEADLINE):
            one = Scene(process)
            yield one
            await one.end()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@pytest.mark.parametrize("view", ["market", "operate", "access"])
async def test_a_view_with_real_clicks(node: str, demo: Process, view: str) -> None:
    async with scene(node, view, demo.port("http")):
        pass


async def test_one_trade_stands_on_five_wires_and_the_code_on_the_page_hears_it(node: str, demo: Process) -> None:
    async with scene(node, "tongues", demo.port("http")) as page:
        samples: dict[str, str] = await page.told()
        page.answer("go on")
        assert len(samples) == 10
        for name, code in samples.items():
            program = [sys.executable, "-c", code]
            if name.endswith("JavaScript"):
                # A flag that the versions which need none do not mind.
                program = [node, "--experimental-websocket", "--input-type=module", "-e", code]
            assert await first_line(program), name


async def test_an_order_on_the_page_is_seen_by_a_client_of_bitstamp_and_its_fill_comes_back(
    node: str, quiet: Process
) -> None:
    port = port_of(quiet, "bitstamp")
    async with Client(port, "live_orders_btcusd") as bitstamp, scene(node, "trade", quiet.port("http")) as page:
        await page.told()
        created = await bitstamp.event("order_created")
        assert (created["price_str"], created["amount_str"], created["order_type"]) == ("50000.0", "0.02000000", 0)
        page.answer("seen")
        await page.told()
        moved = await bitstamp.until(lambda one: one["data"].get("price_str") == "51000.0")
        assert moved["data"]["amount_str"] == "0.02000000"
        page.answer("seen")
        reply = await sell(port, "btcusd", "0.01", "51000")
        assert reply["amount"] == "0.01000000", reply
        await page.told()
        await bitstamp.event("order_deleted")
        page.answer("seen")


async def test_a_fault_on_the_page_is_a_checksum_mismatch_to_a_client_of_kraken(node: str, quiet: Process) -> None:
    patient, neighbour = [await Kraken.open(port_of(quiet, "kraken")) for _ in range(2)]
    for one in (patient, neighbour):
        await one.subscribe(["XBT/USD"], name="book", depth=10)
    async with scene(node, "faults", quiet.port("http")) as page:
        await page.told()
        page.answer(str(json.loads(patient.messages[0])["connectionID"]))
        await page.told()
        await sell(port_of(quiet, "bitstamp"), "btcusd", "0.01", "61234")
        for one in (patient, neighbour):
            await one.until_text('"61234.00000"')
        page.answer("seen")
    book = Book(10)
    for text in neighbour.data():
        book.apply(text)
    assert book.checked == 1
    book = Book(10)
    with pytest.raises(AssertionError, match="61234"):
        for text in patient.data():
            book.apply(text)
    for one in (patient, neighbour):
        await one.close()


async def test_a_server_that_was_away_is_found_again(node: str) -> None:
    names = ["http.port", *(f"{name}.port" for name in ("kraken", "bitstamp", "peatio", "rails", "ekiden"))]
    ports = dict(zip(names, free_ports(len(names)), strict=True))
    settings = [word for name, port in ports.items() for word in ("--set", f"{name}={port}")]
    command = [sys.executable, "-m", "polyfeed", "serve", "--demo", *settings]

    async def start() -> asyncio.subprocess.Process:
        process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        assert process.stdout is not None
        assert b"ready" in await process.stdout.readline()
        return process

    server = await start()
    try:
        async with scene(node, "away", ports["http.port"]) as page:
            assert await page.told() == "live"
            server.terminate()
            await server.communicate()
            page.answer("gone")
            assert await page.told() == "away"
            server = await start()
            page.answer("back")
    finally:
        if server.returncode is None:
            server.kill()
        await server.communicate()


async def test_the_operators_token_is_asked_for(node: str) -> None:
    token = ("--set", "http.token=correct-horse-battery")
    server = Process("serve", "--demo", *token, "--set", "flow.capture=off", "--set", "flow.agents=0")
    try:
        async with scene(node, "token", server.port("http")):
            pass
    finally:
        server.end()


async def test_the_build_that_is_shipped_is_that_of_the_sources(node: str, tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(node, "build.mjs", tmp_path / "static", cwd=CONSOLE)
    assert await process.wait() == 0
    compared = filecmp.dircmp(STATIC, tmp_path / "static")
    assert not (compared.left_only or compared.right_only or compared.diff_files), "run `make console`"
    inner = compared.subdirs["assets"]
    assert not (inner.left_only or inner.right_only or inner.diff_files), "run `make console`"
