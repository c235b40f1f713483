"""The timer wheel against a sorted list."""

from __future__ import annotations

import random

from polyfeed.gateway.wheel import SLOT_US, TimerWheel


def test_nothing_comes_before_its_time_and_all_within_a_slot_after_it() -> None:
    dice = random.Random(1)
    wheel: TimerWheel[int] = TimerWheel()
    left: set[int] = set()
    now = 1_000_000_000
    for _ in range(2000):
        if dice.random() < 0.5:
            deadline = now + dice.randrange(10_000_000)
            while deadline in left:
                deadline += 1
            wheel.add(deadline, deadline)
            left.add(deadline)
        else:
            now += dice.randrange(500_000)
            popped = list(wheel.pop_due(now))
            assert all(deadline <= now for deadline in popped)
            assert popped == sorted(popped, key=lambda deadline: -(-deadline // SLOT_US))
            left -= set(popped)
            assert all(deadline > now - SLOT_US for deadline in left)
    due = wheel.next_due()
    assert due is not None
    assert due - min(left) < SLOT_US


def test_an_empty_wheel_is_never_due() -> None:
    wheel: TimerWheel[str] = TimerWheel()
    assert wheel.next_due() is None
    assert list(wheel.pop_due(1 << 60)) == []
