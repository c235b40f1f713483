"""A million random commands and more."""

from dataclasses import replace

import pytest

from tests.venue.flows import MIXES, Mix
from tests.venue.runs import compare, witness


@pytest.mark.parametrize("mix", MIXES, ids=lambda mix: mix.name)
def test_beside_the_naive_twin_for_a_while(mix: Mix) -> None:
    """A little of the next one, to run after each edit."""
    compare(mix, 1, 1_500)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [11, 12])
@pytest.mark.parametrize("mix", MIXES, ids=lambda mix: mix.name)
def test_beside_the_naive_twin(mix: Mix, seed: int) -> None:
    """9 mixes, 2 seeds: 450,000 commands, every batch equal byte for byte."""
    compare(mix, seed, 25_000)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [21, 22])
@pytest.mark.parametrize("mix", MIXES, ids=lambda mix: mix.name)
def test_crowded_books_and_small_batches(mix: Mix, seed: int) -> None:
    """9 mixes, 2 seeds: 900,000 commands in books of hundreds of orders; every event followed, all invariants held."""
    witness(replace(mix, crowd=300), seed, 50_000, batch_limit=40)
