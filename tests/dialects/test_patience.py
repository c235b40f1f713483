"""How often a connection may be told that it asks for too much."""

from __future__ import annotations

from polyfeed.dialects._base.limiter import REFUSALS, REFUSALS_WINDOW, Patience


def test_one_refusal_too_many_within_the_window_ends_it() -> None:
    patience = Patience()
    told = [patience.ends(5 + number * REFUSALS_WINDOW // REFUSALS) for number in range(REFUSALS)]
    assert not any(told)
    assert not patience.ends(5 + REFUSALS_WINDOW), "a window later the count begins anew"
    assert [patience.ends(6 + REFUSALS_WINDOW) for _ in range(REFUSALS)] == [False] * (REFUSALS - 1) + [True]
    assert patience.ends(7 + REFUSALS_WINDOW)


def test_a_window_begins_with_the_first_refusal() -> None:
    patience = Patience()
    start = 1_800_000_000_000_000
    assert not any(patience.ends(start) for _ in range(REFUSALS))
    assert patience.ends(start + REFUSALS_WINDOW - 1)
    assert not patience.ends(start + REFUSALS_WINDOW)
