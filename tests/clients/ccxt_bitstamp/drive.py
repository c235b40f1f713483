"""ccxt (ccxt.pro) on Bitstamp: public and private channels, and every call of the REST API that trading needs.

Changed against its documentation: the three URLs, nothing else. `Watched` looks at the frames on their way through.
"""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import ccxt.pro

sys.path.append(str(Path(__file__).resolve().parents[1] / "shared"))

from bitstamp_wire import Stream
from findings import Tally, answered, arguments, emit, require, run

KEY, SECRET = "demo", "demo"
AGREEMENTS = 3  # how often the book that the client keeps must equal the one that REST gives
AFTER_END = 1.0  # how long to look for frames that must not come any more
Call = Callable[[], Awaitable[Any]]
Check = Callable[[Any], Any]


class Watched(ccxt.pro.bitstamp):
    """The client, and a look at each frame after the client has handled it."""

    look: Callable[[dict[str, Any]], None] | None = None

    def handle_message(self, client: Any, message: Any) -> None:
        super().handle_message(client, message)
        if self.look is not None:
            self.look(message)


class Frames:
    """What came on the socket: checked, acknowledgements kept, and the client's book as it was after each update."""

    def __init__(self, client: Watched, tally: Tally, symbol: str, errors: tuple[int, ...] = ()) -> None:
        self.client = client
        self.tally = tally
        self.symbol = symbol
        self.errors = errors
        self.stream = Stream()
        self.books: dict[int, tuple[list[Any], list[Any]]] = {}
        self.controls: list[tuple[str, str]] = []
        client.look = self.look

    def look(self, message: dict[str, Any]) -> None:
        try:
            kind = self.stream.check(message)
            if kind == "bts:error":
                require(message["data"]["code"] in self.errors, f"the server says {message}")
                self.tally.saw(f"error {message['data']['code']}", message)
            elif kind.startswith("bts:"):
                self.controls.append((kind, message["channel"]))
            elif kind.startswith("diff_order_book"):
                self.keep_book()
        except Exception as error:
            self.tally.fail(f"{type(error).__name__}: {error}: {str(message)[:300]}")

    def keep_book(self) -> None:
        """Copy the book that the client has made of this update; it has none before it has seen a snapshot."""
        book = self.client.orderbooks[self.symbol]
        if book["nonce"] is not None:
            self.books[book["nonce"]] = sides_of(book)

    async def acknowledged(self, event: str, channel: str, seconds: float = 10.0) -> None:
        deadline = time.monotonic() + seconds
        while (event, channel) not in self.controls:
            require(time.monotonic() < deadline, f"{event} of {channel} did not come")
            await asyncio.sleep(0.02)


def sides_of(book: Any) -> tuple[list[Any], list[Any]]:
    return [tuple(row[:2]) for row in book["bids"]], [tuple(row[:2]) for row in book["asks"]]


def make_client(options: Any, secret: str = SECRET, key: str = KEY) -> Watched:
    """A client as anyone makes it, pointed at another address. Its throttle for the real exchange is not needed."""
    client = Watched({"enableRateLimit": False, "apiKey": key, "secret": secret})
    client.urls["api"] = {"public": f"{options.rest}/api", "private": f"{options.rest}/api", "ws": options.ws}
    return client


async def symbol_of(client: Watched, pair: str) -> str:
    """ccxt's own name of the pair, from the markets that it loaded over REST."""
    await client.load_markets()
    return str(client.markets_by_id[pair][0]["symbol"])


def watch_loop(tally: Tally) -> None:
    """What the client raises where nobody waits for it is a failure, too."""

    def handle(_: Any, context: dict[str, Any]) -> None:
        error = context.get("exception")
        tally.fail(f"{type(error).__name__}: {error}" if error else context["message"])

    asyncio.get_running_loop().set_exception_handler(handle)


# ------------------------------------------------------------------------------------------------------ public channels


