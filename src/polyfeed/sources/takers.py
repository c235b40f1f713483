"""Recorded trades as the orders of a taker."""

from __future__ import annotations

from polyfeed.dialects._base.inbound import InboundTrade, TradeMessage
from polyfeed.model.batches import Batch
from polyfeed.model.commands import AnyCommand, PlaceOrder
from polyfeed.model.enums import OrderKind, TimeInForce
from polyfeed.model.events import OwnOrderOpened
from polyfeed.model.instruments import Instrument
from polyfeed.model.numbers import parse_scaled

ANSWER_US = 1_000_000
"""After this an order that was not heard of was refused, or is lost."""


class RecordedTakers:
    """Each trade is one order of `account` that never rests, of the recorded kind, side and size.

    A recorded limit order stops at the price of its trade; a market order takes what it meets. `until` is when the
    answer to the last one is waited for no longer, None when none is.
    """

    def __init__(self, account: int) -> None:
        self._account = account
        self._sent = 0
        self.until: int | None = None

    def repeat(self, instrument: Instrument, message: TradeMessage, now: int) -> list[AnyCommand]:
        """The orders that make these trades."""
        commands: list[AnyCommand] = [self._order(instrument, trade) for trade in message.trades]
        if commands:
            self.until = now + ANSWER_US
        return commands

    def waiting(self, now: int) -> bool:
        """Whether the last order's answer has still to come."""
        if self.until is not None and now >= self.until:
            self.until = None
        return self.until is not None

    def hear(self, batch: Batch) -> None:
        """Takes in a batch, which may be the awaited answer.

        A refusal names no order. One that no session asked for is taken for ours: waiting less does little harm.
        """
        if self.until is None:
            return
        if batch.origin is None and not batch.outcome.accepted:
            self.until = None
        for event in batch.private.get(self._account, ()):
            if isinstance(event, OwnOrderOpened) and event.client_id == self._name():
                self.until = None

    def _order(self, instrument: Instrument, trade: InboundTrade) -> PlaceOrder:
        self._sent += 1
        price = parse_scaled(trade.price, instrument.price_scale)
        return PlaceOrder(
            self._account,
            instrument.id,
            trade.taker_side,
            trade.taker_kind,
            parse_scaled(trade.size, instrument.size_scale),
            0 if trade.taker_kind == OrderKind.MARKET else price,
            TimeInForce.IOC,
            client_id=self._name(),
        )

    def _name(self) -> str:
        """What the last order is called."""
        return f"capture-{self._sent}"
