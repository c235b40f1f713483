"""The demo's speculators: liquidated from time to time by a moving index, the same with the same seed."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from polyfeed.app.flow import mid_of
from polyfeed.market.market import Market
from polyfeed.model.batches import Batch, encode_batch
from polyfeed.model.commands import AnyCommand, Proceed, Stamped
from polyfeed.model.events import FundingPaid, MarginAlert, OwnFill, PositionLiquidated, PositionSettled
from polyfeed.sources.agents import Agents
from polyfeed.sources.demo import AGENTS, FLOW, demo_commands
from polyfeed.sources.desk import DeskPlan
from polyfeed.sources.index_walk import IndexPlan, IndexWalk
from polyfeed.sources.pairs import instruments_of, read_pairs
from polyfeed.sources.perpetuals import PLANS, SPECULATORS, perpetual_instruments, speculations
from polyfeed.sources.speculators import Speculators
from polyfeed.venue import Venue

START = 1_750_000_000_000_000
PERPETUALS = perpetual_instruments(len(instruments_of(read_pairs())))
SOL, PLAN = PERPETUALS[-1], PLANS[-1]


class Demo:
    """The demo's sources on the last perpetual alone, as fast as they go."""

    def __init__(self, seed: int) -> None:
        self.venue, self.market, self.now = Venue(), Market(), START
        walk = IndexWalk([IndexPlan(SOL, PLAN.reference)], Random(seed), mid_of(self.market))
        agents = Agents([DeskPlan(SOL, PLAN.reference, 2)], AGENTS, FLOW, Random(seed), mid_of(self.market))
        self.sources = walk, agents, Speculators(speculations(PERPETUALS), Random(seed))
        self.batches: list[Batch] = []
        for command in demo_commands():
            self.send(command)

    def send(self, command: AnyCommand) -> None:
        self.now += 100
        batch = self.venue.apply(Stamped(self.venue.seq + 1, self.now, command))
        assert batch.outcome.accepted, batch.outcome.detail
        self.batches.append(batch)
        list(self.market.apply(batch))
        for source in self.sources:
            source.hear(batch)
        if batch.more:
            self.send(Proceed())

    def run(self, seconds: int) -> None:
        end = self.now + seconds * 1_000_000
        while self.now < end:
            source = min(self.sources, key=lambda one: one.due or 0)
            self.now = max(self.now, source.due or 0)
            for command in source.step(self.now):
                self.send(command)


@pytest.mark.slow
def test_within_the_first_hours_everything_happens_to_them() -> None:
    demo = Demo(1)
    demo.run(7_500)
    heard: Counter[type] = Counter()
    for batch in demo.batches:
        heard.update(type(event) for account in SPECULATORS for event in batch.private.get(account, ()))
        heard.update(type(event) for event in batch.public)
    assert heard[PositionLiquidated] >= 5
    assert min(heard[FundingPaid], heard[PositionSettled], heard[MarginAlert], heard[OwnFill]) >= 2


def test_the_same_seed_gives_the_same_batches() -> None:
    runs = []
    for seed in (7, 7, 8):
        demo = Demo(seed)
        demo.run(120)
        runs.append([encode_batch(batch) for batch in demo.batches])
    assert runs[0] == runs[1] != runs[2]
