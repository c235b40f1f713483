"""What a careful client of each exchange makes of a book's deltas, written from the exchanges' documents.

A follower says by `broken` that it has noticed something wrong. They import nothing of polyfeed.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from typing import Any

from websockets.sync.client import ClientConnection

from tests.e2e.kraken_client import Book


class Follower(ABC):
    """One client's view of BTC-USD. `texts` are all deltas that came, `broken` whether one of them did not fit."""

    path = ""
    restart: str | None = None
    """What comes before the close when the exchange restarts, or asks clients to leave instead of closing."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.broken = False

    @abstractmethod
    def subscribe(self, socket: ClientConnection) -> None:
        """Asks for the deltas, anew where it has them already."""

    @abstractmethod
    def hear(self, text: str) -> None:
        """Takes in a message."""

    def say(self, socket: ClientConnection, *messages: dict[str, Any]) -> None:
        """Sends requests."""
        for message in messages:
            socket.send(json.dumps(message))


class Kraken(Follower):
    """Checks the checksum of each update (WebSockets API 1.x, Book checksum)."""

    restart = '"status":"maintenance"'

    def __init__(self) -> None:
        super().__init__()
        self.book = Book(10)

    def subscribe(self, socket: ClientConnection) -> None:
        self.book, self.broken = Book(10), False
        what = {"pair": ["XBT/USD"], "subscription": {"name": "book", "depth": 10}}
        self.say(socket, {"event": "unsubscribe", **what}, {"event": "subscribe", **what})

    def hear(self, text: str) -> None:
        if not text.startswith("["):
            return
        try:
            self.book.apply(text)
        except AssertionError:
            self.broken = True
        if '"as"' not in text:
            self.texts.append(text)


class Bitstamp(Follower):
    """Checks that each event names the one before it (WebSocket API v2, live orders)."""

    restart = '"event":"bts:request_reconnect"'

    def __init__(self) -> None:
        super().__init__()
        self.last = ""

    def subscribe(self, socket: ClientConnection) -> None:
        self.last, self.broken = "", False
        what = {"data": {"channel": "live_orders_btcusd"}}
        self.say(socket, {"event": "bts:unsubscribe", **what}, {"event": "bts:subscribe", **what})

    def hear(self, text: str) -> None:
        message = json.loads(text)
        if message["event"].startswith("bts:"):
            return
        self.broken |= self.last not in ("", message["pre_event_id"])
        self.last = message["event_id"]
        self.texts.append(text)


class Counted(Follower):
    """Checks that each number is one more than the last."""

    def __init__(self) -> None:
        super().__init__()
        self.last = -1

    def count(self, number: int) -> None:
        self.broken |= number != self.last + 1
        self.last = number


class Peatio(Counted):
    """`sequence` of increments (Peatio's Ranger, order book)."""

    path = "/?stream=none.trades"

    def subscribe(self, socket: ClientConnection) -> None:
        self.last, self.broken = -1, False
        what = {"streams": ["btcusd.ob-inc"]}
        self.say(socket, {"event": "unsubscribe", **what}, {"event": "subscribe", **what})

    def hear(self, text: str) -> None:
        message = json.loads(text)
        if "btcusd.ob-snap" in message:
            self.last = message["btcusd.ob-snap"]["sequence"]
        elif "btcusd.ob-inc" in message:
            self.count(message["btcusd.ob-inc"]["sequence"])
            self.texts.append(text)


class Ekiden(Counted):
    """`seq` of deltas (Ekiden, order book)."""

    path = "/ws/public"

    def subscribe(self, socket: ClientConnection) -> None:
        self.last, self.broken = -1, False
        what = {"args": ["orderbook.10.BTC-USD"]}
        self.say(socket, {"op": "unsubscribe", **what}, {"op": "subscribe", **what})

    def hear(self, text: str) -> None:
        message = json.loads(text)
        if message.get("type") == "snapshot":
            self.last = message["data"]["seq"]
        elif message.get("type") == "delta":
            self.count(message["data"]["seq"])
            self.texts.append(text)


class Rails(Follower):
    """Keeps the levels: nothing in the messages can be checked."""

    path = "/?market=BTC-USD&subscriptions=publicOrderBook"

    def __init__(self) -> None:
        super().__init__()
        self.levels: dict[tuple[str, str], str] = {}

    def subscribe(self, socket: ClientConnection) -> None:
        self.say(socket, {"message": "emitPublicOrderBook"})

    def hear(self, text: str) -> None:
        message = json.loads(text)
        if message["resultType"] == "publicOrderBook":
            self.levels.clear()
        elif message["resultType"] != "publicOrderBookDelta":
            return
        else:
            self.texts.append(text)
        for row in message["data"]["orders"]:
            self.levels[row["orderType"], row["price"]] = row["quantity"]


FOLLOWERS: dict[str, type[Follower]] = {
    "kraken": Kraken,
    "bitstamp": Bitstamp,
    "peatio": Peatio,
    "rails": Rails,
    "ekiden": Ekiden,
}
