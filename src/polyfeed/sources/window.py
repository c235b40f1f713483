"""Turns the messages of a depth-limited book into the events of a whole one.

A feed that shows N levels a side says nothing of what happens behind them: a level that is pushed out disappears
silently, and one that moves in is told only after the one that made room. A book that is to be shown again, at N
levels or fewer, must have the newcomer before it is needed, and must not keep what nobody can vouch for any more. So
a republished level goes in before the removal it follows, and what stands beyond N after a message goes out with it
(spec/kraken.md 3.10).
"""

from __future__ import annotations

from bisect import bisect_left, insort

from polyfeed.dialects._base.inbound import BookMessage, InboundLevel
from polyfeed.model.enums import Side
from polyfeed.model.events import BookReset, LevelSet
from polyfeed.model.instruments import Instrument
from polyfeed.model.numbers import parse_scaled

Levels = list[tuple[int, int, int]]


class DepthWindow:
    """The prices that are known of one instrument's book, `depth` a side; 0 stands for a book without a limit.

    All messages must be of this instrument and depth. Raises ValueError for a number that the instrument has no scale
    for.
    """

    def __init__(self, instrument: Instrument, depth: int) -> None:
        self._instrument = instrument
        self._depth = depth
        self._places: dict[Side, list[int]] = {Side.BUY: [], Side.SELL: []}  # ascending; bids negated, so best first

    def events(self, message: BookMessage) -> list[BookReset | LevelSet]:
        """The message as events, in the order in which they are to be folded, each with its own time."""
        if message.reset:
            return [self._reset(message)]
        events: list[BookReset | LevelSet] = []
        removal = False  # whether the last event took a level away
        for level in message.levels:
            event = self._level(level)
            follows = removal and level.republished and self._place(event) is None
            events.insert(len(events) - follows, event)
            self._note(event)
            removal = not event.size
        if message.levels:
            events += self._beyond(message.levels[-1].ts)
        return events

    def _level(self, level: InboundLevel) -> LevelSet:
        instrument = self._instrument
        price = parse_scaled(level.price, instrument.price_scale)
        return LevelSet(instrument.id, level.side, price, parse_scaled(level.size, instrument.size_scale), level.ts)

    def _reset(self, message: BookMessage) -> BookReset:
        sides: dict[Side, Levels] = {Side.BUY: [], Side.SELL: []}
        for level in message.levels:
            event = self._level(level)
            sides[level.side].append((event.price, event.size, event.ts))
        self._places = {
            Side.BUY: sorted(-price for price, _, _ in sides[Side.BUY]),
            Side.SELL: sorted(price for price, _, _ in sides[Side.SELL]),
        }
        return BookReset(self._instrument.id, sides[Side.BUY], sides[Side.SELL])

    def _place(self, event: LevelSet) -> int | None:
        """Where the event's price stands on its side, if it is known."""
        places, key = self._places[event.side], _key(event)
        index = bisect_left(places, key)
        return index if index < len(places) and places[index] == key else None

    def _note(self, event: LevelSet) -> None:
        index = self._place(event)
        if event.size and index is None:
            insort(self._places[event.side], _key(event))
        elif not event.size and index is not None:
            del self._places[event.side][index]

    def _beyond(self, ts: int) -> list[LevelSet]:
        """Removals of what stands behind the window, the worst first."""
        if not self._depth:
            return []
        removals: list[LevelSet] = []
        for side, places in self._places.items():
            beyond = reversed(places[self._depth :])
            removals += [LevelSet(self._instrument.id, side, abs(key), 0, ts) for key in beyond]
            del places[self._depth :]
        return removals


def _key(event: LevelSet) -> int:
    return -event.price if event.side is Side.BUY else event.price
