"""A venue, a market, accounts and the gateway's fan-out in one thread of calls, with clients of the Rails dialect.

A command is decided when `settle` is called, its batch encoded, decoded and folded; what a client is sent is kept as
frames. Nothing here makes or reads a message with polyfeed's own code.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

from polyfeed.accounts.accounts import AccountChange, Accounts
from polyfeed.accounts.vault import Vault
from polyfeed.dialects._base.context import Context
from polyfeed.dialects._base.dialect import Peer
from polyfeed.dialects._base.effects import Effect
from polyfeed.dialects._base.recent import Recent
from polyfeed.dialects._base.rest import RestAnswer, RestRequest, RestResponse, RestSubmit
from polyfeed.dialects._base.session import ACCOUNT_NOTICES, Session
from polyfeed.dialects.rails import RailsDialect, RailsSettings
from polyfeed.gateway.connection import Connection
from polyfeed.gateway.fanout import FanOut
from polyfeed.gateway.requests import Requests
from polyfeed.market.changes import InstrumentChange
from polyfeed.market.market import Market
from polyfeed.model.batches import Batch, Outcome, decode_batch, encode_batch
from polyfeed.model.commands import (
    AnyCommand,
    DefineCurrency,
    Deposit,
    ListInstrument,
    OpenAccount,
    Origin,
    Proceed,
    SetKey,
    Stamped,
)
from polyfeed.model.enums import InstrumentKind
from polyfeed.model.instruments import Currency, Instrument
from polyfeed.model.perpetuals import PerpetualTerms
from polyfeed.venue.venue import Venue
from tests.asking import Ask, informed

START = 1_772_576_154_000_000
HOUSE = 9
VAULT = Vault(b"k" * 32)
AMPLE = 10**15


PERP = "-PERP"
PERPETUAL = PerpetualTerms(max_leverage=20, default_leverage=2, price_band_ppm=200_000, premium_clamp_ppm=0)


def instrument(number: int, name: str, **more: Any) -> Instrument:
    base, quote = name.removesuffix(PERP).split("-")
    terms = {"price_scale": 2, "size_scale": 8, "tick": 1, "lot": 1, "min_size": 1, "symbols": {"rails": name}}
    if name.endswith(PERP):
        terms |= {"kind": InstrumentKind.PERPETUAL, "perpetual": PERPETUAL, "taker_fee_ppm": 500, "maker_fee_ppm": 100}
        terms |= {"min_size": 1000, "min_cost": 1_000_000}
    return Instrument(id=number, name=name, base=base, quote=quote, **(terms | more))


def parsed(data: bytes) -> list[tuple[int, bytes]]:
    """The unmasked frames in `data`: opcode and payload."""
    frames, place = [], 0
    while place < len(data):
        opcode, size, place = data[place] & 15, data[place + 1], place + 2
        if size == 126:
            size, place = int.from_bytes(data[place : place + 2], "big"), place + 2
        elif size == 127:
            size, place = int.from_bytes(data[place : place + 8], "big"), place + 8
        frames.append((opcode, data[place : place + size]))
        place += size
    return frames


def _tell(notice: AccountChange, session: Session, now: int) -> list[Effect]:
    return session.account_notice(now, notice)


class Outlet:
    """A socket that keeps what is written to it; while `paused` nothing is."""

    def __init__(self) -> None:
        self.paused = False
        self.chunks: list[bytes] = []
        self.closed: tuple[int, str] | None = None

    def write(self, data: bytes) -> None:
        self.chunks.append(data)

    def keep(self, rest: bytes) -> None:
        raise AssertionError("nothing is written directly here")

    def close_frame(self, code: int, reason: str) -> bytes:
        self.closed = code, reason
        return b""


class Client:
    """A connection, the texts that it was sent, and what closed it."""

    def __init__(self, rig: Rig, connection: Connection, outlet: Outlet) -> None:
        self.rig = rig
        self.connection = connection
        self.outlet = outlet

    def say(self, text: str | bytes) -> None:
        """Sends a message and lets the venue decide what comes of it."""
        self.send(text)
        self.rig.settle()

    def send(self, text: str | bytes) -> None:
        """Sends a message; nothing is decided yet."""
        if not self.connection.closing:
            self.rig.fan.carry_out(self.connection, self.connection.session.receive(self.rig.now, text))

    def ask(self, message: str, **content: Any) -> list[Any]:
        """Sends a request; gives what it is then sent, read."""
        self.take()
        self.say(json.dumps({"message": message, "content": content} if content else {"message": message}))
        return [json.loads(text) for text in self.take()]

    def take(self) -> list[str]:
        """The texts that it was sent since the last time; `<ping>` for a control frame."""
        chunks, self.outlet.chunks = self.outlet.chunks, []
        frames = [frame for chunk in chunks for frame in parsed(chunk)]
        return ["<ping>" if opcode == 9 else payload.decode() for opcode, payload in frames]

    @property
    def closed(self) -> tuple[int, str] | None:
        return self.outlet.closed

    def leave(self) -> None:
        """The connection ends."""
        self.rig.fan.exit(self.connection)
        self.rig.settle()


class Rig:
    """Accounts 1001 and 1002 have plenty of everything and the keys `demo` and `demo2`; HOUSE is a house account."""

    def __init__(
        self,
        *markets: str | Instrument,
        accounts: dict[int, str] | None = None,
        lag_bytes: int = 4 << 20,
        **settings: Any,
    ) -> None:
        self.now = START
        self.venue = Venue()
        self.market = Market()
        self.accounts = Accounts()
        self.ask: Ask = Recent(self.market, self.accounts).ask
        self.dialect = RailsDialect(Context(self.market, self.accounts, VAULT), RailsSettings(**settings))
        self._queue: deque[tuple[AnyCommand, Origin | None]] = deque()
        self._turns: deque[Callable[[], None]] = deque()
        self._tokens: dict[tuple[int, int], str] = {}
        self._seq = 0
        self._ts = START
        self.requests = Requests(1, lambda command, origin: self._queue.append((command, origin)))
        self.fan = FanOut(
            self.dialect,
            self._turns.append,
            lambda _, turn: self._turns.append(turn),
            lambda *_: None,
            self.requests,
            lambda: self.now,
            lag_bytes,
        )
        self.batches: list[Batch] = []
        self._set_up([one if isinstance(one, Instrument) else instrument(n, one) for n, one in enumerate(markets)])
        for account, tier in (accounts or {1001: "test", 1002: "test"}).items():
            self._user(account, tier)

    def _set_up(self, instruments: list[Instrument]) -> None:
        codes = dict.fromkeys(code for one in instruments for code in (one.base, one.quote))
        self.command(*(DefineCurrency(Currency(code, 8)) for code in codes), *map(ListInstrument, instruments))
        self.command(OpenAccount(HOUSE, "house", house=True))

    def _user(self, account: int, tier: str) -> None:
        key = self.key(account)
        self.command(OpenAccount(account, f"user{account}", tier=tier))
        self.command(*(Deposit(account, code, AMPLE) for code in self.market.currencies))
        self.set_key(account, key, "read", "trade")

    def set_key(self, account: int, key: str, *permissions: str) -> None:
        self.command(SetKey(account, key, "hmac", VAULT.seal(key.encode(), key, bytes(12)), permissions))

    @staticmethod
    def key(account: int) -> str:
        return {1001: "demo", 1002: "demo2"}.get(account, f"key{account}")

    # --- the venue --------------------------------------------------------------------------------------------------

    def command(self, *commands: AnyCommand) -> list[Outcome]:
        """Has the venue carry out commands that come from elsewhere; their outcomes."""
        before = len(self.batches)
        self._queue.extend((command, None) for command in commands)
        self.settle()
        return [batch.outcome for batch in self.batches[before:]]

    def queue(self, command: AnyCommand) -> None:
        """A command that comes from elsewhere; nothing is decided yet."""
        self._queue.append((command, None))

    def settle(self) -> None:
        """Decides all that is asked, and sends all that there is to send."""
        self.decide()
        self.turn()

    def decide(self) -> None:
        """Decides all that is asked; frames wait."""
        while self._queue:
            command, origin = self._queue.popleft()
            batch = self._apply(command, origin)
            while batch.more:
                batch = self._apply(Proceed(), origin)

    def turn(self) -> None:
        while self._turns:
            self._turns.popleft()()

    def miss(self) -> None:
        """Decides all that is asked; the batches are lost, and the gateway goes on from an image that has them."""
        last = max((origin.number for _, origin in self._queue if origin is not None), default=0)
        while self._queue:
            batch = self._decided(*self._queue.popleft())
            assert not batch.more
            deque(self.market.apply(batch), 0)
            deque(self.accounts.apply(batch), 0)
        self.fan.resync()
        self.requests.skip(last)
        self.turn()

    def _apply(self, command: AnyCommand, origin: Origin | None) -> Batch:
        batch = self._decided(command, origin)
        self.publish(batch)
        return batch

    def _decided(self, command: AnyCommand, origin: Origin | None) -> Batch:
        self._seq += 1
        self._ts = max(self._ts + 1, self.now)
        batch = decode_batch(encode_batch(self.venue.apply(Stamped(self._seq, self._ts, command, origin))))
        if len(self.batches) < 10_000:
            self.batches.append(batch)
        return batch

    def publish(self, batch: Batch) -> None:
        """What a gateway does with a batch."""
        for change in self.market.apply(batch):
            if isinstance(change, InstrumentChange):
                self.fan.fold(change)
        own = self.accounts.apply(batch)
        for change in own:
            self.fan.fold_private(change)
        self.requests.on_batch(batch)
        self.fan.flush(batch)
        for notice in (change for change in own if isinstance(change.event, ACCOUNT_NOTICES)):
            for connection in tuple(self.fan.connections):
                self.fan.ask(connection, partial(_tell, notice))

    # --- clients ----------------------------------------------------------------------------------------------------

    def token(self, account: int = 1001) -> str:
        """A token of the account's key, the same for some minutes."""
        place = account, self.now // 600_000_000
        if place not in self._tokens:
            self._tokens[place] = self.new_token(account)
        return self._tokens[place]

    def new_token(self, account: int = 1001) -> str:
        key = self.key(account)
        response = self.rest("POST", "/api/v1/token", headers={"x-api-key": key, "x-api-secret": key})
        assert response.status == 200, response
        return str(json.loads(response.body)["access_token"])

    def connect(self, account: int = 1001, token: str | None = None, **query: str) -> Client | RestResponse:
        """A client of the account; `market` is BTC-USD unless the query says otherwise."""
        offered = f"authorization#{self.token(account) if token is None else token}"
        given = {name: [value] for name, value in ({"market": "BTC-USD"} | query).items()}
        session = self.dialect.connect(self.now, Peer(1, "/", given, {"sec-websocket-protocol": offered}))
        if isinstance(session, RestResponse):
            return session
        assert session.subprotocol == offered
        outlet = Outlet()
        connection = self.fan.enter(session, outlet)
        self.fan.carry_out(connection, session.open(self.now))
        return Client(self, connection, outlet)

    def client(
        self, account: int = 1001, subscriptions: str = "orders,trades,publicTrades,publicOrderBook", **query: str
    ) -> Client:
        client = self.connect(account, subscriptions=subscriptions, **query)
        assert isinstance(client, Client), client
        return client

    def rest(self, method: str, path: str, headers: dict[str, str] | None = None, **query: str) -> RestResponse:
        """A REST call, decided to its end."""
        given = {name.replace("_", "-"): [value] for name, value in query.items()}
        request = RestRequest(method, path, given, headers or {})
        call = self.dialect.rest_stale if self.fan.stale else self.dialect.rest
        answer = informed(call(self.now, request), self.ask)
        while isinstance(answer, RestSubmit):
            heard: list[Outcome] = []
            replies: list[RestAnswer] = []
            submit = answer

            def decided(outcome: Outcome, submit: RestSubmit = submit, replies: list[RestAnswer] = replies) -> None:
                replies.append(submit.reply(outcome))

            self.requests.submit(submit.command, decided, submit.reference)
            self.settle()
            assert not heard
            answer = informed(replies[0], self.ask)
        return answer

    def call(self, method: str, path: str, account: int = 1001, **query: str) -> tuple[int, Any]:
        """A REST call of an account: status and body."""
        response = self.rest(method, path, {"authorization": f"Bearer {self.token(account)}"}, **query)
        return response.status, json.loads(response.body)
