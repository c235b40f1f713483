"""What an operator wants to know of one dialect's deliveries, as counts since the start."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter

BOUNDS_US = (250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000)
"""Upper bounds of the delivery times that are told apart."""


class Meter:
    """`delivered` counts turns by how long their first frame waited for the last write of the turn: one more than there
    are bounds, `waited_us` is their sum.

    `closes` counts the connections that the server ended, by code and reason; `healed` the readers that got a snapshot
    in place of what they had missed; `refused` the handshakes and calls that were answered with an error, by status.
    """

    def __init__(self) -> None:
        self.delivered = [0] * (len(BOUNDS_US) + 1)
        self.waited_us = 0
        self.closes: Counter[tuple[int, str]] = Counter()
        self.healed = 0
        self.refused: Counter[int] = Counter()

    def deliver(self, waited_us: int) -> None:
        """A turn is over."""
        self.delivered[bisect_left(BOUNDS_US, waited_us)] += 1
        self.waited_us += waited_us

    def close(self, code: int, reason: str) -> None:
        """The server ended a connection."""
        self.closes[code, reason] += 1
