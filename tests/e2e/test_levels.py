"""Markets played as bare levels: what a feed says at its times, it says by the time of the recording.

On two gateways with a bus that encodes; the second one starts later, from a snapshot.
"""

from __future__ import annotations

import asyncio
import json

import pytest
from websockets.asyncio.client import ClientConnection, connect

from polyfeed.app.gateway_role import GatewayRole
from tests.e2e.world import world


class Clients:
    """What a gateway says of one recorded market: Peatio's `update`, Bitstamp's `order_book`."""

    def __init__(self, *sockets: ClientConnection) -> None:
        self.sockets = sockets
        self.heard: list[list[str]] = [[] for _ in sockets]
        self.readers = [asyncio.create_task(self.read(place)) for place in range(len(sockets))]

    @classmethod
    async def open(cls, role: GatewayRole) -> Clients:
        peatio = f"ws://127.0.0.1:{role.ports['peatio']}/public?stream=btcusd.update"
        bitstamp = await connect(f"ws://127.0.0.1:{role.ports['bitstamp']}/")
        await bitstamp.send(json.dumps({"event": "bts:subscribe", "data": {"channel": "order_book_btcusd"}}))
        assert "subscription_succeeded" in str(await bitstamp.recv())
        return cls(await connect(peatio), bitstamp)

    async def read(self, place: int) -> None:
        async for message in self.sockets[place]:
            self.heard[place].append(str(message))

    async def settled(self) -> None:
        """Returns when all that was sent has come."""
        for socket in self.sockets:
            await (await socket.ping())

    async def close(self) -> None:
        for socket in self.sockets:
            await socket.close()
        await asyncio.gather(*self.readers)


@pytest.mark.slow
@pytest.mark.usefixtures("either_bus")
async def test_feeds_tick_by_the_time_of_the_recording() -> None:
    async with world("flow.agents=0", "flow.capture=levels") as one:
        early = await Clients.open(one.first)
        await one.pass_time(6)
        late = await Clients.open(await one.another_gateway())
        await early.settled()
        before = [len(said) for said in early.heard]
        await one.pass_time(11)
        for clients in (early, late):
            await clients.settled()
            await clients.close()
        peatio, bitstamp = (said[start:] for said, start in zip(early.heard, before, strict=True))
        assert [text.partition(":")[0] for text in peatio] == ['{"btcusd.update"'] * len(peatio)
        assert len(peatio) >= 2
        assert len(bitstamp) > 20
        said = late.heard
        assert [said[0][-len(peatio) :], said[1][-len(bitstamp) :]] == [peatio, bitstamp]
