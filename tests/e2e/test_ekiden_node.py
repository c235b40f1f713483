"""The quick start of Ekiden's page runs as it is printed, on both sockets, in Node."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from polyfeed.model.commands import PlaceOrder
from polyfeed.model.enums import OrderKind, Side
from polyfeed.sources.demo import AGENTS, USERS
from tests.e2e.ekiden_client import ALICE, Api
from tests.e2e.world import World, world

PRINTED = (Path(__file__).parent / "ekiden_quick_start.js").read_text("utf-8")
HOST = "wss://api.ekiden.fi"
NODE = shutil.which("node")
PING_MS = "5_000"
"""For the 20 s between two pings. The first one must not come before the socket is open: that is an error in the page."""

LOG_IN = """
const printed = ws.onopen;
ws.onopen = () => {
ws.send(JSON.stringify({ op: "auth", bearer: "TOKEN", req_id: "200001" }));
ws.send(JSON.stringify({ op: "subscribe", args: ["order", "position", "execution", "account_balance"] }));
printed();
};
"""
"""What the page says of the private socket: an AuthRequest once connected, then its topics."""

pytestmark = [pytest.mark.slow, pytest.mark.skipif(NODE is None, reason="there is no node")]


def market(one: World) -> tuple[int, int]:
    """The market of the page, and a price there: what its mark is."""
    state = one.first.gateway.market.by_symbol("ekiden", "BTC-USDC")
    assert state is not None
    mark = state.perpetual.mark_price
    return state.instrument.id, mark - mark % state.instrument.tick


async def run(one: World, script: str, tmp_path: Path, wanted: list[str]) -> str:
    """Runs a script until its output has all that is wanted, while a user buys what an agent offers."""
    number, price = market(one)
    path = tmp_path / "quick_start.js"
    path.write_text(script, "utf-8")
    assert NODE is not None
    process = await asyncio.create_subprocess_exec(
        NODE,
        "--experimental-websocket",
        str(path),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert process.stdout is not None
    said = ""
    try:
        async with asyncio.timeout(30):
            while not all(text in said for text in wanted):
                await one.command(PlaceOrder(AGENTS, number, Side.SELL, OrderKind.LIMIT, 10**7, price))
                await one.command(PlaceOrder(next(iter(USERS)), number, Side.BUY, OrderKind.MARKET, 10**6))
                await one.pass_time(0.1)
                try:
                    said += (await asyncio.wait_for(process.stdout.read(65536), 0.1)).decode()
                except TimeoutError:
                    assert process.returncode is None, said
    finally:
        process.kill()
        await process.wait()
    return said


async def test_the_public_socket(tmp_path: Path) -> None:
    async with world("flow.agents=0", "flow.capture=off") as one:
        script = PRINTED.replace(HOST, f"ws://127.0.0.1:{one.first.ports['ekiden']}")
        script = script.replace("20_000", PING_MS)
        said = await run(
            one,
            script,
            tmp_path,
            [
                "Subscribed: [ 'orderbook.1.BTC-USDC', 'trade.BTC-USDC' ]",
                "Topic: orderbook.1.BTC-USDC Data: {",
                "Topic: trade.BTC-USDC Data: [",
                "Pong: {",
            ],
        )
        assert "Error:" not in said


async def test_the_private_socket(tmp_path: Path) -> None:
    async with world("flow.agents=0", "flow.capture=off") as one:
        port = one.first.ports["ekiden"]
        token = await Api(port, ALICE).log_in()
        script = (PRINTED + LOG_IN.replace("TOKEN", token)).replace(HOST, f"ws://127.0.0.1:{port}")
        script = script.replace("/ws/public", "/ws/private")
        said = await run(
            one,
            script,
            tmp_path,
            [
                "Subscribed: [ 'order', 'position', 'execution', 'account_balance' ]",
                "Topic: order Data: [",
                "Topic: execution Data: [",
                "Topic: account_balance Data: [",
            ],
        )
        # The page's own subscription is one of the other socket.
        assert "Error: INVALID_TOPIC_FOR_PRIVATE_WS: orderbook.1.BTC-USDC" in said