def check_book(book: Any) -> Any:
    """The book as the client keeps it."""
    bids, asks = ([row[0] for row in book[side]] for side in ("bids", "asks"))
    require(len(bids) > 0 and len(asks) > 0, "a side of the book is empty")
    require(bids == sorted(bids, reverse=True) and asks == sorted(asks), "the book is not sorted")
    require(bids[0] < asks[0], f"bid {bids[0]} is not below ask {asks[0]}")
    require(all(row[1] > 0 for row in [*book["bids"], *book["asks"]]), "a level without size")
    require(book["timestamp"] is not None and book["nonce"] is not None, "the book has no time")
    return {"bid": book["bids"][0], "ask": book["asks"][0], "levels": [len(bids), len(asks)]}


def check_trades(trades: Any) -> Any:
    require(len(trades) > 0, "no trades")
    for trade in trades:
        require(trade["price"] > 0 and trade["amount"] > 0, f"trade {trade}")
        require(trade["side"] in ("buy", "sell") and trade["timestamp"] is not None, f"trade {trade}")
    return {key: trades[-1][key] for key in ("symbol", "id", "side", "price", "amount")}


async def follow(tally: Tally, channel: str, call: Call, check: Check) -> None:
    """Ask for the next answer again and again, until the subscription is ended. What the client raises is a failure."""
    while True:
        try:
            tally.saw(channel, check(await call()))
        except ccxt.UnsubscribeError:
            return
        except Exception as error:
            tally.fail(f"{channel}: {type(error).__name__}: {error}")
            return


async def compare_books(tally: Tally, client: Watched, frames: Frames, symbol: str) -> None:
    """Ask REST for the book and find the same one among those that the client had; its stamp tells which.

    A stamp that no update has is wrong: the client would then drop every update that it has kept for the snapshot.
    """
    name, first, strangers = "book equals REST's", 0, []
    while not tally.enough[name].is_set():
        snapshot = await client.fetch_order_book(symbol)
        while max(frames.books, default=0) < snapshot["nonce"]:
            await asyncio.sleep(0.05)
        kept = frames.books.get(snapshot["nonce"])
        if kept is not None:
            for ours, theirs in zip(kept, sides_of(snapshot), strict=True):
                wrong = sorted(set(ours) ^ set(theirs))[:6]
                require(ours == theirs, f"at {snapshot['nonce']} the client's book is not REST's: {wrong}")
            tally.saw(name, snapshot["nonce"])
        else:
            first = first or min(frames.books)
            strangers += [snapshot["nonce"]] if snapshot["nonce"] > first else []
            require(len(strangers) < 5, f"no update has the stamps that REST gives: {strangers}")
        await asyncio.sleep(0.25)


async def drive_sockets(options: Any) -> int:
    """Watch book and trades until they have delivered, unsubscribe, and watch again on the same socket."""
    client = make_client(options)
    needs = {"book": options.updates, "trades": 2, "book equals REST's": AGREEMENTS}
    tally = Tally(needs | {"book unwatched": 1, "trades unwatched": 1, "nothing after the end": 1, "book again": 3})
    watch_loop(tally)
    try:
        symbol = await symbol_of(client, options.pair)
        work = asyncio.create_task(finish(tally, watch_twice(tally, client, symbol, needs, options.pair)))
        await tally.wait(options.seconds)
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        return tally.verdict()
    finally:
        await client.close()


async def finish(tally: Tally, work: Awaitable[None]) -> None:
    """A task of its own: what it raises must end the run."""
    try:
        await work
    except Exception as error:
        tally.fail(f"{type(error).__name__}: {error}")


