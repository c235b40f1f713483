"""A recording as market data: the book and the trades of its instruments as they were."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from polyfeed.dialects._base.inbound import BookMessage, InboundTrade, TradeMessage
from polyfeed.model.batches import Batch
from polyfeed.model.events import BookReset, LevelSet, PublicEvent, Trade
from polyfeed.model.instruments import Instrument
from polyfeed.model.numbers import parse_scaled
from polyfeed.sources.player import Player
from polyfeed.sources.source import AT_ONCE, BatchSource
from polyfeed.sources.timeline import Moment
from polyfeed.sources.window import DepthWindow

BURST = 500
"""Messages in one step at most, for a process that has fallen behind."""


class CaptureSource(BatchSource):
    """Each message becomes a batch, stamped with the engine time of its newest part.

    `instruments` has the instrument of each symbol that is to be played; they are of detail LEVELS. `speed` is 0.1 to
    100, or None for one message at each call of `step`. A loop goes on in time where the last pass ended. `listing` are
    events for the first batch, where nobody else makes the instruments known. A trade without a number, or with one
    that an earlier pass used, gets the next one of its instrument, from 1.

    Raises ValueError, from `step` too, for what the recording says and the instruments cannot hold.
    """

    def __init__(
        self,
        recording: Iterable[Moment],
        instruments: Mapping[str, Instrument],
        epoch: int,
        *,
        speed: float | None = 1.0,
        loop: bool = True,
        listing: Sequence[PublicEvent] = (),
    ) -> None:
        self.epoch = epoch
        self._instruments = instruments
        self._stepwise = speed is None
        self._player = Player(recording, instruments, speed, loop)
        self._windows: dict[str, DepthWindow] = {}
        self._trades: dict[str, int] = {}
        self._listing = listing
        self._started = False
        self._seq = 0
        self._ts = 0

    @property
    def due(self) -> int | None:
        return self._player.due if self._started else AT_ONCE

    def step(self, now: int) -> list[Batch]:
        batches: list[Batch] = []
        if not self._started:
            self._started = True
            self._player.start(now)
            if self._listing:
                batches.append(self._batch(self._player.next_ts, list(self._listing)))
        if self._stepwise:
            return batches + [self._play() for _ in range(self._player.next is not None)]
        while len(batches) < BURST and (due := self._player.due) is not None and due <= now:
            batches.append(self._play())
        return batches

    def _play(self) -> Batch:
        shift = self._player.shift
        moment = self._player.take()
        message = moment.message
        if isinstance(message, TradeMessage):
            events: list[PublicEvent] = [self._trade(message.symbol, trade, shift) for trade in message.trades]
        else:
            events = [_later(event, shift) for event in self._window(message).events(message)]
        return self._batch(moment.ts + shift, events)

    def _window(self, message: BookMessage) -> DepthWindow:
        window = self._windows.get(message.symbol)
        if window is None:
            window = DepthWindow(self._instruments[message.symbol], message.depth)
            self._windows[message.symbol] = window
        return window

    def _trade(self, symbol: str, trade: InboundTrade, shift: int) -> Trade:
        instrument = self._instruments[symbol]
        number = max(trade.trade_id, self._trades.get(symbol, 0) + 1)
        self._trades[symbol] = number
        return Trade(
            instrument.id,
            number,
            parse_scaled(trade.price, instrument.price_scale),
            parse_scaled(trade.size, instrument.size_scale),
            trade.taker_side,
            trade.taker_kind,
            ts=_shifted(trade.ts, shift),
        )

    def _batch(self, ts: int, events: list[PublicEvent]) -> Batch:
        self._seq += 1
        self._ts = max(ts, self._ts)
        return Batch(self.epoch, self._seq, self._ts, public=events)


def _later(event: BookReset | LevelSet, shift: int) -> BookReset | LevelSet:
    if isinstance(event, LevelSet):
        return msgspec.structs.replace(event, ts=_shifted(event.ts, shift))
    bids, asks = ([(price, size, _shifted(ts, shift)) for price, size, ts in side] for side in (event.bids, event.asks))
    return BookReset(event.instrument, bids, asks)


def _shifted(ts: int, shift: int) -> int:
    """A time in a later pass; none stays none."""
    return ts + shift if ts else 0
