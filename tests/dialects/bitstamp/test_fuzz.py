"""Whatever a client sends, the session answers with effects that can be carried out, and its table stays true."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from polyfeed.dialects._base.effects import Close, Effect, FeedKey, Join, Leave, Send
from polyfeed.dialects._base.rest import RestRequest
from tests.dialects.bitstamp.desk import VenueDesk, add_user, listed
from tests.dialects.bitstamp.signing import signed, token

NAMES = (
    "live_trades_btcusd", "live_orders_btcusd", "order_book_ethusd", "detail_order_book_btcusd", "diff_order_book_ethusd",
    "funding_rate_btcusd-perp", "announcements", "private-my_orders_btcusd-1001", "private-my_trades_ethusd-1001",
    "private-live_trades_btcusd-1001", "private-my_settlements-1001", "private-my_liquidations-1001",
    "private-my_token_settlements-1001", "private-live_order_trades_btcusd-1001", "private-my_orders_btcusd-1002",
    "order_book_nowhere", "order_book_BTCUSD", "", "x" * 600,
)  # fmt: skip
SCALARS = (None, True, 0, -1, 1.5, 10**30, 1e300, "", "bts:subscribe", "\u00e9\ud800\u0000", "a" * 500)


class Checked:
    """A session, and what must be true of its subscriptions if its effects are carried out."""

    def __init__(self, desk: VenueDesk) -> None:
        self.desk = desk
        self.joined: set[FeedKey] = set()
        self.renew()

    def renew(self) -> None:
        self.session = self.desk.client().session
        self.joined.clear()

    def receive(self, data: str | bytes) -> list[Effect]:
        effects = self.session.receive(self.desk.now, data)
        assert effects, "every message has an answer"
        assert sum(isinstance(effect, Send | Close) for effect in effects) == 1
        for effect in effects:
            match effect:
                case Send(text):
                    assert json.loads(text.encode("ascii"))["event"].startswith("bts:")
                case Join(key):
                    assert key not in self.joined
                    self.joined.add(key)
                    self.desk.dialect.feed(key)
                case Leave(key):
                    self.joined.remove(key)
                case Close():
                    self.renew()
        return effects


def anything(rng: random.Random, depth: int = 0) -> Any:
    kind = rng.random()
    if depth > 3 or kind < 0.6:
        return rng.choice(SCALARS)
    if kind < 0.8:
        return [anything(rng, depth + 1) for _ in range(rng.randrange(4))]
    return {str(rng.choice(SCALARS)): anything(rng, depth + 1) for _ in range(rng.randrange(4))}


def valid(rng: random.Random, tokens: list[str]) -> dict[str, Any]:
    event = rng.choice(("bts:subscribe", "bts:subscribe", "bts:unsubscribe", "bts:heartbeat", "bts:ping"))
    data: dict[str, Any] = {"channel": rng.choice(NAMES)}
    if rng.random() < 0.6:
        data["auth"] = rng.choice(tokens)
    return {"event": event, "data": data}


def changed(rng: random.Random, tokens: list[str]) -> str:
    request = valid(rng, tokens)
    where = request["data"] if rng.random() < 0.5 else request
    where[rng.choice([*where, "extra"])] = anything(rng)
    return json.dumps(request, ensure_ascii=rng.random() < 0.5)


def damaged(rng: random.Random, tokens: list[str]) -> str:
    text = list(json.dumps(valid(rng, tokens)))
    for _ in range(rng.randrange(1, 4)):
        place = rng.randrange(len(text))
        text[place : place + rng.randrange(3)] = rng.choice(
            ('"', "{", "}", "[", ",", ":", "\\", "0", "\ud800", "", "-")
        )
    return "".join(text)


def message(rng: random.Random, tokens: list[str]) -> str | bytes:
    """Requests that are in order, nearly so, or nothing of the kind."""
    match rng.randrange(7):
        case 0:
            return json.dumps(valid(rng, tokens))
        case 1:
            return json.dumps(valid(rng, tokens)).encode()
        case 2:
            return json.dumps(anything(rng))
        case 3:
            return changed(rng, tokens)
        case 4:
            return damaged(rng, tokens)
        case 5:
            return rng.randbytes(rng.randrange(50))
    return "[" * rng.randrange(600)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_a_hundred_thousand_messages(seed: int) -> None:
    """5 x 20,000."""
    rng = random.Random(seed)
    desk = listed()
    add_user(desk, 1001, "alice")
    add_user(desk, 1002, "bob")
    tokens = [token(desk, "alice"), token(desk, "bob"), "x" * 32, ""]
    checked = Checked(desk)
    joins = 0
    for _ in range(20_000):
        effects = checked.receive(message(rng, tokens))
        joins += sum(isinstance(effect, Join) for effect in effects)
    assert joins > 300, "the messages reach what they are to try"


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_rest_calls_never_fail(seed: int) -> None:
    """Random paths, forms and headers are answered with JSON, signed ones too."""
    rng = random.Random(seed)
    desk = listed()
    add_user(desk, 1001, "alice")
    paths = (
        "order_book/btcusd/", "ohlc/btcusd/", "transactions/btcusd/", "ticker/", "buy/btcusd/", "sell/market/btcusd/",
        "buy/instant/btcusd/", "sell/instant/ethusd/", "cancel_order/", "cancel_all_orders/btcusd/", "replace_order/",
        "open_orders/all/", "order_status/", "user_transactions/", "order_data/", "account_order_data/", "balance/",
        "account_balances/btc/", "fees/trading/btcusd/", "nowhere/", "", "buy/", "buy/market/", "a/b/c/d/",
    )  # fmt: skip
    names = (
        "amount", "price", "id", "client_order_id", "market", "order_source", "since_id", "until_id", "offset", "limit",
        "sort", "ioc_order", "fok_order", "moc_order", "gtd_order", "daily_order", "expire_time", "subtype", "stop_price",
        "trailing_delta", "amount_in_counter", "group", "step", "time", "start", "end", "since_timestamp", "limit_price",
    )  # fmt: skip
    values = (
        "0.5", "100", "100.001", "1e5", "-1", "", "x", "true", "9" * 40, "0", "1", "BTC/USD", "orderbook", "asc", "60",
        "STOP_LOSS_LIMIT", "TRAILING_STOP_LOSS", "00065b80-e408-fe00-0000-000100000020", "\u0661", "." * 5000, "9" * 5000,
    )  # fmt: skip
    for _ in range(3_000):
        given = {rng.choice(names): rng.choice(values) for _ in range(rng.randrange(6))}
        path = rng.choice(paths)
        if rng.random() < 0.7:
            if rng.random() < 0.7:
                given |= {"amount": "0.5", "price": "100"}
            request = signed(desk, "alice", path, given)
        else:
            query = {name: [value] for name, value in given.items()}
            request = RestRequest(rng.choice(("GET", "POST", "PUT")), f"/api/v2/{path}", query, {}, rng.randbytes(9))
        desk.now += 1000
        response = desk.call(request)
        assert json.loads(response.body) is not None
        assert response.status in (200, 403, 404, 405)
