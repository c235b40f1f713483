"""Which batch each public frame of each dialect was made of, for whoever asks: the console's view of five wires.

What a dialect sends says nothing of batches, and must not. So the page hears the dialects on their own sockets like
every client, and this stream beside them, which says of each frame that a feed of one instrument gave: the batch (or
the mark of 100 ms of venue time that the batch passed), the frame's length and its CRC-32. By those the page finds the
frames that it got. Nothing is kept, and nothing is computed, while nobody asks.
"""

from __future__ import annotations

import asyncio
import re
import zlib
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import Any

import msgspec

from polyfeed.bus.memory import MemoryBus
from polyfeed.dialects._base.effects import FeedKey
from polyfeed.gateway.fanout import FanOut
from polyfeed.gateway.observer import Observer
from polyfeed.market.market import Market
from polyfeed.model.batches import Batch
from polyfeed.model.instruments import Instrument
from polyfeed.model.numbers import format_scaled

WAITING = 2_000
"""Lines kept for a reader of the stream; one that falls further behind is let go, and begins anew."""

Line = dict[str, Any]


class Reader:
    """Who asks for one instrument's lines. `lost` says that it fell behind."""

    def __init__(self, instrument: Instrument) -> None:
        self.instrument = instrument
        self.lost = False
        self._lines: list[bytes] = []
        self._wake = asyncio.Event()

    def put(self, line: Line) -> None:
        """Adds a line."""
        self.lost |= len(self._lines) >= WAITING
        if not self.lost:
            self._lines.append(msgspec.json.encode(line))
        self._wake.set()

    def let_go(self) -> None:
        """Ends the reader's lines."""
        self.lost = True
        self._wake.set()

    async def lines(self) -> AsyncIterator[list[bytes]]:
        """What there is, whenever there is something; ends when too much was."""
        while not self.lost:
            await self._wake.wait()
            self._wake.clear()
            lines, self._lines = self._lines, []
            yield lines


class WireLog:
    """Watches the feeds of all dialects while it has readers. It must hear the bus after the gateway."""

    def __init__(self, market: Market, fans: Iterable[FanOut], bus: MemoryBus) -> None:
        self._market = market
        self._watchers = [(fan, _Watcher(self._see, fan.dialect.name)) for fan in fans]
        self._readers: dict[Reader, None] = {}
        self._frames: dict[int, list[Sequence[object]]] = {}
        bus.subscribe(self.on_batch)

    def open(self, instrument: Instrument) -> Reader:
        """A new reader, from the next batch on."""
        if not self._readers:
            for fan, watcher in self._watchers:
                fan.observers.append(watcher)
        reader = Reader(instrument)
        self._readers[reader] = None
        return reader

    def close(self, reader: Reader) -> None:
        """A reader is gone."""
        if self._readers.pop(reader, 0) is None and not self._readers:
            self._frames.clear()
            for fan, watcher in self._watchers:
                fan.observers.remove(watcher)

    def stop(self) -> None:
        """Lets every reader go."""
        for reader in tuple(self._readers):
            reader.let_go()

    def on_batch(self, batch: Batch) -> None:
        """What the feeds said since the last batch was said of this one."""
        for reader in self._readers:
            number = reader.instrument.id
            events = [
                described(event, reader.instrument)
                for event in batch.public
                if getattr(event, "instrument", None) == number
            ]
            frames = self._frames.get(number, ())
            if events or frames:
                reader.put({"epoch": batch.epoch, "seq": batch.seq, "ts": batch.ts, "events": events, "frames": frames})
        self._frames.clear()

    def _see(self, dialect: str, key: FeedKey, texts: Sequence[str], mark: int) -> None:
        if key.account or key.instrument < 0:
            return
        rows = self._frames.setdefault(key.instrument, [])
        for text in texts:
            data = text.encode()
            rows.append((dialect, key.channel, key.parameter, mark, len(data), zlib.crc32(data)))


class _Watcher(Observer):
    """Says which dialect's fan-out it was that said something."""

    def __init__(self, see: Callable[[str, FeedKey, Sequence[str], int], None], dialect: str) -> None:
        self._see = see
        self._dialect = dialect

    def said(self, key: FeedKey, texts: Sequence[str], mark: int) -> None:
        """Passes it on."""
        self._see(self._dialect, key, texts, mark)


_CAPITAL = re.compile(r"(?<!^)(?=[A-Z])")


def described(event: object, instrument: Instrument) -> Line:
    """An event by its name, with what is common to most: side, price and size as text."""
    line: Line = {"event": _CAPITAL.sub("_", type(event).__name__).lower()}
    side = getattr(event, "taker_side", getattr(event, "side", None))
    if side is not None:
        line["side"] = side.name.lower()
    for name, scale in (("price", instrument.price_scale), ("size", instrument.size_scale)):
        value = getattr(event, name, None)
        if isinstance(value, int):
            line[name] = format_scaled(value, scale)
    return line
