"""Random order actions of many users, some by Rails' sockets and some by other ways, on a rig."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from functools import lru_cache

from polyfeed.model.commands import (
    AmendOrder,
    AnyCommand,
    CancelAll,
    CancelOrder,
    PlaceOrder,
    ReplaceOrder,
    SetIndexPrice,
    SetLeverage,
)
from polyfeed.model.enums import OrderKind, SelfTrade, Side, TimeInForce
from tests.dialects.rails.rig import HOUSE, Client, Rig, parsed

MARKETS = ("BTC-USD", "ETH-USD", "ADA-USD", "SOL-USD-PERP")
PERPETUAL = 3
MIDDLE = 10_000
LOT = 10_000_000  # a tenth


@lru_cache(200_000)
def payloads(chunk: bytes) -> list[bytes]:
    """The messages in what was written at once; the same chunk goes to many."""
    return [payload for opcode, payload in parsed(chunk) if opcode == 1]


def drain(client: Client) -> list[bytes]:
    """What the client was sent since the last time."""
    chunks, client.outlet.chunks = client.outlet.chunks, []
    return [payload for chunk in chunks for payload in payloads(chunk)]


@lru_cache(None)
def about(payload: bytes) -> tuple[str, str]:
    """(stream, market) of an event, ("", "") of a reply: worked out once for each distinct message."""
    message = json.loads(payload)
    result, data = message["resultType"], message["data"]
    market = message.get("market", "")
    if result == "completedOrdersDelta":
        return "trades", ""
    if result == "publicCompletedOrdersDelta":
        return "publicTrades", market
    if result == "publicOrderBookDelta":
        return "publicOrderBook", market
    if result == "updateLeverage" and data["statusCode"] == 200:
        return "orders", market
    is_order = result in {"createOrder", "modifyOrder", "cancelOrder", "partialFillOrder", "fillOrder", "rejectOrder"}
    if is_order and "order" in data and data["statusCode"] != 202:
        return "orders", market
    return "", ""


class Traffic:
    """Does one random thing at a time; `rig.settle` is the caller's. `ulids` gives an order id for a client to use."""

    def __init__(self, rig: Rig, users: list[int], dice: random.Random) -> None:
        self.rig = rig
        self.users = users
        self.dice = dice
        self.speakers: list[Client] = []
        self.ulids: Callable[[Client], str] = lambda _: "none"
        self.count = 0
        rig.command(SetIndexPrice(PERPETUAL, MIDDLE))

    def act(self) -> None:
        """An order, a cancellation, a modification, by a socket or by another way."""
        self.count += 1
        if self.speakers and self.dice.random() < 0.3:
            self._by_socket(self.dice.choice(self.speakers))
        else:
            self.rig.queue(self._command())

    def _order_of(self, user: int) -> int:
        account = self.rig.accounts.get(user)
        orders = list(account.orders) if account else []
        return self.dice.choice(orders) if orders else 12345

    def _price(self, side: Side) -> int:
        return MIDDLE + (self.dice.randrange(-30, 6) if side is Side.BUY else self.dice.randrange(-5, 31))

    def _command(self) -> AnyCommand:
        dice = self.dice
        user = dice.choice((*self.users, HOUSE, HOUSE))
        roll = dice.random()
        if roll < 0.55:
            side = dice.choice((Side.BUY, Side.SELL))
            market, size = dice.randrange(len(MARKETS)), dice.randrange(1, 30) * LOT
            tif = dice.choice((TimeInForce.GTC,) * 6 + (TimeInForce.IOC, TimeInForce.FOK))
            post_only = tif is TimeInForce.GTC and dice.random() < 0.2
            mode = dice.choice((SelfTrade.CANCEL_TAKER, SelfTrade.CANCEL_MAKER, SelfTrade.ALLOW))
            if dice.random() < 0.1:
                return PlaceOrder(user, market, side, OrderKind.MARKET, size, self_trade=mode)
            terms = (user, market, side, OrderKind.LIMIT, size, self._price(side), tif, post_only, mode)
            return PlaceOrder(*terms, client_id=dice.choice(("", "theirs")))
        if roll < 0.8:
            return CancelOrder(user, self._order_of(user))
        if roll < 0.88:
            return ReplaceOrder(user, self._order_of(user), self._price(Side.BUY), dice.randrange(1, 9) * LOT)
        if roll < 0.89:
            return SetIndexPrice(PERPETUAL, MIDDLE + dice.randrange(-200, 201))
        if roll < 0.895:
            return SetLeverage(user, dice.choice((-1, PERPETUAL)), dice.randrange(1, 21))
        if roll < 0.985:
            return AmendOrder(user, self._order_of(user), self._price(Side.SELL), dice.randrange(1, 40) * LOT)
        return CancelAll(user, dice.choice((-1, 0, 1)))

    def _by_socket(self, client: Client) -> None:
        dice = self.dice
        market = dice.choice(MARKETS)
        content: dict[str, object] = {"clientRequestId": f"{dice.getrandbits(32):08x}-0000-4000-8000-000000000000"}
        content["market"] = market
        if dice.random() < 0.6:
            message = "createOrder"
            side = dice.choice((Side.BUY, Side.SELL))
            content |= {"orderType": side.name.lower(), "quantity": f"{dice.randrange(1, 30) / 10}"}
            if dice.random() < 0.15:
                content |= {"tradeType": "market"}
            else:
                price = f"{self._price(side) / 100:.2f}"
                content |= {"tradeType": "limit", "price": price, "postOnly": dice.random() < 0.3}
        else:
            message = dice.choice(("cancelOrder", "modifyOrder", "updateLeverage", "emitPublicOrderBook", "ping"))
            order_id = self.ulids(client)
            content |= {"orderId": order_id, "cancelBy": "orderId", "quantity": "0.7", "leverage": "3"}
        client.send(json.dumps({"message": message, "content": content}))
