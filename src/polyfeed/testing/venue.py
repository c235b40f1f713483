"""The venue as a test meets it: a plain object whose methods may be called from any thread, and from coroutines.

Those that take time have a twin that is awaited (`step_async`, `wait_async`): a coroutine that calls the plain one
holds up its own event loop, and with it clients that live there.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from types import TracebackType
from typing import Any, TypeVar

import msgspec

from polyfeed.app.api import faults, orders, schemas
from polyfeed.app.api import venue as statuses
from polyfeed.app.api.endpoints import Call
from polyfeed.testing.loop import LoopThread
from polyfeed.testing.record import Sent
from polyfeed.testing.stage import Stage
from polyfeed.testing.users import User, user_of

T = TypeVar("T")

START = 1_800_000_000_000_000
"""When venue time begins unless told otherwise: 15 January 2027, 08:00 UTC."""

PATIENCE = 10.0
"""Seconds that `wait` waits unless told otherwise."""

LOOK_EVERY = 0.005
"""Seconds between two looks at a condition."""


@dataclass(frozen=True)
class Port:
    """Where one dialect listens: its URL space as the exchange has it."""

    dialect: str
    host: str
    port: int
    symbols: Mapping[str, str]

    @property
    def ws_url(self) -> str:
        """`ws://127.0.0.1:12345`, to which clients add the exchange's own path."""
        return f"ws://{self.host}:{self.port}"

    @property
    def rest_url(self) -> str:
        """`http://127.0.0.1:12345`, as above."""
        return f"http://{self.host}:{self.port}"

    def symbol(self, instrument: str) -> str:
        """The dialect's name of an instrument: `BTC-USD` is `btcusd` or `XBT/USD`. Raises KeyError."""
        return self.symbols[instrument]


