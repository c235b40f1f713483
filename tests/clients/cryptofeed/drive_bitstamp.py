"""cryptofeed on Bitstamp's WebSocket, over TLS (it refuses anything else): both its books and the trades.

Changed against its documentation: the two addresses, nothing else. It reads nothing for five seconds after it has
subscribed, then takes the book from REST and drops the updates of earlier seconds; those of the same second it applies
again, so its book is compared only from the first update that is newer than the snapshot.
"""

import asyncio
import ssl
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

from cryptofeed import FeedHandler
from cryptofeed.connection import RestEndpoint, Routes, WebsocketEndpoint
from cryptofeed.defines import L2_BOOK, L3_BOOK, TRADES
from cryptofeed.exchanges import Bitstamp

sys.path.append(str(Path(__file__).resolve().parents[1] / "shared"))

import bitstamp_wire as wire
from feeds import callback, run_feeds
from findings import Tally, answered, arguments, emit, require, run

INTERVALS = ("1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "12h", "1d", "3d")
AGREEMENTS = 3  # how often the two books must be the same
NEEDS = {"snapshot": 1, "orders": 5, "trades": 2, "books agree": AGREEMENTS}

Side = dict[Decimal, Decimal]


def point_at(options: Any) -> None:
    """Change the addresses, which are attributes of the class; the certificate goes where the class takes options."""
    routes = Routes("/api/v2/trading-pairs-info/", l2book="/api/v2/order_book/{}")
    Bitstamp.rest_endpoints = [RestEndpoint(options.rest, routes=routes)]
    Bitstamp.api = f"{options.rest}/api/v2/"
    if options.wss:
        settings = {"compression": None, "ssl": ssl.create_default_context(cafile=options.ca)}
        Bitstamp.websocket_endpoints = [WebsocketEndpoint(f"{options.wss}/", options=settings)]


def symbol_of(pair: str) -> str:
    """cryptofeed's own name of the pair, from the symbols that it loaded over REST."""
    return next(name for name, exchange_name in Bitstamp.symbol_mapping().items() if exchange_name == pair)


class Books:
    """Both books as cryptofeed keeps them, and how they were, so that they can be compared at one moment."""

    def __init__(self, tally: Tally) -> None:
        self.tally = tally
        self.snapshot_at = 0
        self.levels: dict[int, tuple[Side, Side]] = {}
        self.orders: dict[int, tuple[Side, Side]] = {}
        self.last = {"levels": 0, "orders": 0}

    def rising(self, name: str, stamp: int) -> None:
        require(self.last[name] < stamp, f"{name} of {stamp} after {self.last[name]}")
        self.last[name] = stamp

    def check_levels(self, book: Any) -> Any:
        """The book of levels: first the snapshot, then after each update."""
        if "channel" not in book.raw:
            self.snapshot_at = wire.check_book(book.raw)
            self.uncrossed(book)
            self.tally.saw("snapshot", self.snapshot_at)
            return None
        require(self.snapshot_at > 0, "an update came before the snapshot")
        stamp = wire.check_book(book.raw["data"])
        self.rising("levels", stamp)
        if stamp <= self.snapshot_at:
            return None
        self.uncrossed(book)
        bids, asks = book.book.bids, book.book.asks
        require(all(size > 0 for side in (bids, asks) for size in side.to_dict().values()), "a level without size")
        self.levels[stamp] = (bids.to_dict(), asks.to_dict())
        self.compare(stamp)
        return {"bid": bids.index(0), "ask": asks.index(0), "levels": [len(bids), len(asks)]}

    def check_orders(self, book: Any) -> Any:
        """The book of orders, which is whole in each message: at most a hundred a side."""
        stamp = wire.check_book(book.raw["data"], width=3, most=100)
        self.rising("orders", stamp)
        self.uncrossed(book)
        sides = (book.book.bids.to_dict(), book.book.asks.to_dict())
        rows = [len(orders) for orders in sides]
        for side, name in zip(sides, ("bids", "asks"), strict=True):
            ids = [order for orders in side.values() for order in orders]
            require(len(ids) == len(set(ids)) == len(book.raw["data"][name]), "an order stands twice in a side")
        bids, asks = ({price: sum(orders.values()) for price, orders in side.items()} for side in sides)
        # The last price of a full side may have more orders than there was room for.
        for side, name in ((bids, "bids"), (asks, "asks")):
            if len(book.raw["data"][name]) == 100:
                del side[Decimal(book.raw["data"][name][-1][0])]
        self.orders[stamp] = (bids, asks)
        self.compare(stamp)
        return {"prices": rows}

    def compare(self, stamp: int) -> None:
        """Whichever of the two comes second at this moment: the orders at each price make the level."""
        if stamp not in self.levels or stamp not in self.orders:
            return
        for levels, orders in zip(self.levels[stamp], self.orders[stamp], strict=True):
            wrong = {price for price in orders if levels.get(price) != orders[price]}
            require(not wrong, f"at {stamp} levels and orders differ at {sorted(wrong)[:5]}")
        self.tally.saw("books agree", stamp)

    @staticmethod
    def uncrossed(book: Any) -> None:
        bids, asks = book.book.bids, book.book.asks
        require(len(bids) > 0 and len(asks) > 0, "a side of the book is empty")
        require(bids.index(0)[0] < asks.index(0)[0], f"bid {bids.index(0)} is not below ask {asks.index(0)}")


def check_trade(trade: Any) -> Any:
    wire.check_trade(trade.raw["data"])
    require(trade.price > 0 and trade.amount > 0 and trade.side in ("buy", "sell"), f"trade {trade}")
    return {"id": trade.id, "side": trade.side, "price": trade.price, "amount": trade.amount}


def drive_sockets(options: Any) -> int:
    """One feed with all its channels, until each has delivered."""
    tally = Tally(NEEDS | {"levels": options.updates})
    books = Books(tally)
    callbacks = {
        L2_BOOK: callback(tally, "levels", books.check_levels),
        L3_BOOK: callback(tally, "orders", books.check_orders),
        TRADES: callback(tally, "trades", check_trade),
    }
    symbol = symbol_of(options.pair)

    def add_feeds(handler: FeedHandler) -> None:
        handler.add_feed(Bitstamp(symbols=[symbol], channels=list(callbacks), callbacks=callbacks))

    return run_feeds(tally, options.seconds, add_feeds)


def check_candles(candles: Any) -> Any:
    require(len(candles) > 0, "no candles")
    for candle in candles:
        require(candle.low <= min(candle.open, candle.close), f"candle {candle}")
        require(candle.high >= max(candle.open, candle.close), f"candle {candle}")
        require(candle.start % (candle.stop - candle.start) == 0, f"candle {candle}")
    require(candles[-1].volume > 0, "no volume in the newest candle")
    return {"interval": candles[-1].interval, "close": candles[-1].close}


async def drive_rest(options: Any) -> int:
    """Candles are all that it asks REST for, beside the list of symbols, which is a call of its own, made first."""
    symbol = symbol_of(options.pair)
    tally = Tally(dict.fromkeys(["trading-pairs-info", *(f"ohlc {interval}" for interval in INTERVALS)], 1))
    tally.saw("trading-pairs-info", symbol)
    feed = Bitstamp(config={"log": {"disabled": True}})

    async def candles(interval: str) -> Any:
        return [candle async for page in feed.candles(symbol, interval=interval) for candle in page]

    try:
        async with asyncio.timeout(options.seconds):
            for interval in INTERVALS:
                call = lambda interval=interval: candles(interval)  # noqa: E731
                tally.saw(f"ohlc {interval}", await answered(call, check_candles))
    finally:
        await feed.shutdown()
    return tally.verdict()


def main() -> int:
    parser = arguments("Drive cryptofeed against a Bitstamp server.", "btcusd")
    parser.add_argument("--wss", help="the WebSocket's address, wss://localhost:PORT")
    parser.add_argument("--ca", help="the certificate to trust")
    options = parser.parse_args()
    point_at(options)
    emit("client", name="cryptofeed")
    return drive_sockets(options) if options.what == "sockets" else asyncio.run(drive_rest(options))


if __name__ == "__main__":
    run(main)
