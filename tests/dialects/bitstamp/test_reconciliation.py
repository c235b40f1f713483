"""The official reconciliation of REST and socket, over a million random commands in all."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator

import pytest

from polyfeed.market.book import BookSide
from polyfeed.model.commands import (
    AmendOrder,
    AnyCommand,
    CancelAll,
    CancelOrder,
    OpenAccount,
    PlaceOrder,
    ReplaceOrder,
)
from polyfeed.model.enums import OrderKind, SelfTrade, Side, TimeInForce
from tests.desk import Client
from tests.dialects.bitstamp.desk import VenueDesk, listed
from tests.dialects.bitstamp.naive import DiffClient, OrderClient

COMMANDS = 50_000
ACCOUNTS = (1, 2, 3)
MIDDLE = 10_000


class Flow:
    """Random commands of three house accounts in a market that is some forty levels wide."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.live: list[tuple[int, int]] = []

    def command(self) -> AnyCommand:
        rng = self.rng
        kind = rng.random()
        if self.live and kind < 0.35:
            account, order_id = self.live.pop(rng.randrange(len(self.live)))
            return CancelOrder(account, order_id)
        if self.live and kind < 0.45:
            account, order_id = self.live[rng.randrange(len(self.live))]
            price, size = self.price(rng.randrange(2)), rng.randrange(1, 400)
            choice = ReplaceOrder if rng.random() < 0.5 else AmendOrder
            return choice(account, order_id, price, size)
        if kind < 0.4502:
            return CancelAll(rng.choice(ACCOUNTS))
        return self.order()

    def order(self) -> PlaceOrder:
        rng = self.rng
        side = Side(rng.randrange(2))
        way, price = rng.random(), self.price(side)
        mode = rng.choice((SelfTrade.ALLOW, SelfTrade.DECREMENT, SelfTrade.CANCEL_MAKER, SelfTrade.CANCEL_TAKER))
        tif = TimeInForce.IOC if way < 0.1 else TimeInForce.FOK if way < 0.15 else TimeInForce.GTC
        market = way > 0.93
        return PlaceOrder(
            rng.choice(ACCOUNTS),
            0,
            side,
            OrderKind.MARKET if market else OrderKind.LIMIT,
            rng.randrange(1, 400) * 1_000_000,
            0 if market else price,
            TimeInForce.IOC if market else tif,
            post_only=tif is TimeInForce.GTC and not market and rng.random() < 0.3,
            self_trade=mode,
        )

    def price(self, side: int) -> int:
        away = int(abs(self.rng.gauss(0, 20))) - 3
        return MIDDLE + (away if side else -away)


def carried(desk: VenueDesk, flow: Flow, count: int) -> Iterator[int]:
    """Carries out commands at random times; yields their number."""
    for number in range(count):
        desk.now += flow.rng.choice((1, 10, 400, 900, 3_000, 40_000))
        command = flow.command()
        for batch in desk.command(command):
            if isinstance(command, PlaceOrder | ReplaceOrder) and batch.outcome.order_id:
                flow.live.append((command.account, batch.outcome.order_id))
        yield number


def levels(side: BookSide) -> dict[str, str]:
    return {f"{one.price / 100:.2f}": f"{one.size / 1e8:.8f}" for one in side.top(len(side))}


def started(seed: int) -> tuple[VenueDesk, Flow]:
    desk = listed()
    desk.do(*(OpenAccount(account, f"house{account}", house=True) for account in ACCOUNTS))
    return desk, Flow(seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(2, 20))])
def test_diffs_and_rest_books_give_the_engines_book(seed: int) -> None:
    """20 x 50,000 commands; every 500 a client that asks for the REST book at any moment after it subscribed."""
    desk, flow = started(seed)
    client = desk.client("diff_order_book_btcusd", "order_book_btcusd")
    readers: list[DiffClient] = []
    for number in carried(desk, flow, COMMANDS):
        if number % 500 == 0:
            readers.append(DiffClient())
            moment = number + flow.rng.randrange(500)
        if len(readers) > 4:
            check(readers.pop(1))
        hand_out(client, readers)
        if number == moment:
            readers[-1].snapshot(desk.get("order_book/btcusd/", group="1").body)
    desk.advance(desk.now + 200_000)
    hand_out(client, readers)
    book = desk.market.instruments[0].book
    for reader in readers:
        check(reader)
        assert reader.sides == {"bids": levels(book.bids), "asks": levels(book.asks)}


def check(reader: DiffClient) -> None:
    assert reader.ready
    assert reader.unknown == []
    assert reader.crossed == []


def hand_out(client: Client, readers: list[DiffClient]) -> None:
    """Diffs to all; a whole book, which follows the diff of its stamp, shows what is kept by then."""
    for text in client.take():
        if '"channel":"diff' in text:
            for reader in readers:
                reader.receive(text)
            continue
        data = json.loads(text)["data"]
        first = readers[0]
        if first.ready and first.last == int(data["microtimestamp"]):
            assert (data["bids"], data["asks"]) == first.top(100)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_the_chain_and_the_orders(seed: int) -> None:
    """The chain of event ids never breaks, and the L3 book of REST and live_orders gives the engine's orders."""
    desk, flow = started(1000 + seed)
    client = desk.client("live_orders_btcusd")
    readers: list[OrderClient] = []
    for number in carried(desk, flow, COMMANDS):
        if number % 5_000 == 0:
            readers.append(OrderClient())
        for text in client.take():
            for reader in readers:
                reader.receive(text)
        if number % 5_000 == 2_500:
            readers[-1].orders.clear()
            readers[-1].snapshot(desk.get("order_book/btcusd/", group="2").body)
    orders = desk.market.instruments[0].orders
    assert orders is not None
    resting = {
        order_id: (int(side), f"{price / 100:.2f}", f"{left / 1e8:.8f}")
        for side in Side
        for order_id, price, left in orders.top(side, 1 << 30)
    }
    assert readers[0].events > COMMANDS
    for reader in readers:
        assert reader.broken == []
        assert reader.orders == resting
