"""Agents: seeded flow on many instruments at once."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from polyfeed.model.commands import (
    AnyCommand,
    CancelAll,
    CancelOrder,
    PlaceOrder,
    SetInstrumentStatus,
)
from polyfeed.model.enums import InstrumentStatus, OrderKind, SelfTrade, Side
from polyfeed.sources.agents import BURST, Agents
from polyfeed.sources.demo import AGENTS, FLOW
from polyfeed.sources.desk import ANSWER_US, MOST, DeskPlan
from polyfeed.sources.pairs import instruments_of, read_pairs, reference_price
from tests.sources.rig import SECOND, START, Rig

PAIRS = read_pairs()
INSTRUMENTS = instruments_of(PAIRS)
PLANS = [DeskPlan(instrument, reference_price(pair)) for pair, instrument in zip(PAIRS, INSTRUMENTS, strict=True)]


def begin(plans: list[DeskPlan] = PLANS, seed: int = 1, **options: object) -> Rig:
    rig = Rig(INSTRUMENTS)
    rig.source = Agents(plans, AGENTS, FLOW, Random(seed), **options)
    return rig


def test_every_book_stands_within_two_seconds_of_the_start() -> None:
    rig = begin()
    while rig.source.due < START + 2 * SECOND:
        assert len(rig.step()) <= BURST
    for state in rig.market.instruments:
        assert len(state.book.bids) >= 25, state.instrument.name
        assert len(state.book.asks) >= 25, state.instrument.name
    assert rig.refused == []


@pytest.mark.slow
def test_every_market_moves_within_seconds_and_keeps_its_book() -> None:
    rig = begin()
    rig.run(2)
    for _ in range(8):
        before = Counter(trade.instrument for trade in rig.trades)
        rig.run(30)
        after = Counter(trade.instrument for trade in rig.trades)
        assert min(after[number] - before[number] for number in range(len(INSTRUMENTS))) >= 1
        for state in rig.market.instruments:
            assert 10 <= len(state.book.bids) <= 40
            assert 10 <= len(state.book.asks) <= 40
    trades = Counter(trade.instrument for trade in rig.trades)
    assert sum(trades.values()) / len(trades) / 240 > 1 / 3, "one trade in less than three seconds"
    for pair, state in zip(PAIRS, rig.market.instruments, strict=True):
        middle = (state.book.bids.best().price + state.book.asks.best().price) / 2
        assert middle == pytest.approx(reference_price(pair), rel=0.03), pair.wsname
    assert [batch.outcome for _, batch in rig.refused] == []


def test_the_same_seed_gives_the_same_commands() -> None:
    def commands(seed: int) -> list[AnyCommand]:
        return begin(PLANS[:5], seed).run(60)

    assert commands(7) == commands(7)
    assert commands(7) != commands(8)


def test_the_clock_and_the_global_random_numbers_play_no_part(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: object) -> float:
        raise AssertionError("a source reads no clock and no global random numbers")

    for name in ("random.random", "random.randint", "random.choice", "time.time", "time.monotonic"):
        monkeypatch.setattr(name, forbidden)
    begin(PLANS[:2]).run(5)


def test_the_first_command_takes_away_what_an_earlier_run_left() -> None:
    source = Agents(PLANS[:1], AGENTS, FLOW, Random(1))
    assert source.due == 0
    first, *ladder = source.step(START)
    assert first == CancelAll(AGENTS)
    assert all(isinstance(order, PlaceOrder) and order.account == AGENTS for order in ladder)
    assert source.due == START + 10_000


def test_the_kinds_of_flow() -> None:
    rig = begin(PLANS[:1])
    rig.run(0.5)
    flow = rig.run(1000)
    placed = [command for command in flow if isinstance(command, PlaceOrder)]
    takers = [order for order in placed if order.kind == OrderKind.MARKET]
    assert {order.account for order in takers} == {FLOW}
    makers = [order for order in placed if order.kind == OrderKind.LIMIT]
    assert {order.account for order in makers} == {AGENTS}
    assert {order.self_trade for order in makers} == {SelfTrade.CANCEL_MAKER}
    assert all(order.size >= INSTRUMENTS[0].min_size and order.price % INSTRUMENTS[0].tick == 0 for order in makers)
    cancels = [command for command in flow if isinstance(command, CancelOrder)]
    assert 0.3 < len(takers) / len(flow) < 0.5
    assert 0.1 < len(cancels) / len(flow) < 0.5
    assert 900 < len(flow) < 1200, "one action a second"


@pytest.mark.parametrize("rate", [0.1, 10.0])
def test_the_rate(rate: float) -> None:
    plan = DeskPlan(INSTRUMENTS[0], PLANS[0].reference, rate=rate)
    rig = begin([plan])
    rig.run(1)
    assert len(rig.run(200)) == pytest.approx(200 * rate, rel=0.3)


def test_a_desk_without_a_ladder_adds_a_little_around_the_books_mid() -> None:
    """Beside a recording, whose book has another price than the table."""
    mid = PLANS[0].reference * 12 // 10 // 10_000 * 10_000
    rig = begin([DeskPlan(INSTRUMENTS[0], PLANS[0].reference, levels=3, ladder=False)], mid=lambda _: mid)
    assert rig.run(1)[0] == CancelAll(AGENTS)
    orders = [c for c in rig.run(300) if isinstance(c, PlaceOrder) and c.kind == OrderKind.LIMIT]
    assert len(orders) > 20
    assert all(order.price == pytest.approx(mid, rel=0.02) for order in orders[-10:])
    assert len(rig.levels(0, Side.BUY)) <= 4
    assert len(rig.levels(0, Side.SELL)) <= 4


@pytest.mark.slow
def test_a_book_that_agents_alone_make_does_not_wander_off_with_its_own_mid() -> None:
    """DOGE-BTC, whose tick is a hundredth of its price: every rounding counts."""
    plan = next(plan for plan in PLANS if plan.instrument.name == "DOGE-BTC")
    rig = begin([plan], mid=lambda number: middle(rig, number))
    rig.run(1)
    seen = []
    for _ in range(120):
        rig.run(60)
        seen.append(middle(rig, plan.instrument.id))
    assert sum(seen) / len(seen) == pytest.approx(plan.reference, rel=0.05)
    assert len(set(seen)) > 3


def middle(rig: Rig, number: int) -> int | None:
    book = rig.market.instruments[number].book
    bid, ask = book.bids.best(), book.asks.best()
    return (bid.price + ask.price) // 2 if bid and ask else None


def test_a_side_that_users_have_bought_up_comes_back_soon() -> None:
    rig = begin(PLANS[:1])
    rig.run(1)
    rig.send([PlaceOrder(1001, 0, Side.BUY, OrderKind.MARKET, 10**10)])
    assert rig.levels(0, Side.SELL) == {}
    rig.run(10)
    assert len(rig.levels(0, Side.SELL)) >= 10


def outage(rig: Rig, seconds: float) -> None:
    """For so long order entry refuses everything, of which a source hears nothing."""
    until = rig.now + int(seconds * SECOND)
    while rig.source.due <= until:
        rig.now = max(rig.now, rig.source.due)
        rig.source.step(rig.now)
    rig.now = until


def test_a_ladder_that_was_refused_is_built_all_the_same() -> None:
    rig = begin(PLANS[:1])
    outage(rig, 1)
    assert rig.levels(0, Side.BUY) == rig.levels(0, Side.SELL) == {}
    rig.run(60)
    assert len(rig.levels(0, Side.BUY)) >= 20
    assert len(rig.levels(0, Side.SELL)) >= 20


def test_books_do_not_get_thinner_with_every_outage() -> None:
    rig = begin(PLANS[:3])
    rig.run(1)
    for _ in range(20):
        outage(rig, 30)
        rig.run(60)
        for desk in range(3):
            assert len(rig.levels(desk, Side.BUY)) >= 20
            assert len(rig.levels(desk, Side.SELL)) >= 20
    assert rig.refused == []


def test_orders_that_may_still_be_answered_are_not_asked_for_again() -> None:
    """A busy venue is not asked for more than the plan, however late it answers."""
    plan = DeskPlan(INSTRUMENTS[0], PLANS[0].reference, rate=50.0)
    rig = begin([plan])
    rig.run(2)
    asked = []
    until = rig.now + ANSWER_US
    while rig.source.due < until:
        rig.now = rig.source.due
        asked += [one for one in rig.source.step(rig.now) if one.account == AGENTS and isinstance(one, PlaceOrder)]
    assert len(asked) <= 2 * plan.levels * MOST
    rig.send(asked)
    assert len(rig.levels(0, Side.BUY)) <= plan.levels * MOST
    assert len(rig.levels(0, Side.SELL)) <= plan.levels * MOST


def test_a_market_that_takes_no_orders_is_left_alone() -> None:
    rig = begin(PLANS[:2])
    rig.run(1)
    rig.send([SetInstrumentStatus(0, InstrumentStatus.HALTED)])
    commands = rig.run(30)
    assert {command.instrument for command in commands if isinstance(command, PlaceOrder)} == {1}
    assert rig.refused == []
    rig.send([SetInstrumentStatus(0, InstrumentStatus.ONLINE)])
    commands = rig.run(30)
    assert {command.instrument for command in commands if isinstance(command, PlaceOrder)} == {0, 1}


def test_a_process_that_slept_makes_up_for_nothing() -> None:
    rig = begin(PLANS[:3])
    rig.run(1)
    rig.now += 3600 * SECOND
    assert len(rig.source.step(rig.now)) < 20


def test_no_desk_has_nothing_to_do() -> None:
    assert Agents([], AGENTS, FLOW, Random(1)).due is None
