"""What can be left to do of a decision: plain items of the queue of work, which `work.run` does in their order.

An item says only what is left to do, never how, so it can be put on the queue from anywhere.
"""

from __future__ import annotations

from polyfeed.model.enums import CloseReason
from polyfeed.venue.orders import Order
from polyfeed.venue.perpetuals.items import PerpetualWork


class Sweep:
    """An arrived order that is being matched."""

    __slots__ = ("taker",)

    def __init__(self, taker: Order) -> None:
        self.taker = taker


class Withdrawal:
    """Orders that end, all for one reason; the next one is the last of the list."""

    __slots__ = ("orders", "reason")

    def __init__(self, orders: list[Order], reason: CloseReason) -> None:
        self.orders = orders
        self.reason = reason


class Activation:
    """An order whose trigger has fired and that comes into the market now."""

    __slots__ = ("order",)

    def __init__(self, order: Order) -> None:
        self.order = order


Work = Sweep | Withdrawal | Activation | PerpetualWork
