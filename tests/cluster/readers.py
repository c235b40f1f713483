"""What a reader of one market knows in each dialect, and by which of the dialect's own means it sees whether that is right.

| | begins with | is right by |
|---|---|---|
| Kraken `book-10` | the snapshot | the checksum of each update |
| Bitstamp `diff_order_book` | the book of REST, and the diffs after it | each `order_book` of the same stamp; nothing unknown goes |
| Peatio `ob-inc` | the snapshot | sequences without a gap; nothing unknown goes |
| Rails `publicOrderBook` | a snapshot that it asked for | further ones, asked for every few seconds; nothing unknown goes |
| Ekiden `orderbook.50` | the snapshot | `seq` without a gap; nothing unknown goes |

It imports nothing of polyfeed.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Hashable
from copy import copy
from decimal import Decimal
from typing import Any, ClassVar

from tests.dialects.bitstamp.naive import DiffClient
from tests.e2e import ekiden_client, kraken_client, peatio_client, rails_client

Levels = list[tuple[str, str]]

SHOWN = 100
"""Levels a side of Bitstamp's `order_book`."""

TOLD = frozenset({"maintenance", "reconnect", "left"})
"""The words, of those below and of a reader that is away, by which it knows that its book may be old."""


class Kept(ABC):
    """What has been heard since a connection was opened. It is a value: `after` gives another one.

    `told` is the dialect's word for a feed that is behind, while it stands; `wrong` the first frame that cannot be right.
    """

    path: ClassVar[str] = "/"
    asks: ClassVar[tuple[str, ...]] = ()
    """What is said when the connection is open."""
    asks_again: ClassVar[str] = ""
    """What is said every few seconds."""
    rest: ClassVar[str] = ""
    """What is got by REST, and heard like a frame, when everything that was asked for is acknowledged."""
    depth: ClassVar[int] = 1_000_000
    book: Any
    names: ClassVar[tuple[str, str]] = ("a", "b")
    """The book's own names of asks and bids."""

    def __init__(self) -> None:
        self.told = self.wrong = ""
        self.whole = False
        self.acknowledged = 0

    @property
    def word(self) -> str:
        """How things stand for the reader."""
        return self.told or ("book" if self.whole else "open")

    def after(self, text: str) -> Kept:
        """What is known with one frame more."""
        one = copy(self)
        one.book = copy(self.book)
        one.book.sides = {side: dict(levels) for side, levels in self.book.sides.items()}
        try:
            one.hear(text)
        except (AssertionError, LookupError) as error:
            one.wrong = one.wrong or f"{error!r}: {text}"
        return one

    @abstractmethod
    def hear(self, text: str) -> None:
        """Takes a frame in. Raises AssertionError, LookupError where it cannot be right."""

    def place(self) -> Hashable:
        """What else of it counts for what comes, beside the levels."""
        return None

    def key(self) -> Hashable:
        """Equal for those to whom the same frames mean the same."""
        sides = (frozenset(levels.items()) for levels in self.book.sides.values())
        return self.told, self.wrong, self.whole, self.acknowledged, self.place(), *sides

    def levels(self) -> tuple[Levels, Levels]:
        """Asks and bids, best first, as plain numbers."""
        asks, bids = (
            sorted(((Decimal(price), Decimal(size)) for price, size in self.book.sides[name].items()), reverse=down)
            for name, down in zip(self.names, (False, True), strict=True)
        )
        return plain(asks), plain(bids)


def plain(levels: list[tuple[Decimal, Decimal]]) -> Levels:
    """Numbers as text, without needless zeros."""
    return [(f"{price.normalize():f}", f"{size.normalize():f}") for price, size in levels]


class Kraken(Kept):
    depth = 10

    def __init__(self, market: str) -> None:
        super().__init__()
        self.book = kraken_client.Book(self.depth)
        subscription = {"name": "book", "depth": self.depth}
        self.asks = (json.dumps({"event": "subscribe", "pair": [market], "subscription": subscription}),)

    def hear(self, text: str) -> None:
        if text.startswith("["):
            self.book.apply(text)
            self.whole = True
        elif '"systemStatus"' in text:
            self.told = "maintenance" if '"status":"maintenance"' in text else ""
        else:
            assert '"errorMessage"' not in text


