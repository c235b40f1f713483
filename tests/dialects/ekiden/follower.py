"""A client's copy of a book, written from the documents: snapshots replace it, deltas follow without a gap."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any


class Follower:
    """One topic of one connection. `sides` has sizes by price, as numbers scaled by `price` and `size` decimals."""

    def __init__(self, topic: str, price: int, size: int) -> None:
        self.topic = topic
        self.seq: int | None = None
        self.sides: dict[str, dict[int, int]] = {"a": {}, "b": {}}
        self.messages = 0
        self._price = 10**price
        self._size = 10**size

    def hear(self, text: str) -> None:
        """Applies a message. Raises AssertionError where the rules are broken."""
        message: dict[str, Any] = json.loads(text)
        assert message["op"] == "event" and message["topic"] == self.topic
        data = message["data"]
        assert data["u"] == data["seq"]
        if message["type"] == "snapshot":
            self.sides = {"a": {}, "b": {}}
        else:
            assert self.seq is not None and data["seq"] == self.seq + 1, (self.topic, self.seq, data["seq"])
            assert data["a"] or data["b"]
        self.seq = data["seq"]
        self.messages += 1
        for side, levels in self.sides.items():
            for price, size in data[side]:
                self._level(levels, self._number(price, self._price), self._number(size, self._size))

    @staticmethod
    def _level(levels: dict[int, int], price: int, size: int) -> None:
        if size:
            assert levels.get(price) != size, "a level that did not change"
            levels[price] = size
        else:
            del levels[price]

    @staticmethod
    def _number(text: str, unit: int) -> int:
        if "." not in text:
            return int(text) * unit
        number = Decimal(text) * unit
        assert number == int(number)
        return int(number)
