"""A dialect with one channel, and the gateway's surroundings, for tests of the carrying alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from polyfeed.dialects._base.dialect import Dialect, Limits, Peer
from polyfeed.dialects._base.effects import Effect, FeedKey
from polyfeed.dialects._base.feeds import Feed, OnLag
from polyfeed.dialects._base.rest import RestRequest, RestResponse
from polyfeed.dialects._base.session import Notice, Session
from polyfeed.gateway.connection import Connection
from polyfeed.gateway.fanout import FanOut
from polyfeed.gateway.requests import Requests
from polyfeed.market.changes import InstrumentChange
from polyfeed.model.batches import Batch
from polyfeed.model.commands import AnyCommand, Origin
from polyfeed.model.enums import OrderKind, Side
from polyfeed.model.events import Trade


class EchoSession(Session):
    """Does what it was given as `script`."""

    def __init__(self) -> None:
        self.expired: list[int] = []

    def open(self, now: int) -> list[Effect]:
        return []

    def receive(self, now: int, data: str | bytes) -> list[Effect]:
        return []

    def notice(self, now: int, event: Notice) -> list[Effect]:
        return []

    def expire(self, now: int) -> list[Effect]:
        self.expired.append(now)
        self.deadline = None
        return []


class CountFeed(Feed):
    """Says the price of every trade; a newcomer hears how many there were."""

    wants = (Trade,)
    on_lag = OnLag.SNAPSHOT
    rank = 0

    def __init__(self, key: FeedKey) -> None:
        super().__init__(key)
        self.prices: list[int] = []
        self.total = 0

    def fold(self, change: InstrumentChange) -> None:
        assert isinstance(change, Trade)
        self.prices.append(change.price)
        self.total += 1

    def flush(self, batch: Batch) -> Sequence[str]:
        said = [f"{self.key.channel}{self.key.instrument}:{price}" for price in self.prices]
        self.prices.clear()
        return said

    def snapshot(self) -> Sequence[str]:
        return [f"{self.key.channel}{self.key.instrument}#{self.total}"]


class StrictFeed(CountFeed):
    """One whose messages may not be lost."""

    on_lag = OnLag.CLOSE


class FakeDialect(Dialect):
    """Channels `a` (heals by snapshot) and `s` (strict)."""

    name = "fake"
    limits = Limits()

    def __init__(self) -> None:
        self.made: list[FeedKey] = []

    def connect(self, now: int, peer: Peer) -> Session | RestResponse:
        return EchoSession()

    def feed(self, key: FeedKey) -> Feed:
        self.made.append(key)
        return StrictFeed(key) if key.channel == "s" else CountFeed(key)

    def rest(self, now: int, request: RestRequest) -> RestResponse:
        return RestResponse(404, b"")


class FakeOutlet:
    """A socket that takes `room` bytes."""

    def __init__(self) -> None:
        self.paused = False
        self.writes: list[bytes] = []
        self.closed: tuple[int, str] | None = None
        self.room = 1 << 60

    def write(self, data: bytes) -> None:
        assert not self.paused
        self.writes.append(data)
        self.room -= len(data)
        self.paused = self.room <= 0

    def keep(self, rest: bytes) -> None:
        self.write(rest)

    def close_frame(self, code: int, reason: str) -> bytes:
        assert self.closed is None
        self.closed = (code, reason)
        return b"\x88\x02" + code.to_bytes(2, "big")

    def texts(self) -> list[str]:
        """All text messages written so far, one after the other."""
        return texts_of(b"".join(self.writes))


def texts_of(data: bytes) -> list[str]:
    """The text messages, and the codes of close frames, in the bytes of short unmasked frames."""
    said = []
    while data:
        assert data[0] in (0x81, 0x88)
        size, start = data[1], 2
        if size == 126:
            size, start = int.from_bytes(data[2:4], "big"), 4
        body, opcode, data = data[start : start + size], data[0], data[start + size :]
        said.append(body.decode() if opcode == 0x81 else f"close {int.from_bytes(body[:2], 'big')}")
    return said


class Stage:
    """A fan-out of the fake dialect whose event loop is stepped by hand."""

    def __init__(self, lag_bytes: int = 1 << 20, dialect: FakeDialect | None = None) -> None:
        self.time = 0
        self.calls: list[Callable[[], None]] = []
        self.watched: list[tuple[Connection, int]] = []
        self.dialect = dialect or FakeDialect()
        self.submitted: list[tuple[AnyCommand, Origin]] = []
        requests = Requests(1, lambda command, origin: self.submitted.append((command, origin)))
        self.requests = requests
        self.fan = FanOut(
            self.dialect, self.calls.append, self._later, self._watch, requests, lambda: self.time, lag_bytes
        )
        self.seq = 0

    def _later(self, seconds: float, call: Callable[[], None]) -> None:
        self.calls.append(call)

    def _watch(self, fan: FanOut, connection: Connection, deadline: int) -> None:
        self.watched.append((connection, deadline))

    def connect(self) -> tuple[Connection, FakeOutlet]:
        outlet = FakeOutlet()
        return self.fan.enter(EchoSession(), outlet), outlet

    def trade(self, price: int, instrument: int = 0) -> None:
        """One batch with one trade."""
        self.seq += 1
        event = Trade(instrument, self.seq, price, 1, Side.BUY, OrderKind.LIMIT)
        self.fan.fold(event)
        self.fan.flush(Batch(1, self.seq, self.seq, public=[event]))

    def run(self) -> None:
        """Lets the event loop run until it is idle."""
        while self.calls:
            self.calls.pop(0)()
