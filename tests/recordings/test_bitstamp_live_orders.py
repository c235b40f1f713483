"""The 301,027 recorded `live_orders` events come out of the dialect again when what was wanted goes into the venue.

The capture is that of the package ob-analytics 0.1.0 (spec/bitstamp.md 9), a dependency of this test alone. Its rows
have id, millisecond, price, remaining amount, kind and side of each event; `amount_traded` is compared with what the
remaining amounts of an order say that each event took.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, NamedTuple

import pytest
from msgspec.structs import replace

from polyfeed.model.commands import CancelOrder, PlaceOrder, Record, ReplaceOrder
from polyfeed.model.enums import OrderKind, Side
from polyfeed.sources.bitstamp_sample import ACCOUNT, BTCUSD, STALE_SEEDS, sample_folder, setup
from polyfeed.sources.order_log import OrderLog, commands_of
from polyfeed.sources.orders_csv import OrderCapture, OrderRow, read_order_capture
from tests.dialects.bitstamp.desk import VenueDesk

LOST_CREATES = 13
"""Deletes of orders that the capture never saw created: 12 in the hole after the first book, one 18 minutes in."""

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("bitstamp-orders")]

MARKET_BUY, MARKET_SELL = 999_999_999 * 100, 0
"""The odd prices of market orders."""

PRICE_UNIT = 100
"""Prices have two decimals more than dollars and sizes as many as balances."""


class Event(NamedTuple):
    """What the capture tells of an event, and how much it took."""

    order_id: int
    ms: int
    event: str
    side: int
    price: int
    left: int
    traded: int


@pytest.fixture(scope="module")
def capture() -> OrderCapture:
    folder = sample_folder()
    if folder is None:
        pytest.skip("the package ob-analytics is not installed (make install does it)")
    return read_order_capture(folder, BTCUSD)


@pytest.fixture(scope="module")
def log(capture: OrderCapture) -> OrderLog:
    return commands_of(capture, ACCOUNT, BTCUSD, STALE_SEEDS)


@pytest.fixture(scope="module")
def frames(capture: OrderCapture, log: OrderLog) -> list[dict[str, Any]]:
    """Everything a listener of live_orders is sent, after what puts the first book there."""
    records = with_replacements(capture, log)
    first = records[0].ts
    seeds = sum(record.ts == first for record in records)
    desk = VenueDesk(now=first - 1_000_000)
    desk.do(*setup())
    client = desk.client("live_orders_btcusd")
    texts: list[str] = []
    for number, record in enumerate(records):
        desk.now = record.ts
        desk.command(record.command)
        if number >= seeds:
            texts += client.take()
        else:
            client.take()
    return [json.loads(text) for text in texts]


def replacements(capture: OrderCapture) -> dict[int, OrderRow]:
    """What replaced an order, by the order: its `deleted` shows another price than it had, that of the order which is
    created by the next event, on the same side in the same millisecond."""
    prices = {row.order_id: row.price for row in capture.seeds}
    found: dict[int, OrderRow] = {}
    for row, following in pairwise(capture.events):
        if row.action == "created":
            prices[row.order_id] = row.price
        limit = prices.get(row.order_id, MARKET_BUY)
        if row.action == "deleted" and row.left and limit not in (row.price, MARKET_BUY, MARKET_SELL):
            assert (following.action, following.side, following.price) == ("created", row.side, row.price)
            assert following.ts == row.ts
            found[row.order_id] = following
    return found


def with_replacements(capture: OrderCapture, log: OrderLog) -> list[Record]:
    """The commands, with a cancel and what it makes room for as the one command that it was, and market orders to buy
    for what they paid: they name no amount of the base."""
    replaced = replacements(capture)
    replacing = {row.order_id for row in replaced.values()}
    post_only = {place.order_id for place in orders_of(log) if place.post_only}
    records: list[Record] = []
    for record in log.records:
        command = record.command
        if isinstance(command, CancelOrder) and command.order_id in replaced:
            row = replaced[command.order_id]
            command = ReplaceOrder(ACCOUNT, command.order_id, row.price, row.left, new_order_id=row.order_id)
        elif isinstance(command, PlaceOrder) and command.order_id in replacing:
            continue
        elif isinstance(command, PlaceOrder) and command.order_id in replaced:
            # It has its terms from the order that it replaces: one that may only be a maker replaced one like it.
            command = replace(command, post_only=replaced[command.order_id].order_id in post_only)
        elif isinstance(command, PlaceOrder) and command.kind is OrderKind.MARKET and command.side is Side.BUY:
            paid = sum(one.price * one.size for one in capture.trades if one.buy_order_id == command.order_id)
            command = replace(command, kind=OrderKind.INSTANT, size=0, amount=paid // PRICE_UNIT)
        records.append(Record(record.ts, command))
    return records


def orders_of(log: OrderLog) -> list[PlaceOrder]:
    return [record.command for record in log.records if isinstance(record.command, PlaceOrder)]


def recorded(capture: OrderCapture, ignored: set[int]) -> Iterator[Event]:
    """The capture's events but those of orders that it never saw created."""
    left = {row.order_id: row.left for row in capture.seeds}
    for row, following in pairwise([*capture.events, capture.events[-1]]):
        if row.order_id in ignored and row.order_id not in left:
            continue
        before = row.left if row.action == "created" else left[row.order_id]
        if row.action == "changed" and before <= row.left:
            # A market order to buy, which had no amount: it took what its maker, who comes next, has less.
            before = row.left + left[following.order_id] - following.left
        left[row.order_id] = row.left
        yield as_event(row, before - row.left)


