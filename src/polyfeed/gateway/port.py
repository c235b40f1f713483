"""What all connections of one listening port share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from polyfeed.gateway.door import Door
from polyfeed.gateway.fanout import FanOut
from polyfeed.gateway.requests import Requests
from polyfeed.model.history import Query

if TYPE_CHECKING:
    from polyfeed.gateway.protocol import WebSocketProtocol


Ask = Callable[[Query], Awaitable[Sequence[Any]]]
"""Gives the rows that answer a query. Raises HistoryUnavailable."""


class PortLimits(Struct, frozen=True):
    """Times that a connection is given, in seconds, and sizes in bytes.

    `message_rate` counts every frame of a client, pings included, per second; 0 is no limit.
    """

    handshake_seconds: float = 10.0
    stall_seconds: float = 30.0
    close_seconds: float = 5.0
    head_bytes: int = 16_384
    send_buffer_bytes: int = 131_072
    dead_seconds: int = 60
    message_rate: int = 200
    message_burst: int = 1000
    max_fragments: int = 1024
    compression: bool = False


class Port:
    """A dialect's fan-out, the ways to the venue and to history, the limits, the clock (microseconds), the source of
    connection numbers, and who may come in.
    """

    def __init__(
        self,
        fan: FanOut,
        requests: Requests,
        ask: Ask,
        limits: PortLimits,
        now: Callable[[], int],
        random_id: Callable[[], int],
        door: Door,
    ) -> None:
        self.fan = fan
        self.door = door
        self.requests = requests
        self.ask = ask
        self.limits = limits
        self.now = now
        self.random_id = random_id
        self.sockets: set[WebSocketProtocol] = set()
