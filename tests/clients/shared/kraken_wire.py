"""Checks of raw Kraken messages, for the clients that hand a message on without looking into it.

The book here is as naive as can be: apply, truncate, hash. It was written from the exchange's documents, not from the
server's code, so that the two can disagree.
"""

import re
import zlib
from typing import Any

from findings import require

DEPTHS = (10, 25, 100, 500, 1000)
INTERVALS = (1, 5, 15, 30, 60, 240, 1440, 10080, 21600)
CHANNELS = ("ticker", "trade", "spread", "ohlc", "book")

PRICE = re.compile(r"\d+\.\d{1,10}\Z")
VOLUME = re.compile(r"\d+\.\d{8}\Z")
TIME = re.compile(r"\d+\.\d{6}\Z")


def match(pattern: re.Pattern[str], *texts: Any) -> None:
    """Every one of these must be a string of this form: a number on the wire is quoted and has fixed decimals."""
    for text in texts:
        require(isinstance(text, str) and pattern.match(text) is not None, f"{text!r} is not {pattern.pattern}")


def check_ticker(body: dict[str, Any]) -> None:
    require(list(body) == list("abcvptlho"), f"ticker has the keys {list(body)}")
    for key in "ab":
        price, whole, volume = body[key]
        match(PRICE, price)
        match(VOLUME, volume)
        require(whole == int(float(volume)), f"whole lots {whole!r} of {volume}")
    match(PRICE, body["c"][0], *body["p"], *body["l"], *body["h"], *body["o"])
    match(VOLUME, body["c"][1], *body["v"])
    require(all(type(count) is int for count in body["t"]), f"trade counts {body['t']!r}")
    require(float(body["b"][0]) < float(body["a"][0]), "the ticker's bid is not below its ask")


def check_trade(body: list[list[str]]) -> None:
    require(len(body) > 0, "a trade message without a trade")
    for price, volume, time, side, kind, misc in body:
        match(PRICE, price)
        match(VOLUME, volume)
        match(TIME, time)
        require(side in ("b", "s") and kind in ("m", "l") and misc == "", f"trade {(side, kind, misc)}")
        require(float(volume) > 0, "a trade of nothing")


def check_spread(body: list[str]) -> None:
    bid, ask, time, bid_volume, ask_volume = body
    match(PRICE, bid, ask)
    match(TIME, time)
    match(VOLUME, bid_volume, ask_volume)
    require(float(bid) < float(ask), f"the spread's bid {bid} is not below its ask {ask}")


def check_ohlc(body: list[Any], interval: int) -> None:
    time, end, first, high, low, last, vwap, volume, count = body
    match(TIME, time, end)
    match(PRICE, first, high, low, last, vwap)
    match(VOLUME, volume)
    require(type(count) is int and count > 0, f"candle of {count!r} trades")
    require(float(low) <= min(float(first), float(last)), "a candle's low is above its open or close")
    require(float(high) >= max(float(first), float(last)), "a candle's high is below its open or close")
    require(float(end) - interval * 60 <= float(time) <= float(end), "a candle's time is outside the candle")


