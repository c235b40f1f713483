"""The batch in the making."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING

from polyfeed.model.enums import BalanceCause
from polyfeed.model.events import PrivateEvent, PublicEvent
from polyfeed.venue.accounts import FEES, Balance

if TYPE_CHECKING:
    from polyfeed.venue.perpetuals.positions import Position

MATCH = 7
"""The most events that one meeting of two orders adds: a Trade, an OwnFill and an OwnOrderUpdated for either side, two
balances of a maker not met before."""

PERPETUAL_MATCH = 12
"""The same for a perpetual: also two settlements, both positions, the open interest."""

WITHDRAWAL = 3
"""The most that one cancellation among many adds: OrderClosed, OwnOrderUpdated, and a balance not touched before."""

ACTIVATION = 6
"""The most that an order which was waiting adds besides its matches: OwnTriggered and OrderOpened, what becomes of its
rest and its OwnOrderUpdated, its two balances."""

RESERVE = 9
"""The most that a decision adds besides its steps: two events for an order that makes way and two for the one that
arrives, what becomes of its rest and its OwnOrderUpdated, the taker's two balances and the venue's fees."""

_by_currency = attrgetter("currency")


class Draft:
    """What has happened so far. `room` is how many more events the steps of the decision may add; `gateway` is the one
    that asked, 0 for none.
    """

    __slots__ = ("gateway", "positions", "private", "public", "room", "touched", "ts", "whole")

    def __init__(self, ts: int, limit: int, gateway: int = 0) -> None:
        self.ts = ts
        self.gateway = gateway
        self.room = self.whole = limit - RESERVE
        self.public: list[PublicEvent] = []
        self.private: dict[int, list[PrivateEvent]] = {}
        self.touched: list[Balance] = []
        self.positions: list[Position] = []

    def claim(self, events: int) -> bool:
        """Claims the room for one step; False when the batch is full and the step must wait for the next one.

        The first step of a batch always has room: a limit that is too small for it must not stop everything.
        """
        if self.room < events and self.room < self.whole:
            return False
        self.room -= events
        return True

    def own(self, account: int) -> list[PrivateEvent]:
        """The private events of an account, to append to."""
        events = self.private.get(account)
        if events is None:
            events = self.private[account] = []
        return events

    def touch(self, balance: Balance) -> None:
        """Notes that a balance may have changed, to be told once at the end."""
        if not balance.touched:
            balance.touched = True
            self.touched.append(balance)

    def tell_balances(self) -> None:
        """Ends each account's events with its balances as they are now, by currency; those that came out unchanged are
        not mentioned.

        One for a batch, not one for each change: a sweep of a hundred makers would repeat its own balance three hundred
        times. What the change was made of is in the fills before it, and in its parts; `cause` names the greatest part
        (a fill before a hold).
        """
        touched = self.touched
        touched.sort(key=_by_currency)
        for balance in touched:
            balance.touched = False
            more_held = balance.held - balance.told_held
            if balance.total != balance.told_total or balance.parts:
                cause = BalanceCause.FEE if balance.account == FEES else BalanceCause.FILL
            elif more_held or balance.told_margins != (balance.margin, balance.order_margin):
                cause = BalanceCause.HOLD if more_held > 0 else BalanceCause.RELEASE
            else:
                continue
            self.own(balance.account).append(balance.news(cause))