async def watch_twice(tally: Tally, client: Watched, symbol: str, first: dict[str, int], pair: str) -> None:
    frames = Frames(client, tally, symbol)
    tasks = [
        asyncio.create_task(follow(tally, "book", lambda: client.watch_order_book(symbol), check_book)),
        asyncio.create_task(follow(tally, "trades", lambda: client.watch_trades(symbol), check_trades)),
        asyncio.create_task(finish(tally, compare_books(tally, client, frames, symbol))),
    ]
    try:
        for name in first:
            await tally.enough[name].wait()
        require(await client.un_watch_order_book(symbol) is True, "the book's subscription was not ended")
        tally.saw("book unwatched")
        require(await client.un_watch_trades(symbol) is True, "the trades' subscription was not ended")
        tally.saw("trades unwatched")
        require(frames.stream.live == set(), f"still subscribed: {frames.stream.live}")
        await asyncio.sleep(AFTER_END)  # whatever comes now is of no live channel, which is a failure
        tally.saw("nothing after the end")
        await follow_some(tally, "book again", lambda: client.watch_order_book(symbol))
        require(frames.controls.count(("bts:subscription_succeeded", f"diff_order_book_{pair}")) == 2, "acks")
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def follow_some(tally: Tally, channel: str, call: Call) -> None:
    for _ in range(tally.needs[channel]):
        tally.saw(channel, check_book(await call()))


# ------------------------------------------------------------------------------------------------------ private channels

ORDER_STEPS = (
    "error 4009",
    "limit order placed",
    "limit order on its channel",
    "limit order in REST",
    "funds reserved",
    "order replaced",
    "order cancelled",
    "cancellation on its channel",
    "cancellation in REST",
    "unknown order refused",
    "too large an order refused",
    "market order placed",
    "its fills on their channel",
    "its fills in REST",
    "its end on the channel",
    "sold again",
    "all orders cancelled",
    "channels unwatched",
    "nothing after the end",
)


