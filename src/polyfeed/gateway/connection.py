"""What one connection still has to be sent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from polyfeed.dialects._base.effects import FeedKey
from polyfeed.dialects._base.session import Session
from polyfeed.gateway.backlog import CHUNK_BYTES
from polyfeed.gateway.cohort import Cohort
from polyfeed.gateway.returning import Returning


class Outlet(Protocol):
    """The socket side of a connection."""

    @property
    def paused(self) -> bool:
        """Whether it takes nothing now."""

    def write(self, data: bytes) -> None:
        """Sends bytes; what the socket does not take now is kept, and it is paused until that has gone."""

    def keep(self, rest: bytes) -> None:
        """Sends the rest of what was written to `Connection.fd` and not taken whole."""

    def close_frame(self, code: int, reason: str) -> bytes:
        """Begins the closing handshake; returns the close frame to be sent after all that is queued.

        Empty where the client has begun it: then it is answered already.
        """

    def hush(self, *, deaf: bool) -> None:
        """Has nothing be sent but by `write`, pongs neither; where `deaf`, nothing read either, until `speak`."""

    def speak(self) -> None:
        """Ends `hush`."""

    def abort(self) -> None:
        """Ends the connection without another word."""


class Connection:
    """A session, its place in its cohort's frames, and the frames that are its alone.

    `own` comes before everything after `cursor`: whoever adds an own frame first moves the cohort's frames up to now
    into `own`, by reference, so one order holds for all that the connection hears. `fd` is the socket's number while
    bytes may be written to it directly, -1 otherwise. While the connection is `abreast`, its cohort knows where it
    stands. `window` is the compression that it negotiated (deflate.py), 0 for none. `number` is that of its handshake,
    0 where nobody gave one. One that is `alone` is written to by its outlet only, never abreast (faults/). One with
    `offsets` is told how far it has heard, `returning` is what it is yet to be replayed (replays.py).

    `owed` are feeds of `feeds` that it does not hear yet, because their snapshots were too much to wait for it beside
    what does: they come when it has read on, and until then the feeds are as if it had not subscribed to them. None
    where nothing is owed, as almost always.
    """

    __slots__ = (
        "__weakref__",
        "abreast",
        "alone",
        "closing",
        "cohort",
        "cursor",
        "deadline",
        "fd",
        "feeds",
        "gap",
        "lag_bytes",
        "number",
        "offsets",
        "outlet",
        "owed",
        "own",
        "own_bytes",
        "returning",
        "session",
        "window",
    )

    def __init__(
        self,
        session: Session,
        outlet: Outlet,
        cohort: Cohort,
        lag_bytes: int,
        window: int,
        number: int,
    ) -> None:
        self.session = session
        self.outlet = outlet
        self.cohort = cohort
        self.cursor = 0
        self.lag_bytes = lag_bytes
        self.window = window
        self.number = number
        self.own: list[bytes] = []  # a deque takes eleven times as much when it is empty, as it mostly is
        self.own_bytes = 0
        self.feeds: dict[FeedKey, None] = {}
        self.owed: dict[FeedKey, None] | None = None
        self.deadline: int | None = None
        self.fd = -1
        self.abreast = False
        self.closing = False
        self.gap = False
        self.alone = False
        self.offsets = False
        self.returning: Returning | None = None

    def take(self, fd: int) -> None:
        """The socket takes bytes, under this number, until `block`."""
        if not self.closing:
            self.fd = fd

    def block(self) -> None:
        """Nothing may be written to the socket directly any more."""
        self.stray()
        self.fd = -1

    def stray(self) -> None:
        """Goes its own way from where it stands."""
        if self.abreast:
            self.cohort.stray(self)

    def push(self, frame: bytes) -> None:
        """Queues a frame of its own behind all that there is for it."""
        self.push_all((frame,))

    def push_all(self, frames: Sequence[bytes]) -> None:
        """Queues frames of its own, as `push` does."""
        self.settle()
        self.own.extend(frames)
        self.own_bytes += sum(map(len, frames))

    def settle(self) -> None:
        """Makes everything that there is for it its own, so that it can change its cohort.

        Where frames of it are gone, or more would be its own than one reader may have waiting, the rest of them is left
        out and the gap is noted: what heals it comes when the reader reads again.
        """
        self.stray()
        if self.lost():
            self.gap = True
        elif self.cursor < self.cohort.end():
            frames = self.cohort.after(self.cursor)
            size = sum(map(len, frames))
            if self.own_bytes + size > self.lag_bytes:
                self.gap = True
            else:
                self.own.extend(frames)
                self.own_bytes += size
        self.cursor = self.cohort.end()

    def lost(self) -> bool:
        """Whether frames that it should have heard are gone; who is abreast has lost none, and is not asked."""
        return self.gap or self.cursor < self.cohort.start

    def owe(self, key: FeedKey) -> None:
        """Has a feed's snapshot wait until it has read on."""
        if self.owed is None:
            self.owed = {}
        self.owed[key] = None

    def settle_debt(self, key: FeedKey) -> None:
        """A feed's snapshot is not owed, or no longer."""
        if self.owed is not None:
            self.owed.pop(key, None)
            self.owed = self.owed or None

    def heard(self) -> list[FeedKey]:
        """The feeds that it hears now."""
        owed = self.owed
        return list(self.feeds) if owed is None else [key for key in self.feeds if key not in owed]

    def waiting(self) -> int:
        """Bytes that are queued for it; what it has lost is not among them."""
        if self.abreast:
            return 0
        return self.own_bytes + sum(map(len, self.cohort.after(self.cursor)))

    def flush(self, now: int) -> None:
        """Writes what the socket takes: nothing is copied for a reader that does not read."""
        outlet = self.outlet
        while not outlet.paused:
            if self.own:
                outlet.write(self._own_chunk())
            elif not self.closing and self.cursor < self.cohort.end():
                data, self.cursor = self.cohort.chunk(self.cursor)
                outlet.write(data)
            else:
                return
            self.session.last_sent = now

    def _own_chunk(self) -> bytes:
        count, size = 1, len(self.own[0])
        while count < len(self.own) and size + len(self.own[count]) <= CHUNK_BYTES:
            size += len(self.own[count])
            count += 1
        chunk = self.own[:count]
        del self.own[:count]
        self.own_bytes -= size
        return chunk[0] if len(chunk) == 1 else b"".join(chunk)
