"""All connections that hear the same feeds in the same compression, and the frames still to be sent to some of them.

A frame enters every cohort that hears its feed once, whatever the number of connections. Members stand *abreast* or
`apart`. Those abreast stand at one place, have nothing of their own to be sent, and their sockets take bytes: almost
all members, almost always. So their place is kept once, here, and they are written to by the numbers of their sockets
alone. Those apart have a cursor each.

The kernel's work for a write empties the caches, and each object of ours that a frame does not touch is time saved:
that is why a cohort is its own backlog, and why little is kept for one that has nothing to be sent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from polyfeed.gateway.abreast import in_python, write_abreast
from polyfeed.gateway.backlog import CHUNK_BYTES, Backlog

if TYPE_CHECKING:
    from polyfeed.gateway.connection import Connection
    from polyfeed.gateway.line import Line

FEW = 16
"""Members up to which a cohort is served in one go."""


class Cohort(Backlog):
    """`window` says how its frames are compressed (deflate.py), 0 for not at all; `offsets` that its members are told
    how far they have heard (replays.py). `abreast` has members by the numbers of their sockets; `cursor` is where all
    of them stand when no pass is under way.

    A *pass* writes one chunk to everybody who was abreast when it began, in parts between which others have the event
    loop. Who falls in stands where the others do, so nobody does during a pass.
    """

    __slots__ = (
        "_data",
        "_few",
        "_left",
        "_next",
        "abreast",
        "apart",
        "cursor",
        "lines",
        "offsets",
        "sent_at",
        "window",
    )

    def __init__(self, lines: frozenset[Line], window: int = 0, offsets: bool = False) -> None:
        super().__init__()
        self.lines = lines
        self.window = window
        self.offsets = offsets
        self.abreast: dict[int, Connection] = {}
        self.apart: dict[Connection, None] = {}
        self.cursor = 0
        self.sent_at = 0
        self._few: tuple[int, ...] = ()
        self._left: list[int] = []
        self._data = b""
        self._next = 0

    def key(self) -> tuple[frozenset[Line], int, bool]:
        """What its members have in common."""
        return self.lines, self.window, self.offsets

    # --- members ----------------------------------------------------------------------------------------------------

    def join(self, connection: Connection) -> None:
        """Takes in a member, who hears what comes from now on."""
        self.apart[connection] = None
        self._few = ()
        connection.cohort = self
        connection.cursor = self.end()

    def leave(self, connection: Connection) -> None:
        """Lets a member go."""
        connection.stray()
        del self.apart[connection]

    def empty(self) -> bool:
        """Whether it has no members."""
        return not (self.apart or self.abreast)

    def gather(self, connection: Connection) -> None:
        """Has a member fall in that stands apart, if it has all that there is and so have those abreast."""
        end = self.end()
        if connection.fd < 0 or connection.own or connection.gap or connection.cursor < end or not self.lines:
            return
        if connection.alone or (self.abreast and (self.cursor < end or self._left)):
            return
        self.abreast[connection.fd] = connection
        self.cursor = end
        connection.abreast = True
        del self.apart[connection]

    def stray(self, connection: Connection) -> None:
        """Has a member that is abreast go its own way from where it stands."""
        connection.cursor = self.cursor
        if self._left:
            try:
                self._left.remove(connection.fd)
            except ValueError:
                connection.cursor = self._next
            else:
                self._end_pass()
        self._part(connection)

    def scatter(self) -> None:
        """Has all that are abreast stand apart if they have lost frames."""
        if self.cursor < self.start and not self._left:
            for connection in tuple(self.abreast.values()):
                connection.stray()

    def _part(self, connection: Connection) -> None:
        del self.abreast[connection.fd]
        self.apart[connection] = None
        self._few = ()
        connection.abreast = False

    # --- writing ----------------------------------------------------------------------------------------------------

    def write_few(self, now: int) -> int:
        """The short way for a cohort of few, all abreast with all frames before them; to how many it wrote at gateway
        time `now`, 0 where there is more to do.

        Where a thousand topics have a reader each, the bookkeeping of a walk costs more than its one write.
        """
        numbers = self._few or self._are_few()
        if not numbers or self.cursor != self.start or not 0 < self.bytes <= CHUNK_BYTES:
            return 0
        data = self.take()
        self.cursor = self.start
        self.sent_at = now
        short = in_python(numbers, data)
        if short:
            self._keep_rest(short, data, self.cursor)
            return 0
        return len(numbers)

    def _are_few(self) -> tuple[int, ...]:
        if not self.apart and len(self.abreast) <= FEW and not self._left:
            self._few = tuple(self.abreast)
        return self._few

    def write(self, count: int, until: int) -> tuple[int, list[Connection]]:
        """Writes to up to `count` of those abreast what is next for them; to how many, 0 when all have everything
        before `until`, and those of them that are apart now, because their sockets are full or gone.
        """
        if not self._left:
            if not self.abreast or self.cursor >= until or self.cursor < self.start:
                return 0, []
            self._data, self._next = self.chunk(self.cursor)
            self._left = list(self.abreast)
            self._few = ()
        part = self._left[-count:]
        del self._left[-count:]
        short = self._keep_rest(write_abreast(part, self._data), self._data, self._next)
        self._end_pass()
        return len(part), short

    def _end_pass(self) -> None:
        if not self._left:
            self.cursor = self._next

    def _keep_rest(self, short: list[tuple[int, int]], data: bytes, after: int) -> list[Connection]:
        """Has those go their own way, from `after` the data on, whose sockets did not take all: their outlets have the
        rest.

        Everything is in order before an outlet is given it: one that cannot be written to may close its connection.
        """
        gone = [(self.abreast[number], sent) for number, sent in short]
        for connection, _ in gone:
            connection.cursor = after
            self._part(connection)
        for connection, sent in gone:
            connection.outlet.keep(data[sent:])
        return [connection for connection, _ in gone]

    def forget_sent(self) -> None:
        """Drops what all members have been sent."""
        cursors = [connection.cursor for connection in self.apart]
        if self.abreast:
            cursors.append(self.cursor)
        self.forget(min(cursors, default=self.end()))
