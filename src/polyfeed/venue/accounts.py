"""Accounts and their balances: what is owned, and how much of it open orders hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polyfeed.model.enums import BalanceCause
from polyfeed.model.events import BalanceSet
from polyfeed.model.ids import INSURANCE_FUND

if TYPE_CHECKING:
    from polyfeed.venue.orders import Order
    from polyfeed.venue.perpetuals.positions import Position

FEES = 0
"""The venue's own account, which collects fees and pays rebates. It exists from the start."""

FUND = INSURANCE_FUND
"""The insurance fund's account, an ordinary one that nobody can open. It exists from the first perpetual on."""


class Balance:
    """One account's money in one currency. `told_*` is what its owner was last told.

    `margin` is the part of `held` that positions and orders in perpetuals need; it may be more than there is, while a
    position has less than its initial margin. `order_margin` is what the orders need beyond that of the positions.
    `parts` are the changes of the total that have causes of their own, since its owner was told.
    """

    __slots__ = (
        "account",
        "currency",
        "held",
        "margin",
        "order_margin",
        "parts",
        "told_held",
        "told_margins",
        "told_total",
        "total",
        "touched",
    )

    def __init__(self, account: int, currency: str) -> None:
        self.account = account
        self.currency = currency
        self.total = 0
        self.held = 0
        self.margin = 0
        self.order_margin = 0
        self.parts: dict[BalanceCause, int] = {}
        self.told_total = 0
        self.told_held = 0
        self.told_margins = (0, 0)
        self.touched = False  # whether the batch in the making has it on its list

    @property
    def available(self) -> int:
        """What no open order holds."""
        return self.total - self.held

    def move(self, amount: int, cause: BalanceCause) -> None:
        """Changes the total for a cause that its owner is to be told of."""
        self.total += amount
        self._part(amount, cause)

    def _part(self, amount: int, cause: BalanceCause) -> None:
        part = self.parts.pop(cause, 0) + amount
        if part:
            self.parts[cause] = part

    def news(self, cause: BalanceCause) -> BalanceSet:
        """The balance as an event. `cause` is that of what the total changed by besides its `parts`."""
        change, parts = self.total - self.told_total, self.parts
        if parts:
            self._part(change - sum(parts.values()), cause)
            cause = max(sorted(parts), key=lambda one: abs(parts[one]))
        held = self.held
        if self.margin:
            held = min(held, max(self.total, held - self.margin))
        event = BalanceSet(
            self.currency,
            self.total,
            held,
            cause,
            change,
            tuple(sorted(parts.items())) if len(parts) > 1 else (),
            max(0, self.margin - self.held + held),
            self.order_margin,
        )
        parts.clear()
        self.told_total, self.told_held = self.total, self.held
        self.told_margins = self.margin, self.order_margin
        return event


class Account:
    """One owner of orders and money. `orders` are its resting and waiting ones, in the order of their entry.

    A house account has unlimited credit: nothing is held for its orders, and its totals may be negative. `parent` is
    the account that this is a sub-account of, 0 for a main account; `user` is the main account of either. `positions`
    are those in perpetuals by instrument, closed ones too.
    """

    __slots__ = ("balances", "house", "id", "maker_fee_ppm", "orders", "parent", "positions", "taker_fee_ppm", "user")

    def __init__(
        self, account_id: int, house: bool, maker_fee_ppm: int | None, taker_fee_ppm: int | None, parent: int = 0
    ) -> None:
        self.id = account_id
        self.house = house
        self.parent = parent
        self.user = parent or account_id
        self.maker_fee_ppm = maker_fee_ppm
        self.taker_fee_ppm = taker_fee_ppm
        self.balances: dict[str, Balance] = {}
        self.orders: dict[int, Order] = {}
        self.positions: dict[int, Position] = {}

    def balance(self, currency: str) -> Balance:
        """The balance in a currency, made when it is first asked for."""
        balance = self.balances.get(currency)
        if balance is None:
            balance = self.balances[currency] = Balance(self.id, currency)
        return balance
