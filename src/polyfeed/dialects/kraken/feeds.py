"""The channels `trade`, `ticker`, `spread` and `ohlc` (spec/kraken.md 3.6 to 3.9); `book` is in book.py.

A trade batch, all trades of one decision, gives one message on each channel that lives from trades; nothing is sent
without trades, not even when a candle ends. Message: [channelID, payload, channelName, pair].
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from polyfeed.dialects._base.effects import FeedKey
from polyfeed.dialects._base.feeds import Feed, Heard, OnLag
from polyfeed.dialects.kraken import spec
from polyfeed.dialects.kraken.pairs import Pair
from polyfeed.dialects.kraken.wire import channel_name, encode, time_text
from polyfeed.market.book import Level
from polyfeed.market.changes import LevelChange
from polyfeed.market.window import Window
from polyfeed.model.batches import Batch
from polyfeed.model.enums import OrderKind, Side
from polyfeed.model.events import BookReset, Trade
from polyfeed.model.trades import TapeEntry

_MINUTE = 60
_NO_LEVEL = Level(0, 0, 0)


class PairFeed(Feed):
    """A channel of one pair; `number` is its channelID."""

    def __init__(self, key: FeedKey, pair: Pair, number: int) -> None:
        super().__init__(key)
        self.pair = pair
        self._head = f"[{number},"
        self._tail = f",{encode(channel_name(key.channel, key.parameter))},{encode(pair.name)}]"

    def message(self, payload: str) -> str:
        """A data message of this channel."""
        return f"{self._head}{payload}{self._tail}"


class TradeFeed(PairFeed):
    """Every trade of a batch in one message. A newcomer gets the last trades where `recent` is not 0."""

    wants = (Trade,)
    on_lag = OnLag.CLOSE
    rank = spec.RANKS[spec.TRADE]

    def __init__(self, key: FeedKey, pair: Pair, number: int, recent: int) -> None:
        super().__init__(key, pair, number)
        self._recent = recent
        self._trades: list[Trade] = []

    def fold(self, change: Heard) -> None:
        """Keeps a trade for the end of the batch."""
        if isinstance(change, Trade):
            self._trades.append(change)

    def flush(self, batch: Batch) -> Sequence[str]:
        """The batch's trades in the order in which they happened."""
        trades, self._trades = self._trades, []
        return (self._listed(self._text(trade, trade.ts or batch.ts) for trade in trades),) if trades else ()

    def snapshot(self) -> Sequence[str]:
        """The last trades, oldest first, if newcomers get any."""
        entries = self.pair.state.tape.recent(self._recent)
        return (self._listed(self._text(entry, entry.ts) for entry in entries),) if entries else ()

    def _listed(self, texts: Iterable[str]) -> str:
        return self.message(f"[{','.join(texts)}]")

    def _text(self, trade: Trade | TapeEntry, ts: int) -> str:
        pair = self.pair
        side = "b" if trade.taker_side is Side.BUY else "s"
        kind = "l" if trade.taker_kind is OrderKind.LIMIT else "m"
        return f'["{pair.price(trade.price)}","{pair.volume(trade.size)}","{time_text(ts)}","{side}","{kind}",""]'


