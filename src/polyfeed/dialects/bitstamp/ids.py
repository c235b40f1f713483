"""Numbers and names: orders, trades, events of a market (spec/bitstamp.md 4.5).

Order ids are the venue's own, whose form was measured on Bitstamp's wire (`polyfeed.model.ids`). Tokens are in
`tokens.py`.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_FORM = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_ORDERBOOK_END, _STOP_END = "000020", "000021"


class EventId(NamedTuple):
    """One event of a market: its microseconds, its place among those of the same microsecond, a counter modulo 4."""

    ts: int
    place: int
    counter: int

    def next(self, ts: int) -> EventId:
        """The id of the event after this one."""
        place = (self.place + 1) & 0xFFFF if ts == self.ts else 0
        return EventId(ts, place, (self.counter + 1) & 3)

    def text(self, market: int, stop: bool = False) -> str:
        """The id as it is sent; bytes grouped 4-2-2-2-6: time 8, place 2, market 2, counter 1, and what the event is
        about 3.
        """
        head = f"{self.ts:016x}"
        end = _STOP_END if stop else _ORDERBOOK_END
        return f"{head[:8]}-{head[8:12]}-{head[12:]}-{self.place:04x}-{market:04x}{self.counter:02x}{end}"


NO_EVENT = EventId(0, 0, 3)
"""What stands before the first event of a market."""


class GivenId(NamedTuple):
    """An event id that a client sent."""

    event: EventId
    market: int
    end: str

    def of_source(self, stop: bool) -> bool:
        """Whether it is of the order book, or of stop orders."""
        return self.end == (_STOP_END if stop else _ORDERBOOK_END)


def parse_event_id(text: str) -> GivenId:
    """Reads an event id. Raises ValueError for another form."""
    if _FORM.fullmatch(text) is None:
        raise ValueError(f"{text!r} is no event id")
    digits = text.replace("-", "")
    event = EventId(int(digits[:16], 16), int(digits[16:20], 16), int(digits[24:26], 16))
    return GivenId(event, int(digits[20:24], 16), digits[26:])


def market_number(instrument: int) -> int:
    """The two bytes that stand for a market in event ids; the exchange's own numbers are not known but for three."""
    return (instrument + 1) & 0xFFFF


def trade_id(number: int, ts: int) -> int:
    """The id of a trade: the venue's number, which counts over all markets; for recordings without one their time."""
    return number or ts
