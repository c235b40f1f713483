"""What was sent to each connection, as it went to the socket: after faults, which may have altered it."""

from __future__ import annotations

from dataclasses import dataclass, field

from polyfeed.gateway.connection import Connection, Outlet
from polyfeed.gateway.faults.frames import cut, text_of

CLOSE = 0x88


@dataclass
class Sent:
    """One connection's `texts` in their order, and the code and reason of the close that the server sent, if any.

    `connection` is its id as `connections` has it.
    """

    connection: str
    texts: list[str] = field(default_factory=list)
    close: tuple[int, str] | None = None


class Recorder:
    """Stands before a connection's outlet for good; the connection is written to apart from all others."""

    def __init__(self, connection: Connection) -> None:
        self.sent = Sent(str(connection.number))
        self._outlet: Outlet = connection.outlet
        connection.alone = True
        connection.outlet = self

    @property
    def paused(self) -> bool:
        """As the socket is."""
        return self._outlet.paused

    def write(self, data: bytes) -> None:
        """Records and sends."""
        for frame in cut(data):
            text = text_of(frame)
            if text is not None:
                self.sent.texts.append(text)
            elif frame[0] == CLOSE:
                self.sent.close = int.from_bytes(frame[2:4], "big"), frame[4:].decode()
        self._outlet.write(data)

    def keep(self, rest: bytes) -> None:
        """Never called: only members of a pack leave a rest."""
        self._outlet.keep(rest)

    def close_frame(self, code: int, reason: str) -> bytes:
        """The socket's."""
        return self._outlet.close_frame(code, reason)

    def hush(self, *, deaf: bool) -> None:
        """The socket's."""
        self._outlet.hush(deaf=deaf)

    def speak(self) -> None:
        """The socket's."""
        self._outlet.speak()

    def abort(self) -> None:
        """The socket's."""
        self._outlet.abort()