class TickerFeed(PairFeed):
    """Best bid and ask, last trade, and today's and the last 24 hours' statistics, once per trade batch."""

    wants = (Trade,)
    on_lag = OnLag.SNAPSHOT
    rank = spec.RANKS[spec.TICKER]

    def fold(self, change: Heard) -> None:
        """Nothing to keep: the market has it all."""

    def flush(self, batch: Batch) -> Sequence[str]:
        """The ticker as the batch leaves it."""
        return self.snapshot()

    def snapshot(self) -> Sequence[str]:
        """The ticker; zeros where there is no order or was never a trade."""
        pair, state = self.pair, self.pair.state
        stats, price = state.stats, pair.price
        today, rolling = stats.today, stats.rolling
        return (
            self.message(
                f'{{"a":{self._quote(state.book.asks.best())},"b":{self._quote(state.book.bids.best())},'
                f'"c":["{price(stats.last)}","{pair.volume(stats.last_size)}"],'
                f'"v":["{pair.volume(today.volume)}","{pair.volume(rolling.volume)}"],'
                f'"p":["{price(today.vwap())}","{price(rolling.vwap())}"],'
                f'"t":[{today.count},{rolling.count}],{self._extremes(today, rolling)}}}'
            ),
        )

    def _quote(self, level: Level | None) -> str:
        """A best level: price, volume in whole lots, volume."""
        price, size, _ = level or _NO_LEVEL
        volume = self.pair.volume(size)
        return f'["{self.pair.price(price)}",{volume[: -spec.VOLUME_DECIMALS - 1]},"{volume}"]'

    def _extremes(self, today: Window, rolling: Window) -> str:
        price = self.pair.price
        return (
            f'"l":["{price(today.low)}","{price(rolling.low)}"],"h":["{price(today.high)}","{price(rolling.high)}"],'
            f'"o":["{price(today.open)}","{price(rolling.open)}"]'
        )


class SpreadFeed(PairFeed):
    """Best bid and ask, whenever the price or the volume of either changed.

    The time of a message is that of the last event on a best level in its batch; that of a snapshot the time of the
    pair's last event, which no earlier message can be later than.
    """

    wants = (LevelChange, BookReset)
    on_lag = OnLag.SNAPSHOT
    rank = spec.RANKS[spec.SPREAD]

    def __init__(self, key: FeedKey, pair: Pair, number: int) -> None:
        super().__init__(key, pair, number)
        self._published = self._best()
        self._ts: int | None = None

    def fold(self, change: Heard) -> None:
        """Notes when a best level changed."""
        if isinstance(change, LevelChange):
            if change.rank == 0:
                self._ts = change.ts
        else:
            self._ts = self.pair.state.ts

    def flush(self, batch: Batch) -> Sequence[str]:
        """The best prices and volumes if they are others than before the batch."""
        ts, self._ts = self._ts, None
        if ts is None:
            return ()
        best = self._best()
        if best == self._published:
            return ()
        self._published = best
        return (self._text(ts),)

    def snapshot(self) -> Sequence[str]:
        """The best prices and volumes; all zeros for an empty book."""
        return (self._text(self.pair.state.ts if any(self._published) else 0),)

    def _best(self) -> tuple[int, int, int, int]:
        book = self.pair.state.book
        bid, ask = book.bids.best() or _NO_LEVEL, book.asks.best() or _NO_LEVEL
        return bid.price, ask.price, bid.size, ask.size

    def _text(self, ts: int) -> str:
        bid, ask, bid_size, ask_size = self._published
        price, volume = self.pair.price, self.pair.volume
        prices = f'"{price(bid)}","{price(ask)}"'
        return self.message(f'[{prices},"{time_text(ts)}","{volume(bid_size)}","{volume(ask_size)}"]')


class OhlcFeed(PairFeed):
    """The candle of the last trade, once per trade batch; `key.parameter` is the interval in minutes."""

    wants = (Trade,)
    on_lag = OnLag.SNAPSHOT
    rank = spec.RANKS[spec.OHLC]

    def fold(self, change: Heard) -> None:
        """Nothing to keep: the market has it all."""

    def flush(self, batch: Batch) -> Sequence[str]:
        """The candle as the batch leaves it."""
        return self.snapshot()

    def snapshot(self) -> Sequence[str]:
        """The last candle that had a trade, however old; nothing when there never was a trade."""
        interval = self.key.parameter * _MINUTE
        candle = self.pair.state.candles.current(interval)
        if candle is None:
            return ()
        end = candle.start + interval * spec.SECOND
        prices = (candle.open, candle.high, candle.low, candle.close, candle.vwap())
        texts = '","'.join(map(self.pair.price, prices))
        times = f'"{time_text(candle.last_ts)}","{time_text(end)}"'
        return (self.message(f'[{times},"{texts}","{self.pair.volume(candle.volume)}",{candle.count}]'),)
