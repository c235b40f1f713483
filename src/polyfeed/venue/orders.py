"""An order while the venue knows it: from its acceptance until it is filled or ended. Finished orders are forgotten."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polyfeed.model.commands import PlaceOrder
from polyfeed.model.enums import ExecutionKind, Side
from polyfeed.venue.accounts import Account
from polyfeed.venue.book import Level
from polyfeed.venue.limits import MAX_NUMBER
from polyfeed.venue.markets import Market

if TYPE_CHECKING:
    from polyfeed.venue.triggers import Stop

BUY = Side.BUY
TRADE = ExecutionKind.TRADE


class Order:
    """Terms and standing of one order.

    Of the total `size`, `left` may still fill and `filled` has filled, for `value` and `fees` in the quote currency;
    the rest was offset against orders of the same user. A quote-sized order has an `amount` and no size; its `budget`
    is what is left of it. `held` is what the account has set aside for it. The fee rates are those of its acceptance,
    so that what is held always suffices.

    `stop` is what it waits for while it has a trigger that has not fired. `expire_ts` is the venue time at which it
    ends, 0 for none. `entry` counts the orders that have a trigger or an end, 0 for all others. `gateway` is the one
    that it is bound to, 0 for none.
    """

    __slots__ = (
        "account",
        "after",
        "amount",
        "before",
        "budget",
        "entry",
        "execution",
        "expire_ts",
        "fees",
        "filled",
        "gateway",
        "held",
        "id",
        "kind",
        "last_price",
        "left",
        "level",
        "liquidation",
        "maker_ppm",
        "market",
        "post_only",
        "price",
        "reduce_only",
        "self_trade",
        "side",
        "size",
        "stop",
        "taker_ppm",
        "tif",
        "trigger",
        "value",
    )

    def __init__(self, account: Account, market: Market, command: PlaceOrder) -> None:
        self.id = 0  # given when the order is accepted
        self.account = account
        self.market = market
        self.side = command.side
        self.kind = command.kind
        self.tif = command.tif
        self.post_only = command.post_only
        self.self_trade = command.self_trade
        self.price = command.price
        self.reduce_only = command.reduce_only or command.close_on_trigger
        self.execution = TRADE  # what its fills are; another one: the venue enters it
        self.liquidation = False  # the venue enters it to close a position whose margin is gone
        self.size = self.left = command.size
        self.amount = self.budget = command.amount
        self.trigger = command.trigger
        self.stop: Stop | None = None
        self.expire_ts = 0
        self.entry = 0
        self.gateway = 0
        self.filled = 0
        self.value = 0
        self.fees = 0
        self.held = 0
        rate = account.maker_fee_ppm
        self.maker_ppm = market.maker_fee_ppm if rate is None else rate
        rate = account.taker_fee_ppm
        self.taker_ppm = market.taker_fee_ppm if rate is None else rate
        self.last_price = 0  # of the last trade since it arrived, until it rests
        # Where it rests, if it does; the book keeps these three.
        self.level: Level | None = None
        self.before: Order | None = None
        self.after: Order | None = None

    @property
    def limit(self) -> int:
        """The worst price it takes."""
        if self.price:
            return self.price
        contract = self.market.contract
        if contract is not None and not self.account.house:
            return contract.bound(self.side)
        return MAX_NUMBER if self.side is BUY else 0
