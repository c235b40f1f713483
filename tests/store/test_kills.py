"""SIGKILL at random moments under load from several dialects: what a client was told is what happened, once.

After each kill the journal is replayed from its first record by this process, which checks every segment's running hash
against what the server that wrote it had come to; a start from a snapshot must come to the same state.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest

from polyfeed.app.config import load
from polyfeed.app.recovery import recover
from polyfeed.app.replica import Replica
from polyfeed.dialects.ekiden.ids import order_number
from polyfeed.dialects.rails.ids import order_id_of
from polyfeed.model.batches import Batch
from polyfeed.model.enums import OrderStatus
from polyfeed.model.events import OwnFill, OwnOrderOpened, OwnOrderUpdated
from polyfeed.store.segments import segments_from
from tests.store.kill_clients import Told, trade
from tests.store.server import Server

NUMBER = {"bitstamp": int, "rails": order_id_of, "ekiden": order_number}
"""A dialect's order id as the venue's."""
USERS = (1001, 1002)
PRICE, SIZE = Decimal(10) ** 5, Decimal(10) ** 8


class Truth:
    """What the journal says happened to the users' orders; it is read on from where it was left."""

    def __init__(self) -> None:
        self.replica = Replica(load(None, {}, ["flow.demo=true"]))
        self.named: dict[str, list[int]] = {}
        self.cancelled: set[int] = set()
        self.fills: Counter[tuple[int, int, int]] = Counter()
        self.filled: Counter[int] = Counter()
        self.trades: Counter[tuple[int, int]] = Counter()

    def read_on(self, directory: Path) -> None:
        """Replays what is new; every header must name the hash that we have come to."""
        history = self.replica.history
        for segment in segments_from(directory, history.mark()):
            assert segment.header.start == history.mark(), "an independent replay comes to the same running hash"
            history.turn()
            for record in segment.records():
                for batch in self.replica.take(record):
                    self._hear(batch)

    def _hear(self, batch: Batch) -> None:
        for account in USERS:
            for event in batch.private.get(account, ()):
                match event:
                    case OwnOrderOpened():
                        self.named.setdefault(event.client_id, []).append(event.order_id)
                    case OwnOrderUpdated(status=OrderStatus.CANCELLED):
                        self.cancelled.add(event.order_id)
                    case OwnFill():
                        self.fills[event.order_id, event.price, event.size] += 1
                        self.filled[event.order_id] += event.size
                        self.trades[event.order_id, event.trade_id] += 1

    def check(self, dialect: str, told: Told) -> None:
        """Nothing that was told is lost or doubled."""
        number = NUMBER[dialect]
        for name, order in told.orders.items():
            assert self.named.get(name) == [number(order)], (dialect, name, order)
        for name in told.sent - set(told.orders):
            assert len(self.named.get(name, ())) <= 1, "what nobody answered happened at most once"
        assert {number(order) for order in told.cancelled} <= self.cancelled
        for (order, price, size), count in told.fills.items():
            assert self.fills[number(order), int(price * PRICE), int(size * SIZE)] >= count, (dialect, order)
        for order, filled in told.filled.items():
            assert self.filled[number(order)] >= filled * SIZE
        assert set(self.trades.values()) <= {1}, "no fill twice"


async def kill_again_and_again(directory: Path, rounds: int, *settings: str) -> str:
    """What was seen, in a sentence."""
    dice = random.Random(rounds)
    told = {name: Told() for name in NUMBER}
    truth = Truth()
    loaded, starts = 0.0, []
    for number in range(rounds):
        began = time.monotonic()
        server = await asyncio.to_thread(Server, directory, "store.keep=all", *settings)
        starts.append(time.monotonic() - began)
        load_ = asyncio.create_task(trade(server.ports, number, told))
        began = time.monotonic()
        await asyncio.wait({load_}, timeout=dice.uniform(0.05, 1.5))
        await asyncio.to_thread(server.kill)
        await load_
        loaded += time.monotonic() - began
        truth.read_on(directory)
        for name, one in told.items():
            truth.check(name, one)
    fresh, known = recover(load(None, {}, ["flow.demo=true"]), directory).replica, truth.replica
    assert fresh.state_hash() == known.state_hash(), "from the newest snapshot as from the first record"
    answers = sum(one.answers for one in told.values())
    for name, one in told.items():
        assert len(one.orders) > rounds / 2, (name, one.refused)
    return (
        f"{rounds} kills: {answers} answers, {answers / loaded:.0f}/s; {sum(len(one.orders) for one in told.values())} "
        f"orders, {sum(len(one.cancelled) for one in told.values())} cancels, {sum(truth.fills.values())} fills; "
        f"{truth.replica.history.records} records; starts at most {max(starts):.1f} s"
    )


@pytest.mark.slow
@pytest.mark.xdist_group("process")
async def test_ten_kills(tmp_path: Path) -> None:
    print(await kill_again_and_again(tmp_path, 10, "store.segment_records=2000"))


@pytest.mark.soak
async def test_five_hundred_kills(tmp_path: Path) -> None:
    print(await kill_again_and_again(tmp_path, 500))
