"""The public channels without a book: `live_trades`, `live_orders`, `funding_rate`, `announcements`."""

from __future__ import annotations

from collections.abc import Sequence

from polyfeed.dialects._base.effects import FeedKey
from polyfeed.dialects._base.feeds import Feed, Heard, OnLag
from polyfeed.dialects.bitstamp import ids, spec, wire
from polyfeed.dialects.bitstamp.markets import Listed
from polyfeed.dialects.bitstamp.order_events import order_data, order_ids
from polyfeed.dialects.bitstamp.projection import BitstampProjection
from polyfeed.model.batches import Batch
from polyfeed.model.enums import Side
from polyfeed.model.events import AnnouncementMade, OrderClosed, OrderOpened, OrderReduced, OrderRested, Trade

_PPM_DECIMALS = 6


class MarketFeed(Feed):
    """A channel of one market. Newcomers get nothing: every channel begins with the next thing that happens."""

    def __init__(self, key: FeedKey, listed: Listed, projection: BitstampProjection) -> None:
        super().__init__(key)
        self.listed = listed
        self.projection = projection
        self.channel = f"{key.channel}_{listed.symbol}"

    @property
    def epoch(self) -> int:
        """The history of the market's book and trades."""
        return self.listed.state.epoch

    def snapshot(self) -> Sequence[str]:
        """Nothing (sheet 4)."""
        return ()


class LiveTradesFeed(MarketFeed):
    """One message per match (sheet 4.1)."""

    wants = (Trade,)
    on_lag = OnLag.CLOSE
    rank = spec.RANKS[spec.LIVE_TRADES]

    def __init__(self, key: FeedKey, listed: Listed, projection: BitstampProjection) -> None:
        super().__init__(key, listed, projection)
        self._trades: list[Trade] = []

    def fold(self, change: Heard) -> None:
        """Keeps a trade for the end of the batch."""
        if isinstance(change, Trade):
            self._trades.append(change)

    def flush(self, batch: Batch) -> Sequence[str]:
        """The batch's trades."""
        trades, self._trades = self._trades, []
        return [wire.data_frame(self._data(trade, trade.ts or batch.ts), self.channel, "trade") for trade in trades]

    def _data(self, trade: Trade, ts: int) -> str:
        listed = self.listed
        buyer, seller = trade.taker_id, trade.maker_id
        if trade.taker_side is Side.SELL:
            buyer, seller = seller, buyer
        return (
            f'{{"id":{ids.trade_id(trade.trade_id, ts)},"timestamp":"{wire.whole_seconds(ts)}",'
            f'"amount":{listed.amount_number(trade.size)},"amount_str":"{listed.amount(trade.size)}",'
            f'"price":{listed.price_number(trade.price)},"price_str":"{listed.price(trade.price)}",'
            f'"type":{int(trade.taker_side)},"microtimestamp":"{wire.to_millisecond(ts)}",'
            f'"buy_order_id":{buyer},"sell_order_id":{seller}}}'
        )


class LiveOrdersFeed(MarketFeed):
    """The events that the projection made of the batch (sheet 4.5)."""

    wants = (OrderOpened, OrderRested, OrderReduced, OrderClosed, Trade)
    on_lag = OnLag.CLOSE
    rank = spec.RANKS[spec.LIVE_ORDERS]

    def fold(self, change: Heard) -> None:
        """Nothing to keep: the projection has it all."""

    def flush(self, batch: Batch) -> Sequence[str]:
        """The batch's events."""
        listed = self.listed
        return [
            wire.data_frame(order_data(listed, row), self.channel, row.event, order_ids(listed, row))
            for row in self.projection.rows(listed)
        ]


class FundingRateFeed(MarketFeed):
    """A perpetual's prices and rate, once a second (sheet 4.6)."""

    wants = ()
    on_lag = OnLag.SNAPSHOT
    rank = spec.RANKS[spec.FUNDING_RATE]
    timed = True

    def __init__(self, key: FeedKey, listed: Listed, projection: BitstampProjection) -> None:
        super().__init__(key, listed, projection)
        self._second = wire.whole_seconds(listed.state.clock.now)

    def fold(self, change: Heard) -> None:
        """Nothing to keep: the market has it all."""

    def flush(self, batch: Batch) -> Sequence[str]:
        """Nothing: time alone makes it speak."""
        return ()

    def tick(self, ts: int) -> Sequence[str]:
        """The rate, at the first mark of each second; nothing before a rate is known."""
        second, perpetual = wire.whole_seconds(ts), self.listed.state.perpetual
        if second <= self._second:
            return ()
        self._second = second
        if not perpetual.next_funding_ts:
            return ()
        scale = self.listed.instrument.price_scale
        data = (
            f'{{"market":"{self.listed.symbol}","mark_price":"{wire.short(perpetual.mark_price, scale)}",'
            f'"index_price":"{wire.short(perpetual.index_price, scale)}",'
            f'"funding_rate":"{wire.short(perpetual.funding_rate_ppm, _PPM_DECIMALS)}","timestamp":"{second}",'
            f'"next_funding_time":"{wire.whole_seconds(perpetual.next_funding_ts)}"}}'
        )
        return (wire.data_frame(data, self.channel, "funding_rate_saved"),)


class AnnouncementsFeed(Feed):
    """What the operator announces; the announcement brings its event's name and its payload (sheet 4.7)."""

    wants = (AnnouncementMade,)
    on_lag = OnLag.CLOSE
    rank = spec.RANKS[spec.ANNOUNCEMENTS]

    def __init__(self, key: FeedKey) -> None:
        super().__init__(key)
        self._made: list[AnnouncementMade] = []

    def fold(self, change: Heard) -> None:
        """Keeps an announcement for the end of the batch."""
        if isinstance(change, AnnouncementMade):
            self._made.append(change)

    def flush(self, batch: Batch) -> Sequence[str]:
        """The batch's announcements."""
        made, self._made = self._made, []
        return [wire.data_frame(one.body, spec.ANNOUNCEMENTS, one.kind) for one in made]

    def snapshot(self) -> Sequence[str]:
        """Nothing."""
        return ()