class Trader:
    """One client with its two private channels followed, and the steps of the run."""

    def __init__(self, tally: Tally, client: Watched, symbol: str, pair: str) -> None:
        self.tally = tally
        self.client = client
        self.symbol = symbol
        self.pair = pair
        self.frames = Frames(client, tally, symbol)
        self.orders: list[Any] = []
        self.fills: list[Any] = []

    async def follow(self, call: Call, into: list[Any]) -> None:
        """Keep all that the client hands out, until the subscription is ended."""
        while True:
            try:
                into += await call()
            except ccxt.UnsubscribeError:
                return
            except Exception as error:
                self.tally.fail(f"{type(error).__name__}: {error}")
                return

    async def until(self, holds: Callable[[], Any], text: str, seconds: float = 10.0) -> Any:
        """Wait until it holds: what REST has answered is on its way through the socket."""
        deadline = time.monotonic() + seconds
        while not (found := holds()):
            if time.monotonic() > deadline:
                raise ValueError(f"{text}; the orders seen are {[brief(order) for order in self.orders]}")
            await asyncio.sleep(0.02)
        return found

    def event(self, order_id: str, event: str) -> Any:
        """The newest state that the channel has shown of an order, if this event made it."""
        found = [order for order in self.orders if order["id"] == order_id]
        return found[-1] if found and found[-1]["info"]["event"] == event else None

    async def run(self) -> None:
        client, symbol = self.client, self.symbol
        watching = [
            asyncio.create_task(self.follow(lambda: client.watch_orders(symbol), self.orders)),
            asyncio.create_task(self.follow(lambda: client.watch_my_trades(symbol), self.fills)),
        ]
        try:
            await self.until(lambda: client.options["userId"], "no token came")
            user = client.options["userId"]
            self.channels = [f"private-{name}_{self.pair}-{user}" for name in ("my_orders", "my_trades")]
            for channel in self.channels:
                await self.frames.acknowledged("bts:subscription_succeeded", channel)
            far, amount, ask = await self.prices()
            await self.limit_order(far, amount)
            await self.refusals(far)
            await self.market_order(amount, ask)
            await self.cancel_all(far, amount)
            await self.end(far, amount)
        finally:
            for task in watching:
                task.cancel()
            await asyncio.gather(*watching, return_exceptions=True)

    async def prices(self) -> tuple[float, float, float]:
        """A price far below the market, an amount well over the least, and the best ask."""
        book = await self.client.fetch_order_book(self.symbol)
        far, ask = book["bids"][0][0] * 0.7, book["asks"][0][0]
        price = float(self.client.price_to_precision(self.symbol, far))
        amount = 3 * least(self.client.market(self.symbol), price)
        return price, float(self.client.amount_to_precision(self.symbol, amount)), ask

    async def limit_order(self, price: float, amount: float) -> None:
        """Place, see, replace, cancel, see."""
        client, tally = self.client, self.tally
        before = (await client.fetch_balance())["USD"]
        name = f"seen-{client.milliseconds()}"
        placed = await client.create_order(self.symbol, "limit", "buy", amount, price, {"clientOrderId": name})
        require(placed["side"] == "buy" and placed["clientOrderId"] == name, f"placed {placed}")
        require((placed["price"], placed["amount"]) == (price, amount), f"placed {placed}")
        require(placed["timestamp"] is not None and placed["symbol"] == self.symbol, f"placed {placed}")
        tally.saw("limit order placed", brief(placed))

        order = placed["id"]
        seen = await self.until(lambda: self.event(order, "order_created"), "the new order is not on the channel")
        require((seen["side"], seen["type"], seen["clientOrderId"]) == ("buy", "limit", name), f"seen {seen}")
        require((seen["price"], seen["amount"]) == (price, amount), f"seen {seen}")
        require((seen["filled"], seen["remaining"]) == (0, amount), f"seen {seen}")
        tally.saw("limit order on its channel", seen["info"])

        found = await client.fetch_order(order, self.symbol)
        require((found["status"], found["side"], found["clientOrderId"]) == ("open", "buy", name), f"fetched {found}")
        listed = [each for each in await client.fetch_open_orders(self.symbol) if each["id"] == order]
        require(len(listed) == 1, f"listed {listed}")
        require((listed[0]["price"], listed[0]["amount"]) == (price, amount), f"listed {listed}")
        require((listed[0]["side"], listed[0]["symbol"]) == ("buy", self.symbol), f"listed {listed}")
        tally.saw("limit order in REST", brief(listed[0]))

        held = (await client.fetch_balance())["USD"]
        more, less = held["used"] - before["used"], before["free"] - held["free"]
        require(abs(more - less) < 0.02 and abs(more / (price * amount) - 1) < 0.02, f"{before}, then {held}")
        tally.saw("funds reserved", more)

        cheaper = float(client.price_to_precision(self.symbol, price * 0.99))
        edited = await client.edit_order(order, self.symbol, "limit", "buy", amount, cheaper)
        require(edited["id"] != order and edited["price"] == cheaper, f"replaced {edited}")
        new = edited["id"]
        seen = await self.until(lambda: self.event(new, "order_replaced"), "the replacement is not on the channel")
        require(str(seen["info"]["orig_order_id"]) == order and seen["price"] == cheaper, f"seen {seen}")
        tally.saw("order replaced", seen["info"])

        cancelled = await client.cancel_order(new, self.symbol)
        require(cancelled["id"] == new and cancelled["side"] == "buy", f"cancelled {cancelled}")
        tally.saw("order cancelled", brief(cancelled))
        gone = await self.until(lambda: self.event(new, "order_deleted"), "the cancellation is not on the channel")
        require((gone["status"], gone["remaining"], gone["filled"]) == ("canceled", amount, 0), f"seen {gone}")
        tally.saw("cancellation on its channel", gone["info"])
        require((await client.fetch_order(new))["status"] == "canceled", "not cancelled in REST")
        left = {each["id"] for each in await client.fetch_open_orders(self.symbol)}
        require(not left & {order, new}, f"still open: {left}")
        tally.saw("cancellation in REST")

    async def refusals(self, price: float) -> None:
        client = self.client
        # The exchange ends this text with a full stop in one call and without it in the other; the client knows one.
        await raises(ccxt.OrderNotFound, lambda: client.fetch_order("1", self.symbol))
        await raises(ccxt.ExchangeError, lambda: client.cancel_order("1", self.symbol), "Order not found")
        self.tally.saw("unknown order refused")
        free = (await client.fetch_balance())["USD"]["free"]
        amount = float(client.amount_to_precision(self.symbol, 2 * free / price + 1))
        call = lambda: client.create_order(self.symbol, "limit", "buy", amount, price)  # noqa: E731
        await raises(ccxt.InsufficientFunds, call)
        self.tally.saw("too large an order refused")

    async def market_order(self, amount: float, ask: float) -> None:
        """Buy at the market, see the fills, and sell the same again with a limit order that takes what it can."""
        client, tally = self.client, self.tally
        bought = (await client.create_order(self.symbol, "market", "buy", amount))["id"]
        tally.saw("market order placed", bought)
        fills = await self.until(lambda: self.filled(bought, amount), "the fills are not on the channel")
        require(all(fill["side"] == "buy" and fill["fee"]["cost"] >= 0 for fill in fills), f"fills {fills}")
        require(all(abs(fill["price"] / ask - 1) < 0.2 for fill in fills), f"fills {fills}")
        tally.saw("its fills on their channel", fills[0]["info"])
        await self.until(lambda: self.event(bought, "order_deleted"), "the bought order has not ended")
        tally.saw("its end on the channel", self.event(bought, "order_deleted")["info"])

        ids = {fill["id"] for fill in fills}
        mine = [each for each in await client.fetch_my_trades(self.symbol) if each["order"] == bought]
        require({each["id"] for each in mine} == ids, f"REST says {mine}, the channel {fills}")
        require(all(each["side"] == "buy" and each["symbol"] == self.symbol for each in mine), f"{mine}")
        # Without a symbol the client finds the market in the keys of what it gets, and is strict about them.
        everything = [each for each in await client.fetch_my_trades() if each["order"] == bought]
        wanted = sorted((self.symbol, fill["price"], fill["amount"]) for fill in fills)
        for found in (mine, everything):
            facts = sorted((each["symbol"], each["price"], each["amount"]) for each in found)
            require(facts == wanted, f"REST says {facts}, the channel {wanted}")
        for order in (await client.fetch_order(bought), await client.fetch_order(bought, self.symbol)):
            require(order["status"] == "closed" and {each["id"] for each in order["trades"]} == ids, f"order {order}")
            require(abs(order["filled"] - amount) < 1e-9, f"order {order}")
        tally.saw("its fills in REST", mine[0]["info"])

        low = float(client.price_to_precision(self.symbol, ask * 0.9))
        sold = (await client.create_order(self.symbol, "limit", "sell", amount, low, {"ioc_order": True}))["id"]
        fills = await self.until(lambda: self.filled(sold, amount), "the sale's fills are not on the channel")
        require(all(fill["side"] == "sell" and fill["price"] >= low for fill in fills), f"fills {fills}")
        gone = await self.until(lambda: self.event(sold, "order_deleted"), "the sold order has not ended")
        require(gone["remaining"] == 0 and gone["timeInForce"] == "IOC", f"seen {gone}")
        mine = [each for each in await client.fetch_my_trades(self.symbol) if each["order"] == sold]
        require(len(mine) == len(fills) and all(each["side"] == "sell" for each in mine), f"trades {mine}")
        tally.saw("sold again", gone["info"])

    def filled(self, order: str, amount: float) -> list[Any]:
        """The fills of an order, when they are all there."""
        fills = [fill for fill in self.fills if fill["order"] == order]
        return fills if abs(sum(fill["amount"] for fill in fills) - amount) < 1e-9 else []

    async def cancel_all(self, price: float, amount: float) -> None:
        placed = [await self.client.create_order(self.symbol, "limit", "buy", amount, price) for _ in range(2)]
        ids = [order["id"] for order in placed]
        gone = await self.client.cancel_all_orders(self.symbol)
        require({order["id"] for order in gone} == set(ids), f"cancelled {gone}")
        for order in ids:
            await self.until(lambda order=order: self.event(order, "order_deleted"), f"{order} was not cancelled")
        self.tally.saw("all orders cancelled", [brief(order) for order in gone])

    async def end(self, price: float, amount: float) -> None:
        """After an unsubscription nothing comes, though something happens."""
        client = self.client
        require(await client.un_watch_orders(self.symbol) is True, "the orders' subscription was not ended")
        require(await client.un_watch_my_trades(self.symbol) is True, "the trades' subscription was not ended")
        require(self.frames.stream.live == set(), f"still subscribed: {self.frames.stream.live}")
        self.tally.saw("channels unwatched", self.channels)
        order = await client.create_order(self.symbol, "limit", "buy", amount, price)
        await client.cancel_order(order["id"], self.symbol)
        await asyncio.sleep(AFTER_END)  # a frame of a channel that is not live is a failure
        self.tally.saw("nothing after the end")


