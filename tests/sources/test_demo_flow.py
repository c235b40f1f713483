"""The demo venue as a newcomer meets it: every book stands within two seconds, every market trades within seconds."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from polyfeed.dialects.kraken.inbound import KrakenInbound
from polyfeed.model.enums import Refusal
from polyfeed.sources.agents import Agents
from polyfeed.sources.capture_orders import CaptureOrders
from polyfeed.sources.captures import SHIPPED_SYMBOLS, shipped_captures
from polyfeed.sources.demo import AGENTS, FLOW, LIQUIDITY
from polyfeed.sources.desk import DeskPlan
from polyfeed.sources.pairs import instruments_of, read_pairs, reference_price
from polyfeed.sources.timeline import Timeline
from tests.sources.rig import SECOND, START, Rig, any_size, by_symbol

pytestmark = pytest.mark.slow


def begin() -> Rig:
    pairs = read_pairs()
    rig = Rig(any_size(instruments_of(pairs)))

    def mid(instrument: int) -> int | None:
        book = rig.market.instruments[instrument].book
        bid, ask = book.bids.best(), book.asks.best()
        return None if bid is None or ask is None else (bid.price + ask.price) // 2

    recorded = by_symbol(rig.instruments, SHIPPED_SYMBOLS)
    plans = [
        DeskPlan(instrument, reference_price(pair), ladder=pair.wsname not in recorded)
        for pair, instrument in zip(pairs, instruments_of(pairs), strict=True)
    ]
    rig.others = [
        CaptureOrders(Timeline(shipped_captures(), KrakenInbound), recorded, LIQUIDITY, FLOW),
        Agents(plans, AGENTS, FLOW, Random(1), mid),
    ]
    return rig


def run(rig: Rig, seconds: float) -> int:
    """Steps both sources for this long; returns how many commands they gave."""
    until = rig.now + int(seconds * SECOND)
    count = 0
    while True:
        source = min(rig.others, key=lambda source: source.due)
        if source.due > until:
            break
        rig.now = max(rig.now, source.due)
        commands = source.step(rig.now)
        count += len(commands)
        rig.send(commands)
    rig.now = until
    return count


def test_two_minutes_and_the_restart_of_the_recording() -> None:
    rig = begin()
    first = run(rig, 2)
    assert first < 15_000
    for state in rig.market.instruments:
        assert len(state.book.bids) >= 25, state.instrument.name
        assert len(state.book.asks) >= 25, state.instrument.name
    trades = Counter(trade.instrument for trade in rig.trades)
    assert rig.now - START < 2.1 * SECOND
    count = run(rig, 130)
    later = Counter(trade.instrument for trade in rig.trades)
    assert all(later[state.instrument.id] - trades[state.instrument.id] >= 10 for state in rig.market.instruments)
    assert count / 130 < 300, "commands per second"
    assert {batch.outcome.refusal for _, batch in rig.refused} <= {Refusal.UNKNOWN_ORDER}
