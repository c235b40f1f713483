"""The splice rule: a snapshot contains every delta sent before it on the connection, and none sent after it.

Clients do what the documents tell them to: take the snapshot, then apply every later delta. Whenever they have read
all they were sent, their book must be the venue's.
"""

from __future__ import annotations

import json
import random

import pytest

from polyfeed.model.enums import Side
from tests.dialects.rails.rig import Client, Rig
from tests.dialects.rails.traffic import MARKETS, Traffic, drain

Levels = dict[tuple[str, str], str]


class Reader:
    """A client that keeps books."""

    def __init__(self, rig: Rig, user: int, market: str) -> None:
        self.rig = rig
        self.client: Client = rig.client(user, market=market, subscriptions="publicOrderBook")
        self.markets = MARKETS if market == "ALL" else (market,)
        self.books: dict[str, Levels] = {}
        self.stamps: dict[str, int] = {}

    def ask(self, market: str) -> None:
        self.client.send(json.dumps({"message": "emitPublicOrderBook", "content": {"market": market}}))

    def read(self) -> None:
        for payload in drain(self.client):
            message = json.loads(payload)
            market, data = message["market"], message["data"]
            assert self.stamps.get(market, 0) <= data["ts"]
            self.stamps[market] = data["ts"]
            if message["resultType"] == "publicOrderBook":
                self.books[market] = {}
            assert data["orders"] or message["resultType"] == "publicOrderBook"
            if market in self.books:
                self._apply(self.books[market], data["orders"])

    @staticmethod
    def _apply(book: Levels, orders: list[dict[str, str]]) -> None:
        seen = set()
        for row in orders:
            level = row["orderType"], row["price"]
            assert level not in seen
            seen.add(level)
            if row["quantity"] == "0":
                book.pop(level, None)
            else:
                book[level] = row["quantity"]


def engine_book(rig: Rig, market: str) -> Levels:
    """The venue's orders, added up by price with no code of the dialect's."""
    state = rig.market.by_symbol("rails", market)
    assert state is not None
    assert state.orders is not None
    totals: dict[tuple[str, int], int] = {}
    for side in Side:
        for _, price, left in state.orders.top(side, 10_000):
            place = side.name.lower(), price
            totals[place] = totals.get(place, 0) + left
    return {(side, plain(price, 2)): plain(size, 8) for (side, price), size in totals.items()}


def plain(value: int, scale: int) -> str:
    whole, fraction = divmod(value, 10**scale)
    text = str(fraction).rjust(scale, "0").rstrip("0")
    return f"{whole}.{text}" if text else str(whole)


def splice(points: int, seed: int) -> int:
    """Asks for so many snapshots at random moments under load; how many books were compared."""
    dice = random.Random(seed)
    users = [1001, 1002, 1003]
    rig = Rig(*MARKETS, accounts=dict.fromkeys(users, "test"), ping_interval=0, lag_bytes=64 << 20)
    traffic = Traffic(rig, users, dice)
    readers = [Reader(rig, dice.choice(users), market) for market in (*MARKETS, "ALL", "ALL")]
    compared = 0
    for _ in range(points):
        for _ in range(dice.randrange(4)):
            traffic.act()
        if dice.random() < 0.7:
            rig.decide()  # decided, perhaps not yet sent
        if dice.random() < 0.5:
            rig.turn()
        reader = dice.choice(readers)
        reader.ask(dice.choice(reader.markets))
        if dice.random() < 0.1:
            reader.client.outlet.paused = not reader.client.outlet.paused
            rig.fan.resume(reader.client.connection)
        if dice.random() < 0.3:
            compared += compare(rig, readers)
    for reader in readers:
        reader.client.outlet.paused = False
        rig.fan.resume(reader.client.connection)
    return compared + compare(rig, readers)


def compare(rig: Rig, readers: list[Reader]) -> int:
    """Has all that read hold their books against the venue's."""
    rig.settle()
    count = 0
    books = {market: engine_book(rig, market) for market in MARKETS}
    for reader in readers:
        reader.read()
        if not reader.client.outlet.paused:
            for market, book in reader.books.items():
                assert book == books[market]
                count += 1
    return count


def test_books_are_whole_wherever_the_snapshot_came() -> None:
    assert splice(800, seed=1) > 500


@pytest.mark.slow
def test_ten_thousand_splices() -> None:
    compared = splice(10_000, seed=2)
    print(f"\n10,000 snapshots, {compared} books compared")
    assert compared > 10_000
