"""Recorded files as one row of market messages in the order in which the exchange's engine made them.

The channels of an exchange are not ordered among each other: on Kraken's connections a trade came up to 119 ms before
the book message that shows its effect or up to 3 ms after it. But both tell the engine's time, which in 27 of the 28
trades of the shipped capture is the same and in one differs by a microsecond. So messages are put in the order of
engine time, and trades stand before the book messages of the same microsecond and the next, whose cause they are.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from polyfeed.dialects._base.inbound import BookMessage, Inbound, InboundMessage, TradeMessage
from polyfeed.sources.captures import read_frames

REORDER_US = 2_000_000
"""How far apart two channels of one connection may lie. From engine to receipt it took up to 1.3 s in the capture."""

TRADE_LEAD_US = 1
"""How much earlier than its trade a book message may be stamped."""


class Moment(NamedTuple):
    """A message and the engine's time of the last thing it tells, in microseconds since the epoch."""

    ts: int
    message: BookMessage | TradeMessage


class Timeline:
    """The market messages of some files; each iteration reads the files anew, as far as it gets.

    `inbound` makes the reader of one connection's messages; each file is one connection. The messages of one kind in
    one file keep their order, whatever times they tell.
    """

    def __init__(self, paths: Sequence[Path], inbound: Callable[[], Inbound]) -> None:
        self._paths = paths
        self._inbound = inbound

    def __iter__(self) -> Iterator[Moment]:
        return heapq.merge(*map(self._in_order, self._paths), key=_order)

    def _in_order(self, path: Path) -> Iterator[Moment]:
        """One file's moments, those of its two kinds brought into one order."""
        waiting: list[tuple[tuple[int, int], int, Moment]] = []
        for number, moment in enumerate(self._read(path)):
            heapq.heappush(waiting, (_order(moment), number, moment))
            while waiting[0][2].ts < moment.ts - REORDER_US:
                yield heapq.heappop(waiting)[2]
        while waiting:
            yield heapq.heappop(waiting)[2]

    def _read(self, path: Path) -> Iterator[Moment]:
        inbound = self._inbound()
        last: dict[type[InboundMessage], int] = {}
        for frame in read_frames(path):
            if not frame.from_server:
                continue
            message = inbound.receive(frame.text)
            if isinstance(message, BookMessage | TradeMessage):
                ts = max(_engine_time(message) or frame.ts, last.get(type(message), 0))
                last[type(message)] = ts
                yield Moment(ts, message)


def _order(moment: Moment) -> tuple[int, int]:
    if isinstance(moment.message, TradeMessage):
        return moment.ts - TRADE_LEAD_US, 0
    return moment.ts, 1


def _engine_time(message: BookMessage | TradeMessage) -> int:
    """The time of the newest thing in the message; 0 where the exchange tells none."""
    if isinstance(message, TradeMessage):
        return max((trade.ts for trade in message.trades), default=0)
    return max((level.ts for level in message.levels if not level.republished), default=0)