class Book:
    """One book of one depth, kept as the exchange's documents tell a client to keep it."""

    def __init__(self, depth: int) -> None:
        self.depth = depth
        self.sides: dict[str, dict[str, str]] = {}

    def apply(self, objects: list[dict[str, Any]]) -> bool:
        """Take a snapshot or an update; True for an update. Raises ValueError for whatever is not right."""
        if "as" in objects[0]:
            self._snapshot(objects[0])
            return False
        require(bool(self.sides), "an update came before the snapshot")
        self._shape(objects)
        for part in objects:
            for side in part.keys() & {"a", "b"}:
                for level in part[side]:
                    self._level(side, level)
        self._truncate()
        require(objects[-1]["c"] == self.checksum(), f"checksum {objects[-1]['c']}, the book says {self.checksum()}")
        self._uncrossed()
        return True

    def _snapshot(self, body: dict[str, Any]) -> None:
        require(set(body) == {"as", "bs"}, f"snapshot has the keys {sorted(body)}")
        for name, worst_first in (("as", False), ("bs", True)):
            prices = [float(level[0]) for level in body[name]]
            require(prices == sorted(prices, reverse=worst_first), f"{name} is not sorted best first")
            require(len(prices) <= self.depth, f"{len(prices)} levels in a snapshot of depth {self.depth}")
            self.sides[name[0]] = {}
            for level in body[name]:
                require(len(level) == 3, f"snapshot level {level}")
                self._level(name[0], level)
        self._uncrossed()

    @staticmethod
    def _shape(objects: list[dict[str, Any]]) -> None:
        """One object for one side, two for both (asks first); the checksum stands in the last one only."""
        keys = [set(part) for part in objects]
        require(keys in ([{"a", "c"}], [{"b", "c"}], [{"a"}, {"b", "c"}]), f"book update has the keys {keys}")

    def _level(self, side: str, level: list[str]) -> None:
        price, volume, time, *flag = level
        match(PRICE, price)
        match(VOLUME, volume)
        match(TIME, time)
        require(flag in ([], ["r"]), f"level {level}")
        require(not flag or float(volume) > 0, f"level {level} is republished with nothing in it")
        known = self.sides[side]
        if float(volume) == 0:
            require(known.pop(price, None) is not None, f"level {level} removes what is not there")
        else:
            known[price] = volume

    def best(self, side: str, count: int) -> list[str]:
        return sorted(self.sides[side], key=float, reverse=side == "b")[:count]

    def _truncate(self) -> None:
        for side in "ab":
            self.sides[side] = {price: self.sides[side][price] for price in self.best(side, self.depth)}

    def checksum(self) -> str:
        """CRC-32 of the ten best asks, then bids: digits of price and volume, no dot, no leading zeros."""
        numbers = [text for side in "ab" for price in self.best(side, 10) for text in (price, self.sides[side][price])]
        return str(zlib.crc32("".join(text.replace(".", "").lstrip("0") for text in numbers).encode()))

    def _uncrossed(self) -> None:
        bids, asks = self.best("b", 1), self.best("a", 1)
        if bids and asks:
            require(float(bids[0]) < float(asks[0]), f"bid {bids[0]} is not below ask {asks[0]}")


class Stream:
    """Checks every data message of one connection. Books are told apart by channel name: depths share a channelID."""

    def __init__(self) -> None:
        self.books: dict[tuple[str, str], Book] = {}

    def check(self, message: list[Any]) -> str | None:
        """The channel of a valid data message (None for a book's snapshot); ValueError for one that is not."""
        channel_id, *objects, channel, pair = message
        require(type(channel_id) is int and channel_id > 0, f"channelID {channel_id!r}")
        name, _, number = channel.partition("-")
        if name == "book":
            book = self.books.setdefault((channel, pair), Book(int(number)))
            return channel if book.apply(objects) else None
        require(len(objects) == 1, f"{channel} message of {len(objects)} objects")
        body = objects[0]
        if name == "ohlc":
            check_ohlc(body, int(number))
        else:
            {"ticker": check_ticker, "trade": check_trade, "spread": check_spread}[name](body)
        return str(channel)


def check_status(message: dict[str, Any]) -> None:
    """The first message of a connection: who it is and how the exchange does."""
    require(message.get("event") == "systemStatus", f"the first message is {message}")
    require(set(message) == {"connectionID", "event", "status", "version"}, f"systemStatus has {sorted(message)}")
    require(type(message["connectionID"]) is int and message["connectionID"] > 0, "connectionID is not a number")
    require(message["status"] == "online", f"status {message['status']}")


def check_ack(message: dict[str, Any]) -> str:
    """An acknowledgement of a subscription; returns its channelName."""
    for key in ("channelID", "channelName", "pair", "status", "subscription"):
        require(key in message, f"no {key} in {message}")
    body = message["subscription"]
    suffix = body.get("depth", body.get("interval"))
    named = body["name"] if suffix is None else f"{body['name']}-{suffix}"
    require(named == message["channelName"], f"channelName of {message}")
    return str(named)
