"""A conversation in which every request is made and every result type is said."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from tests.dialects.rails.rig import Rig

IDS = [f"{number:08x}-0000-4000-8000-000000000000" for number in range(100)]
EVERYTHING = ["orders", "trades", "publicTrades", "publicOrderBook"]


class Said(NamedTuple):
    """Requests as they were sent, and every message that came."""

    requests: list[dict[str, Any]]
    messages: list[dict[str, Any]]


def conversation() -> Said:
    """Orders of every kind, fills, ends, snapshots and errors, between two users."""
    rig = Rig("BTC-USD", "ETH-USD", "BTC-USD-PERP")
    alice, bob = rig.client(subscriptions=""), rig.client(1002, market="ALL")
    requests: list[dict[str, Any]] = []
    messages: list[dict[str, Any]] = []
    ids = iter(IDS)

    def ask(message: str, by: Any = alice, **content: Any) -> list[dict[str, Any]]:
        request = {"message": message, "content": {"clientRequestId": next(ids), **content}}
        requests.append(request)
        by.say(json.dumps(request))
        heard = [json.loads(text) for client in (alice, bob) for text in client.take()]
        messages.extend(heard)
        return heard

    def order(**terms: Any) -> str:
        shown = ask("createOrder", **{"orderType": "buy", "tradeType": "limit", "price": "100", **terms})
        return next(one["data"]["order"]["orderId"] for one in shown if one["data"].get("statusCode") == 202)

    ask("ping")
    ask("subscribe", subscriptions=EVERYTHING)
    first = order(quantity="2")
    second = order(quantity="1", price="99.5", postOnly=True)
    ask("modifyOrder", orderId=first, price="100.5", quantity="1.5")
    ask("createOrder", by=bob, market="BTC-USD", orderType="sell", tradeType="limit", price="100", quantity="1")
    ask("createOrder", by=bob, market="BTC-USD", orderType="sell", tradeType="market", quantity="1", maxSlippage="0.1")
    ask("createOrder", by=bob, market="ETH-USD", orderType="sell", tradeType="limit", price="7", quantity="3")
    ask(
        "createOrder",
        by=bob,
        market="ETH-USD",
        orderType="buy",
        tradeType="limit",
        price="7",
        quantity="1",
        postOnly=True,
    )
    ask("cancelOrder", orderId=second, cancelBy="orderId")
    ask("cancelOrder", orderId=second, cancelBy="orderId")
    ask("updateLeverage", leverage="1")
    ask("emitPublicOrderBook")
    ask("emitPublicCompletedOrders", limit=10)
    ask("emitPublicOrderBook", by=bob, market="ETH-USD")
    ask("unsubscribe", subscriptions=["trades"])
    alice.say("no json")
    messages.extend(json.loads(text) for text in alice.take())
    return Said(requests, messages)
