"""The faults that are in force, and the connections they are in force for.

A fault is for connections that are open when it is set: who reconnects is well again. It ends when it is cleared, when
its time is over, when it has altered as many messages as it should on each connection, or with the last of these.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from functools import partial
from itertools import count

from polyfeed.gateway.closes import GOING_AWAY
from polyfeed.gateway.connection import Connection
from polyfeed.gateway.fanout import FanOut
from polyfeed.gateway.faults import filters
from polyfeed.gateway.faults.filters import Alter, Filter
from polyfeed.gateway.faults.outlet import FaultyOutlet, Later, Timer
from polyfeed.gateway.faults.terms import Refused, Terms
from polyfeed.market.market import Market
from polyfeed.model.events import SystemStatusSet

log = logging.getLogger("polyfeed.faults")

MAINTENANCE = "maintenance"

End = Callable[[], None]
"""Ends a fault on one connection."""


class Fault:
    """A fault in force. `dialect` is None for all, `connection` None for all of the dialect's; `hits` counts the
    messages that it altered; `patients` has the connections it is in force for, with what ends it there.
    """

    def __init__(self, number: int, dialect: str | None, connection: int | None, terms: Terms) -> None:
        self.number = number
        self.dialect = dialect
        self.connection = connection
        self.terms = terms
        self.hits = 0
        self.patients: dict[Connection, End] = {}
        self.touched: list[int] = []
        self.timer: Timer | None = None

    def __str__(self) -> str:
        return f"fault {self.number} ({self.terms.kind})"


class Faults:
    """Sets and ends faults on the connections of `fans`; `later` has a function called after so many seconds."""

    def __init__(self, fans: Mapping[str, FanOut], market: Market, later: Later) -> None:
        self._fans = fans
        self._market = market
        self._later = later
        self._numbers = count(1)
        self._faults: dict[int, Fault] = {}
        self._outlets: dict[Connection, FaultyOutlet] = {}

    def active(self) -> list[Fault]:
        """The faults in force, oldest first."""
        self._forget_gone()
        return list(self._faults.values())

    def inject(self, dialect: str | None, connection: int | None, terms: Terms) -> Fault:
        """Does it to the connections that are open now. Raises Refused where it can be done to none."""
        terms.check()
        self._forget_gone()
        fault = Fault(next(self._numbers), dialect, connection, terms)
        for fan, one in self._targets(dialect, connection):
            end = self._begin(fault, fan, one)
            if end is not None:
                fault.patients[one] = end
                fault.touched.append(one.number)
        if not fault.touched:
            names = ", ".join(self._fans) if dialect is None else dialect
            raise Refused(f"{terms.kind} can be done to no open connection of {names}: {self._why_not(dialect, terms)}")
        log.warning("%s is set for %d connections: %s", fault, len(fault.touched), terms)
        if terms.kind != "restart":
            self._faults[fault.number] = fault
        if terms.seconds is not None:
            fault.timer = self._later(terms.seconds, partial(self._expire, fault))
        return fault

    def clear(self, number: int) -> bool:
        """Ends a fault; whether it was in force."""
        fault = self._faults.pop(number, None)
        if fault is None:
            return False
        if fault.timer is not None:
            fault.timer.cancel()
        for one in tuple(fault.patients):
            self._heal(fault, one)
        log.warning("%s has ended; it altered %d messages", fault, fault.hits)
        return True

    def clear_all(self) -> None:
        """Ends all faults."""
        for number in tuple(self._faults):
            self.clear(number)

    # --- one connection -----------------------------------------------------------------------------------------------

    def _targets(self, dialect: str | None, number: int | None) -> list[tuple[FanOut, Connection]]:
        return [
            (fan, one)
            for name, fan in self._fans.items()
            if dialect in (None, name)
            for one in fan.connections
            if not one.closing and number in (None, one.number)
        ]

    def _why_not(self, dialect: str | None, terms: Terms) -> str:
        fans = [fan for name, fan in self._fans.items() if dialect in (None, name)]
        if not any(fan.connections for fan in fans):
            return "there is none"
        if terms.kind == "checksum" and not any(fan.dialect.hearing.check for fan in fans):
            return "its messages have neither checksums nor numbers"
        return "it has no message for it" if terms.kind == "maintenance" else "there is none of that number"

    def _begin(self, fault: Fault, fan: FanOut, one: Connection) -> End | None:
        """Does it to one connection; what ends it, None where it cannot be done."""
        hearing, terms = fan.dialect.hearing, fault.terms
        match terms.kind:
            case "drop":
                return self._filter(fault, fan, one, filters.drop(hearing))
            case "duplicate":
                return self._filter(fault, fan, one, filters.duplicate(hearing))
            case "checksum":
                return self._filter(fault, fan, one, filters.spoil(hearing)) if hearing.check else None
            case "delay":
                return self._outlet(fan, one).delay(terms.ms or 0)
            case "silence":
                return self._outlet(fan, one).silence()
            case "half_open":
                return _half_open(fan, one)
            case "restart":
                return _restart(fan, one)
            case "maintenance":
                return self._tell(fan, one, MAINTENANCE)

    def _outlet(self, fan: FanOut, one: Connection) -> FaultyOutlet:
        """The outlet of a connection with faults, which is put in its place for the first."""
        outlet = self._outlets.get(one)
        if outlet is None:
            outlet = self._outlets[one] = FaultyOutlet(fan, one, self._later, self._outlets.pop)
            outlet.put()
        return outlet

    def _filter(self, fault: Fault, fan: FanOut, one: Connection, alter: Alter) -> End:
        outlet = self._outlet(fan, one)

        def hit() -> None:
            fault.hits += 1
            log.warning("%s: a message to %s's connection %d", fault, fan.dialect.name, one.number)
            if not added.left:
                # The frames that are being looked at have to be written before an outlet may change.
                self._later(0, partial(self._exhaust, fault, one))

        added = Filter(alter, fault.terms.count or 1, hit)
        outlet.filters.append(added)
        return partial(outlet.filters.remove, added)

    def _tell(self, fan: FanOut, one: Connection, status: str) -> End | None:
        """Tells one session a status that is not the venue's, and at the end the venue's."""
        if not fan.ask(one, lambda session, now: session.notice(now, SystemStatusSet(status))):
            return None

        def end() -> None:
            true = SystemStatusSet(self._market.system_status)
            fan.ask(one, lambda session, now: session.notice(now, true))

        return end

    def _expire(self, fault: Fault) -> None:
        """The fault's time is over."""
        self.clear(fault.number)

    def _exhaust(self, fault: Fault, one: Connection) -> None:
        """The fault has altered all that it should on one connection."""
        self._heal(fault, one)
        if not fault.patients:
            self.clear(fault.number)

    def _heal(self, fault: Fault, one: Connection) -> None:
        end = fault.patients.pop(one, None)
        if end is None or not self._open(one):
            return
        end()
        outlet = self._outlets.get(one)
        if outlet is not None:
            outlet.yield_if_idle()

    # --- connections that have gone -----------------------------------------------------------------------------------

    def _open(self, one: Connection) -> bool:
        return any(one in fan.connections for fan in self._fans.values())

    def _forget_gone(self) -> None:
        for one in [one for one in self._outlets if not self._open(one)]:
            del self._outlets[one]
        for fault in tuple(self._faults.values()):
            for one in [one for one in fault.patients if not self._open(one)]:
                del fault.patients[one]
            if not fault.patients:
                self.clear(fault.number)


def _half_open(fan: FanOut, one: Connection) -> End:
    """The server has forgotten the connection; the client does not know."""
    one.outlet.hush(deaf=True)
    fan.retire(one)
    return one.outlet.abort


def _restart(fan: FanOut, one: Connection) -> End:
    """What the dialect says before a restart; where its session does not close by itself afterwards, the close."""
    fan.ask(one, lambda session, now: session.notice(now, SystemStatusSet(MAINTENANCE)))
    if not fan.ask(one, lambda session, now: session.drain(now)):
        fan.close(one, GOING_AWAY.code, GOING_AWAY.reason)
    return lambda: None
