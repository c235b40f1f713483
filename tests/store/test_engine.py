"""What the engine decides is pinned: whoever changes it is told to raise its number."""

from __future__ import annotations

from hashlib import blake2b

from polyfeed.model.commands import Record
from polyfeed.sequencer.history import History
from polyfeed.venue.venue import Venue
from polyfeed.venue.version import ENGINE
from tests.venue.flows import MIXES, Flow

DECIDED = {1: "cc834219c0fa9120f823fa53722c44c7"}
"""For each engine, the running hash of all flows one after the other."""
COMMANDS = 1500


def decided() -> str:
    digest = b""
    for mix in MIXES:
        history, flow = History(Venue(), hashed=True), Flow(mix, 1)
        for _ in range(COMMANDS):
            for batch in history.carry_out(Record(flow.now, flow.next())):
                flow.hear(batch)
        digest += history.mark().hash
    return blake2b(digest, digest_size=16).hexdigest()


def test_an_engine_that_decides_otherwise_has_another_number() -> None:
    assert decided() == DECIDED.get(ENGINE), (
        "what the venue decides, or how its batches are encoded, has changed: journals that were written before cannot be "
        "replayed. Raise ENGINE in venue/version.py, and put the new hash here"
    )