def least(market: Any, price: float) -> float:
    """The smallest order that the market takes: it has a least amount, a least value, or both."""
    limits = market["limits"]
    return float(max(limits["amount"]["min"] or 0.0, (limits["cost"]["min"] or 0.0) / price))


def brief(order: Any) -> dict[str, Any]:
    event = order["info"].get("event")
    return {"event": event} | {key: order[key] for key in ("id", "status", "side", "price", "amount", "remaining")}


async def raises(kind: type[Exception], call: Call, text: str = "") -> None:
    """The client must turn the exchange's refusal into this exception, which it does by the text."""
    try:
        answer = await call()
    except Exception as error:
        if isinstance(error, kind) and text in str(error):
            return
        raise ValueError(f"{type(error).__name__} ({error}) is not {kind.__name__}") from None
    raise ValueError(f"{answer} is not {kind.__name__}")


async def refused(tally: Tally, client: Watched, symbol: str) -> None:
    """A token that nobody issued. The client never hears of it (it looks for the code as a text), the driver does."""
    Frames(client, tally, symbol, errors=(4009,))
    client.options.update(userId="1001", wsSessionToken="x" * 32, expiresIn=client.milliseconds() + 60_000)
    await client.watch_orders(symbol)
    raise ValueError("orders came without a token")