class Bitstamp(Kept):
    names = ("asks", "bids")

    def __init__(self, market: str) -> None:
        super().__init__()
        self.book = DiffClient()
        self.shown: tuple[int, Levels, Levels] | None = None
        self.asks = tuple(
            json.dumps({"event": "bts:subscribe", "data": {"channel": f"{name}_{market}"}})
            for name in ("diff_order_book", "order_book")
        )
        self.rest = f"/api/v2/order_book/{market}/?group=1"

    def hear(self, text: str) -> None:
        message, book = json.loads(text), self.book
        book.buffer, book.unknown, book.crossed = [*book.buffer], [], []
        match message.get("event"):
            case None:
                book.snapshot(text.encode())
                self.whole = True
            case "bts:subscription_succeeded":
                self.acknowledged += 1
            case "bts:request_reconnect":
                self.told = "reconnect"
            case "data" if message["channel"].startswith("diff_"):
                book.receive(text)
            case "data":
                data = message["data"]
                self.shown = int(data["microtimestamp"]), pairs(data["bids"]), pairs(data["asks"])
            case _:
                raise AssertionError("an error")
        assert not book.unknown
        assert not book.crossed
        if book.ready and self.shown is not None and self.shown[0] == max(book.last, book.after):
            assert self.shown[1:] == tuple(map(pairs, book.top(SHOWN))), "the two channels differ"

    def place(self) -> Hashable:
        book = self.book
        shown = None if self.shown is None else self.shown[0]
        return book.ready, book.after, book.last, tuple(one["microtimestamp"] for one in book.buffer), shown


def pairs(levels: list[list[str]]) -> Levels:
    return [(price, size) for price, size in levels]


class Peatio(Kept):
    names = ("asks", "bids")

    def __init__(self, market: str) -> None:
        super().__init__()
        self.book = peatio_client.Book()
        self.path = f"/?stream={market}.ob-inc"

    def hear(self, text: str) -> None:
        ((name, body),) = json.loads(text).items()
        assert name != "error"
        if name != "success":
            assert self.whole or name.endswith("-snap"), "an increment of nothing"
            self.book.apply(name, body)
            self.whole = True

    def place(self) -> Hashable:
        return self.book.sequence, self.book.snapped


class Rails(Kept):
    names = ("sell", "buy")

    def __init__(self, market: str) -> None:
        super().__init__()
        self.book = rails_client.Book()
        self.path = f"/?market={market}&subscriptions=publicOrderBook"
        self.asks_again = json.dumps({"message": "emitPublicOrderBook", "content": {}})
        self.asks = (self.asks_again,)

    def hear(self, text: str) -> None:
        message = json.loads(text)
        kind, known = message["resultType"], self.book.sides
        assert kind.startswith("publicOrderBook"), "an error"
        self.book.apply(message)
        assert kind.endswith("Delta") or not self.whole or self.book.sides == known, "a snapshot of another book"
        self.whole = self.book.begun

    def place(self) -> Hashable:
        return self.book.begun


class Ekiden(Kept):
    path = "/ws/public"
    depth = 50

    def __init__(self, market: str) -> None:
        super().__init__()
        topic = f"orderbook.{self.depth}.{market}"
        self.book = ekiden_client.Book(topic)
        self.asks = (json.dumps({"op": "subscribe", "args": [topic]}),)

    def hear(self, text: str) -> None:
        message = json.loads(text)
        assert message["op"] != "error"
        if message["op"] == "event":
            self.book.apply(message)
            self.whole = True

    def place(self) -> Hashable:
        return self.book.seq


DIALECTS: dict[str, type[Kraken | Bitstamp | Peatio | Rails | Ekiden]] = {
    "kraken": Kraken,
    "bitstamp": Bitstamp,
    "peatio": Peatio,
    "rails": Rails,
    "ekiden": Ekiden,
}

MARKETS = {
    "busy": {"kraken": "XBT/USD", "bitstamp": "btcusd", "peatio": "btcusd", "rails": "BTC-USD", "ekiden": "BTC-USD"},
    "quiet": {"kraken": "ETH/USD", "bitstamp": "ethusd", "peatio": "ethusd", "rails": "ETH-USD", "ekiden": "ETH-USD"},
}
"""Where nearly everything is traded, and where a little is (tests/store/kill_clients.py)."""
