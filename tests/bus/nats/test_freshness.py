"""What a gateway shows is never taken for younger than it is."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from polyfeed.bus.nats.freshness import APART_US, MOST_MARKS, Freshness


def test_what_was_heard_is_as_old_as_the_question_whose_answer_it_reaches() -> None:
    fresh = Freshness()
    fresh.heard(1, 10)
    assert fresh.at is None, "nobody said that this is all"
    fresh.told(1_000_000, 1, 12)
    assert fresh.at is None, "two are missing"
    fresh.heard(1, 11)
    fresh.heard(1, 12)
    assert fresh.at == 1_000_000
    fresh.told(2_000_000, 1, 12)
    assert fresh.at == 2_000_000


def test_a_reader_that_is_always_behind_is_as_old_as_it_is_behind() -> None:
    fresh = Freshness()
    fresh.heard(1, 0)
    for second in range(1, 31):
        fresh.told(second * 1_000_000, 1, second * 100)
        fresh.heard(1, (second - 5) * 100)
    assert fresh.at == 25 * 1_000_000


def test_a_venue_that_was_replaced_vouches_for_nothing() -> None:
    fresh = Freshness()
    fresh.heard(1, 10)
    fresh.told(1_000_000, 1, 11)
    fresh.heard(2, 11)
    fresh.told(2_000_000, 1, 11)
    assert fresh.at is None
    fresh.told(3_000_000, 2, 11)
    assert fresh.at == 3_000_000


def test_a_venue_whose_beginning_was_not_heard_vouches_for_nothing_yet() -> None:
    fresh = Freshness()
    fresh.heard(1, 10)
    fresh.told(1_000_000, 2, 3)
    assert fresh.at is None
    fresh.heard(2, 10)
    assert fresh.at == 1_000_000


def test_another_state_is_as_old_as_the_one_before_until_it_is_confirmed() -> None:
    fresh = Freshness()
    fresh.heard(1, 10)
    fresh.told(1_000_000, 1, 10)
    fresh.begin(1, 15)
    assert fresh.at == 1_000_000
    fresh.told(2_000_000, 1, 16)
    assert fresh.at == 1_000_000
    fresh.heard(1, 16)
    assert fresh.at == 2_000_000


def test_answers_do_not_pile_up() -> None:
    fresh = Freshness()
    fresh.heard(1, 0)
    for number in range(1000):
        fresh.told(number * APART_US // 2, 1, number + 1)
    assert len(fresh._marks) == MOST_MARKS


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=60))
def test_it_is_never_younger_than_the_oldest_batch_that_is_missing(steps: list[tuple[int, int]]) -> None:
    """Each second the venue decides some batches, and some are heard."""
    fresh, decided, heard = Freshness(), 0, 0
    decided_at: list[int] = []
    fresh.heard(1, 0)
    for second, (more, come) in enumerate(steps, 1):
        now = second * 1_000_000
        decided_at += [now] * more
        decided += more
        fresh.told(now, 1, decided)
        heard = min(decided, heard + come)
        fresh.heard(1, heard)
        if heard < decided and fresh.at is not None:
            assert fresh.at < decided_at[heard]
        if heard == decided:
            assert fresh.at == now
