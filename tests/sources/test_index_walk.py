"""The demo's perpetuals and their indexes."""

from __future__ import annotations

from random import Random

from polyfeed.model.commands import Command, SetIndexPrice, Stamped
from polyfeed.model.events import FundingRateSet, InstrumentListed, MarkPriceSet, Trade
from polyfeed.sources.agents import Agents
from polyfeed.sources.demo import AGENTS, FLOW, demo_commands
from polyfeed.sources.desk import DeskPlan
from polyfeed.sources.index_walk import PERIOD_US, IndexPlan, IndexWalk
from polyfeed.sources.pairs import instruments_of, read_pairs
from polyfeed.sources.perpetuals import PLANS, perpetual_instruments
from polyfeed.venue import Venue

START = 1_750_000_000_000_000
SPOT = instruments_of(read_pairs())
BTC, ETH, SOL = perpetual_instruments(len(SPOT))
BITCOIN = next(one for one in SPOT if one.name == "BTC-USD")


def prices(seed: int, spot: int | None, seconds: int = 600) -> list[int]:
    walk = IndexWalk([IndexPlan(BTC, PLANS[0].reference, BITCOIN)], Random(seed), lambda _: spot)
    found, now = [], START
    for _ in range(seconds):
        (command,) = walk.step(now)
        assert isinstance(command, SetIndexPrice)
        found.append(command.price)
        assert walk.due is not None
        assert 0 < walk.due - now <= PERIOD_US
        now = walk.due
    return found


def test_an_index_stays_near_the_spot_price() -> None:
    found = prices(1, 5_000_000_000)
    assert len(set(found)) > 250
    assert all(abs(price - 5_000_000_000) < 5_000_000_000 // 500 for price in found)


def test_the_same_seed_gives_the_same_index() -> None:
    assert prices(3, None) == prices(3, None) != prices(4, None)


def test_symbols_and_names() -> None:
    assert [one.name for one in (BTC, ETH, SOL)] == ["BTC-USD-PERP", "ETH-USD-PERP", "SOL-USD-PERP"]
    assert BTC.symbols == {
        "bitstamp": "btcusd-perp",
        "peatio": "btcusdperp",
        "rails": "BTC-USD-PERP",
        "ekiden": "BTC-USDC",
    }
    assert (BTC.price_decimals, ETH.price_decimals, SOL.price_decimals) == (0, 1, 2)


def test_the_demo_venue_takes_them_and_they_trade() -> None:
    venue, now, listed = Venue(), START, []

    def send(command: Command) -> list[object]:
        nonlocal now
        now += 100
        batch = venue.apply(Stamped(venue.seq + 1, now, command))  # type: ignore[arg-type]
        assert batch.outcome.accepted, batch.outcome.detail
        for source in sources:
            source.hear(batch)
        return list(batch.public)

    plans = list(zip((BTC, ETH, SOL), PLANS, strict=True))
    walk = IndexWalk([IndexPlan(one, plan.reference) for one, plan in plans], Random(1), lambda _: None)
    agents = Agents([DeskPlan(one, plan.reference, 5) for one, plan in plans], AGENTS, FLOW, Random(1))
    sources = (walk, agents)
    for command in demo_commands():
        listed += [event for event in send(command) if isinstance(event, InstrumentListed)]
    assert [event.instrument for event in listed[-3:]] == [BTC, ETH, SOL]
    seen: list[object] = []
    end = now + 60 * PERIOD_US
    while now < end:
        source = min(sources, key=lambda one: one.due or 0)
        now = max(now, source.due or 0)
        for command in source.step(now):
            seen += send(command)
    for one in (BTC, ETH, SOL):
        assert len({e.price for e in seen if isinstance(e, MarkPriceSet) and e.instrument == one.id}) > 50
        assert sum(isinstance(e, Trade) and e.instrument == one.id for e in seen) > 20
        assert any(isinstance(e, FundingRateSet) and e.instrument == one.id for e in seen)
