"""How many commands the venue decides per second, on the recorded Bitstamp flow."""

from __future__ import annotations

import gc
import time
from typing import NamedTuple

from polyfeed.model.commands import Stamped
from polyfeed.model.events import Trade
from polyfeed.sources import bitstamp_sample
from polyfeed.sources.order_log import commands_of
from polyfeed.sources.orders_csv import read_order_capture
from polyfeed.venue.venue import Venue

ROUNDS = 3


class EngineResult(NamedTuple):
    """The fastest of ROUNDS runs over the whole recording."""

    commands: int
    trades: int
    commands_per_second: float


def measure() -> EngineResult | None:
    """Runs the recording through a new venue each time; None where the recording is not installed."""
    folder = bitstamp_sample.sample_folder()
    if folder is None:
        return None
    capture = read_order_capture(folder, bitstamp_sample.BTCUSD)
    log = commands_of(capture, bitstamp_sample.ACCOUNT, bitstamp_sample.BTCUSD, bitstamp_sample.STALE_SEEDS)
    commands = [*bitstamp_sample.setup(), *(record.command for record in log.records)]
    first = log.records[0].ts
    stamped = [Stamped(seq, first + seq, command) for seq, command in enumerate(commands, 1)]
    best, trades = float("inf"), 0
    for _ in range(ROUNDS):
        venue = Venue()
        gc.collect()
        gc.freeze()
        start = time.perf_counter()
        batches = [venue.apply(one) for one in stamped]
        best = min(best, time.perf_counter() - start)
        gc.unfreeze()
        trades = sum(isinstance(event, Trade) for batch in batches for event in batch.public)
    return EngineResult(len(stamped), trades, len(stamped) / best)
