"""What moves the demo venue: the recording as orders on its ten pairs, agents on all."""

from __future__ import annotations

from collections.abc import Callable
from itertools import takewhile
from random import Random

from polyfeed.dialects._base.inbound import BookMessage
from polyfeed.dialects.kraken.inbound import KrakenInbound
from polyfeed.sources.agents import Agents
from polyfeed.sources.capture_orders import CaptureOrders
from polyfeed.sources.captures import shipped_captures
from polyfeed.sources.demo import AGENTS, FLOW, LIQUIDITY
from polyfeed.sources.desk import DeskPlan
from polyfeed.sources.pairs import instruments_of, read_pairs, reference_price
from polyfeed.sources.source import Source
from polyfeed.sources.timeline import Moment, Timeline

RECORDED_RATE, RECORDED_LEVELS = 0.5, 3
"""Agents' actions per second, and their orders a side, in a book that the recording makes."""


def demo_sources(
    rng: Random, mid: Callable[[int], int | None], *, speed: float = 1.0, rate: float = 1.0
) -> list[Source]:
    """The sources of the demo venue, whose instruments are those of `demo.demo_commands`.

    `mid` gives the middle of an instrument's book as it stands, None where it has not two sides; `rate` is the agents'
    actions per second on each pair without a recording, `speed` the recording's.
    """
    pairs = read_pairs()
    instruments = instruments_of(pairs)
    timeline = Timeline(shipped_captures(), KrakenInbound)
    symbols = recorded_symbols(timeline)
    recorded = {i.symbols["kraken"]: i for i in instruments if i.symbols["kraken"] in symbols}
    ids = {instrument.id for instrument in recorded.values()}
    plans = [
        DeskPlan(instrument, reference_price(pair), RECORDED_RATE, RECORDED_LEVELS, ladder=False)
        if instrument.id in ids
        else DeskPlan(instrument, reference_price(pair), rate)
        for pair, instrument in zip(pairs, instruments, strict=True)
    ]
    return [
        CaptureOrders(timeline, recorded, LIQUIDITY, FLOW, speed=speed),
        Agents(plans, AGENTS, FLOW, rng, lambda instrument: mid(instrument) if instrument in ids else None),
    ]


def recorded_symbols(timeline: Timeline) -> set[str]:
    """The symbols of the snapshots that a recording begins with."""
    return {moment.message.symbol for moment in takewhile(_is_snapshot, timeline)}


def _is_snapshot(moment: Moment) -> bool:
    return isinstance(moment.message, BookMessage) and moment.message.reset
