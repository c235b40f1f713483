"""Sends a flow through the venue, with as many witnesses as wanted."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from polyfeed.model.batches import Batch, encode_batch
from polyfeed.model.commands import Origin, Stamped
from polyfeed.venue import Venue
from tests.venue.flows import Flow, Mix
from tests.venue.follower import Follower
from tests.venue.invariants import check
from tests.venue.naive import NaiveVenue


def run(venue: Venue, mix: Mix, seed: int, count: int) -> Iterator[tuple[Stamped, Batch]]:
    """Each command of a flow and its batch; goes on after `count` until no decision is left unfinished."""
    flow = Flow(mix, seed)
    seq = 0
    origin: Origin | None = None
    while seq < count or flow.more:
        seq += 1
        origin = origin if flow.more else Origin(0, seq)
        command = flow.next()
        stamped = Stamped(seq, flow.now, command, origin)
        batch = venue.apply(stamped)
        flow.hear(batch)
        yield stamped, batch


def compare(mix: Mix, seed: int, count: int) -> None:
    """The venue beside its naive twin and a follower: every batch equal, every event allowed, invariants at intervals."""
    venue, naive, follower = Venue(batch_limit=100_000), NaiveVenue(), Follower()
    for stamped, batch in run(venue, mix, seed, count):
        expected = naive.apply(stamped)
        assert batch.outcome.refusal == expected.outcome.refusal, stamped
        expected = replace(expected, outcome=replace(expected.outcome, detail=batch.outcome.detail))
        assert encode_batch(batch) == encode_batch(expected), (stamped, batch, expected)
        follower.follow(stamped.command, batch)
        if stamped.seq % 500 == 0:
            check(venue, follower)
    check(venue, follower)


def witness(mix: Mix, seed: int, count: int, batch_limit: int) -> None:
    """The venue beside a follower: every event allowed, no batch too large, all invariants at intervals."""
    venue, follower = Venue(batch_limit=batch_limit), Follower()
    for stamped, batch in run(venue, mix, seed, count):
        assert len(batch.public) + sum(map(len, batch.private.values())) <= batch_limit
        follower.follow(stamped.command, batch)
        if stamped.seq % 2000 == 0 and not batch.more:
            check(venue, follower)
    check(venue, follower)
