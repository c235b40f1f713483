"""What kept feeds said lately, for clients of our own that come back (docs/resume.md).

A client that asks for it is told after each batch how far it has heard, and is replayed what it missed. Every gateway
keeps the feeds that such clients hear on any of them: alive, with a log of their messages. So nothing is made again.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from itertools import takewhile
from typing import TYPE_CHECKING, Protocol

import msgspec
from msgspec import Struct

from polyfeed.dialects._base.effects import ANY, FeedKey
from polyfeed.gateway.deflate import framed
from polyfeed.gateway.returning import Returning, Wish
from polyfeed.market.market import Market

if TYPE_CHECKING:
    from polyfeed.gateway.cohort import Cohort
    from polyfeed.gateway.connection import Connection
    from polyfeed.gateway.line import Line
    from polyfeed.gateway.turns import Turns

log = logging.getLogger("polyfeed.gateway")

SECOND = 1_000_000

RATE = 32 << 20
"""Bytes that are replayed in a second, to all together: a storm of clients that come back leaves time for others."""


class ReplayTerms(Struct, frozen=True):
    """How long, how much and how many feeds are kept of one dialect."""

    seconds: float
    bytes: int
    feeds: int


class Keeper(Protocol):
    """Who has the feeds."""

    def keep(self, key: FeedKey) -> None:
        """Makes the feed if it is not there; it stays while it is among the replays."""

    def let_go(self, key: FeedKey) -> None:
        """The feed is kept no longer: without listeners it ends."""

    def heard(self) -> set[FeedKey]:
        """The feeds whose listeners may come back to them."""


class Entry:
    """What a feed said of one batch, and the gateway time of that. `size` is that of the texts, in bytes."""

    __slots__ = ("_frames", "_texts", "at", "key", "offset", "size")

    def __init__(self, offset: int, at: int, key: FeedKey, texts: Sequence[str]) -> None:
        self.offset = offset
        self.at = at
        self.key = key
        self.size = sum(map(len, texts))
        self._texts = texts
        self._frames: dict[int, list[bytes]] | None = None

    def frames(self, window: int) -> list[bytes]:
        """The messages as frames of one compression; made once, for all who missed them."""
        if self._frames is None:
            self._frames = {}
        if window not in self._frames:
            self._frames[window] = [framed(text.encode(), window) for text in self._texts]
        return self._frames[window]


class Log:
    """One kept feed's: complete for whoever has heard everything up to `since`. `until` is gateway time."""

    __slots__ = ("entries", "since", "until")

    def __init__(self, since: int, until: int) -> None:
        self.since = since
        self.until = until
        self.entries: deque[Entry] = deque()

    def after(self, offset: int, window: int) -> list[bytes]:
        """The frames of the batches after `offset`."""
        found = list(takewhile(lambda entry: entry.offset > offset, reversed(self.entries)))
        return [frame for entry in reversed(found) for frame in entry.frames(window)]


