"""kraky on Kraken's WebSocket and REST API. It hands every message on as it is, so the checks are the driver's.

Changed against its documentation: the two addresses, nothing else. It is the client to look at requests and replies
with: request ids, the wildcard, unsubscribing, and the texts of errors, which it gives to its log.
"""

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from kraky import KrakyApiAsyncClient, KrakyWsClient

sys.path.append(str(Path(__file__).resolve().parents[1] / "shared"))

from findings import Tally, answered, arguments, emit, require, run
from kraken_wire import CHANNELS, DEPTHS, INTERVALS, Stream, check_ack, check_status

# What to ask for, and how the error must begin (one profile appends the offending pair, the other does not).
MISTAKES = (
    ({"name": "trade"}, ["XXX/YYY"], "Currency pair not supported"),
    ({"name": "trade"}, ["XBTUSD"], "Currency pair not in ISO 4217-A3 format"),
    ({"name": "trades"}, None, "Subscription name invalid"),
    ({"name": "book", "depth": 20}, None, "Subscription depth not supported"),
    ({"name": "book", "depth": "10"}, None, "Subscription book depth must be an integer"),
    ({"name": "ohlc", "interval": 20}, None, "Subscription ohlc interval not supported"),
    ({"name": "ticker"}, None, "Already subscribed"),
)
PING = 424242
LAST_PING = 424243


def subscriptions() -> list[dict[str, Any]]:
    """Every channel, every depth and every interval."""
    books = [{"name": "book", "depth": depth} for depth in DEPTHS]
    candles = [{"name": "ohlc", "interval": interval} for interval in INTERVALS]
    return [{"name": "ticker"}, {"name": "trade"}, {"name": "spread"}, *candles, *books]


def channel_of(subscription: dict[str, Any]) -> str:
    """The channelName that the exchange gives to a subscription."""
    number = subscription.get("depth", subscription.get("interval"))
    return subscription["name"] if number is None else f"{subscription['name']}-{number}"


class Errors(logging.Handler):
    """kraky does not hand on a message with an errorMessage: it logs the text, and here it is counted."""

    def __init__(self, tally: Tally) -> None:
        super().__init__(logging.ERROR)
        self.tally = tally

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        known = next((start for *_, start in MISTAKES if text.startswith(start)), None)
        if known is None:
            self.tally.fail(f"the server says {text!r}")
        else:
            self.tally.saw(f"error {known}", text)


class Connection:
    """What arrives on one connection: the status first, then acknowledgements, heartbeats, pongs and data."""

    def __init__(self, tally: Tally, name: str) -> None:
        self.tally = tally
        self.name = name
        self.stream = Stream()
        self.greeted = False
        self.ended: set[str] = set()

    async def handle(self, message: Any) -> None:
        """The client's callback. It never raises: kraky would connect again and hide it."""
        try:
            self.check(message)
        except Exception as error:
            self.tally.fail(f"{self.name}: {type(error).__name__}: {error}: {str(message)[:300]}")

    def check(self, message: Any) -> None:
        if isinstance(message, list):
            channel = self.stream.check(message)
            require(message[-2] not in self.ended, "data after the end of the subscription")
            if channel:
                self.tally.saw(f"{self.name} {channel}")
        elif not self.greeted:
            check_status(message)
            self.greeted = True
            emit("status", connection=self.name, version=message["version"])
        else:
            self.check_event(message)

    def check_event(self, message: dict[str, Any]) -> None:
        event = message["event"]
        if event == "subscriptionStatus":
            require(message["status"] in ("subscribed", "unsubscribed"), f"status {message['status']!r}")
            channel = check_ack(message)
            (self.ended.add if message["status"] == "unsubscribed" else self.ended.discard)(channel)
            self.tally.saw(f"{self.name} {message['status']} {channel} {message['reqid']}")
        elif event == "pong":
            self.tally.saw(f"{self.name} pong {message.get('reqid')}")
        else:
            require(message == {"event": "heartbeat"}, "not a heartbeat")
            self.tally.saw(f"{self.name} heartbeat")


def needs_of(updates: int) -> dict[str, int]:
    """What must arrive: on `main` each channel by itself, on `star` the five of the wildcard."""
    needs = {f"main pong {reqid}": 1 for reqid in (None, PING, LAST_PING)}
    needs |= {"main heartbeat": 1, "main unsubscribed book-1000 99": 1}
    for number, subscription in enumerate(subscriptions(), 1):
        channel = channel_of(subscription)
        needs[f"main subscribed {channel} {number}"] = 1
        needs[f"main {channel}"] = updates if subscription["name"] == "book" else 1
    for channel in ("ticker", "ohlc-1", "trade", "book-10", "spread"):
        needs[f"star subscribed {channel} 77"] = 1
        needs[f"star {channel}"] = updates if channel == "book-10" else 1
    return needs | {f"error {start}": 1 for *_, start in MISTAKES}


