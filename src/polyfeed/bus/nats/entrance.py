"""Where the commands of gateways come to the venue: each once, in its gateway's order, and none too late."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import islice

from polyfeed.bus.nats.calls import FIRST_GATEWAY, Call, Entered, Refusal, Reply
from polyfeed.model.batches import Outcome
from polyfeed.model.commands import AnyCommand, Origin
from polyfeed.model.enums import Refusal as Why

LEASE_US = 5_000_000
"""A gateway that says nothing for so long is gone, with its sessions."""

LATE_MS = 5_000
"""A command that was on its way for longer is refused: the market has moved, and its sender with it."""

MOST_REFUSALS = 1000
"""In one reply, so that it fits into a message; the others follow when these have been heard."""

LATE = "it came to the venue too late, and was not carried out"


class _Seat:
    """What is kept of a gateway."""

    __slots__ = ("begun", "entered", "heard", "refusals")

    def __init__(self, entered: int, heard: int) -> None:
        self.begun = self.entered = entered
        self.heard = heard
        self.refusals: dict[int, Refusal] = {}


class Entrance:
    """Pure. `numbers` has the last command of each gateway that is in the venue's history; `submit` hands a command on.

    Times are in microseconds and only their differences count.
    """

    def __init__(
        self, term: int, now: int, numbers: Mapping[int, int], submit: Callable[[AnyCommand, Origin], None]
    ) -> None:
        self._term = term
        self._numbers = numbers
        self._submit = submit
        self._seats: dict[int, _Seat] = {}
        self._ending: set[int] = set()
        self._began = now

    @property
    def gateways(self) -> int:
        """How many live."""
        return len(self._seats)

    @property
    def numbers(self) -> dict[int, int]:
        """The last command of each gateway that is in the venue's history; 0 for one that lives and has none there."""
        return {**dict.fromkeys(self._seats, 0), **self._numbers}

    def take(self, now: int, seq: int, call: Call) -> Reply | None:
        """Takes what is new of a call to this venue, where nothing before it is missing; says how far the gateway has
        come.

        None for a gateway that is ending: what it sent before may still be carried out, so there is nothing to say yet.
        """
        if call.gateway in self._ending:
            return None
        seat = self._seat(now, call)
        if seat is None:
            return Reply(self._term, 0, seq, known=False)
        seat.heard = now
        for number in [one for one in seat.refusals if one < call.base]:
            del seat.refusals[number]
        # What is not waited for any more was refused, and left no trace in history.
        seat.entered = max(seat.entered, call.base - 1)
        if call.term == self._term and call.after <= seat.entered:
            for entered in call.commands:
                self._enter(seat, seq, entered)
        refusals = tuple(islice(seat.refusals.values(), MOST_REFUSALS))
        return Reply(self._term, seat.entered, seq, known=True, refusals=refusals, begun=seat.begun)

    def _enter(self, seat: _Seat, seq: int, entered: Entered) -> None:
        number = entered.origin.number
        if number <= seat.entered:
            return
        seat.entered = number
        if entered.age > LATE_MS:
            self.refuse(seq, entered.origin, Outcome(Why.VENUE_AWAY, LATE))
        else:
            self._submit(entered.command, entered.origin)

    def refuse(self, seq: int, origin: Origin, outcome: Outcome) -> Reply | None:
        """A command never came to the venue: what its gateway is told until it has heard it, None where it is gone."""
        seat = self._seats.get(origin.gateway)
        if seat is None:
            return None
        refusal = seat.refusals[origin.number] = Refusal(origin, outcome)
        return Reply(self._term, seat.entered, seq, known=True, refusals=(refusal,), begun=seat.begun)

    def expire(self, now: int) -> list[int]:
        """The gateways whose leases have ended; those of an earlier term have one of their own from its beginning.

        Nothing more is taken of them; `ended` is to be called when the venue has carried out what ends them.
        """
        ended = [gateway for gateway, seat in self._seats.items() if now - seat.heard > LEASE_US]
        if now - self._began > LEASE_US:
            ended += [one for one in self._numbers if one >= FIRST_GATEWAY and one not in self._seats]
        ended = [one for one in ended if one not in self._ending]
        for gateway in ended:
            self._seats.pop(gateway, None)
        self._ending.update(ended)
        return ended

    def ended(self, gateway: int) -> None:
        """The venue has carried out everything of a gateway, and its end."""
        self._ending.discard(gateway)

    def pardon(self, now: int) -> None:
        """Nobody was listened to for a while: all leases begin again."""
        self._began = now
        for seat in self._seats.values():
            seat.heard = now

    def _seat(self, now: int, call: Call) -> _Seat | None:
        seat = self._seats.get(call.gateway)
        if seat is None and (call.joining or call.gateway in self._numbers):
            seat = self._seats[call.gateway] = _Seat(self._numbers.get(call.gateway, 0), now)
        return seat
