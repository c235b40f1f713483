"""Who may come in: limits for each address, origins of web pages, and whom to believe about addresses."""

from __future__ import annotations

import ipaddress
import math
from collections.abc import Iterable, Sequence

from msgspec import Struct

from polyfeed.dialects._base.origins import admits, allowed_hosts
from polyfeed.dialects._base.rest import RestResponse

SECOND = 1_000_000

FULL_RETRY_SECONDS = 5
CROWDED_RETRY_SECONDS = 30
"""When somebody may try again who came while too many were there, in all or from one address."""

SPARE = 256
"""So many HTTP connections may be there beside as many WebSockets as there may be: for calls, and to be told in words
that the server is full, which over TLS takes a handshake."""

IPV6_PREFIX = 64
"""What one customer is given: addresses within it are one."""

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class DoorLimits(Struct, frozen=True):
    """What `Door` allows. 0 is no limit; rates are per second."""

    connections: int = 50_000
    address_connections: int = 1000
    handshake_rate: int = 100
    handshake_burst: int = 1000
    origins: str = ""


class Place:
    """What an HTTP connection has in the hall: room for one, until it leaves. It may say so more than once.

    `door` is None where nobody counts.
    """

    __slots__ = ("_door", "address")

    def __init__(self, door: Door | None, address: str) -> None:
        self._door = door
        self.address = address

    def leave(self) -> None:
        """The connection has ended, or is counted as a WebSocket."""
        if self._door is not None:
            self._door.leave_hall(self.address)
            self._door = None


class Door:
    """Counts what is open, in all and by address, on all ports of a gateway. Times are microseconds.

    What has come in stands in the hall until it is counted as a WebSocket: `halls` and `opened` are every socket there
    is, and together at most SPARE more than `limits.connections`.

    `trusted` are the networks of proxies whose X-Forwarded-For is believed.
    """

    def __init__(self, limits: DoorLimits, trusted: Sequence[Network] = ()) -> None:
        self._limits = limits
        self._trusted = trusted
        self._hosts = allowed_hosts(limits.origins)
        self._open: dict[str, int] = {}
        self._halls: dict[str, int] = {}
        self._full_at: dict[str, int] = {}
        self.opened = 0
        self.halls = 0

    def refusal(self, now: int, address: str, origin: str | None) -> RestResponse | None:
        """What a handshake is refused with; None where it may go on, and is then counted until `release`."""
        limits = self._limits
        if not admits(self._hosts, False, origin, ""):
            return RestResponse(403, b"this origin is not allowed\n", "text/plain")
        if limits.connections and self.opened >= limits.connections:
            return busy(503, "the server is full", FULL_RETRY_SECONDS)
        here = who(address)
        if limits.address_connections and self._open.get(here, 0) >= limits.address_connections:
            return busy(429, "too many connections from this address", CROWDED_RETRY_SECONDS)
        wait = self._wait(now, here)
        if wait > 0:
            return busy(429, "too many handshakes from this address", math.ceil(wait / SECOND))
        self._open[here] = self._open.get(here, 0) + 1
        self.opened += 1
        return None

    def release(self, address: str) -> None:
        """A connection that was let in has gone."""
        self.opened -= 1
        lower(self._open, who(address))

    def enter_hall(self, address: str) -> Place | RestResponse:
        """A place for an HTTP connection, which may become a WebSocket; what it is refused with where its address has
        too many of them, or all have.
        """
        here, limits = who(address), self._limits
        if limits.connections and self.opened + self.halls >= limits.connections + SPARE:
            return busy(503, "the server is full", FULL_RETRY_SECONDS)
        most = limits.address_connections
        if most and self._halls.get(here, 0) >= most and not self._trusts(address):
            return busy(429, "too many connections from this address", CROWDED_RETRY_SECONDS)
        self._halls[here] = self._halls.get(here, 0) + 1
        self.halls += 1
        return Place(self, address)

    def leave_hall(self, address: str) -> None:
        """An HTTP connection that was counted has ended, or is counted as a WebSocket."""
        self.halls -= 1
        lower(self._halls, who(address))

    def origin_of(self, peer: str, forwarded: Iterable[str]) -> str:
        """The address of a client: the connection's own, or where that is a trusted proxy, the one it vouches for.

        X-Forwarded-For grows at its end; what stands before the last address that is no proxy of ours may be made up.
        """
        hops = [hop.strip() for line in forwarded for hop in line.split(",")]
        if not hops:
            return peer
        address = peer
        while hops and self._trusts(address):
            address = hops.pop()
        return address if is_address(address) else peer

    def _trusts(self, address: str) -> bool:
        if not self._trusted or not is_address(address):
            return False
        parsed = ipaddress.ip_address(address)
        return any(parsed in network for network in self._trusted)

    def _wait(self, now: int, here: str) -> int:
        """Takes one handshake of an address's bucket; how long (microseconds) to wait where it is empty."""
        limits, buckets = self._limits, self._full_at
        if not limits.handshake_rate:
            return 0
        while buckets and next(iter(buckets.values())) <= now:
            del buckets[next(iter(buckets))]
        cost = SECOND // limits.handshake_rate
        full_at = max(buckets.get(here, 0), now) + cost
        excess = full_at - now - cost * limits.handshake_burst
        if excess <= 0:
            buckets.pop(here, None)
            buckets[here] = full_at
        return excess


def who(address: str) -> str:
    """What of an address is counted: all of an IPv4 one, the network of an IPv6 one."""
    if ":" not in address:
        return address
    try:
        parsed = ipaddress.IPv6Address(address.partition("%")[0])
    except ValueError:
        return address
    mapped = parsed.ipv4_mapped
    return str(mapped) if mapped is not None else str(ipaddress.IPv6Network((parsed, IPV6_PREFIX), strict=False))


def is_address(text: str) -> bool:
    """Whether it is an IP address."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def networks(text: str) -> list[Network]:
    """Addresses and networks, separated by spaces or commas. Raises ValueError that names what is none."""
    return [ipaddress.ip_network(one) for one in text.replace(",", " ").split()]


def lower(counts: dict[str, int], key: str) -> None:
    """Counts one less; what is at nothing is forgotten."""
    counts[key] -= 1
    if not counts[key]:
        del counts[key]


def busy(status: int, text: str, seconds: int) -> RestResponse:
    """A refusal for now."""
    return RestResponse(status, f"{text}\n".encode(), "text/plain", {"Retry-After": str(seconds)})