async def ask(client: KrakyWsClient, tally: Tally, pair: str) -> None:
    """Say everything that there is to say, as the client lets one say it."""
    await client.ping()
    await client.ping(reqid=PING)
    for number, subscription in enumerate(subscriptions(), 1):
        await client.subscribe(subscription, [pair], reqid=number)
    await client.subscribe({"name": "*"}, [pair], reqid=77, connection_name="star")
    for subscription, pairs, _ in MISTAKES:
        await client.subscribe(subscription, pairs or [pair], reqid=88)
    await tally.enough["main book-1000"].wait()
    await client.unsubscribe({"name": "book", "depth": 1000}, [pair], reqid=99)
    await client.ping(reqid=LAST_PING)  # whatever else arrives until its pong is checked, too


async def watch(tally: Tally, work: Awaitable[None]) -> None:
    """A task of its own: what it raises must end the run."""
    try:
        await work
    except Exception as error:
        tally.fail(f"the client stopped: {type(error).__name__}: {error}")


async def drive_sockets(options: Any) -> int:
    """Two connections of one client: one for the channels one by one, one for the wildcard."""
    tally = Tally(needs_of(options.updates))
    client = KrakyWsClient(options.ws)
    client.logger.addHandler(Errors(tally))
    works = [client.connect(Connection(tally, name).handle, name) for name in ("main", "star")]
    works.append(ask(client, tally, options.pair))
    tasks = [asyncio.create_task(watch(tally, work)) for work in works]
    await tally.wait(options.seconds)
    for name in ("main", "star"):
        await client.disconnect(name)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return tally.verdict()


def rest_calls(client: KrakyApiAsyncClient, pair: str) -> dict[str, tuple[Callable[[], Awaitable[Any]], Any]]:
    """Every public call that kraky has; a pair is asked for by its altname, and answered under its REST name."""

    def only(result: dict[str, Any]) -> Any:
        return next(value for key, value in result.items() if key != "last")

    def check_ticker(result: dict[str, Any]) -> None:
        require(list(only(result)) == list("abcvptlho"), f"ticker {result}")

    def check_depth(result: dict[str, Any]) -> None:
        book = only(result)
        require(len(book["asks"]) == len(book["bids"]) == 2, f"depth {result}")
        require(float(book["bids"][0][0]) < float(book["asks"][0][0]), f"depth {result}")

    def check_rows(width: int) -> Any:
        return lambda result: require(
            len(only(result)) > 0 and len(only(result)[-1]) in (width, width + 1), f"{result}"
        )

    return {
        "Time": (client.get_server_time, lambda result: require(result["unixtime"] > 1.5e9, f"{result}")),
        "SystemStatus": (client.get_system_status, lambda result: require(result["status"] == "online", f"{result}")),
        "Assets": (lambda: client.get_asset_info("XBT"), lambda result: require("XXBT" in result, f"{result}")),
        "Assets of all": (
            client.get_asset_info,
            lambda result: require("XXBT" in result and len(result) > 1, f"{result}"),
        ),
        "AssetPairs": (
            lambda: client.get_tradable_asset_pairs(pair),
            lambda result: require(only(result)["altname"] == pair and len(result) == 1, f"{result}"),
        ),
        "Ticker": (lambda: client.get_ticker_information(pair), check_ticker),
        "OHLC": (lambda: client.get_ohlc_data(pair, interval=5), check_rows(8)),
        "Depth": (lambda: client.get_order_book(pair, count=2), check_depth),
        "Trades": (lambda: client.get_recent_trades(pair), check_rows(6)),
        "Spread": (lambda: client.get_recent_spread_data(pair), check_rows(3)),
    }


async def drive_rest(options: Any) -> int:
    """Call everything."""
    client = KrakyApiAsyncClient()
    client.base_url = options.rest
    calls = rest_calls(client, options.pair.replace("/", ""))
    tally = Tally(dict.fromkeys(calls, 1))
    async with asyncio.timeout(options.seconds):
        for name, (call, check) in calls.items():
            await answered(call, check)
            tally.saw(name)
    return tally.verdict()


def main() -> int:
    options = arguments("Drive kraky against a Kraken server.").parse_args()
    emit("client", name="kraky", version=version("kraky"), channels=CHANNELS)
    return asyncio.run(drive_sockets(options) if options.what == "sockets" else drive_rest(options))


if __name__ == "__main__":
    run(main)
