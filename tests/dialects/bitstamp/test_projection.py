"""A reader that starts later, from a snapshot, says the same bytes; what is folded does not depend on listeners."""

from __future__ import annotations

import json
import random

import pytest

from polyfeed.accounts.accounts import Accounts
from polyfeed.dialects._base.context import Context
from polyfeed.market.market import Market
from polyfeed.model.batches import Batch
from polyfeed.model.commands import AmendOrder, Deposit, OpenAccount, PlaceOrder
from polyfeed.model.enums import OrderKind, Side
from polyfeed.model.events import BookReset, LevelSet
from tests.desk import Client
from tests.dialects.bitstamp.desk import VAULT, VenueDesk, instrument, key_of, listed
from tests.dialects.bitstamp.signing import token
from tests.dialects.bitstamp.test_reconciliation import ACCOUNTS, Flow

CHANNELS = (
    "live_trades_btcusd",
    "live_orders_btcusd",
    "order_book_btcusd",
    "detail_order_book_btcusd",
    "diff_order_book_btcusd",
)


def later(desk: VenueDesk) -> VenueDesk:
    """A reader from a snapshot of what another one knows; it has no venue."""
    other = VenueDesk(now=desk.now)
    market, accounts = Market.restore(desk.market.snapshot()), Accounts.restore(desk.accounts.snapshot())
    other.take_over(Context(market, accounts, VAULT), desk.projection.snapshot())
    other._seq, other._mark = desk._seq, desk._mark
    return other


def hear(desk: VenueDesk, batches: list[Batch]) -> None:
    for batch in batches:
        desk.now = max(desk.now, batch.ts)
        desk.on_batch(batch)


def listeners(desk: VenueDesk) -> list[Client]:
    public = desk.client(*CHANNELS)
    private = desk.client()
    text = token(desk, "one")
    for name in ("my_orders", "my_trades", "live_trades"):
        desk.receive(
            private,
            f'{{"event":"bts:subscribe","data":{{"channel":"private-{name}_btcusd-1","auth":"{text}"}}}}',
        )
    assert all("succeeded" in answer for answer in private.take())
    return [public, private]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
def test_two_readers_say_the_same(seed: int) -> None:
    desk = listed()
    desk.do(*(OpenAccount(account, f"house{account}") for account in ACCOUNTS))
    desk.do(*(Deposit(account, code, 10**17) for account in ACCOUNTS for code in ("BTC", "USD")))
    desk.do(key_of(1, "one"))
    rng, flow = random.Random(seed), Flow(seed)
    for _ in range(4):
        run(desk, flow, [], rng.randrange(300, 900))
        other = later(desk)
        assert other.projection.snapshot() == desk.projection.snapshot()
        ours, theirs = listeners(desk), listeners(other)
        run(desk, flow, [other], 1500)
        for one, two in zip(ours, theirs, strict=True):
            texts = one.take()
            assert len(texts) > 100
            assert two.take() == texts
        assert other.projection.snapshot() == desk.projection.snapshot()
        for client in list(desk.clients):
            desk.carry_out(client, client.session.receive(desk.now, "x" * 600))
        for group in ("0", "1", "2"):
            assert desk.get("order_book/btcusd/", group=group) == other.get("order_book/btcusd/", group=group)


def run(desk: VenueDesk, flow: Flow, readers: list[VenueDesk], count: int) -> None:
    for _ in range(count):
        desk.now += flow.rng.choice((1, 10, 400, 900, 3_000, 40_000))
        command = flow.command()
        batches = desk.command(command)
        if batches[0].outcome.order_id and hasattr(command, "side"):
            flow.live.append((command.account, batches[0].outcome.order_id))
        for reader in readers:
            hear(reader, batches)


def test_an_order_that_is_enlarged_at_its_price_is_told() -> None:
    """Otherwise a client that keeps every order would miss what was added (our decision: this wire has no amendments)."""
    desk = listed()
    desk.do(OpenAccount(1, "house", house=True))
    client = desk.client("live_orders_btcusd")
    order = desk.do(PlaceOrder(1, 0, Side.BUY, OrderKind.LIMIT, 100_000_000, 100))[0].outcome.order_id
    desk.do(AmendOrder(1, order, size=250_000_000))
    created, changed = (json.loads(text) for text in client.take())
    assert (created["event"], created["data"]["amount_str"]) == ("order_created", "1.00000000")
    assert (changed["event"], changed["data"]["amount_str"]) == ("order_changed", "2.50000000")
    assert (changed["data"]["id"], changed["data"]["amount_traded"]) == (order, "0")
    assert changed["pre_event_id"] == created["event_id"]


def test_a_book_that_comes_level_by_level() -> None:
    """A reset is told as what it changes; levels that stay are not."""
    desk = listed(markets=(instrument(0, "btcusd", "BTC", "USD", detail=1),))
    client = desk.client("diff_order_book_btcusd", "order_book_btcusd")
    desk.publish([LevelSet(0, Side.BUY, 100, 5), LevelSet(0, Side.SELL, 110, 7)])
    desk.advance(desk.now + 100_000)
    assert len(client.take()) == 2
    desk.publish([LevelSet(0, Side.BUY, 99, 1), BookReset(0, [(100, 5, 0), (98, 2, 0)], [(111, 7, 0)])])
    desk.advance(desk.now + 100_000)
    diff, book = client.take()
    assert '"bids":[["0.98","0.00000002"]],"asks":[["1.10","0.00000000"],["1.11","0.00000007"]]' in diff
    assert '"bids":[["1.00","0.00000005"],["0.98","0.00000002"]],"asks":[["1.11","0.00000007"]]' in book
    assert desk.get("order_book/btcusd", group="2").body == desk.get("order_book/btcusd").body


def test_only_what_lies_within_the_first_hundred_is_told() -> None:
    desk = listed(markets=(instrument(0, "btcusd", "BTC", "USD", detail=1),))
    client = desk.client("order_book_btcusd", "diff_order_book_btcusd")
    desk.publish([LevelSet(0, Side.BUY, price, 5) for price in range(1001, 1201)])
    desk.advance(desk.now + 100_000)
    assert [text.count('["') for text in client.take()] == [200, 100]
    desk.publish([LevelSet(0, Side.BUY, 1100, 6), LevelSet(0, Side.BUY, 1050, 0)])
    desk.advance(desk.now + 100_000)
    (diff,) = client.take()
    assert "diff_order_book" in diff
    desk.publish([LevelSet(0, Side.BUY, 1101, 6)])
    desk.advance(desk.now + 100_000)
    assert len(client.take()) == 2


def test_a_projection_that_starts_in_the_midst() -> None:
    """Without a snapshot it begins with the book as it is: chains begin anew, books and terms are right."""
    desk = listed()
    desk.do(OpenAccount(1, "house1", house=True))
    flow = Flow(3)
    flow.rng.seed(3)
    desk.do(OpenAccount(2, "house2", house=True), OpenAccount(3, "house3", house=True))
    run(desk, flow, [], 300)
    desk.advance(desk.now + 200_000)
    other = VenueDesk(now=desk.now)
    market, accounts = Market.restore(desk.market.snapshot()), Accounts.restore(desk.accounts.snapshot())
    other.take_over(Context(market, accounts, VAULT))
    other._seq, other._mark = desk._seq, desk._mark
    ours, theirs = desk.client("diff_order_book_btcusd"), other.client("diff_order_book_btcusd")
    run(desk, flow, [other], 300)
    assert theirs.take() == ours.take() != []
