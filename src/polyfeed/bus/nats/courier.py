"""A gateway's commands on their way to the venue: kept until they have an answer, sent again until they are taken."""

from __future__ import annotations

from collections.abc import Callable

from polyfeed.bus.nats.calls import Call, Entered, Reply
from polyfeed.model.commands import AnyCommand, Origin

MOST_COMMANDS = 500
"""Commands in one call."""


class Courier:
    """Pure. Times are in microseconds and only their differences count.

    Nothing is sent before the venue knows the gateway (`joined`), whose number is another one for each process, and
    after each lease that has ended. `term` is that of the latest venue that was heard, `last` the number of the last
    command that was entered.
    """

    def __init__(self, gateway: int, term: int = 0) -> None:
        self.gateway = gateway
        self.term = term
        self.joined = False
        self.last = 0
        self._waiting: dict[int, tuple[AnyCommand, Origin, int]] = {}
        self._sent = 0
        self._taken = 0

    @property
    def waiting(self) -> int:
        """Commands without an answer."""
        return len(self._waiting)

    def enter(self, now: int, command: AnyCommand, origin: Origin) -> None:
        """A command of this gateway's, whose number is higher than that of all before it."""
        self.last = origin.number
        self._waiting[origin.number] = (command, origin, now)

    def settle(self, number: int) -> None:
        """A command has its answer."""
        self._waiting.pop(number, None)

    def settle_until(self, number: int) -> None:
        """All commands up to a number have their answers, or had them where nobody listened."""
        for one in [one for one in self._waiting if one <= number]:
            del self._waiting[one]

    def call(self, now: int, *, again: bool = False) -> Call | None:
        """What is to be said now, None for nothing. `again` is said at intervals, and repeats what was not taken."""
        if not self.joined:
            return Call(self.gateway, 1, joining=True) if again else None
        if again:
            self._sent = self._taken
        after = self._sent
        base = min(self._waiting, default=self.last + 1)
        numbers = [number for number in self._waiting if number > self._sent][:MOST_COMMANDS]
        if not numbers and not again:
            return None
        if numbers:
            self._sent = numbers[-1]
        commands = tuple(
            Entered(command, origin, (now - since) // 1000)
            for command, origin, since in (self._waiting[number] for number in numbers)
        )
        return Call(self.gateway, base, after, commands=commands, term=self.term)

    def hear(self, reply: Reply) -> bool:
        """The venue has come so far; another venue may have come less far than the one before. False for a reply of one
        that was replaced, in which nothing counts.
        """
        if reply.term < self.term:
            return False
        self.term = reply.term
        if reply.known:
            self.joined = True
            self._taken = reply.entered
        return True

    def forsake(self, refuse: Callable[[Origin], None], until: int | None = None) -> None:
        """None of what waits, up to a number, will ever be carried out."""
        for number in [number for number in self._waiting if until is None or number <= until]:
            refuse(self._waiting.pop(number)[1])
