"""ccxt (ccxt.pro) on Kraken's WebSocket, with its own check of the book's checksum on, as it is by default.

Changed against its documentation: the two URLs, nothing else. Its cache holds one book per symbol, so each depth has a
client of its own.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import ccxt.pro

sys.path.append(str(Path(__file__).resolve().parents[1] / "shared"))

from findings import Tally, answered, arguments, emit, require, run

DEPTHS = (10, 25, 100, 500, 1000)
Call = Callable[[], Awaitable[Any]]
Check = Callable[[Any], Any]


def make_client(options: Any) -> ccxt.pro.kraken:
    """A client as anyone makes it, pointed at another address. Its throttle for the real exchange is not needed."""
    client = ccxt.pro.kraken({"enableRateLimit": False})
    client.urls["api"]["public"] = options.rest
    client.urls["api"]["ws"]["public"] = options.ws
    return client


async def symbol_of(client: ccxt.pro.kraken, pair: str) -> str:
    """ccxt's own name of the pair (XBT/USD is BTC/USD there), from the markets that it loaded over REST."""
    await client.load_markets()
    return next(name for name, market in client.markets.items() if market["info"]["wsname"] == pair)


def check_book(depth: int) -> Check:
    """A check of the book that ccxt keeps (it has compared the checksum before it hands the book out)."""

    def check(book: Any) -> Any:
        bids, asks = book["bids"], book["asks"]
        require(10 <= len(bids) <= depth and 10 <= len(asks) <= depth, f"{len(bids)} bids, {len(asks)} asks")
        require(bids[0][0] < asks[0][0], f"bid {bids[0]} is not below ask {asks[0]}")
        require(all(size > 0 for _, size in [*bids, *asks]), "a level without size")
        require(book["timestamp"] is not None, "the book has no time")
        return {"bid": bids[0], "ask": asks[0]}

    return check


def check_ticker(ticker: Any) -> Any:
    for key in ("bid", "ask", "last", "open", "high", "low", "vwap", "baseVolume", "bidVolume", "askVolume"):
        require(isinstance(ticker[key], float), f"ticker's {key} is {ticker[key]!r}")
    require(ticker["bid"] < ticker["ask"], "the ticker's bid is not below its ask")
    require(ticker["low"] <= ticker["last"] <= ticker["high"], "the last price is outside the day's range")
    return {key: ticker[key] for key in ("symbol", "bid", "ask", "last")}


def check_bids_asks(quote: Any) -> Any:
    require(quote["bid"] < quote["ask"], "the spread's bid is not below its ask")
    require(quote["bidVolume"] > 0 and quote["askVolume"] > 0, "a best price without volume")
    return {key: quote[key] for key in ("symbol", "bid", "ask")}


def check_trades(trades: Any) -> Any:
    require(len(trades) > 0, "no trades")
    for trade in trades:
        require(trade["price"] > 0 and trade["amount"] > 0, f"trade {trade}")
        require(trade["side"] in ("buy", "sell") and trade["type"] in ("limit", "market"), f"trade {trade}")
        require(trade["timestamp"] is not None, "a trade without a time")
    return {key: trades[-1][key] for key in ("symbol", "side", "price", "amount")}


def check_candles(seconds: int) -> Check:
    def check(candles: Any) -> Any:
        require(len(candles) > 0, "no candles")
        start, first, high, low, last, volume = candles[-1]
        require(start % 1000 == 0 and (seconds > 86400 or start % (seconds * 1000) == 0), f"candle starts at {start}")
        require(low <= min(first, last) and high >= max(first, last) and volume > 0, f"candle {candles[-1]}")
        return candles[-1]

    return check


async def follow(tally: Tally, channel: str, call: Call, check: Check) -> None:
    """Ask for the next answer again and again. Whatever the client raises (ChecksumError, say) is a failure."""
    while True:
        try:
            tally.saw(channel, check(await call()))
        except Exception as error:
            tally.fail(f"{channel}: {type(error).__name__}: {error}")
            return


