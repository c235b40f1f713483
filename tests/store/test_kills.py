"""SIGKILL at random moments under load from several dialects: what a client was told is what happened, once.

After each kill the journal is replayed from its first record by this process, which checks every segment's running hash
against what the server that wrote it had come to; a start from a snapshot must come to the same state.
"""

from __future__ import annotations

import multiprocessing
import random
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Executor, ProcessPoolExecutor, wait
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
from tests.store.kill_clients import RATE, Told
from tests.store.kill_clients import load as trade
from tests.store.server import Server

NUMBER = {"bitstamp": int, "rails": order_id_of, "ekiden": order_number}
"""A dialect's order id as the venue's."""
SETTINGS = ("flow.demo=true",)
USERS = (1001, 1002)
PRICE, SIZE = Decimal(10) ** 5, Decimal(10) ** 8
SAID = 25
"""After so many rounds it is said what was seen."""


class Truth:
    """What the journal says happened to the users' orders; it is read on from where it was left."""

    def __init__(self) -> None:
        self.replica = Replica(load(None, {}, SETTINGS))
        self.named: dict[str, list[int]] = {}
        self.cancelled: set[int] = set()
        self.fills: Counter[tuple[int, int, int]] = Counter()
        self.filled: Counter[int] = Counter()
        self._trades: set[tuple[int, int]] = set()

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
                        trade = event.order_id, event.trade_id
                        assert trade not in self._trades, "no fill twice"
                        self._trades.add(trade)
                        self.fills[event.order_id, event.price, event.size] += 1
                        self.filled[event.order_id] += event.size


class Account:
    """What all clients of a dialect were told since the first round, held against the truth."""

    def __init__(self, dialect: str) -> None:
        self.dialect = dialect
        self._number = NUMBER[dialect]
        self._fills: Counter[tuple[int, int, int]] = Counter()
        self.requests = self.answers = self.orders = self.cancels = 0
        self.refused: Counter[str] = Counter()

    def check(self, told: Told, truth: Truth) -> None:
        """Nothing that was told in a round is lost or doubled."""
        number = self._number
        for name, order in told.orders.items():
            assert truth.named.get(name) == [number(order)], (self.dialect, name, order)
        for name in told.sent - set(told.orders):
            assert len(truth.named.get(name, ())) <= 1, "what nobody answered happened at most once"
        assert not told.denied & truth.named.keys(), "what was refused did not happen"
        assert {number(order) for order in told.cancelled} <= truth.cancelled
        for (order, price, size), count in told.fills.items():
            fill = number(order), int(price * PRICE), int(size * SIZE)
            self._fills[fill] += count
            assert truth.fills[fill] >= self._fills[fill], (self.dialect, order)
        for order, filled in told.filled.items():
            assert truth.filled[number(order)] >= filled * SIZE, (self.dialect, order)
        self.requests += told.requests
        self.answers += told.answers
        self.orders += len(told.orders)
        self.cancels += len(told.cancelled)
        self.refused += told.refused


class Kills:
    """Rounds of a start, load, a kill, and a comparison of what was told and what is there."""

    def __init__(self, directory: Path, *settings: str) -> None:
        self._directory = directory
        self._settings = settings
        self._dice = random.Random(500)
        self._truth = Truth()
        self._accounts = {name: Account(name) for name in NUMBER}
        self._loaded = 0.0
        self._starts: list[float] = []
        self._rates: list[float] = []
        self._rounds = 0

    def run(self, rounds: int, told: Callable[[str], None] = print) -> None:
        """So many rounds; `told` hears the figures now and then, and in the end."""
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as clients:
            for _ in range(rounds):
                self._round(clients)
                if self._rounds % SAID == 0:
                    told(self.said)
        told(self.said)
        for name, one in self._accounts.items():
            assert one.orders > rounds / 2, (name, one.refused.most_common(3))

    def _round(self, clients: Executor) -> None:
        self._rounds += 1
        began = time.monotonic()
        server = Server(self._directory, "store.keep=all", "gateway.message_rate=0", *self._settings)
        self._starts.append(time.monotonic() - began)
        loading = clients.submit(trade, server.ports, self._rounds, RATE)
        wait([loading], self._dice.uniform(0.05, 2.0))
        server.kill()
        all_told = loading.result()
        firsts = [one.first for one in all_told.values() if one.first]
        self._loaded += max(one.last for one in all_told.values()) - min(firsts, default=0.0)
        self._truth.read_on(self._directory)
        for name, one in self._accounts.items():
            one.check(all_told[name], self._truth)
        self._compare()

    def _compare(self) -> None:
        """What the next start comes to, against the replay of everything."""
        fresh = recover(load(None, {}, SETTINGS), self._directory).replica
        assert fresh.state_hash() == self._truth.replica.state_hash(), "from the newest snapshot as from the beginning"

    @property
    def said(self) -> str:
        """The figures."""
        requests, answers, orders, cancels = (
            sum(getattr(one, what) for one in self._accounts.values())
            for what in ("requests", "answers", "orders", "cancels")
        )
        starts = sorted(self._starts)
        return (
            f"{self._rounds} kills, none lost, none doubled: {requests} requests in {self._loaded:.0f} s of load "
            f"({requests / self._loaded:.0f}/s of {RATE}), {answers} answers ({answers / self._loaded:.0f}/s); "
            f"{orders} orders, {cancels} cancels told, {sum(self._truth.fills.values())} fills; "
            f"{self._truth.replica.history.records} records; to ready p50 {starts[len(starts) // 2]:.1f} s, "
            f"at most {starts[-1]:.1f} s; {sum(one.refused.total() for one in self._accounts.values())} refused"
        )


@pytest.mark.slow
@pytest.mark.xdist_group("process")
def test_ten_kills(tmp_path: Path) -> None:
    Kills(tmp_path, "store.segment_records=2000").run(10)


@pytest.mark.soak
def test_five_hundred_kills(tmp_path: Path) -> None:
    Kills(tmp_path).run(500)
