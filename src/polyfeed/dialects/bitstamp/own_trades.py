"""The private channels `my_trades` and `live_trades` (spec/bitstamp.md 5)."""

from __future__ import annotations

from collections.abc import Sequence

from polyfeed.accounts.accounts import AccountChange
from polyfeed.dialects._base.effects import FeedKey
from polyfeed.dialects._base.feeds import Heard
from polyfeed.dialects.bitstamp import ids, spec, wire
from polyfeed.dialects.bitstamp.markets import Listed
from polyfeed.dialects.bitstamp.private import Owner, PrivateFeed
from polyfeed.dialects.bitstamp.subscriptions import WHOLE_USER
from polyfeed.model.batches import Batch
from polyfeed.model.enums import ExecutionKind, Side
from polyfeed.model.events import OwnFill, OwnSelfTrade
from polyfeed.model.numbers import format_scaled

_LIQUIDATIONS = (ExecutionKind.POSITION_LIQUIDATION, ExecutionKind.COLLATERAL_LIQUIDATION)


class MyTradesFeed(PrivateFeed):
    """One message per match of an order of the account. Numbers are text, as on the real spot wire (sheet 5)."""

    wants = (OwnFill,)
    rank = spec.RANKS[spec.MY_TRADES]

    def __init__(self, key: FeedKey, owner: Owner, listed: Listed, quote_scale: int) -> None:
        super().__init__(key, owner, listed)
        self._quote_scale = quote_scale
        self._fills: list[tuple[OwnFill, str]] = []

    def fold(self, change: Heard) -> None:
        """Keeps a fill for the end of the batch."""
        if not (isinstance(change, AccountChange) and isinstance(change.event, OwnFill)):
            return
        if change.event.instrument == self.listed.id:
            self._fills.append((change.event, change.order.terms.client_id if change.order else ""))

    def flush(self, batch: Batch) -> Sequence[str]:
        """The batch's fills."""
        fills, self._fills = self._fills, []
        more = f',"trade_account_id":{self.owner.trade_account}'
        return [
            wire.data_frame(self._data(fill, client_id, batch.ts), self.channel, "trade", more)
            for fill, client_id in fills
        ]

    def _data(self, fill: OwnFill, client_id: str, ts: int) -> str:
        trade_id = ids.trade_id(fill.trade_id, ts)
        client = f',"client_order_id":{wire.rest_json(client_id)}' if client_id else ""
        return (
            f'{{"id":{trade_id}{self._id_text(trade_id)},"amount":"{self.listed.amount(fill.size)}",'
            f'"price":"{self.listed.price(fill.price)}","microtimestamp":"{wire.to_millisecond(ts)}",'
            f'"fee":"{fee_text(fill.fee, self._quote_scale)}","order_id":"{fill.order_id}"{client},'
            f'"trade_account_id":{self.owner.trade_account},"side":"{"sell" if fill.side else "buy"}"'
            f"{self._position(fill)}}}"
        )

    def _id_text(self, trade_id: int) -> str:
        return f',"id_str":"{trade_id}"' if self.listed.perpetual else ""

    def _position(self, fill: OwnFill) -> str:
        """What only the fills of perpetuals have (sheet 9)."""
        if not self.listed.perpetual:
            return ""
        liquidation = ',"is_liquidation":1' if fill.execution in _LIQUIDATIONS else ""
        return f',"position_id":{fill.position_id}{liquidation},"trade_type":"{spec.TRADE_TYPES[fill.execution]}"'


class SelfTradesFeed(PrivateFeed):
    """Orders of one user that were offset against each other; no fee, and not among the public trades (sheet 5).

    Both accounts may be told of one: a listener who hears all accounts of the user gets it from the buyer's feed.
    """

    wants = (OwnSelfTrade,)
    rank = spec.RANKS[spec.SELF_TRADES]

    def __init__(self, key: FeedKey, owner: Owner, listed: Listed) -> None:
        super().__init__(key, owner, listed)
        self._offsets: list[OwnSelfTrade] = []

    def fold(self, change: Heard) -> None:
        """Keeps an offset for the end of the batch."""
        if not (isinstance(change, AccountChange) and isinstance(change.event, OwnSelfTrade)):
            return
        event = change.event
        heard_twice = self.key.parameter == WHOLE_USER and event.buyer_account != self.key.account
        if event.instrument == self.listed.id and not heard_twice:
            self._offsets.append(event)

    def flush(self, batch: Batch) -> Sequence[str]:
        """The batch's offsets."""
        offsets, self._offsets = self._offsets, []
        return [wire.data_frame(self._data(one, batch.ts), self.channel, "self_trade") for one in offsets]

    def _data(self, event: OwnSelfTrade, ts: int) -> str:
        listed, user = self.listed, self.owner.user
        sellers = 0 if event.seller_account == user else event.seller_account
        buyers = 0 if event.buyer_account == user else event.buyer_account
        return (
            f'{{"timestamp":{wire.whole_seconds(ts)},"amount":{listed.amount_number(event.size)},'
            f'"amount_str":"{listed.amount(event.size)}","price":{listed.price_number(event.price)},'
            f'"price_str":"{listed.price(event.price)}","type":{int(event.taker_side is Side.SELL)},'
            f'"microtimestamp":"{wire.to_millisecond(ts)}","buy_order_id":{event.buy_order_id},'
            f'"sell_order_id":{event.sell_order_id},"sellers_trade_account_id":{sellers},'
            f'"buyers_trade_account_id":{buyers}}}'
        )


def fee_text(fee: int, scale: int) -> str:
    """A fee, exactly; with at least two decimals, as fees of nothing are printed (sheet 5)."""
    text = format_scaled(fee, scale)
    whole, point, fraction = text.partition(".")
    return f"{whole}.{fraction.rstrip('0').ljust(2, '0')}" if point else text