class Replays:
    """The kept feeds of one dialect.

    `history` names the venue's history; `market` gives the number of batches, and the instruments' names. `keeper` has
    the feeds; `tell` tells other gateways which feeds are to be kept; `later` has a function called after so many
    seconds; `now` is gateway time.

    `offset` is that of the last batch whose messages have been published. `resumed` and `refused` count replays.
    """

    def __init__(
        self,
        history: str,
        terms: ReplayTerms,
        market: Market,
        keeper: Keeper,
        tell: Callable[[list[FeedKey]], None],
        later: Callable[[float, Callable[[], None]], object],
        now: Callable[[], int],
    ) -> None:
        self.history = history
        self.offset = 0
        self.resumed = 0
        self.refused = 0
        self._terms = terms
        self._market = market
        self._keeper = keeper
        self._tell = tell
        self._later = later
        self._now = now
        self._logs: dict[FeedKey, Log] = {}
        self._entries: deque[Entry] = deque()
        self._bytes = 0
        self._touched: dict[Cohort, None] = {}
        self._sweeping = False
        self._free_at = 0

    @property
    def active(self) -> bool:
        """Whether any feed is kept: otherwise nothing needs to be noted."""
        return bool(self._logs)

    def __len__(self) -> int:
        return len(self._logs)

    def __contains__(self, key: FeedKey) -> bool:
        return key in self._logs

    # --- what feeds say -----------------------------------------------------------------------------------------------

    def note(self, line: Line, texts: Sequence[str]) -> None:
        """A feed said something of the batch that comes after `offset`."""
        for cohort in line.cohorts:
            if cohort.offsets:
                self._touched[cohort] = None
        kept = self._logs.get(line.feed.key)
        if kept is None:
            return
        entry = Entry(self.offset + 1, self._now(), line.feed.key, texts)
        kept.entries.append(entry)
        self._entries.append(entry)
        self._bytes += entry.size
        self._trim(entry.at)

    def settle(self, turns: Turns) -> bool:
        """A batch is published: puts its offset behind what it gave; whether to anybody."""
        before, self.offset = self.offset, self._batches()
        if self.offset != before + 1:
            self.restart()
        if not self._touched:
            return False
        payload = self.marker().encode()
        for cohort in self._touched:
            if not cohort.empty():
                cohort.append(framed(payload, cohort.window))
                if cohort not in turns.urgent:
                    turns.fresh[cohort] = None
        self._touched.clear()
        return True

    def restart(self) -> None:
        """Batches were left out, or the state is another one: nothing can be replayed over that."""
        self.offset = self._batches()
        self.end(tuple(self._logs))
        self._entries.clear()
        self._bytes = 0
        self.want(self._keeper.heard())

    def marker(self) -> str:
        """How far everything is published."""
        return f'{{"polyfeed":{{"epoch":"{self.history}","offset":{self.offset}}}}}'

    def _batches(self) -> int:
        """How many batches the market has folded, of all epochs together: the same on every gateway."""
        return sum(self._market.seen.values())

    def _trim(self, now: int) -> None:
        oldest = now - int(self._terms.seconds * SECOND)
        entries = self._entries
        while entries and (entries[0].at < oldest or self._bytes > self._terms.bytes):
            gone = entries.popleft()
            self._bytes -= gone.size
            kept = self._logs.get(gone.key)
            if kept is not None and kept.entries and kept.entries[0] is gone:
                kept.entries.popleft()
                kept.since = gone.offset

    # --- what is kept -------------------------------------------------------------------------------------------------

    def want(self, keys: Iterable[FeedKey]) -> list[FeedKey]:
        """Keeps these feeds for a while from now on, as far as there is room; those that were not kept before."""
        if not self._logs:
            self.offset = self._batches()
        until = self._now() + int(2 * self._terms.seconds * SECOND)
        fresh = []
        for key in keys:
            kept = self._logs.get(key)
            if kept is not None:
                kept.until = until
            elif len(self._logs) < self._terms.feeds:
                self._keeper.keep(key)
                self._logs[key] = Log(self._batches(), until)
                fresh.append(key)
        if self._logs and not self._sweeping:
            self._sweeping = True
            self._later(self._terms.seconds / 3, self._sweep)
        return fresh

    def hear(self, keys: Iterable[FeedKey]) -> None:
        """Other gateways have listeners of these feeds who may come here."""
        for key in keys:
            try:
                self.want((key,))
            except Exception as error:  # a gateway of another version may know feeds that this one does not
                log.warning("the feed %s, named by another gateway, cannot be kept: %r", key, error)

    def join(self, key: FeedKey) -> None:
        """A feed is heard by somebody who may come back: it is to be kept, here and everywhere."""
        if self.want((key,)):
            self._tell([key])

    def end(self, keys: Iterable[FeedKey]) -> None:
        """These feeds cannot be vouched for any more, or are wanted no longer."""
        for key in keys:
            if self._logs.pop(key, None) is not None:
                self._keeper.let_go(key)

    def _sweep(self) -> None:
        """Names the feeds that are heard here once more, and lets those go that nobody has named for a while."""
        self._sweeping = False
        now = self._now()
        heard = self._keeper.heard()
        if heard:
            self._tell(sorted(heard))
        self.end([key for key, kept in self._logs.items() if kept.until < now and key not in heard])
        self._trim(now)
        self.want(heard)

    # --- who comes back -----------------------------------------------------------------------------------------------

    def greet(self, connection: Connection, wish: Wish) -> None:
        """Tells a connection that it is understood, or why it cannot go on from where it was. There is no offset before
        its first subscription: nothing could be resumed from it.
        """
        connection.offsets = True
        if not self._logs:
            self.offset = self._batches()
        reason = self._obstacle(wish)
        if wish.returns and not reason:
            connection.returning = Returning(wish.offset, self._now() + int(self._terms.seconds * SECOND))
            return
        texts = [*([refusal(reason)] if reason else []), f'{{"polyfeed":{{"epoch":"{self.history}"}}}}']
        connection.push_all([framed(text.encode(), connection.window) for text in texts])

    def _obstacle(self, wish: Wish) -> str:
        if wish.malformed:
            return "malformed"
        if wish.returns and wish.epoch != self.history:
            return "epoch"
        return "future" if wish.offset > self.offset else ""

    def bring(self, connection: Connection, key: FeedKey) -> bool:
        """Sends a connection what it missed of a feed, or says why that cannot be; whether it was sent."""
        assert connection.returning is not None
        offset = connection.returning.offset
        reason, frames = self._missed(connection, key, offset)
        said = f'"reason":"{reason}"' if reason else f'"from":{offset}'
        text = f'{{"polyfeed":{{"resumed":{json(not reason)},{self._named(key)},{said}}}}}'
        connection.push_all([framed(text.encode(), connection.window), *frames])
        self.resumed += not reason
        self.refused += bool(reason)
        return not reason

    def _missed(self, connection: Connection, key: FeedKey, offset: int) -> tuple[str, list[bytes]]:
        """The frames, or a reason why there are none to be had."""
        kept = self._logs.get(key)
        if kept is None or offset < kept.since:
            return "window", []
        frames = kept.after(offset, connection.window)
        size = sum(map(len, frames))
        if size > connection.lag_bytes - connection.own_bytes:
            return "bytes", []
        return ("", frames) if self._affords(size) else ("busy", [])

    def _affords(self, size: int) -> bool:
        """Whether so many bytes more may be replayed now: no more at once than in a second."""
        now = self._now()
        free_at = max(self._free_at, now) + size * SECOND // RATE
        if free_at > now + SECOND:
            return False
        self._free_at = free_at
        return True

    def _named(self, key: FeedKey) -> str:
        instrument = None if key.instrument == ANY else self._market.instruments[key.instrument].instrument.name
        return f'"channel":{json(key.channel)},"instrument":{json(instrument)}'


def refusal(reason: str) -> str:
    """Says that nothing can be replayed on a connection."""
    return f'{{"polyfeed":{{"resumed":false,"reason":"{reason}"}}}}'


def json(value: object) -> str:
    """A value as JSON."""
    return msgspec.json.encode(value).decode()
