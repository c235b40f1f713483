"""Rails connections that place orders, some of which are to end with them, and what REST says is open."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.error import HTTPError

from tests.e2e.rails_client import Client, call, token_of

KEYS = ("demo", "demo2")
PRICE = 10_000


class Desk:
    """One connection of a user and the orders that it placed; `bound` when it asked for them to end with it."""

    def __init__(self, client: Client, key: str, *, bound: bool) -> None:
        self.client = client
        self.key = key
        self.bound = bound
        self.orders: list[str] = []

    @classmethod
    async def open(cls, port: int, key: str, *, bound: bool) -> Desk:
        asked = {"cancelOnDisconnect": "true"} if bound else {}
        return cls(await Client.open(port, key, subscriptions="orders", **asked), key, bound=bound)

    async def place(self, **terms: str) -> str:
        order = {"orderType": "buy", "tradeType": "limit", "price": str(PRICE), "quantity": "0.01", **terms}
        answer = await self.client.ask("createOrder", **order)
        self.orders.append(answer["data"]["order"]["orderId"])
        return self.orders[-1]

    async def modify(self, order: str) -> None:
        """Another order in the place of one."""
        answer = await self.client.ask("modifyOrder", status=202, orderId=order, price=str(PRICE - 1))
        number = answer["data"]["clientRequestId"]

        def accepted() -> bool:
            return any('"order accepted"' in text and number in text for text in self.client.messages)

        await self.client.until(accepted)
        text = next(one for one in self.client.messages if '"order accepted"' in one and number in one)
        self.orders.remove(order)
        self.orders.append(text.partition('"orderId":"')[2].partition('"')[0])

    def gone(self) -> bool:
        return self.client.socket.close_code is not None or self.client._reader.done()

    async def ended(self) -> None:
        """Returns when the connection has ended."""
        await asyncio.wait_for(self.client.socket.wait_closed(), 30)
        await asyncio.gather(self.client._reader, return_exceptions=True)


async def desks(port: int, each: int = 1) -> list[Desk]:
    """So many connections of each of two users that want their orders to end with them, and as many that do not."""
    found = []
    for number in range(each):
        for key in KEYS:
            for bound in (True, False):
                desk = await Desk.open(port, key, bound=bound)
                await desk.place(price=str(PRICE + number))
                found.append(desk)
    return found


def orders_of(found: list[Desk], *, bound: bool) -> set[str]:
    return {order for desk in found if desk.bound is bound for order in desk.orders}


async def get(port: int, token: str, path: str) -> Any:
    return await asyncio.to_thread(call, port, "GET", path, Authorization=f"Bearer {token}")


async def tokens_of(port: int) -> list[str]:
    """A token of either user."""
    return [await token_of(port, key) for key in KEYS]


async def open_orders(port: int, tokens: list[str] | None = None) -> set[str]:
    """The open orders of both users, as REST tells them."""
    answers = [await get(port, one, "/api/v1/open-orders") for one in tokens or await tokens_of(port)]
    return {order["orderId"] for answer in answers for order in answer["openOrders"]}


async def until_open(port: int, expected: set[str]) -> None:
    """Returns when these orders and no others are open, on whichever worker answers."""
    tokens: list[str] = []
    async with asyncio.timeout(90):
        while True:
            try:
                tokens = tokens or await tokens_of(port)
                if await open_orders(port, tokens) == expected:
                    return
            except HTTPError as error:
                with error:
                    assert error.code == 503, "a gateway that hears no venue says so"
            await asyncio.sleep(0.2)


async def order_of(port: int, key: str, number: str) -> dict[str, Any]:
    return dict(
        (await get(port, await token_of(port, key), f"/api/v1/order?market=BTC-USD&order-id={number}"))["order"]
    )