def main_channels(client: ccxt.pro.kraken, symbol: str) -> dict[str, tuple[Call, Check]]:
    """All that ccxt can watch of a symbol without an account, but for the books."""

    async def bids_asks() -> Any:
        return (await client.watch_bids_asks([symbol]))[symbol]

    channels: dict[str, tuple[Call, Check]] = {
        "ticker": (lambda: client.watch_ticker(symbol), check_ticker),
        "spread": (bids_asks, check_bids_asks),
        "trade": (lambda: client.watch_trades(symbol), check_trades),
        "heartbeat": (client.watch_heartbeat, lambda message: message),
    }
    for frame in client.timeframes:
        channels[f"ohlc-{frame}"] = (
            lambda frame=frame: client.watch_ohlcv(symbol, frame),
            check_candles(client.parse_timeframe(frame)),
        )
    return channels


async def drive_sockets(options: Any) -> int:
    """Watch everything at once until each channel has delivered."""
    clients = [make_client(options) for _ in range(len(DEPTHS) + 1)]
    try:
        symbol = await symbol_of(clients[0], options.pair)
        channels = main_channels(clients[0], symbol)
        needs = dict.fromkeys(channels, 1)
        for depth, client in zip(DEPTHS, clients[1:], strict=True):
            # Depth 10 is the default of the exchange: leave it to the exchange to know.
            limit = None if depth == 10 else depth
            channels[f"book-{depth}"] = (
                lambda client=client, limit=limit: client.watch_order_book(symbol, limit),
                check_book(depth),
            )
            needs[f"book-{depth}"] = options.updates + 1  # the snapshot is no update
        tally = Tally(needs)
        tasks = [asyncio.create_task(follow(tally, name, *channel)) for name, channel in channels.items()]
        await tally.wait(options.seconds)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return tally.verdict()
    finally:
        await asyncio.gather(*(client.close() for client in clients))


def rest_calls(client: ccxt.pro.kraken, symbol: str) -> dict[str, tuple[Call, Check]]:
    """Every public call that ccxt has for this exchange."""

    async def bids(symbol: str) -> Any:
        return await client.fetch_order_book(symbol, 25)

    def check_depth(book: Any) -> Any:
        require(0 < len(book["bids"]) <= 25 and book["bids"][0][0] < book["asks"][0][0], "the book is not a book")
        return book["bids"][0]

    def check_rest_ticker(ticker: Any) -> Any:
        require(ticker["bid"] < ticker["ask"] and ticker["open"] > 0, f"ticker {ticker}")
        return {key: ticker[key] for key in ("symbol", "bid", "ask", "last")}

    return {
        "Time": (client.fetch_time, lambda now: require(now > 1.5e12, f"time {now}")),
        "SystemStatus": (client.fetch_status, lambda status: require(status["status"] == "ok", f"status {status}")),
        "Assets": (client.fetch_currencies, lambda found: require("BTC" in found and "USD" in found, "no BTC or USD")),
        "AssetPairs": (client.fetch_markets, lambda found: require(len(found) > 1, "no markets")),
        "Ticker": (lambda: client.fetch_ticker(symbol), check_rest_ticker),
        "Ticker of all": (client.fetch_tickers, lambda found: check_rest_ticker(found[symbol])),
        "Depth": (lambda: bids(symbol), check_depth),
        "OHLC": (lambda: client.fetch_ohlcv(symbol, "1m"), check_candles(60)),
        "Trades": (lambda: client.fetch_trades(symbol), check_trades),
    }


async def drive_rest(options: Any) -> int:
    """Call everything."""
    client = make_client(options)
    try:
        async with asyncio.timeout(options.seconds):
            calls = rest_calls(client, await symbol_of(client, options.pair))
            tally = Tally(dict.fromkeys(calls, 1))
            for name, (call, check) in calls.items():
                tally.saw(name, await answered(call, check))
        return tally.verdict()
    finally:
        await client.close()


def main() -> int:
    options = arguments("Drive ccxt against a Kraken server.").parse_args()
    emit("client", name="ccxt", version=ccxt.pro.__version__)
    return asyncio.run(drive_sockets(options) if options.what == "sockets" else drive_rest(options))


if __name__ == "__main__":
    run(main)
