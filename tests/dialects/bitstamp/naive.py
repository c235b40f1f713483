"""Clients as Bitstamp's pages ask for them, and nothing more. They know nothing of polyfeed."""

import json
from typing import Any

Side = dict[str, str]


class DiffClient:
    """Keeps a book by the official reconciliation: buffer diffs, take the REST book, drop what is not later, apply.

    `unknown` are removals of levels that it does not have, `crossed` the diffs after which its book was crossed.
    """

    def __init__(self) -> None:
        self.buffer: list[dict[str, Any]] = []
        self.sides: dict[str, Side] = {"bids": {}, "asks": {}}
        self.ready = False
        self.after = 0
        self.last = 0
        self.unknown: list[str] = []
        self.crossed: list[int] = []
        self.applied = 0

    def receive(self, text: str) -> None:
        """A diff_order_book frame."""
        data = json.loads(text)["data"]
        assert int(data["microtimestamp"]) > self.last, "stamps strictly increase"
        self.last = int(data["microtimestamp"])
        assert data["bids"] or data["asks"]
        if not self.ready:
            self.buffer.append(data)
        elif self.last > self.after:
            self.apply(data)

    def snapshot(self, body: bytes) -> None:
        """The REST book."""
        book = json.loads(body)
        self.sides = {side: dict(book[side]) for side in ("bids", "asks")}
        self.ready, self.after = True, int(book["microtimestamp"])
        for data in self.buffer:
            if int(data["microtimestamp"]) > self.after:
                self.apply(data)
        self.buffer.clear()

    def apply(self, data: dict[str, Any]) -> None:
        """Assigns each level."""
        self.applied += 1
        for side in ("bids", "asks"):
            levels = self.sides[side]
            for price, amount in data[side]:
                if float(amount):
                    levels[price] = amount
                elif levels.pop(price, None) is None:
                    self.unknown.append(f"{side} {price} at {data['microtimestamp']}")
        bids, asks = self.sides["bids"], self.sides["asks"]
        if bids and asks and max(map(float, bids)) >= min(map(float, asks)):
            self.crossed.append(int(data["microtimestamp"]))

    def top(self, count: int) -> tuple[list[list[str]], list[list[str]]]:
        """The best levels of both sides."""
        bids = sorted(self.sides["bids"].items(), key=lambda level: -float(level[0]))
        asks = sorted(self.sides["asks"].items(), key=lambda level: float(level[0]))
        return [list(level) for level in bids[:count]], [list(level) for level in asks[:count]]


class OrderClient:
    """Keeps every order by the L3 book of REST and live_orders, and checks the chain of event ids."""

    def __init__(self) -> None:
        self.orders: dict[int, tuple[int, str, str]] = {}
        self.chain = ""
        self.broken: list[str] = []
        self.events = 0
        self._after = 0

    def snapshot(self, body: bytes) -> None:
        """The REST book with group=2."""
        book = json.loads(body)
        self._after = int(book["microtimestamp"])
        for side, kind in (("bids", 0), ("asks", 1)):
            for price, amount, order_id in book[side]:
                self.orders[int(order_id)] = (kind, price, amount)

    def receive(self, text: str) -> None:
        """A live_orders frame."""
        frame = json.loads(text)
        self.events += 1
        if self.chain and frame["pre_event_id"] != self.chain:
            self.broken.append(frame["event_id"])
        self.chain = frame["event_id"]
        data = frame["data"]
        if int(data["microtimestamp"]) <= self._after:
            return
        if frame["event"] == "order_deleted":
            self.orders.pop(data["id"], None)
        elif frame["event"] == "order_created":
            self.orders[data["id"]] = (data["order_type"], data["price_str"], data["amount_str"])
        elif data["id"] in self.orders:
            # The price of a taker's event is that of the match; its own stands in its `created`.
            self.orders[data["id"]] = (*self.orders[data["id"]][:2], data["amount_str"])
        else:
            self.orders[data["id"]] = (data["order_type"], data["price_str"], data["amount_str"])
