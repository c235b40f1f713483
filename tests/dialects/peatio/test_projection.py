"""Numbers and stores are the same on every gateway: from the beginning, or from a snapshot and the rest."""

from __future__ import annotations

import json
import random

import pytest

from polyfeed.accounts.accounts import Accounts
from polyfeed.dialects.peatio import bodies, spec
from polyfeed.dialects.peatio.publication import Publication
from polyfeed.market.market import Market
from polyfeed.model.commands import CancelAll, PlaceOrder
from polyfeed.model.enums import Detail, OrderKind, Side
from polyfeed.model.events import LevelSet
from tests.dialects.peatio.rig import Rig

ALL = "/?stream=btcusd&stream=global&stream=order&stream=trade&stream=balances"


def trade(rig: Rig, dice: random.Random) -> None:
    """One step of a market with two users and a clock."""
    kind = dice.random()
    account = dice.choice((1001, 1002))
    if kind < 0.75:
        side = dice.choice((Side.BUY, Side.SELL))
        price = dice.randrange(9_000, 11_000)
        rig.command(PlaceOrder(account, 0, side, OrderKind.LIMIT, dice.randrange(1, 10**7), price))
    elif kind < 0.8:
        rig.command(CancelAll(account))
    else:
        rig.clock(dice.randrange(4_000_000))


def started(profile: str) -> Rig:
    rig = Rig(profile=profile)
    rig.list("btcusd")
    rig.open(1001, "alice", usd=10**6, btc=10**4)
    rig.open(1002, "bob", usd=10**6, btc=10**4)
    return rig


@pytest.mark.parametrize("profile", ["2.2", "3.x", "legacy"])
def test_a_second_gateway_says_the_same(profile: str) -> None:
    """It starts from a snapshot, and both have a client of everything."""
    dice = random.Random(1)
    first = started(profile)
    for _ in range(300):
        trade(first, dice)
    second = Rig(Market.restore(first.market.snapshot()), Accounts.restore(first.accounts.snapshot()), profile=profile)
    second.dialect.projection.restore(first.dialect.projection.snapshot())
    second._marks = dict(first._marks)
    second.now = first.now
    clients = []
    for rig in (first, second):
        client = rig.client(ALL, rig.token())
        clients.append(client)
    assert clients[0].take() == clients[1].take()
    heard = 0
    for _ in range(600):
        known = len(first.batches)
        trade(first, dice)
        second.now = first.now
        for batch in first.batches[known:]:
            second.on_batch(batch)
        texts = clients[0].take()
        heard += len(texts)
        assert texts == clients[1].take()
    assert heard > 1000
    assert first.dialect.projection.snapshot() == second.dialect.projection.snapshot()
    assert first.market.state_hash() == second.market.state_hash()


def book_of(texts: list[tuple[str, dict[str, object]]]) -> tuple[dict[str, dict[str, str]], int]:
    """The book that a client keeps: `texts` are names and bodies. Checks that no number is missing."""
    sides: dict[str, dict[str, str]] = {"asks": {}, "bids": {}}
    sequence = 0
    for name, body in texts:
        if name.endswith(spec.SNAP):
            sides = {side: dict(body[side]) for side in sides}  # type: ignore[call-overload]
        else:
            assert body["sequence"] == sequence + 1
            for side in sides:
                if side in body:
                    price, volume = body[side]  # type: ignore[misc]
                    sides[side].pop(price, None)
                    if volume:
                        sides[side][price] = volume
        sequence = body["sequence"]  # type: ignore[assignment]
    return sides, sequence


@pytest.mark.parametrize("seed", range(3))
def test_books_of_clients_are_whole(seed: int) -> None:
    """Whenever a client comes, snapshot and increments make the venue's book; the rule makes snapshots on the way."""
    dice = random.Random(seed)
    rig = started("3.x")
    live = []
    for step in range(800):
        trade(rig, dice)
        if step % 100 == 50:
            live.append(rig.client("/?stream=btcusd.ob-inc"))
    state = rig.market.instruments[0]
    market = rig.dialect._markets.by_id(0)
    expected = {
        name: {market.price(level.price): market.size(level.size) for level in side.top(10**6)}
        for name, side in (("asks", state.book.asks), ("bids", state.book.bids))
    }
    for client in live:
        frames = [next(iter(json.loads(text).items())) for text in client.take() if '"success"' not in text]
        assert book_of(frames)[0] == expected


def test_the_rule_of_snapshots() -> None:
    """Fewer than 20 increments: after 60 s; 20 and more: after more than 10 s; the number of the one before."""
    rig = Rig(profile="2.2")
    rig.list("btcusd", 2, 8, Detail.LEVELS)
    client = rig.client("/?stream=btcusd.ob-snap")
    client.take()
    one = rig.market.instruments[0].instrument

    def change(seconds: float) -> list[str]:
        rig.now += int(seconds * 1e6)
        rig.tell([LevelSet(one.id, Side.BUY, 1000 + len(rig.batches), 10**8, rig.now)])
        return client.take()

    assert not change(59.9)
    assert change(0.2)[0].endswith('"sequence":2}}')
    for _ in range(19):
        assert not change(0.4)
    assert not change(2.4)  # 10 s after the last one, 20 increments since
    assert change(0.1)[0].endswith('"sequence":23}}')


def test_what_is_published_is_what_clients_see() -> None:
    """The publication, read by a relay, makes the same frames as the venue's own feeds."""
    dice = random.Random(5)
    rig, publication = started("3.x"), Publication("3.x")
    mirror = Rig(profile="3.x", relay=True)
    for batch in rig.batches:
        publication.on_batch(batch)
    own = rig.client("/?stream=btcusd.trades&stream=btcusd.kline-1m&stream=order&stream=trade", rig.token())
    other = mirror.client(
        "/?stream=btcusd.trades&stream=btcusd.kline-1m&stream=order&stream=trade", mirror.token(uid="ID1001")
    )
    assert own.take() == other.take()
    heard = 0
    for _ in range(300):
        known = len(rig.batches)
        trade(rig, dice)
        mirror.now = rig.now
        for batch in rig.batches[known:]:
            for key, body in publication.on_batch(batch):
                mirror.relayed(key, body.decode())
        texts = own.take()
        heard += len(texts)
        assert texts == other.take()
    assert heard > 100
    book = mirror.market.instruments[0].book
    assert [level[:2] for level in book.bids.top(20)] == [
        (level.price * 10**6, level.size) for level in rig.market.instruments[0].book.bids.top(20)
    ]


def test_a_publication_goes_on_from_images() -> None:
    dice = random.Random(6)
    rig, whole = started("3.x"), Publication("3.x")
    for _ in range(100):
        trade(rig, dice)
    for batch in rig.batches:
        whole.on_batch(batch)
    resumed = Publication(
        "3.x",
        Market.restore(rig.market.snapshot()),
        Accounts.restore(rig.accounts.snapshot()),
        rig.dialect.projection.snapshot(),
    )
    assert resumed.books() == whole.books()
    said = 0
    for _ in range(200):
        known = len(rig.batches)
        trade(rig, dice)
        for batch in rig.batches[known:]:
            messages = resumed.on_batch(batch)
            assert messages == whole.on_batch(batch)
            said += len(messages)
    assert said > 200


def test_percent() -> None:
    assert [bodies.percent(*pair) for pair in ((12, 8), (8, 12), (0, 5), (5, 5), (100_000, 99_999))] == [
        "-33.33%",
        "+50.00%",
        "+0.00%",
        "+0.00%",
        "+0.00%",
    ]
