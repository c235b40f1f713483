"""Random flows of every kind as batches of instruments that every dialect lists."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from polyfeed.model.batches import Batch, decode_batch, encode_batch
from polyfeed.model.commands import AnyCommand, ListInstrument, Stamped
from polyfeed.venue import Venue
from tests.venue import flows as spot
from tests.venue.perpetuals import flows as perpetual

DIALECTS = ("kraken", "bitstamp", "peatio", "rails", "ekiden")


def named(command: AnyCommand) -> AnyCommand:
    """A listing, in every dialect."""
    if not isinstance(command, ListInstrument):
        return command
    name = command.instrument.name
    symbols = dict.fromkeys(DIALECTS, name) | {one: name.lower().replace("-", "") for one in ("bitstamp", "peatio")}
    return ListInstrument(msgspec.structs.replace(command.instrument, symbols=symbols))


def batches_of(flow: Any, hear: Callable[[AnyCommand, Batch], None], count: int, step: int) -> Iterator[Batch]:
    """The batches of a flow, `step` microseconds apart, through a venue that makes small ones; encoded and decoded."""
    venue, ts = Venue(batch_limit=45), spot.START
    flow.opening = [named(command) for command in flow.opening]
    for seq in range(1, count + 1):
        command = flow.next()
        ts += step
        batch = venue.apply(Stamped(seq, ts, command))
        hear(command, batch)
        yield decode_batch(encode_batch(batch))


def spot_batches(mix: spot.Mix, seed: int, count: int) -> Iterator[Batch]:
    flow = spot.Flow(mix, seed)
    return batches_of(flow, lambda _, batch: flow.hear(batch), count, 1_700_000)


def perpetual_batches(mix: perpetual.Mix, seed: int, count: int) -> Iterator[Batch]:
    flow = perpetual.Flow(mix, seed)
    return batches_of(flow, flow.hear, count, 17_000_000)
