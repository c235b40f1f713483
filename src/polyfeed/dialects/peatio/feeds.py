"""Public channels made from the venue's own events (sheet 3); the book is in book.py."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

from polyfeed.dialects._base.effects import FeedKey
from polyfeed.dialects._base.feeds import Feed, Heard, OnLag
from polyfeed.dialects.peatio import bodies, spec
from polyfeed.dialects.peatio.markets import Markets, PeatioMarket
from polyfeed.dialects.peatio.spec import Profile
from polyfeed.dialects.peatio.wire import frames, raw_string
from polyfeed.market.market import Market
from polyfeed.model.batches import Batch
from polyfeed.model.candle import Candle
from polyfeed.model.events import Trade

VENUE_EPOCH = 1
"""The history whose time drives what is about all markets."""


class TradesFeed(Feed):
    """`.trades`: a frame for each trade."""

    wants = (Trade,)
    on_lag = OnLag.CLOSE
    rank = spec.RANKS[spec.TRADES]

    def __init__(self, key: FeedKey, market: PeatioMarket, profile: Profile) -> None:
        super().__init__(key)
        self._market = market
        self._bodies = profile.bodies
        self._frame = frames(profile)
        self._name = f"{market.name}.{spec.TRADES}"
        self._trades: list[Trade] = []

    def fold(self, change: Heard) -> None:
        """Keeps a trade for the end of the batch."""
        if isinstance(change, Trade):
            self._trades.append(change)

    def flush(self, batch: Batch) -> Sequence[str]:
        """The batch's trades in the order in which they happened."""
        trades, self._trades = self._trades, []
        return [
            self._frame(self._name, bodies.trade(self._bodies, self._market, one, one.ts or batch.ts)) for one in trades
        ]

    def snapshot(self) -> Sequence[str]:
        """Nothing: newcomers are told of new trades only."""
        return ()


class GridFeed(Feed):
    """Speaks when venue time passes a multiple of `every` microseconds. What it says is a state."""

    wants = ()
    on_lag = OnLag.SNAPSHOT
    timed = True

    def __init__(self, key: FeedKey, every: int, now: int) -> None:
        super().__init__(key)
        self._every = every
        self._slot = now // every

    def fold(self, change: Heard) -> None:
        """Nothing to keep: the market has it all."""

    def flush(self, batch: Batch) -> Sequence[str]:
        """Nothing: it speaks at its times."""
        return ()

    def snapshot(self) -> Sequence[str]:
        """Nothing: the next message comes soon and says all."""
        return ()

    def tick(self, ts: int) -> Sequence[str]:
        """The messages of the multiple that was passed, if one was."""
        slot, before = ts // self._every, self._slot
        if slot <= before:
            return ()
        self._slot = slot
        return self.say(slot * self._every, before * self._every)

    @abstractmethod
    def say(self, ts: int, before: int) -> Sequence[str]:
        """The messages due at `ts`; those before were due at `before`."""


class MarketGridFeed(GridFeed):
    """One of a market, by the time of that market's history, which may be another one from its first event on."""

    def __init__(self, key: FeedKey, every: int, now: int, market: PeatioMarket) -> None:
        super().__init__(key, every, now)
        self._market = market
        self._counted = market.state.epoch

    @property
    def epoch(self) -> int:
        """The history of the market's book and trades."""
        return self._market.state.epoch

    def tick(self, ts: int) -> Sequence[str]:
        """As every one; in a history that is new, the multiples are counted from its first mark."""
        if self._counted != self.epoch:
            self._counted = self.epoch
            self._slot = ts // self._every
            return ()
        return super().tick(ts)


class UpdateFeed(MarketGridFeed):
    """`.update`: the whole book every five seconds."""

    rank = spec.RANKS[spec.UPDATE]

    def __init__(self, key: FeedKey, market: PeatioMarket, profile: Profile, now: int) -> None:
        super().__init__(key, spec.UPDATE_EVERY, now, market)
        self._frame = frames(profile)

    def say(self, ts: int, before: int) -> Sequence[str]:
        """The book as it is."""
        return (self._frame(f"{self._market.name}.{spec.UPDATE}", bodies.update(self._market)),)


class KlineFeed(MarketGridFeed):
    """`.kline-PERIOD`; `key.parameter` is the period in seconds. The candle is that of the last trade, however old."""

    rank = spec.RANKS[spec.KLINE]

    def __init__(self, key: FeedKey, market: PeatioMarket, profile: Profile, now: int) -> None:
        super().__init__(key, profile.kline_every, now, market)
        period = next(name for name, seconds in spec.PERIODS.items() if seconds == key.parameter)
        self._profile = profile
        self._frame = frames(profile)
        self._name = f"{market.name}.{spec.KLINE}-{period}"

    def snapshot(self) -> Sequence[str]:
        """The candle as it is, for a reader that missed something: the next message comes with the next trade only."""
        return self._said(self._candle())

    def say(self, ts: int, before: int) -> Sequence[str]:
        """The candle, where the profile repeats it or a trade has changed it."""
        candle = self._candle()
        told = candle is not None and (self._profile.kline_always or candle.last_ts >= before)
        return self._said(candle) if told else ()

    def _candle(self) -> Candle | None:
        return self._market.state.candles.current(self.key.parameter)

    def _said(self, candle: Candle | None) -> Sequence[str]:
        if candle is None:
            return ()
        return (self._frame(self._name, bodies.kline(self._profile.bodies, self._market, candle)),)


class TickersFeed(GridFeed):
    """`global.tickers`: all markets in one frame every five seconds."""

    rank = spec.RANKS[spec.TICKERS]

    def __init__(self, key: FeedKey, markets: Markets, profile: Profile, now: int) -> None:
        super().__init__(key, spec.TICKERS_EVERY, now)
        self._markets = markets
        self._profile = profile
        self._frame = frames(profile)

    @property
    def epoch(self) -> int:
        """The venue's."""
        return VENUE_EPOCH

    def say(self, ts: int, before: int) -> Sequence[str]:
        """All tickers as they are."""
        shape = self._profile.bodies
        texts = [f"{raw_string(one.name)}:{bodies.ticker(shape, one, ts)}" for one in self._markets.all()]
        return (self._frame(f"{spec.GLOBAL}.{spec.TICKERS}", f"{{{','.join(texts)}}}"),)


def public_feed(key: FeedKey, market: Market, markets: Markets, profile: Profile) -> Feed:
    """The feed of a public channel but the book. Raises KeyError for what is none."""
    if key.channel == spec.TICKERS:
        return TickersFeed(key, markets, profile, market.time_of(VENUE_EPOCH))
    one = markets.by_id(key.instrument)
    now = market.time_of(one.state.epoch)
    if key.channel == spec.TRADES:
        return TradesFeed(key, one, profile)
    if key.channel == spec.KLINE:
        return KlineFeed(key, one, profile, now)
    if key.channel == spec.UPDATE:
        return UpdateFeed(key, one, profile, now)
    raise KeyError(key.channel)
