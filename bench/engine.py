"""How many commands the venue decides per second, on the recorded Bitstamp flow."""

from __future__ import annotations

import gc
import time
from typing import NamedTuple

from polyfeed.model.commands import Stamped
from polyfeed.model.events import Trade
from polyfeed.sources import bitstamp_sample
from polyfeed.sources.order_log import recorded_commands
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
    setup = bitstamp_sample.setup()
    stamped = [Stamped(seq, seq, command) for seq, command in enumerate([*setup, *recorded_commands(folder)], 1)]
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
