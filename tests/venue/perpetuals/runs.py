"""Sends a flow through the venue and checks every batch."""

from __future__ import annotations

import hashlib
from collections import Counter

from polyfeed.model.batches import encode_batch
from polyfeed.model.commands import SetIndexPrice, Stamped
from polyfeed.venue import Venue
from tests.venue.perpetuals.flows import START, Flow, Mix
from tests.venue.perpetuals.invariants import Books
from tests.venue.perpetuals.naive import Auditor


def run(mix: Mix, seed: int, count: int, batch_limit: int = 60) -> tuple[Counter[str], str]:
    """How often each event came, and a digest of all batches. Raises AssertionError as soon as something is wrong.

    Money is checked after every command, what must be true at rest after every fourth and every index price.
    """
    venue, flow = Venue(batch_limit=batch_limit), Flow(mix, seed)
    books = Books(venue)
    seen: Counter[str] = Counter()
    digest = hashlib.sha256()
    seq = 0
    while seq < count or flow.more:
        seq += 1
        command = flow.next()
        batch = venue.apply(Stamped(seq, START + seq * mix.step_us // 10, command))
        flow.hear(command, batch)
        digest.update(encode_batch(batch))
        assert len(batch.public) + sum(map(len, batch.private.values())) <= batch_limit
        books.hear(batch)
        for events in (batch.public, *batch.private.values()):
            seen.update(type(event).__name__ for event in events)
        if batch.outcome.refusal is not None:
            seen[batch.outcome.refusal] += 1
        books.check_money()
        if not batch.more and (seq % 4 == 0 or isinstance(command, SetIndexPrice)):
            books.check_rest()
    seen.update({cause.name: times for cause, times in books.causes.items()})
    return seen, digest.hexdigest()


def audit(mix: Mix, seed: int, count: int) -> Counter[str]:
    """The venue beside its naive twin, which finds all that it says of positions and money out anew. How often what was
    compared.
    """
    venue, flow, auditor = Venue(batch_limit=100_000), Flow(mix, seed), Auditor()
    for seq in range(1, count + 1):
        command = flow.next()
        batch = venue.apply(Stamped(seq, START + seq * mix.step_us // 10, command))
        flow.hear(command, batch)
        auditor.hear(batch)
    return auditor.checked
