"""One account's position in one perpetual, and what a fill does to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from polyfeed.model.enums import MarginAlertKind, MarginMode, Side
from polyfeed.model.margin import initial_margin, maintenance_margin, portion, profit

if TYPE_CHECKING:
    from polyfeed.venue.accounts import Account
    from polyfeed.venue.markets import Market
    from polyfeed.venue.orders import Order
    from polyfeed.venue.perpetuals.contracts import Contract


class Closing(NamedTuple):
    """What a fill closed of a position, whose id, value at entry and size were those: how much, what that was entered
    and left for, the profit, the fees (with the fill's own) and the funding that belong to it.
    """

    position_id: int
    whole_value: int
    whole_size: int
    size: int
    entry_value: int
    exit_value: int
    realised: int
    fees: int
    closing_fee: int
    funding: int


class Position:
    """What an account has, and has chosen, in one market. It is kept when the position is closed.

    `size` is negative when short, `basis` what it was entered for (see `model.margin`). `margin` is what is set aside
    for an isolated one; it lies in the account's balance. `fees` and `funding` are what was charged (< 0) or received
    since it was opened and is not settled yet, `realised` the profits since then. `orders` are the account's open ones.
    """

    __slots__ = (
        "account",
        "alert",
        "basis",
        "contract",
        "fees",
        "funding",
        "funding_total",
        "id",
        "leverage",
        "liquidating",
        "margin",
        "market",
        "mode",
        "opened_ts",
        "orders",
        "rank",
        "realised",
        "realised_total",
        "size",
        "told",
    )

    def __init__(self, account: Account, market: Market, contract: Contract) -> None:
        self.account = account
        self.market = market
        self.contract = contract
        self.leverage = contract.terms.default_leverage
        self.mode = MarginMode.CROSS
        self.id = 0
        self.size = 0
        self.basis = 0
        self.margin = 0
        self.fees = 0
        self.funding = 0
        self.funding_total = 0  # of this position, settled or not
        self.realised = 0
        self.realised_total = 0  # of all positions of the account in the market
        self.opened_ts = 0
        self.rank = 0
        self.alert: MarginAlertKind | None = None  # the deepest that was told since the account was sound
        self.liquidating = False
        self.orders: dict[int, Order] = {}
        self.told = True

    def value_at(self, size: int) -> int:
        """What a size of either sign is worth at the mark price."""
        return abs(size) * self.contract.mark // self.market.divisor

    @property
    def value(self) -> int:
        """What the position is worth at the mark price, whichever its side."""
        return self.value_at(self.size)

    @property
    def profit(self) -> int:
        """Unrealised, at the mark price."""
        return profit(self.size, self.basis, self.contract.mark, self.market.divisor)

    def initial(self, value: int) -> int:
        """The initial margin of exposure worth this."""
        return initial_margin(value, self.leverage, self.contract.terms.tiers) if value else 0

    @property
    def maintenance(self) -> int:
        """The maintenance margin at the mark price."""
        return maintenance_margin(self.value, self.contract.terms.tiers) if self.size else 0

    def fill(self, side: Side, size: int, value: int, fee: int, position_id: int, ts: int) -> Closing | None:
        """Takes in a fill; a new position gets the id. Gives what was closed of the one before, if anything was.

        What is closed is in the proportion of the sizes, towards 0, and the rest stays; so nothing is lost.
        """
        sign = 1 if side is Side.BUY else -1
        before = self.size
        closed = min(size, abs(before)) if before * sign < 0 else 0
        closing = None
        if closed:
            value_closed, fee_closed = portion(value, closed, size), portion(fee, closed, size)
            closing = self._close(sign, closed, value_closed, fee_closed)
            size, value, fee = size - closed, value - value_closed, fee - fee_closed
        if size:
            if not self.size:
                self._open(position_id, ts)
            self.size += sign * size
            self.basis += sign * value
            self.fees -= fee
        self._keep(before)
        return closing

    def _close(self, sign: int, size: int, value: int, fee: int) -> Closing:
        whole = abs(self.size)
        released = portion(self.basis, size, whole)
        fees, funding = portion(self.fees, size, whole), portion(self.funding, size, whole)
        realised = -sign * value - released
        closing = Closing(
            self.id, abs(self.basis), whole, size, abs(released), value, realised, fees - fee, -fee, funding
        )
        self.size += sign * size
        self.basis -= released
        self.fees -= fees
        self.funding -= funding
        self.realised += realised
        self.realised_total += realised
        return closing

    def _open(self, position_id: int, ts: int) -> None:
        self.id = position_id
        self.opened_ts = ts
        self.basis = self.fees = self.funding = self.funding_total = self.realised = 0
        self.alert = None

    def _keep(self, before: int) -> None:
        """Keeps the market's list of positions and its open interest."""
        contract = self.contract
        contract.open_interest += max(self.size, 0) - max(before, 0)
        if self.size:
            contract.positions.setdefault(self.account.id, self)
        else:
            contract.positions.pop(self.account.id, None)
