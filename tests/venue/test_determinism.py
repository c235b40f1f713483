"""The same commands give the same bytes: twice, in another process, whatever its hash seed."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from polyfeed.model.batches import encode_batch
from polyfeed.model.commands import Clock, Stamped
from polyfeed.venue import Venue
from tests.venue.flows import MIXES, Mix
from tests.venue.runs import run
from tests.venue.wire import journalled

ROOT = Path(__file__).parents[2]
PROGRAM = "from tests.venue.test_determinism import digest; print(digest(3000))"


def digest(count: int) -> str:
    """A digest of every encoded batch of every mix."""
    digest = hashlib.sha256()
    for mix in MIXES:
        for _, batch in run(Venue(batch_limit=50), mix, 5, count):
            digest.update(encode_batch(batch))
    return digest.hexdigest()


def digest_elsewhere(hash_seed: str) -> str:
    paths = os.pathsep.join([str(ROOT), str(ROOT / "src")])
    environment = os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": paths}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True, timeout=200
    )
    return done.stdout.strip()


@pytest.mark.slow
def test_a_fresh_interpreter_with_another_hash_seed_gives_the_same_bytes() -> None:
    assert digest_elsewhere("1") == digest_elsewhere("4000000000") == digest(3000)


@pytest.mark.parametrize("mix", MIXES, ids=lambda mix: mix.name)
def test_commands_from_a_journal_give_the_same_bytes(mix: Mix) -> None:
    again = Venue()
    for stamped, batch in run(Venue(), mix, 1, 1500):
        assert encode_batch(again.apply(journalled(stamped))) == encode_batch(batch)


@pytest.mark.parametrize("mix", MIXES, ids=lambda mix: mix.name)
def test_refused_commands_leave_no_trace(mix: Mix) -> None:
    other = Venue(batch_limit=50)
    refused = 0
    more = False
    for stamped, batch in run(Venue(batch_limit=50), mix, 9, 3000):
        if batch.outcome.accepted or more:
            assert encode_batch(other.apply(stamped)) == encode_batch(batch)
        else:
            refused += 1
            again = other.apply(Stamped(stamped.seq, stamped.ts, Clock()))
            assert (again.public, again.private) == (batch.public, batch.private), "what expired, and nothing more"
        more = batch.more
    assert refused > 100