async def drive_orders(options: Any) -> int:
    """Trade, and see it on the private channels."""
    client, stranger = make_client(options), make_client(options)
    tally = Tally(dict.fromkeys(ORDER_STEPS, 1))
    watch_loop(tally)
    try:
        symbol = await symbol_of(client, options.pair)
        await stranger.load_markets()
        tasks = [
            asyncio.create_task(finish(tally, Trader(tally, client, symbol, options.pair).run())),
            asyncio.create_task(finish(tally, refused(tally, stranger, symbol))),
        ]
        await tally.wait(options.seconds)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return tally.verdict()
    finally:
        await asyncio.gather(client.close(), stranger.close())


# ----------------------------------------------------------------------------------------------------------------- REST


def check_markets(markets: Any) -> Any:
    for market in markets:
        require(market["type"] in ("spot", "swap") and market["active"] is True, f"market {market}")
        require(market["precision"]["amount"] > 0 and market["precision"]["price"] > 0, f"market {market}")
        require(least(market, price=1.0) > 0, f"market {market}")
    return next(market["info"] for market in markets if market["type"] == "spot")


def check_rest_book(book: Any) -> Any:
    require(book["nonce"] // 1000 == book["timestamp"], f"the book's times are {book['nonce']}, {book['timestamp']}")
    return check_book(book)


def check_ticker(ticker: Any) -> Any:
    for key in ("bid", "ask", "last", "open", "high", "low", "vwap", "baseVolume", "timestamp"):
        require(isinstance(ticker[key], float | int), f"ticker's {key} is {ticker[key]!r}")
    require(ticker["bid"] < ticker["ask"], "the ticker's bid is not below its ask")
    require(ticker["low"] <= ticker["last"] <= ticker["high"], "the last price is outside the day's range")
    return {key: ticker[key] for key in ("symbol", "bid", "ask", "last")}


def check_candles(seconds: int) -> Check:
    def check(candles: Any) -> Any:
        require(len(candles) > 0, "no candles")
        starts = [candle[0] for candle in candles]
        require(starts == sorted(set(starts)), "the candles are not in the order of time")
        for start, first, high, low, last, volume in candles:
            require(start % (seconds * 1000) == 0 and volume >= 0, f"a candle of {seconds} s starts at {start}")
            require(low <= min(first, last) and high >= max(first, last), f"candle {candles[-1]}")
        require(candles[-1][5] > 0, "no volume in the newest candle")
        return candles[-1]

    return check


def check_balance(balance: Any) -> Any:
    for currency in ("BTC", "USD"):
        amounts = balance[currency]
        require(amounts["free"] > 0 and amounts["used"] >= 0, f"{currency}: {amounts}")
        require(abs(amounts["free"] + amounts["used"] - amounts["total"]) < 1e-6, f"{currency}: {amounts}")
    return {currency: balance[currency] for currency in ("BTC", "USD")}


def rest_calls(client: Watched, symbol: str) -> dict[str, tuple[Call, Check]]:
    """Every call that answers a question; `drive_orders` has those that trade."""
    calls: dict[str, tuple[Call, Check]] = {
        "markets": (client.fetch_markets, check_markets),
        "currencies": (client.fetch_currencies, lambda found: require({"BTC", "USD"} <= set(found), f"{found}")),
        "order_book": (lambda: client.fetch_order_book(symbol), check_rest_book),
        "order_book group 0": (lambda: client.fetch_order_book(symbol, None, {"group": 0}), check_orders),
        "order_book group 2": (lambda: client.fetch_order_book(symbol, None, {"group": 2}), check_orders),
        "ticker": (lambda: client.fetch_ticker(symbol), check_ticker),
        "tickers": (client.fetch_tickers, lambda found: check_ticker(found[symbol])),
        "transactions": (lambda: client.fetch_trades(symbol), check_trades),
        "account_balances": (client.fetch_balance, check_balance),
        "open_orders": (lambda: client.fetch_open_orders(symbol), lambda found: require(found is not None, "none")),
        "user_transactions": (lambda: client.fetch_my_trades(symbol), lambda found: require(found is not None, "none")),
    }
    for frame, seconds in client.timeframes.items():
        if frame != "1w":  # what the client calls a week is three days to the exchange
            calls[f"ohlc {frame}"] = (
                lambda frame=frame: client.fetch_ohlcv(symbol, frame),
                check_candles(int(seconds)),
            )
    return calls


def check_orders(book: Any) -> Any:
    """A book whose rows are orders: prices may repeat."""
    bids, asks = ([row[0] for row in book[side]] for side in ("bids", "asks"))
    require(bids == sorted(bids, reverse=True) and asks == sorted(asks), "the book is not sorted")
    require(len(bids) > 0 and len(asks) > 0 and bids[0] < asks[0], "the book is not a book")
    return {"bid": book["bids"][0], "ask": book["asks"][0]}


async def drive_rest(options: Any) -> int:
    """Call everything, and see that a wrong key and a wrong secret are refused."""
    client = make_client(options)
    strangers = {"wrong secret": make_client(options, secret="wrong"), "wrong key": make_client(options, key="wrong")}
    try:
        async with asyncio.timeout(options.seconds):
            calls = rest_calls(client, await symbol_of(client, options.pair))
            tally = Tally(dict.fromkeys([*calls, *strangers], 1))
            for name, (call, check) in calls.items():
                tally.saw(name, await answered(call, check))
            for name, stranger in strangers.items():
                await stranger.load_markets()
                await raises(ccxt.AuthenticationError, stranger.fetch_balance)
                tally.saw(name)
        return tally.verdict()
    finally:
        await asyncio.gather(client.close(), *(stranger.close() for stranger in strangers.values()))


def main() -> int:
    parser = arguments("Drive ccxt against a Bitstamp server.", "btcusd", ("sockets", "rest", "orders"))
    options = parser.parse_args()
    emit("client", name="ccxt", version=ccxt.pro.__version__)
    drive = {"sockets": drive_sockets, "rest": drive_rest, "orders": drive_orders}[options.what]
    return asyncio.run(drive(options))


if __name__ == "__main__":
    run(main)
