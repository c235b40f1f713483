"""What happens on the markets by itself: the sources that the configuration asks for."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from polyfeed.app.config import Config, FlowSection
from polyfeed.app.demo_keys import demo_key_commands
from polyfeed.dialects._base.inbound import BookMessage
from polyfeed.dialects.registry import INBOUND
from polyfeed.market.market import Market
from polyfeed.model.commands import AnyCommand
from polyfeed.model.enums import Detail
from polyfeed.model.instruments import Currency, Instrument
from polyfeed.sources import demo
from polyfeed.sources.agents import Agents
from polyfeed.sources.capture_orders import CaptureOrders
from polyfeed.sources.capture_source import CaptureSource
from polyfeed.sources.captures import SHIPPED_SYMBOLS, shipped_captures
from polyfeed.sources.desk import DeskPlan
from polyfeed.sources.index_walk import IndexPlan, IndexWalk
from polyfeed.sources.pairs import CANONICAL_CODES, currencies_of, instruments_of, read_pairs, reference_price
from polyfeed.sources.perpetuals import (
    PLANS,
    perpetual_commands,
    perpetual_currencies,
    perpetual_instruments,
    speculations,
)
from polyfeed.sources.source import BatchSource, Source
from polyfeed.sources.speculators import Speculators
from polyfeed.sources.timeline import Timeline

log = logging.getLogger("polyfeed")

RECORDING_EPOCH = 2
"""The history of a recording; the venue's own is 1."""

DIALECT = "kraken"
"""Whose capture ships with the package."""


class Flow(NamedTuple):
    """Commands before anybody connects, then what goes on by itself."""

    setup: Sequence[AnyCommand]
    sources: Sequence[Source] = ()
    recordings: Sequence[BatchSource] = ()


def flow_of(config: Config, market: Market) -> Flow:
    """What happens by itself at a venue of this configuration."""
    if not (config.flow.demo or config.relay.url or market.instruments):
        log.warning("no market is listed: start with --demo for demo markets and flow")
    return demo_flow(config.flow, market) if config.flow.demo else Flow(())


def demo_flow(section: FlowSection, market: Market) -> Flow:
    """The demo: recorded pairs as the section says, agents on all of them. `market` is read for the agents' mids."""
    pairs = read_pairs()
    recorded = set(SHIPPED_SYMBOLS) if section.capture != "off" else set()
    instruments = [
        msgspec.structs.replace(one, detail=Detail.LEVELS)
        if section.capture == "levels" and one.symbols[DIALECT] in recorded
        else one
        for one in instruments_of(pairs)
    ]
    currencies = currencies_of(pairs)
    currencies += perpetual_currencies(currencies)
    perpetuals = perpetual_instruments(len(instruments))
    setup = [
        *demo.listing_commands(currencies, [*instruments, *perpetuals]),
        *demo.account_commands(currencies),
        *perpetual_commands(perpetuals),
        *demo_key_commands(),
    ]
    played = {one.symbols[DIALECT]: one for one in instruments if one.symbols[DIALECT] in recorded}
    timeline = Timeline(shipped_captures(), INBOUND[DIALECT])
    sources: list[Source] = []
    recordings: list[BatchSource] = []
    if section.capture == "orders":
        sources.append(CaptureOrders(timeline, played, demo.LIQUIDITY, demo.FLOW, speed=section.speed))
    elif section.capture == "levels":
        recordings.append(CaptureSource(timeline, played, RECORDING_EPOCH, speed=section.speed))
    if section.agents > 0:
        plans = [
            DeskPlan(one, reference_price(pair), section.agents, ladder=one.symbols[DIALECT] not in recorded)
            for one, pair in zip(instruments, pairs, strict=True)
            if one.detail is Detail.ORDERS
        ]
        plans += [DeskPlan(one, plan.reference, section.agents) for one, plan in zip(perpetuals, PLANS, strict=True)]
        dice = random.Random(section.seed)
        sources.append(Agents(plans, demo.AGENTS, demo.FLOW, dice, mid_of(market)))
        sources.append(Speculators(speculations(perpetuals), random.Random(section.seed)))
    sources.append(IndexWalk(index_plans(instruments, perpetuals), random.Random(section.seed), mid_of(market)))
    return Flow(setup, sources, recordings)


def index_plans(instruments: Iterable[Instrument], perpetuals: Iterable[Instrument]) -> list[IndexPlan]:
    """What the index of each perpetual follows."""
    by_name = {one.name: one for one in instruments}
    return [
        IndexPlan(one, plan.reference, None if plan.spot is None else by_name[plan.spot])
        for one, plan in zip(perpetuals, PLANS, strict=True)
    ]


def mid_of(market: Market) -> Callable[[int], int | None]:
    """What gives the index price of a perpetual, and otherwise the middle between the best prices of an instrument,
    None while a side is empty.
    """

    def mid(instrument: int) -> int | None:
        state = market.instruments[instrument]
        if state.perpetual.index_price:
            return state.perpetual.index_price
        book = state.book
        bid, ask = book.bids.best(), book.asks.best()
        return (bid.price + ask.price) // 2 if bid is not None and ask is not None else None

    return mid


def recorded_flow(dialect: str, files: Iterable[Path], speed: float, *, loop: bool) -> Flow:
    """A recording and nothing else. Raises ValueError that names the file and line for what cannot be read."""
    timeline = Timeline(list(files), INBOUND[dialect])
    instruments = inferred_instruments(dialect, timeline)
    scales: dict[str, int] = {}
    for one in instruments.values():
        scales[one.base] = max(one.size_scale, scales.get(one.base, 0))
        scales.setdefault(one.quote, 0)
    currencies = [Currency(code, scale) for code, scale in scales.items()]
    setup = demo.listing_commands(currencies, instruments.values())
    return Flow(setup, (), (CaptureSource(timeline, instruments, RECORDING_EPOCH, speed=speed, loop=loop),))


def inferred_instruments(dialect: str, timeline: Timeline) -> dict[str, Instrument]:
    """An instrument for each symbol of a recording, with the decimals that its numbers were written with."""
    scales: dict[str, tuple[int, int]] = {}
    for moment in timeline:
        message = moment.message
        rows = message.levels if isinstance(message, BookMessage) else message.trades
        price, size = scales.get(message.symbol, (0, 0))
        for row in rows:
            price, size = max(price, decimals(row.price)), max(size, decimals(row.size))
        scales[message.symbol] = price, size
    return {
        symbol: _instrument(number, dialect, symbol, *scale) for number, (symbol, scale) in enumerate(scales.items())
    }


def decimals(text: str) -> int:
    """Digits after the point: "58729.40000" has 5."""
    return len(text.partition(".")[2])


def codes_of(symbol: str) -> tuple[str, str]:
    """The currencies that a symbol seems to name: XBT/USD, BTC-USD and btcusd are all of two."""
    for mark in ("/", "-"):
        base, _, quote = symbol.partition(mark)
        if base and quote:
            return base, quote
    return symbol[:-3].upper() or symbol, symbol[-3:].upper()


def _instrument(number: int, dialect: str, symbol: str, price_scale: int, size_scale: int) -> Instrument:
    base, quote = (CANONICAL_CODES.get(code, code) for code in codes_of(symbol))
    return Instrument(
        id=number,
        name=f"{base}-{quote}",
        base=base,
        quote=quote,
        price_scale=price_scale,
        size_scale=size_scale,
        tick=1,
        lot=1,
        min_size=1,
        detail=Detail.LEVELS,
        symbols={dialect: symbol},
    )