def as_event(row: OrderRow, traded: int) -> Event:
    return Event(row.order_id, row.ts // 1000, f"order_{row.action}", row.side, row.price, row.left, traded)


def made(frame: dict[str, Any]) -> Event:
    data = frame["data"]
    return Event(
        data["id"],
        int(data["microtimestamp"]) // 1000,
        frame["event"],
        data["order_type"],
        scaled(data["price_str"], 2),
        scaled(data["amount_str"], 8),
        scaled(data["amount_traded"], 8),
    )


def scaled(text: str, scale: int) -> int:
    whole, _, fraction = text.partition(".")
    return int(whole + fraction.ljust(scale, "0"))


def test_every_replacement_is_seen(capture: OrderCapture) -> None:
    """The sheet calls the public form of replace_order not seen; it is in the capture."""
    assert len(replacements(capture)) == 2_043


def test_the_same_events_come_out(capture: OrderCapture, log: OrderLog, frames: list[dict[str, Any]]) -> None:
    """All but what the capture lost; and of a market order to buy that left dust, the dust (spec/bitstamp.md 4.5,
    rule 5), which its amount alone does not tell."""
    lost = set(log.report.unknown_deletes)
    assert len(lost) == LOST_CREATES
    expected, found = list(recorded(capture, lost)), list(map(made, frames))
    assert len(found) == len(expected) == 301_027 - LOST_CREATES
    different = [(one, other) for one, other in zip(found, expected, strict=True) if one != other]
    assert [one.event for one, _ in different] == ["order_changed", "order_deleted"]
    for one, other in different:
        assert other.left == 1
        assert other == one._replace(left=1)


def test_the_chain_is_unbroken(frames: list[dict[str, Any]]) -> None:
    """Each event names the one before it, ids are unique and rise, and say their millisecond."""
    for before, frame in pairwise(frames):
        assert frame["pre_event_id"] == before["event_id"]
        assert before["event_id"][:23] < frame["event_id"][:23]
        assert int(frame["event_id"].replace("-", "")[:16], 16) == int(frame["data"]["microtimestamp"])


def test_trades_are_as_recorded(capture: OrderCapture, frames: list[dict[str, Any]]) -> None:
    """Each match is two adjacent events, the taker's first, at the price of the trade."""
    traded = [place for place, frame in enumerate(frames) if frame["data"]["amount_traded"] != "0"]
    assert all(maker == taker + 1 for taker, maker in zip(traded[::2], traded[1::2], strict=True))
    matches = [(made(frames[place]), made(frames[place + 1])) for place in traded[::2]]
    assert len(matches) == 284
    for (taker, maker), trade in zip(matches, capture.trades, strict=True):
        buyer, seller = (taker, maker) if trade.taker_side is Side.BUY else (maker, taker)
        assert (buyer.order_id, seller.order_id) == (trade.buy_order_id, trade.sell_order_id)
        assert (taker.price, taker.traded, taker.side) == (trade.price, trade.size, trade.taker_side)
