"""Checks of raw Bitstamp frames, beside whatever the client that receives them checks itself.

They were written from the exchange's documents, not from the server's code, so that the two can disagree.
"""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from findings import require

NUMBER = re.compile(r"\d+(\.\d+)?\Z")
DIGITS = re.compile(r"\d+\Z")

TRADE_KEYS = (
    "id",
    "timestamp",
    "amount",
    "amount_str",
    "price",
    "price_str",
    "type",
    "microtimestamp",
    "buy_order_id",
    "sell_order_id",
)
ORDER_KEYS = (
    "id",
    "id_str",
    "order_type",
    "order_subtype",
    "datetime",
    "microtimestamp",
    "amount",
    "amount_str",
    "amount_traded",
    "amount_at_create",
    "price",
    "price_str",
    "is_liquidation",
)
ORDER_EVENTS = ("order_created", "order_changed", "order_deleted", "order_replaced", "stop_active", "stop_inactive")


def match(pattern: re.Pattern[str], *texts: Any) -> None:
    for text in texts:
        require(isinstance(text, str) and pattern.match(text) is not None, f"{text!r} is not {pattern.pattern}")


def same(number: Any, text: str) -> None:
    """A field that comes as a number and as a string must say the same in both."""
    require(not isinstance(number, str), f"{number!r} is not a number")
    require(Decimal(str(number)) == Decimal(text), f"{number!r} is not {text}")


def check_levels(rows: list[list[str]], descending: bool, width: int) -> None:
    """Prices sorted best first: strictly where a row is a level, not where it is an order."""
    for row in rows:
        require(len(row) == width, f"row {row}")
        match(NUMBER, *row)
    prices = [Decimal(row[0]) for row in rows]
    require(prices == sorted(prices, reverse=descending), "a side of the book is not sorted best first")
    if width == 2:
        require(len(set(prices)) == len(prices), "a price stands twice in one side")


def check_times(data: dict[str, Any]) -> int:
    """The microseconds of a book or a trade; its seconds are the same, floored."""
    match(DIGITS, data["timestamp"], data["microtimestamp"])
    require(int(data["timestamp"]) == int(data["microtimestamp"]) // 1_000_000, f"times {data['timestamp']}")
    return int(data["microtimestamp"])


def check_book(data: dict[str, Any], width: int = 2, most: int | None = None) -> int:
    """A book, or a part of one (which may be crossed by itself); its microseconds."""
    require(list(data) == ["timestamp", "microtimestamp", "bids", "asks"], f"a book has the keys {list(data)}")
    check_levels(data["bids"], True, width)
    check_levels(data["asks"], False, width)
    require(len(data["bids"]) + len(data["asks"]) > 0, "a book message with nothing in it")
    if most is not None:
        require(max(len(data["bids"]), len(data["asks"])) <= most, f"more than {most} rows")
        require(all(Decimal(row[1]) > 0 for row in [*data["bids"], *data["asks"]]), "a row without an amount")
        if data["bids"] and data["asks"]:
            require(Decimal(data["bids"][0][0]) < Decimal(data["asks"][0][0]), "the book is crossed")
    return check_times(data)


def check_trade(data: dict[str, Any]) -> int:
    """A public trade; its id."""
    require(tuple(data) == TRADE_KEYS, f"a trade has the keys {list(data)}")
    check_times(data)
    match(NUMBER, data["amount_str"], data["price_str"])
    same(data["amount"], data["amount_str"])
    same(data["price"], data["price_str"])
    require(Decimal(data["amount_str"]) > 0 and data["type"] in (0, 1), f"trade {data}")
    require(all(type(data[key]) is int for key in ("id", "buy_order_id", "sell_order_id")), f"ids of {data}")
    return int(data["id"])


def check_order(frame: dict[str, Any]) -> None:
    """An event of one of the user's orders."""
    require(frame["event"] in ORDER_EVENTS, f"event {frame['event']!r}")
    data = frame["data"]
    require(tuple(data)[: len(ORDER_KEYS)] == ORDER_KEYS, f"an order has the keys {list(data)}")
    require(type(data["id"]) is int and data["id_str"] == str(data["id"]), f"order {data['id']!r}")
    match(NUMBER, data["amount_str"], data["amount_traded"], data["amount_at_create"], data["price_str"])
    same(data["amount"], data["amount_str"])
    same(data["price"], data["price_str"])
    require(data["order_type"] in (0, 1) and data["is_liquidation"] is False, f"order {data}")
    rounded = (int(data["microtimestamp"]) + 500_000) // 1_000_000
    require(int(data["datetime"]) == rounded, f"datetime {data['datetime']} of {data['microtimestamp']}")
    require(data["trade_account_id"] == frame["trade_account_id"] == 0, "not the main account's")
    for key in ("event_id", "pre_event_id", "order_source"):
        require(isinstance(frame.get(key), str), f"{key} is {frame.get(key)!r}")


def check_my_trade(frame: dict[str, Any]) -> None:
    """A fill of one of the user's orders."""
    data = frame["data"]
    require(frame["event"] == "trade", f"event {frame['event']!r}")
    require(type(data["id"]) is int and data["side"] in ("buy", "sell"), f"trade {data}")
    match(NUMBER, data["amount"], data["price"], data["fee"])
    match(DIGITS, data["microtimestamp"], data["order_id"])
    require(data["trade_account_id"] == frame["trade_account_id"] == 0, "not the main account's")


PRIVATE: dict[str, Callable[[dict[str, Any]], None]] = {
    "private-my_orders": check_order,
    "private-my_trades": check_my_trade,
}
# Each gives what must rise from one frame of a channel to the next: the microseconds, of trades the id.
PUBLIC: dict[str, Callable[[dict[str, Any]], int]] = {
    "live_trades": check_trade,
    "diff_order_book": check_book,
    "order_book": lambda data: check_book(data, most=100),
    "detail_order_book": lambda data: check_book(data, width=3, most=100),
}


class Stream:
    """Checks every frame of one connection, and what may come when: an answer first, and nothing after the end."""

    def __init__(self) -> None:
        self.live: set[str] = set()
        self.last: dict[str, int] = {}

    def check(self, frame: dict[str, Any]) -> str:
        """The channel of a valid data frame, or the event of any other; ValueError for one that is not valid."""
        event = str(frame["event"])
        if event.startswith("bts:"):
            require(list(frame) == ["event", "channel", "data"], f"a control frame has the keys {list(frame)}")
            if event == "bts:subscription_succeeded":
                self.live.add(frame["channel"])
            elif event == "bts:unsubscription_succeeded":
                self.live.discard(frame["channel"])
            return event
        require(list(frame)[:3] == ["data", "channel", "event"], f"a data frame has the keys {list(frame)}")
        channel = str(frame["channel"])
        require(channel in self.live, f"data of {channel}, which is not subscribed")
        self._check_data(channel, frame)
        return channel

    def _check_data(self, channel: str, frame: dict[str, Any]) -> None:
        if channel.startswith("private-"):
            name = next(name for name in PRIVATE if channel.startswith(f"{name}_"))
            PRIVATE[name](frame)
            return
        name = next(name for name in PUBLIC if channel.startswith(f"{name}_"))
        stamp = PUBLIC[name](frame["data"])
        require(self.last.get(channel, 0) < stamp, f"{stamp} on {channel} after {self.last.get(channel)}")
        self.last[channel] = stamp
