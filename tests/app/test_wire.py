"""The stream that says of which batch each frame was made, held against the frames that a client gets."""

from __future__ import annotations

import asyncio
import json
import zlib
from typing import Any

import pytest
from websockets.asyncio.client import connect

from polyfeed.app import wire
from polyfeed.app.wire import WireLog
from polyfeed.model.commands import PlaceOrder
from polyfeed.model.enums import OrderKind, Side
from polyfeed.sources.demo import AGENTS, USERS
from tests.e2e.world import World, world

BTC = "BTC-USD"
PRICE, SIZE = 50_000 * 10**5, 10**6


def instrument(one: World) -> Any:
    return next(state.instrument for state in one.first.gateway.market.instruments if state.instrument.name == BTC)


async def trade(one: World) -> None:
    number = instrument(one).id
    await one.command(PlaceOrder(AGENTS, number, Side.SELL, OrderKind.LIMIT, SIZE, PRICE))
    await one.command(PlaceOrder(next(iter(USERS)), number, Side.BUY, OrderKind.LIMIT, SIZE, PRICE))


async def test_every_public_frame_of_the_instrument_is_named_with_its_batch() -> None:
    async with world("flow.agents=0", "flow.capture=off") as one:
        log = WireLog(one.first.gateway.market, one.first.gateway.fans.values(), one.bus)
        batches: dict[int, Any] = {}
        one.bus.subscribe(lambda batch: batches.update({batch.seq: batch}))
        reader = log.open(instrument(one))
        async with connect(f"ws://127.0.0.1:{one.first.ports['kraken']}/") as socket:
            for name in ("trade", "book"):
                await socket.send(
                    json.dumps({"event": "subscribe", "pair": ["XBT/USD"], "subscription": {"name": name}})
                )
            texts: list[str] = []
            while sum("subscribed" in text for text in texts) < 2 or '"bs"' not in texts[-1]:
                texts.append(await asyncio.wait_for(socket.recv(), 5))  # type: ignore[arg-type]
            await trade(one)
            told: list[dict[str, Any]] = []
            stream = reader.lines()
            while not any(event["event"] == "trade" for line in told for event in line["events"]):
                told += [json.loads(line) for line in await asyncio.wait_for(anext(stream), 5)]
            named = [frame for line in told for frame in line["frames"]]
            assert {frame[0] for frame in named} == {"kraken"}
            heard: list[str] = []
            while len(heard) < len(named):
                text = await asyncio.wait_for(socket.recv(), 5)
                if "heartbeat" not in text:
                    heard.append(text)  # type: ignore[arg-type]
        expected = [(len(text.encode()), zlib.crc32(text.encode())) for text in heard]
        assert [(size, crc) for *_, size, crc in named] == expected
        for line in told:
            assert (batches[line["seq"]].epoch, batches[line["seq"]].ts) == (line["epoch"], line["ts"])
        happened = [event for line in told for event in line["events"] if event["event"] == "trade"]
        assert happened == [{"event": "trade", "side": "buy", "price": "50000.00000", "size": "0.01000000"}]
        log.close(reader)


async def test_nothing_is_watched_while_nobody_asks() -> None:
    async with world("flow.agents=0", "flow.capture=off") as one:
        fans = one.first.gateway.fans
        log = WireLog(one.first.gateway.market, fans.values(), one.bus)
        first, second = log.open(instrument(one)), log.open(instrument(one))
        log.close(first)
        assert all(len(fan.observers) == 1 for fan in fans.values())
        log.close(second)
        assert all(not fan.observers for fan in fans.values())
        log.close(second)


async def test_a_reader_that_falls_behind_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "WAITING", 3)
    async with world("flow.agents=0", "flow.capture=off") as one:
        log = WireLog(one.first.gateway.market, one.first.gateway.fans.values(), one.bus)
        reader = log.open(instrument(one))
        for _ in range(4):
            await trade(one)
        lines = [len(part) async for part in reader.lines()]
        assert (lines, reader.lost) == ([], True)
        log.close(reader)
