"""A recording as orders: the recorded book stands in the venue, and anybody's order trades against it.

* A liquidity account keeps one resting order for each recorded level (`levels.py`).
* Each recorded trade is sent as a taker order of a second account, just before the book message that shows its effect.
  That message is read once the trade's answer was heard; otherwise the level would be made smaller twice.
* A snapshot, at the start, inside a recording or at the restart of its loop, says how the book is to be. The difference
  to what stands is worked off in small portions, what would stand across it first, and recorded time waits meanwhile.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterable, Mapping

from polyfeed.dialects._base.inbound import BookMessage, TradeMessage
from polyfeed.model.batches import Batch
from polyfeed.model.commands import AnyCommand, CancelAll, CancelOrder
from polyfeed.model.enums import InstrumentStatus, Side
from polyfeed.model.events import BookReset, InstrumentStatusSet
from polyfeed.model.instruments import Instrument
from polyfeed.sources.levels import LevelOrder, LevelOrders
from polyfeed.sources.player import Player
from polyfeed.sources.source import AT_ONCE, Source
from polyfeed.sources.takers import RecordedTakers
from polyfeed.sources.timeline import Moment
from polyfeed.sources.window import DepthWindow

PAUSE_US = 10_000
"""Between two portions of a snapshot."""

ANSWER_US = 5_000_000
"""After this a command that was not heard of was refused, or is lost."""


class CaptureOrders(Source):
    """Keeps the books of `instruments` (by the recording's symbols) as recorded, and repeats the trades.

    `liquidity` and `flow` are house accounts; nobody else may trade as `liquidity`. `speed` is 0.1 to 100, or None for
    one message at each call of `step`; `burst` is the most commands that one step gives, a sweep of trades aside.

    Raises ValueError, from `step` too, for what the recording says and the instruments cannot hold.
    """

    def __init__(
        self,
        recording: Iterable[Moment],
        instruments: Mapping[str, Instrument],
        liquidity: int,
        flow: int,
        *,
        speed: float | None = 1.0,
        loop: bool = True,
        burst: int = 64,
    ) -> None:
        self._instruments = instruments
        self._liquidity = liquidity
        self._takers = RecordedTakers(flow)
        self._burst = burst
        self._stepwise = speed is None
        self._player = Player(recording, instruments, speed, loop)
        self._windows: dict[str, DepthWindow] = {}
        self._ids = [instrument.id for instrument in instruments.values()]
        self._levels = LevelOrders(liquidity, self._ids)
        self._closed: set[int] = set()
        # Levels to look at: first those of updates, in their order, then those of snapshots, from the touch outwards.
        self._work: list[tuple[int, int, LevelOrder]] = []
        self._pushed = 0
        self._asked: deque[tuple[int, LevelOrder]] = deque()
        self._catching_up = False  # a snapshot is being worked off, and recorded time waits
        self._started = False
        self._last_step = AT_ONCE

    @property
    def due(self) -> int | None:
        if not self._started:
            return AT_ONCE
        if self._work or self._levels.strays:
            return self._last_step + PAUSE_US if self._catching_up else self._last_step
        return self._player.due if self._takers.until is None else self._takers.until

    def step(self, now: int) -> list[AnyCommand]:
        commands: list[AnyCommand] = []
        if not self._started:
            self._started = True
            self._player.start(now)
            commands += [CancelAll(self._liquidity, instrument) for instrument in self._ids]
        self._last_step = now
        self._expire(now)
        commands += [CancelOrder(self._liquidity, order_id) for order_id in self._levels.strays]
        self._levels.strays.clear()
        may_read = not (self._stepwise and self._work)
        while len(commands) < self._burst:
            if may_read and self._may_read(now):
                may_read = not self._stepwise
                commands += self._read()
            elif self._work:
                commands += self._work_off(now)
            else:
                break
        if self._catching_up and not self._work:
            self._catching_up = False
            self._player.resume(now)
        return commands

    def hear(self, batch: Batch) -> None:
        for event in batch.public:
            if isinstance(event, InstrumentStatusSet) and event.instrument in self._ids:
                self._hear_status(event)
        for own in batch.private.get(self._liquidity, ()):
            level = self._levels.hear(own)
            if level is not None:
                self._push(level)
        self._takers.hear(batch)

    def _hear_status(self, event: InstrumentStatusSet) -> None:
        """A market that does not take every order keeps what stands; when it does again the difference is worked
        off."""
        if event.status != InstrumentStatus.ONLINE:
            self._closed.add(event.instrument)
        elif event.instrument in self._closed:
            self._closed.remove(event.instrument)
            self._push_difference(event.instrument)

    def _may_read(self, now: int) -> bool:
        """Whether the next message's time has come, and what came before it is settled."""
        if self._player.next is None or self._takers.waiting(now):
            return False
        if self._catching_up and _is_snapshot(self._player.next.message):
            return True
        due = now if self._stepwise else self._player.due
        return not self._work and due is not None and due <= now

    def _read(self) -> list[AnyCommand]:
        """Takes in the next message; returns the commands that it is itself."""
        message = self._player.take().message
        instrument = self._instruments[message.symbol]
        if isinstance(message, TradeMessage):
            closed = instrument.id in self._closed
            return [] if closed else self._takers.repeat(instrument, message, self._last_step)
        for event in self._window(message).events(message):
            if isinstance(event, BookReset):
                self._reset(event)
            else:
                self._push(self._levels.want(instrument.id, event.side, event.price, event.size))
        return []

    def _window(self, message: BookMessage) -> DepthWindow:
        window = self._windows.get(message.symbol)
        if window is None:
            window = DepthWindow(self._instruments[message.symbol], message.depth)
            self._windows[message.symbol] = window
        return window

    def _reset(self, event: BookReset) -> None:
        self._levels.want_none(event.instrument)
        for side, levels in ((Side.BUY, event.bids), (Side.SELL, event.asks)):
            for price, size, _ in levels:
                self._levels.want(event.instrument, side, price, size)
        self._push_difference(event.instrument)

    def _push_difference(self, instrument: int) -> None:
        self._catching_up = True
        for rank, level in enumerate(self._levels.unlike(instrument), 1):
            self._push(level, rank)

    def _push(self, level: LevelOrder, rank: int = 0) -> None:
        if level.instrument not in self._closed:
            self._pushed += 1
            heapq.heappush(self._work, (rank, self._pushed, level))

    def _work_off(self, now: int) -> list[AnyCommand]:
        """What the first level at hand needs, if anything."""
        level = heapq.heappop(self._work)[2]
        command = self._levels.command(level, now)
        if command is None:
            return []
        self._asked.append((now, level))
        return [command]

    def _expire(self, now: int) -> None:
        """Commands that were not answered are not waited for any longer."""
        while self._asked and self._asked[0][0] + ANSWER_US <= now:
            asked, level = self._asked.popleft()
            if level.asked == asked and self._levels.answered(level) is not None:
                self._push(level)


def _is_snapshot(message: BookMessage | TradeMessage) -> bool:
    return isinstance(message, BookMessage) and message.reset
