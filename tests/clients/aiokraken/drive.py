"""aiokraken 2.0.0 on Kraken's WebSocket and REST API: the client of May 2019, when version 0.2.0 went live.

Changed against its documentation: the two addresses (constants of its modules), nothing else. It hands every message on
as it is, so the checks are the driver's; it stops at any object that has no `event`.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import aiokraken.rest.client
import aiokraken.websockets.client
from aiokraken import RestClient, WssClient

sys.path.append(str(Path(__file__).resolve().parents[1] / "shared"))

from findings import Tally, arguments, emit, require, run
from kraken_wire import Stream, check_ack, check_status

# The documented way to use it is one connection for each purpose.
CONNECTIONS = {
    "plain": [{"name": "ticker"}, {"name": "trade"}, {"name": "spread"}, {"name": "ohlc"}, {"name": "book"}],
    "deep": [{"name": "ohlc", "interval": 5}, {"name": "book", "depth": 25}, {"name": "book", "depth": 1000}],
    "star": [{"name": "*"}],
}
EXPECTED = {
    "plain": ("ticker", "trade", "spread", "ohlc-1", "book-10"),
    "deep": ("ohlc-5", "book-25", "book-1000"),
    "star": ("ticker", "trade", "spread", "ohlc-1", "book-10"),
}


def needs_of(updates: int) -> dict[str, int]:
    """What must arrive on each connection."""
    needs = {}
    for name, channels in EXPECTED.items():
        needs |= {f"{name} heartbeat": 1, f"{name} pong": 1}
        needs |= {f"{name} subscribed {channel}": 1 for channel in channels}
        needs |= {f"{name} {channel}": updates if channel.startswith("book") else 1 for channel in channels}
    return needs


class Connection:
    """What arrives on one connection: the status first, then acknowledgements, heartbeats, pongs and data."""

    def __init__(self, tally: Tally, name: str) -> None:
        self.tally = tally
        self.name = name
        self.stream = Stream()
        self.greeted = False

    def handle(self, message: Any) -> None:
        """The client's callback. What it raises would end the client's own task, which nobody waits for."""
        try:
            self.check(message)
        except Exception as error:
            self.tally.fail(f"{self.name}: {type(error).__name__}: {error}: {str(message)[:300]}")

    def check(self, message: Any) -> None:
        if isinstance(message, list):
            channel = self.stream.check(message)
            if channel:
                self.tally.saw(f"{self.name} {channel}")
        elif not self.greeted:
            check_status(message)
            self.greeted = True
            emit("status", connection=self.name, version=message["version"])
        elif message["event"] == "subscriptionStatus":
            require(message["status"] == "subscribed" and "reqid" not in message, "not a plain acknowledgement")
            self.tally.saw(f"{self.name} subscribed {check_ack(message)}")
        else:
            require(message["event"] in ("heartbeat", "pong"), f"event {message['event']}")
            if message["event"] == "heartbeat":
                self.tally.saw(f"{self.name} heartbeat")


async def converse(client: WssClient, tally: Tally, name: str, pair: str) -> None:
    """Ping first, wait for the pong that the client matches by its reqid, then subscribe."""
    pong = await (await client.kraken_ping(connection_name=name))
    require(pong["event"] == "pong", f"pong {pong}")
    tally.saw(f"{name} pong", pong)
    for subscription in CONNECTIONS[name]:
        await client.subscribe([pair], subscription, connection_name=name)


async def watch(tally: Tally, work: Awaitable[None]) -> None:
    """The client's own task must not end: it does when a message is not what it expects."""
    try:
        await work
    except Exception as error:
        tally.fail(f"the client stopped: {type(error).__name__}: {error}")


async def drive_sockets(options: Any) -> int:
    """Three connections of one client."""
    aiokraken.websockets.client.PRODUCTION_URL = options.ws
    tally = Tally(needs_of(options.updates))
    client = WssClient()
    works: list[Awaitable[None]] = []
    for name in CONNECTIONS:
        works.append(client.create_connection(Connection(tally, name).handle, connection_name=name))
        works.append(converse(client, tally, name, options.pair))
    tasks = [asyncio.create_task(watch(tally, work)) for work in works]
    await tally.wait(options.seconds)
    for name in list(client.connections):
        await client.close_connection(name)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await client.session.close()
    return tally.verdict()


def rest_calls(client: RestClient, pair: str) -> dict[str, Callable[[], Awaitable[Any]]]:
    """Every public call that aiokraken has."""
    return {
        "Time": client.time,
        "Assets": client.assets,
        "AssetPairs": client.asset_pairs,
        "AssetPairs of one": lambda: client.asset_pairs({"pair": pair}),
        "Ticker": lambda: client.ticker({"pair": pair}),
        "OHLC": lambda: client.ohlc({"pair": pair, "interval": 1}),
        "Depth": lambda: client.depth({"pair": pair, "count": 5}),
    }


async def drive_rest(options: Any) -> int:
    """Call everything once, and once with a pair that is none."""
    aiokraken.rest.client.BASE_URL = options.rest
    client = RestClient()
    calls = rest_calls(client, options.pair.replace("/", ""))
    tally = Tally(dict.fromkeys([*calls, "unknown pair"], 1))
    try:
        async with asyncio.timeout(options.seconds):
            for name, call in calls.items():
                answer = await call()
                require(not answer["error"] and len(answer["result"]) > 0, f"{name}: {str(answer)[:300]}")
                tally.saw(name, str(answer["result"])[:200])
            answer = await client.ticker({"pair": "NONESUCH"})
            require(answer["error"] == ["EQuery:Unknown asset pair"], f"unknown pair: {answer}")
            tally.saw("unknown pair", answer)
    finally:
        await client.close()
    return tally.verdict()


def main() -> int:
    options = arguments("Drive aiokraken against a Kraken server.").parse_args()
    emit("client", name="aiokraken", version=version("aiokraken"))
    return asyncio.run(drive_sockets(options) if options.what == "sockets" else drive_rest(options))


if __name__ == "__main__":
    run(main)
