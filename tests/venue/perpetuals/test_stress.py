"""A million random commands with violent prices: money and margins are checked after every one."""

import pytest

from polyfeed.model.enums import BalanceCause
from tests.venue.perpetuals.flows import MIXES, Mix
from tests.venue.perpetuals.runs import audit, run

ALL = {"PositionLiquidated", "FundingPaid", "MarginAlert", "PositionSettled", "InsurancePremiumPaid", "LeverageSet"}
CAUSES = {cause.name for cause in BalanceCause}
RARE: dict[str, set[str]] = {
    "crash": set(),
    "violent": {"DELEVERAGING", "SOCIALISED_LOSS"},
    "poor": {"SOCIALISED_LOSS"},
}
"""What need not happen in the mixes in which all the rest must."""


@pytest.mark.parametrize("mix", MIXES, ids=lambda mix: mix.name)
def test_for_a_while(mix: Mix) -> None:
    """A little of the next one, to run after each edit; twice, with the same bytes."""
    assert run(mix, 1, 1_000) == run(mix, 1, 1_000)


@pytest.mark.parametrize("mix", MIXES[1:3], ids=lambda mix: mix.name)
def test_whatever_the_size_of_a_batch(mix: Mix) -> None:
    """With small batches every decision takes many; none is larger than it may be."""
    run(mix, 2, 1_500, batch_limit=30)


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("mix", MIXES, ids=lambda mix: mix.name)
def test_equal_to_the_naive_twin(mix: Mix, seed: int) -> None:
    """6 mixes, 3 seeds: positions, margins, marks, funding, liquidations and deleveraging, found out anew each time."""
    seen = audit(mix, seed, 250)
    assert min(seen["position"], seen["balance"], seen["mark"], seen["rate"], seen["payment"]) > 0


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(10, 17))
@pytest.mark.parametrize("mix", MIXES, ids=lambda mix: mix.name)
def test_equal_to_the_naive_twin_for_long(mix: Mix, seed: int) -> None:
    """6 mixes, 7 seeds: 1,008,000 commands."""
    seen = audit(mix, seed, 24_000)
    if mix.name in ("violent", "poor", "crash"):
        assert seen["liquidation"] > 0
    if mix.name == "crash":
        assert min(seen["price of deleveraging"], seen["queue of deleveraging"]) > 0


@pytest.mark.slow
@pytest.mark.parametrize("seed", [10, *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(11, 17))])
@pytest.mark.parametrize("mix", MIXES, ids=lambda mix: mix.name)
def test_money_is_conserved_and_every_position_secured(mix: Mix, seed: int) -> None:
    """6 mixes, 7 seeds: 1,008,000 commands. All that can happen does."""
    seen, _ = run(mix, seed, 24_000)
    if mix.name in RARE:
        assert (ALL | CAUSES) - set(seen) <= RARE[mix.name]