class Polyfeed:
    """A private venue on free ports, from `with` to its end.

    `seed` and `agents` (actions per second on each market) make the flow, `start` is when venue time begins
    (microseconds since the epoch), `settings` are further keys as `--set` takes them. Attributes `kraken`, `bitstamp`,
    `peatio`, `rails` and `ekiden` are the ports.
    """

    def __init__(
        self,
        *,
        seed: int = 1,
        agents: float = 1.0,
        start: int = START,
        settings: Sequence[str] = (),
        loop: LoopThread | None = None,
    ) -> None:
        self._settings = [f"flow.seed={seed}", f"flow.agents={agents}", *settings]
        self._start = start
        self._own_loop = loop is None
        self._loop = loop or LoopThread()

    def __enter__(self) -> Polyfeed:
        self._stage = self._loop.run(Stage.open(self._settings, self._start))
        server = self._stage.server
        host, instruments = server.config.server.host, [state.instrument for state in server.market.instruments]
        self.ports: dict[str, Port] = {}
        for name, number in server.ports.items():
            if name != "http":
                symbols = {one.name: one.symbols[name] for one in instruments if name in one.symbols}
                self.ports[name] = Port(name, host, number, symbols)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.run(self._stage.server.stop())
        if self._own_loop:
            self._loop.stop()

    def __getattr__(self, name: str) -> Port:
        try:
            return self.__dict__["ports"][name]  # type: ignore[no-any-return]
        except KeyError:
            raise AttributeError(
                f"a venue has no {name!r}; its dialects are {[*self.__dict__.get('ports', ())]}"
            ) from None

    @property
    def http_url(self) -> str:
        """The operator's port."""
        server = self._stage.server
        return f"http://{server.config.http.host}:{server.ports['http']}"

    # --- time ---------------------------------------------------------------------------------------------------------

    @property
    def time(self) -> int:
        """Venue time in microseconds since the epoch. It stands still between steps."""
        return self._stage.clock.time

    def step(self, seconds: float) -> None:
        """Lets so much venue time pass; returns when all that happened in it is on its way to the clients."""
        self._loop.run(self._stage.step(seconds))

    async def step_async(self, seconds: float) -> None:
        """`step` for coroutines."""
        await asyncio.wrap_future(self._loop.submit(self._stage.step(seconds)))

    def wait(self, condition: Callable[[], T], seconds: float = PATIENCE) -> T:
        """What the condition gives as soon as that is true, in real time. Raises TimeoutError."""
        end = time.monotonic() + seconds
        while not (found := condition()):
            if time.monotonic() > end:
                raise TimeoutError(f"not so after {seconds} s: {condition}")
            time.sleep(LOOK_EVERY)
        return found

    async def wait_async(self, condition: Callable[[], T], seconds: float = PATIENCE) -> T:
        """`wait` for coroutines."""
        async with asyncio.timeout(seconds):
            while not (found := condition()):  # noqa: ASYNC110 - the condition is the test's own, no event tells of it
                await asyncio.sleep(LOOK_EVERY)
        return found

    # --- users and orders ---------------------------------------------------------------------------------------------

    def user(self, name: str = "demo") -> User:
        """A demo user by key or name: demo is alice, demo2 is bob. Raises KeyError."""
        return user_of(name, self._token)

    def place(self, instrument: str, side: str, *, user: str = "demo2", **terms: Any) -> int:
        """Places an order and returns its id when the venue has decided; `terms` as `POST /api/orders` takes them
        (`type`, `price`, `size`, `time_in_force`, `post_only`, …), numbers as text.

        Raises Problem with the venue's reason, ValueError for terms that do not fit.
        """
        body = msgspec.convert({"instrument": instrument, "side": side, **terms}, schemas.NewOrder)
        return self._call(orders.place, user, body).order_id

    def cancel(self, order_id: int, *, user: str = "demo2") -> None:
        """Cancels an open order. Raises Problem where the user has none of that id."""
        self._call(orders.cancel, user, order=str(order_id))

    def orders(self, *, user: str = "demo") -> list[schemas.OrderView]:
        """A user's open orders."""
        return self._call(orders.open_orders, user)

    def fills(self, *, user: str = "demo") -> list[schemas.FillView]:
        """A user's fills, oldest first."""
        return self._call(orders.fills, user)

    def status(self, text: str, instrument: str = "") -> None:
        """Tells all clients a status, or halts, restricts or reopens an instrument. Raises Problem."""
        body = schemas.Status(text)
        if instrument:
            self._call(statuses.set_instrument_status, None, body, name=instrument)
        else:
            self._call(statuses.set_system_status, None, body)

    # --- connections and faults ---------------------------------------------------------------------------------------

    def connections(self, dialect: str = "") -> list[schemas.ConnectionView]:
        """The open connections, of one dialect or of all."""
        return [one for one in self._call(faults.connections) if dialect in ("", one.dialect)]

    def sent(self, dialect: str) -> list[Sent]:
        """What was sent to each connection of a dialect, gone ones too, in the order in which they came."""

        async def copy() -> list[Sent]:
            return deepcopy(self._stage.sent[dialect])

        return self._loop.run(copy())

    def fault(
        self,
        dialect: str,
        kind: str,
        *,
        connection: str | None = None,
        seconds: float | None = None,
        ms: int | None = None,
        count: int | None = None,
    ) -> schemas.FaultView:
        """Does a fault to the connections of a dialect that are open now, or to one; see docs/testing.md for the kinds.

        Raises Problem where it can be done to none, ValueError for what does not fit.
        """
        numbers = {"connection": connection, "seconds": seconds, "ms": ms, "count": count}
        body = msgspec.convert({"dialect": dialect, "kind": kind, **numbers}, schemas.NewFault)
        return self._call(faults.inject, None, body)

    def faults(self) -> list[schemas.FaultView]:
        """The faults in force: one that has altered all that it should is none any more."""
        return self._call(faults.faults)

    def clear_faults(self) -> None:
        """Ends every fault."""
        self._call(faults.clear_faults)

    # --- inside -------------------------------------------------------------------------------------------------------

    def _call(
        self,
        handler: Callable[[Call], Coroutine[Any, Any, T]],
        user: str | None = None,
        body: object = None,
        **path: str,
    ) -> T:
        """What an endpoint of the native API answers."""
        server = self._stage.server
        caller = None if user is None else server.accounts.get(self.user(user).account)
        return self._loop.run(handler(Call(server, path, {}, body, caller)))

    def _token(self, dialect: str, account: int) -> str:
        async def make() -> str | None:
            server = self._stage.server
            found = server.accounts.get(account)
            return None if found is None else server.fans[dialect].dialect.token(server.now(), found)

        token = self._loop.run(make())
        if token is None:
            raise ValueError(f"{dialect} has no tokens")
        return token
