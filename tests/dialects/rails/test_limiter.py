"""Counts per minute and connections by tier."""

from __future__ import annotations

import json

import pytest

from polyfeed.dialects.rails import spec
from polyfeed.dialects.rails.limiter import Limiter, Sockets, Window
from tests.dialects.rails.rig import Rig

SECOND = 1_000_000


def test_a_window_begins_with_the_first_request() -> None:
    window = Window(60 * SECOND)
    start = 59 * SECOND
    assert [window.admits(start + second * SECOND, 2) for second in (0, 1, 59)] == [True, True, False]
    assert window.admits(start + 60 * SECOND, 2)


def test_no_limit() -> None:
    window = Window(SECOND)
    assert all(window.admits(1, 0) for _ in range(1000))


def test_another_tier_counts_at_once() -> None:
    limiter = Limiter(enforced=True)
    retail, maker = limiter.tier("retail"), limiter.tier("market_maker")
    assert sum(limiter.action(5, 1, retail) for _ in range(300)) == 250
    assert limiter.action(6, 1, maker)
    assert not limiter.action(7, 1, retail)


@pytest.mark.parametrize(("tier", "limit"), [("", 250), ("retail", 250), ("whoever", 250), ("market_maker", 10_000)])
def test_actions_of_a_tier(tier: str, limit: int) -> None:
    limiter = Limiter(enforced=True)
    terms = limiter.tier(tier)
    assert sum(limiter.action(5, 1, terms) for _ in range(limit + 10)) == limit
    assert limiter.action(5, 2, terms)
    assert limiter.action(5 + 60 * SECOND, 1, terms)


def test_a_market_makers_connections_count_by_market() -> None:
    sockets, tier = Sockets(), spec.TIERS["market_maker"]

    def opened(market: str, *, orders: bool) -> int:
        return sum(sockets.admits(1, tier, orders=orders, market=market, markets=3) for _ in range(20))

    assert opened("BTC-USD", orders=True) == 4
    assert opened("BTC-USD", orders=False) == 2
    assert opened("ETH-USD", orders=True) == 4
    assert opened("ALL", orders=True) == 12
    sockets.release(1, tier, orders=True, market="ALL")
    assert opened("ALL", orders=True) == 1


def test_rest_calls_of_an_account() -> None:
    limiter = Limiter(enforced=True)
    assert sum(limiter.call(5, 1) for _ in range(2100)) == 2000
    assert limiter.call(5, 2)
    assert limiter.call(5 + SECOND, 1)


def test_a_users_actions_count_over_all_connections_and_rest() -> None:
    rig = Rig("BTC-USD", accounts={1001: ""})
    one, other = rig.client(subscriptions="orders"), rig.client(subscriptions="orders")
    for number in range(249):
        (one if number % 2 else other).say('{"message":"updateLeverage","content":{"leverage":"1"}}')
    assert one.ask("cancelOrder", orderId="x", cancelBy="orderId")[0]["data"]["statusCode"] == 404
    refused = other.ask("createOrder", clientRequestId="d13b530f-af73-40f9-8f8e-ed795957a57f")
    assert refused[0]["data"] == {
        "statusCode": 429,
        "body": "rate limit exceeded",
        "clientRequestId": "d13b530f-af73-40f9-8f8e-ed795957a57f",
    }
    assert rig.call("GET", "/api/v1/order", market="BTC-USD", order_id="x")[0] == 429
    assert rig.call("GET", "/api/v1/open-orders")[0] == 200
    assert other.ask("ping")[0]["resultType"] == "pong"
    rig.now += 60 * SECOND
    assert one.ask("cancelOrder", orderId="x", cancelBy="orderId")[0]["data"]["statusCode"] == 404


def test_limits_can_be_switched_off() -> None:
    rig = Rig("BTC-USD", accounts={1001: ""}, limits=False)
    client = rig.client(subscriptions="orders")
    for _ in range(300):
        client.send(json.dumps({"message": "updateLeverage", "content": {"leverage": "1"}}))
    assert not any('"statusCode":429' in text for text in client.take())
