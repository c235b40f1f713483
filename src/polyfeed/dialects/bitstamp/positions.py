"""The private channels without a market: `my_settlements` and `my_liquidations` (spec/bitstamp.md 5)."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

from polyfeed.accounts.accounts import AccountChange
from polyfeed.dialects._base.effects import FeedKey
from polyfeed.dialects._base.feeds import Feed, Heard, OnLag
from polyfeed.dialects.bitstamp import spec, wire
from polyfeed.dialects.bitstamp.private import Owner
from polyfeed.market.market import Market
from polyfeed.model.batches import Batch
from polyfeed.model.events import InsurancePremiumPaid, MarginAlert, PositionSettled, PrivateEvent

_PPM_DECIMALS = 6


class AccountFeed(Feed):
    """A channel of one account, whatever the market."""

    on_lag = OnLag.CLOSE

    def __init__(self, key: FeedKey, owner: Owner, market: Market) -> None:
        super().__init__(key)
        self.owner = owner
        self.market = market
        self.channel = f"{key.channel}-{owner.user}"
        self._events: list[PrivateEvent] = []

    def fold(self, change: Heard) -> None:
        """Keeps an event for the end of the batch."""
        if isinstance(change, AccountChange):
            self._events.append(change.event)

    def flush(self, batch: Batch) -> Sequence[str]:
        """The batch's events."""
        events, self._events = self._events, []
        return [frame for event in events if (frame := self.frame(event, batch.ts))]

    @abstractmethod
    def frame(self, event: PrivateEvent, ts: int) -> str:
        """The message of an event, empty for none."""

    def snapshot(self) -> Sequence[str]:
        """Nothing."""
        return ()


class MySettlementsFeed(AccountFeed):
    """Positions that became smaller or closed, and premiums paid into the insurance fund. All values are text."""

    wants = (PositionSettled, InsurancePremiumPaid)
    rank = spec.RANKS[spec.MY_SETTLEMENTS]

    def frame(self, event: PrivateEvent, ts: int) -> str:
        """A `settlement`, or an `insurance_fund_premium`."""
        if isinstance(event, PositionSettled):
            return wire.data_frame(self._settlement(event, ts), self.channel, "settlement")
        if isinstance(event, InsurancePremiumPaid):
            data = (
                f'{{"tnx_id":"{event.transaction_id}","ts":"{wire.whole_seconds(ts)}","ccy":"{event.currency}",'
                f'"amount":"{self._money(event.amount, event.currency)}"}}'
            )
            return wire.data_frame(data, self.channel, "insurance_fund_premium")
        return ""

    def _settlement(self, event: PositionSettled, ts: int) -> str:
        instrument = self.market.instruments[event.instrument].instrument
        scale, currency = instrument.price_scale, instrument.quote
        parts = (
            ("as", event.amount),
            ("ap", event.from_price),
            ("atf", event.from_trading_fees),
            ("alf", event.from_liquidation_fees),
            ("afu", event.from_funding),
            ("asl", event.from_socialised_loss),
        )
        amounts = "".join(f',"{name}":"{self._money(value, currency)}"' for name, value in parts)
        closed = ',"typ":"C"' if event.closed else ""
        return (
            f'{{"id":"{event.position_id}","tnx_id":"{event.transaction_id}","ts":"{wire.whole_seconds(ts)}",'
            f'"price":"{wire.short(event.price, scale)}","ccy":"{currency}"{amounts},'
            f'"sp":"{wire.short(event.strike_price, scale)}"{closed}}}'
        )

    def _money(self, amount: int, currency: str) -> str:
        known = self.market.currencies.get(currency)
        return wire.short(amount, known.scale if known is not None else 0)


class MyLiquidationsFeed(AccountFeed):
    """Alerts of the account's margin, each under its own event name."""

    wants = (MarginAlert,)
    rank = spec.RANKS[spec.MY_LIQUIDATIONS]

    def frame(self, event: PrivateEvent, ts: int) -> str:
        """An alert."""
        if not isinstance(event, MarginAlert):
            return ""
        name = spec.ALERTS[event.kind]
        data = (
            f'{{"position_id":"{event.position_id}","trade_account_id":{self.owner.trade_account},'
            f'"microtimestamp":"{ts}","alert_type":"{name}","margin_mode":"{event.mode.name}",'
            f'"initial_margin_ratio":"{wire.short(event.initial_ratio_ppm, _PPM_DECIMALS)}",'
            f'"maintenance_margin_ratio":"{wire.short(event.maintenance_ratio_ppm, _PPM_DECIMALS)}"}}'
        )
        return wire.data_frame(data, self.channel, name)
