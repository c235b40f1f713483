"""The outlet of a connection with faults: what is written to it comes out altered, late or not at all."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from polyfeed.gateway.connection import Connection, Outlet
from polyfeed.gateway.deflate import framed
from polyfeed.gateway.fanout import FanOut
from polyfeed.gateway.faults.filters import Filter
from polyfeed.gateway.faults.frames import cut, text_of

log = logging.getLogger("polyfeed.faults")


class Timer(Protocol):
    """What `later` gives."""

    def cancel(self) -> None:
        """Has the function not be called."""


Later = Callable[[float, Callable[[], None]], Timer]
"""Has a function called after so many seconds."""


class FaultyOutlet:
    """Stands before the own outlet of a connection of `fan`, from `put` on until it is idle; then `forget` is told."""

    def __init__(
        self, fan: FanOut, connection: Connection, later: Later, forget: Callable[[Connection], object]
    ) -> None:
        self.outlet: Outlet = connection.outlet
        self.filters: list[Filter] = []
        self._fan = fan
        self._connection = connection
        self._alone = connection.alone
        self._later = later
        self._forget = forget
        self._silences = 0
        self._delays: list[int] = []
        self._late: deque[tuple[bytes, Timer]] = deque()
        self._late_bytes = 0

    def put(self) -> None:
        """Takes the own outlet's place; the connection stands apart for as long."""
        self._connection.stray()
        self._connection.alone = True
        self._connection.outlet = self

    def yield_if_idle(self) -> None:
        """Gives the own outlet its place back if no fault is left and nothing is late."""
        if self._connection.outlet is not self or self.filters or self._silences or self._delays or self._late:
            return
        self._connection.outlet = self.outlet
        self._connection.alone = self._alone
        self._forget(self._connection)
        self._fan.resume(self._connection)

    # --- what a connection calls (see connection.Outlet) --------------------------------------------------------------

    @property
    def paused(self) -> bool:
        """While silent, and while more is late than one reader may have waiting."""
        return self._silences > 0 or self._late_bytes > self._connection.lag_bytes or self.outlet.paused

    def write(self, data: bytes) -> None:
        """Sends what the faults leave of some whole frames, when they let it go."""
        out = b"".join(self._altered(data)) if self.filters else data
        if not out:
            return
        if not (self._delays or self._late):
            self.outlet.write(out)
            return
        self._late.append((out, self._later(sum(self._delays) / 1000, self._release)))
        self._late_bytes += len(out)

    def keep(self, rest: bytes) -> None:
        """Never called: who stands apart is written to by `write` alone."""
        self.outlet.keep(rest)

    def close_frame(self, code: int, reason: str) -> bytes:
        """The own outlet's."""
        return self.outlet.close_frame(code, reason)

    def hush(self, *, deaf: bool) -> None:
        """The own outlet's."""
        self.outlet.hush(deaf=deaf)

    def speak(self) -> None:
        """The own outlet's."""
        self.outlet.speak()

    def abort(self) -> None:
        """The own outlet's."""
        self.outlet.abort()

    # --- what faults call ---------------------------------------------------------------------------------------------

    def silence(self) -> Callable[[], None]:
        """Nothing is sent until the returned function is called."""
        self._silences += 1
        self.outlet.hush(deaf=False)
        return self._end_silence

    def _end_silence(self) -> None:
        self._silences -= 1
        if not self._silences:
            self.outlet.speak()
            self._fan.resume(self._connection)

    def delay(self, ms: int) -> Callable[[], None]:
        """All is sent so much later, until the returned function is called: then at once."""
        self._delays.append(ms)

        def end() -> None:
            self._delays.remove(ms)
            while self._late and not self._delays:
                self._release()

        return end

    def _release(self) -> None:
        """The oldest of what is late has waited long enough, or is let go before its time."""
        data, timer = self._late.popleft()
        timer.cancel()
        self._late_bytes -= len(data)
        if self._connection in self._fan.connections:
            self.outlet.write(data)
            self._fan.resume(self._connection)
        self.yield_if_idle()

    def _altered(self, data: bytes) -> Iterator[bytes]:
        for frame in cut(data):
            try:
                yield from self._passed(frame)
            except Exception:
                # Whoever called `write` serves others too.
                log.exception("a message cannot be altered")
                yield frame

    def _passed(self, frame: bytes) -> Sequence[bytes]:
        """What is left of a frame after the first fault that is about it."""
        text = text_of(frame)
        if text is not None:
            for one in self.filters:
                altered = one.altered(text)
                if altered is not None:
                    window = self._connection.window
                    return [frame if said == text else framed(said.encode(), window) for said in altered]
        return (frame,)
