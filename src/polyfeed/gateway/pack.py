"""The members of a cohort that are written to side by side.

They stand at one place, have nothing of their own to be sent, and their sockets take bytes: almost all members, almost
always. So their place is kept once, here, and they are written to by the numbers of their sockets alone. At a thousand
connections the kernel's work for a write empties the caches, and each object of ours that the loop does not touch is
time saved.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from polyfeed.gateway.abreast import in_python, write_abreast

if TYPE_CHECKING:
    from polyfeed.gateway.connection import Connection


class Pack:
    """`members` by the numbers of their sockets; `cursor` is where all of them stand when no pass is under way.

    A *pass* writes one chunk to everybody who was a member when it began, in parts between which others have the event
    loop. Who joins stands where the pack does, so nobody joins during a pass.
    """

    __slots__ = ("_after", "_data", "_left", "cursor", "members")

    def __init__(self) -> None:
        self.members: dict[int, Connection] = {}
        self.cursor = 0
        self._left: list[int] = []
        self._data = b""
        self._after = 0

    def under_way(self) -> bool:
        """Whether a pass has been begun and not everybody has been written to."""
        return bool(self._left)

    def add(self, connection: Connection, place: int) -> None:
        """Takes in a connection that stands at `place`, as do all members."""
        self.members[connection.fd] = connection
        self.cursor = place
        connection.pack = self

    def remove(self, connection: Connection) -> None:
        """Has a member go its own way from where it stands."""
        del self.members[connection.fd]
        connection.pack = None
        connection.cursor = self.cursor
        if self._left:
            try:
                self._left.remove(connection.fd)
            except ValueError:
                connection.cursor = self._after
            else:
                self._end_pass()

    def begin(self, data: bytes, after: int) -> None:
        """Begins a pass that takes everybody to `after`."""
        self._data, self._after, self._left = data, after, list(self.members)

    def write(self, count: int) -> tuple[int, list[Connection]]:
        """Goes on with the pass: writes to up to `count` members; to how many, and those that are members no more
        because their sockets did not take all of it.
        """
        part = self._left[-count:]
        del self._left[-count:]
        short = self._expel(write_abreast(part, self._data), self._after)
        self._end_pass()
        return len(part), kept(short, self._data)

    def write_all(self, data: bytes, after: int) -> list[Connection]:
        """A pass in one go, to few; those that are members no more."""
        short = in_python(self.members, data)
        if not short:
            self.cursor = after
            return []
        gone = self._expel(short, after)
        self.cursor = after
        return kept(gone, data)

    def _expel(self, short: list[tuple[int, int]], after: int) -> list[tuple[Connection, int]]:
        """Has those go their own way whose sockets did not take all."""
        gone = [(self.members.pop(number), sent) for number, sent in short]
        for connection, sent in gone:
            connection.pack = None
            connection.cursor = after if sent else self.cursor
        return gone

    def _end_pass(self) -> None:
        if not self._left:
            self.cursor = self._after


def kept(short: list[tuple[Connection, int]], data: bytes) -> list[Connection]:
    """Those that took a part of the data or nothing, their outlets with the rest of it.

    Everything is in order before this: an outlet that cannot be written to may close its connection.
    """
    for connection, sent in short:
        if sent:
            connection.outlet.keep(data[sent:])
    return [connection for connection, _ in short]
