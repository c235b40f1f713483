"""What perpetuals put on the queue of work: plain items, done in steps by `perpetuals.steps`."""

from __future__ import annotations

from enum import IntEnum

from polyfeed.venue.markets import Market
from polyfeed.venue.perpetuals.positions import Position


class Payment:
    """Funding to be exchanged at a rate; the next to pay or receive is the last of the list, payers first."""

    __slots__ = ("market", "positions", "rate_ppm")

    def __init__(self, market: Market, rate_ppm: int, positions: list[Position]) -> None:
        self.market = market
        self.rate_ppm = rate_ppm
        self.positions = positions


class Revaluation:
    """Positions whose mark price changed, or whose margin did; the next one is the last of the list."""

    __slots__ = ("positions",)

    def __init__(self, positions: list[Position]) -> None:
        self.positions = positions


class Trim:
    """Orders that an account can no longer have: more than its margin allows, or with nothing left to reduce."""

    __slots__ = ("position",)

    def __init__(self, position: Position) -> None:
        self.position = position


class Unwinding:
    """A position of the insurance fund, to be offered to the book once."""

    __slots__ = ("offered", "position")

    def __init__(self, position: Position) -> None:
        self.position = position
        self.offered = False


class Stage(IntEnum):
    """How far a liquidation is."""

    ORDERS = 0
    BOOK = 1
    REST = 2
    ASSIGNMENT = 3
    END = 4
    LOSS = 5
    DONE = 6


class Liquidation:
    """The positions that share what secures `position`, whose maintenance margin is gone.

    `target` is the one that is being closed. `queue` are the positions it is closed against outside the book, `payers`
    those whose accounts share a loss, `debts` what each of these still has to pay. `offered_value` is what the target
    was worth to begin with.
    """

    __slots__ = ("debts", "offered_value", "payers", "position", "queue", "stage", "target")

    def __init__(self, position: Position) -> None:
        self.position = position
        self.target = position
        self.stage = Stage.ORDERS
        self.queue: list[Position] = []
        self.payers: dict[int, Position] = {}
        self.debts: list[tuple[Position, int]] = []
        self.offered_value = 0


PerpetualWork = Payment | Revaluation | Trim | Unwinding | Liquidation
