"""cryptofeed on Kraken's WebSocket, over TLS (it refuses anything else), with checksum_validation on.

Changed against its documentation: the two addresses, nothing else. One feed has one depth and one candle interval, so
there is a feed per interval and the first five carry a book each.
"""

import asyncio
import ssl
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

from cryptofeed import FeedHandler
from cryptofeed.connection import RestEndpoint, Routes, WebsocketEndpoint
from cryptofeed.defines import CANDLES, L2_BOOK, TICKER, TRADES
from cryptofeed.exchanges import Kraken

sys.path.append(str(Path(__file__).resolve().parents[1] / "shared"))

from feeds import callback, run_feeds
from findings import Tally, answered, arguments, emit, require, run

DEPTHS = (10, 25, 100, 500, 1000)
INTERVALS = ("1m", "5m", "15m", "30m", "1h", "4h", "1d", "1w", "15d")


def point_at(options: Any) -> None:
    """Change the addresses, which are attributes of the class; the certificate goes where the class takes options."""
    Kraken.rest_endpoints = [RestEndpoint(options.rest, routes=Routes("/0/public/AssetPairs"))]
    Kraken.api = f"{options.rest}/0"
    if options.wss:
        trusted = ssl.create_default_context(cafile=options.ca)
        Kraken.websocket_endpoints = [WebsocketEndpoint(options.wss, limit=20, options={"ssl": trusted})]


def symbol_of(pair: str) -> str:
    """cryptofeed's own name of the pair (XBT/USD is BTC-USD there), from the symbols that it loaded over REST."""
    return next(name for name, wsname in Kraken.symbol_mapping().items() if wsname == pair)


def check_book(book: Any, depth: int) -> Any:
    """The book as cryptofeed keeps it; it has compared the checksum before it calls back.

    None where there was none to compare: in a snapshot, and in an update of both sides (it looks in the first object
    alone, and the checksum stands in the last).
    """
    bids, asks = book.book.bids, book.book.asks
    require(0 < len(bids) <= depth and 0 < len(asks) <= depth, f"{len(bids)} bids, {len(asks)} asks at {depth}")
    bid, ask = bids.index(0), asks.index(0)
    require(bid[0] < ask[0], f"bid {bid} is not below ask {ask}")
    require(bid[1] > 0 and ask[1] > 0, "a level without size")
    return {"bid": bid, "ask": ask, "checksum": book.checksum} if book.checksum is not None else None


def check_ticker(ticker: Any) -> Any:
    require(isinstance(ticker.bid, Decimal) and 0 < ticker.bid < ticker.ask, f"ticker {ticker}")
    return {"bid": ticker.bid, "ask": ticker.ask}


def check_trade(trade: Any) -> Any:
    require(trade.price > 0 and trade.amount > 0 and trade.side in ("buy", "sell"), f"trade {trade}")
    require(trade.timestamp > 1.5e9 and trade.type in ("limit", "market"), f"trade {trade}")
    return {"side": trade.side, "price": trade.price, "amount": trade.amount}


def check_candle(candle: Any) -> Any:
    require(candle.low <= min(candle.open, candle.close), f"candle {candle}")
    require(candle.high >= max(candle.open, candle.close), f"candle {candle}")
    require(candle.trades > 0 and candle.volume > 0 and candle.start < candle.stop, f"candle {candle}")
    return {"interval": candle.interval, "close": candle.close, "trades": candle.trades}


def add_feeds(handler: FeedHandler, tally: Tally, symbol: str) -> None:
    """Everything that cryptofeed can subscribe here: four channels, five depths, nine candle intervals."""
    for number, interval in enumerate(INTERVALS):
        callbacks = {CANDLES: callback(tally, f"candles-{interval}", check_candle)}
        options: dict[str, Any] = {"candle_interval": interval}
        if number < len(DEPTHS):
            depth = DEPTHS[number]
            callbacks[L2_BOOK] = callback(tally, f"book-{depth}", lambda book, depth=depth: check_book(book, depth))
            options.update(max_depth=depth, checksum_validation=True)
        if number == 0:
            callbacks[TICKER] = callback(tally, "ticker", check_ticker)
            callbacks[TRADES] = callback(tally, "trades", check_trade)
        handler.add_feed(Kraken(symbols=[symbol], channels=list(callbacks), callbacks=callbacks, **options))


def drive_sockets(options: Any) -> int:
    """Run the feeds until each channel has delivered."""
    needs = {f"candles-{interval}": 1 for interval in INTERVALS} | {"ticker": 1, "trades": 1}
    needs |= {f"book-{depth}": options.updates for depth in DEPTHS}
    tally = Tally(needs)
    symbol = symbol_of(options.pair)
    return run_feeds(tally, options.seconds, lambda handler: add_feeds(handler, tally, symbol))


def check_quote(ticker: Any) -> Any:
    require(0 < ticker["bid"] < ticker["ask"], f"ticker {ticker}")
    return ticker


def check_depth(book: Any) -> Any:
    require(book.book.bids.index(0)[0] < book.book.asks.index(0)[0], "the book is not a book")
    return book.book.bids.index(0)


def check_trades(trades: Any) -> Any:
    require(len(trades) > 0, "no trades")
    require(all(trade["price"] > 0 and trade["amount"] > 0 for trade in trades), f"trades {trades}")
    return trades[-1]


async def drive_rest(options: Any) -> int:
    """Call everything public; the list of symbols is a call of its own, made first."""
    symbol = symbol_of(options.pair)
    tally = Tally(dict.fromkeys(("AssetPairs", "Ticker", "Depth", "Trades"), 1))
    tally.saw("AssetPairs", symbol)
    feed = Kraken(config={"log": {"disabled": True}})

    async def trades() -> Any:
        return [trade async for page in feed.trades(symbol) for trade in page]

    try:
        async with asyncio.timeout(options.seconds):
            tally.saw("Ticker", await answered(lambda: feed.ticker(symbol), check_quote))
            tally.saw("Depth", await answered(lambda: feed.l2_book(symbol), check_depth))
            tally.saw("Trades", await answered(trades, check_trades))
    finally:
        await feed.shutdown()
    return tally.verdict()


def main() -> int:
    parser = arguments("Drive cryptofeed against a Kraken server.")
    parser.add_argument("--wss", help="the WebSocket's address, wss://localhost:PORT")
    parser.add_argument("--ca", help="the certificate to trust")
    options = parser.parse_args()
    point_at(options)
    emit("client", name="cryptofeed")
    return drive_sockets(options) if options.what == "sockets" else asyncio.run(drive_rest(options))


if __name__ == "__main__":
    run(main)
