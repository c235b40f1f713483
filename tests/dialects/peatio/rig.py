"""A venue, a dialect and its clients in one thread of calls, around the real fan-out. `now` is every clock's time."""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterable, Mapping
from importlib.resources import files
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from polyfeed.accounts.accounts import Accounts
from polyfeed.accounts.vault import Vault
from polyfeed.dialects._base.context import Context
from polyfeed.dialects._base.dialect import Peer
from polyfeed.dialects._base.feeds import GRID_US
from polyfeed.dialects._base.rest import RestResponse
from polyfeed.dialects.peatio import PeatioDialect, PeatioSettings
from polyfeed.dialects.peatio.auth import mint
from polyfeed.gateway.connection import Connection
from polyfeed.gateway.fanout import FanOut
from polyfeed.gateway.requests import Requests
from polyfeed.market.changes import InstrumentChange, VenueChange
from polyfeed.market.market import Market
from polyfeed.model.batches import Batch
from polyfeed.model.commands import (
    AnyCommand,
    Clock,
    DefineCurrency,
    Deposit,
    ListInstrument,
    OpenAccount,
    Proceed,
    Stamped,
)
from polyfeed.model.enums import Detail
from polyfeed.model.events import PrivateEvent, PublicEvent
from polyfeed.model.instruments import Currency, Instrument
from polyfeed.sources.relay import Relay
from polyfeed.sources.relay_terms import Terms
from polyfeed.venue.venue import Venue

START = 1_588_000_798_000_000  # of the sheet's examples
RSA_KEY = (files("polyfeed") / "data" / "peatio" / "demo-key.pem").read_bytes()
RSA_PUBLIC = (files("polyfeed") / "data" / "peatio" / "demo-key.pub").read_text()
_ED = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
ED_KEY = _ED.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
ED_SPKI = _ED.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
_RAW = base64.b64encode(_ED.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()
ED_RAW = f"-----BEGIN PUBLIC KEY-----\n{_RAW}\n-----END PUBLIC KEY-----\n"
VAULT = Vault(bytes(32))
VENUE_EPOCH, RECORDING_EPOCH, RELAY_EPOCH = 1, 2, 3


class Outlet:
    """A socket that takes everything."""

    def __init__(self) -> None:
        self.paused = False
        self.data = b""
        self.closed: tuple[int, str] | None = None

    def write(self, data: bytes) -> None:
        self.data += data

    keep = write

    def close_frame(self, code: int, reason: str) -> bytes:
        self.closed = code, reason
        return b""

    def take(self) -> list[str]:
        """The text messages since the last time."""
        texts = []
        data, self.data = self.data, b""
        while data:
            opcode, length, start = data[0] & 15, data[1], 2
            if length == 126:
                length, start = struct.unpack(">H", data[2:4])[0], 4
            elif length == 127:
                length, start = struct.unpack(">Q", data[2:10])[0], 10
            body, data = data[start : start + length], data[start + length :]
            texts.append(body.decode() if opcode == 1 else f"({opcode})")
        return texts


class Client:
    """A connection."""

    def __init__(self, rig: Rig, connection: Connection, outlet: Outlet) -> None:
        self.rig = rig
        self.connection = connection
        self.outlet = outlet

    def say(self, data: str | bytes) -> list[str]:
        """Sends a message; what came since the last time."""
        session = self.connection.session
        session.last_heard = self.rig.now
        self.rig.fan.carry_out(self.connection, session.receive(self.rig.now, data))
        return self.take()

    def take(self) -> list[str]:
        """What came since the last time."""
        self.rig.turn()
        return self.outlet.take()

    def leave(self) -> None:
        self.rig.fan.exit(self.connection)


class Rig:
    """Everything, with nothing listed."""

    def __init__(self, market: Market | None = None, accounts: Accounts | None = None, **settings: Any) -> None:
        self.now = START
        self.market = market or Market()
        self.accounts = accounts or Accounts()
        self.venue = Venue()
        self.settings = PeatioSettings(**{"jwt_public_key": RSA_PUBLIC, **settings})
        self.dialect = PeatioDialect(Context(self.market, self.accounts, VAULT), self.settings)
        self.relay = Relay(
            RELAY_EPOCH,
            lambda: len(self.market.instruments),
            {},
            two_parts=self.settings.profile == "3.x",
        )
        self.batches: list[Batch] = []
        self._seqs: dict[int, int] = {}
        self._ts = 0
        self._soon: list[Any] = []
        self._marks: dict[int, int] = {}
        self._deadlines: dict[Connection, int] = {}
        self.fan = FanOut(
            self.dialect,
            self._soon.append,
            lambda _, turn: self._soon.append(turn),
            lambda _, connection, deadline: self._deadlines.__setitem__(connection, deadline),
            Requests(1, lambda _command, _origin: None),
            lambda: self.now,
            4_194_304,
        )

    # --- clients ----------------------------------------------------------------------------------------------------

    def connect(
        self, url: str = "/", token: str = "", headers: Mapping[str, str] | None = None
    ) -> Client | RestResponse:
        """A client, or the refusal. A token goes into the Authorization header."""
        target = urlsplit(url)
        given = {"host": "localhost", **(headers or {})}
        if token:
            given["authorization"] = f"Bearer {token}"
        query = parse_qs(target.query, keep_blank_values=True)
        answer = self.dialect.connect(self.now, Peer(7, target.path, query, given, target.query))
        if isinstance(answer, RestResponse):
            return answer
        outlet = Outlet()
        connection = self.fan.enter(answer, outlet)
        self.fan.carry_out(connection, answer.open(self.now))
        return Client(self, connection, outlet)

    def client(self, url: str = "/", token: str = "", headers: Mapping[str, str] | None = None) -> Client:
        """A client that is let in."""
        client = self.connect(url, token, headers)
        assert isinstance(client, Client), client
        return client

    def token(self, key: bytes = RSA_KEY, **claims: Any) -> str:
        """A token of now; a claim that is None is null."""
        return mint(key, {"uid": "ID1001", **claims}, self.now)

    def turn(self) -> None:
        """Writes what there is to write."""
        while self._soon:
            self._soon.pop(0)()

    def advance(self, microseconds: int) -> None:
        """Time passes for connections."""
        until = self.now + microseconds
        while due := [one for one, deadline in self._deadlines.items() if deadline <= until]:
            one = min(due, key=self._deadlines.__getitem__)
            self.now = max(self.now, self._deadlines.pop(one))
            self.fan.expire(one, self.now)
        self.now = until

    # --- batches ----------------------------------------------------------------------------------------------------

    def command(self, command: AnyCommand) -> Batch:
        """The venue carries out a command now; the last batch of it."""
        self._ts = max(self._ts + 1, self.now)
        self._seqs[VENUE_EPOCH] = seq = self._seqs.get(VENUE_EPOCH, 0) + 1
        batch = self.venue.apply(Stamped(seq, self._ts, command))
        assert batch.outcome.accepted, batch.outcome
        self.on_batch(batch)
        return self.command(Proceed()) if batch.more else batch

    def clock(self, microseconds: int) -> None:
        """Venue time passes."""
        self.now += microseconds
        self.command(Clock())

    def tell(
        self,
        public: Iterable[PublicEvent] = (),
        private: Mapping[int, list[PrivateEvent]] | None = None,
        epoch: int = RECORDING_EPOCH,
    ) -> None:
        """A batch of another history."""
        self._seqs[epoch] = seq = self._seqs.get(epoch, 0) + 1
        self.on_batch(Batch(epoch, seq, self.now, public=list(public), private=dict(private or {})))

    def relayed(self, routing_key: str, body: str) -> None:
        """The upstream publishes a message."""
        batch = self.relay.message(self.now, routing_key, body.encode())
        if batch is not None:
            self.on_batch(batch)

    def lost(self) -> None:
        """The connection to the upstream was lost and is back."""
        batch = self.relay.interrupted(self.now)
        if batch is not None:
            self.on_batch(batch)

    def on_batch(self, batch: Batch) -> None:
        """As the gateway does it."""
        self.batches.append(batch)
        mark = batch.ts - batch.ts % GRID_US
        if mark > self._marks.setdefault(batch.epoch, mark):
            self._marks[batch.epoch] = mark
            self.fan.tick(batch.epoch, mark)
        projection = self.dialect.projection
        for change in self.market.apply(batch):
            projection.fold(batch, change)
            if isinstance(change, InstrumentChange):
                self.fan.fold(change)
            elif isinstance(change, VenueChange):
                self.fan.fold_venue(change)
        for event in self.accounts.apply(batch):
            projection.fold(batch, event)
            self.fan.fold_private(event)
        self.fan.flush(batch)

    # --- short ways -------------------------------------------------------------------------------------------------

    def list(self, symbol: str = "btcusd", price: int = 2, size: int = 8, detail: Detail = Detail.ORDERS) -> Instrument:
        """Lists a market, its id six letters: base and quote."""
        base, quote = symbol[:3].upper(), symbol[3:].upper()
        for code in (base, quote):
            self.define(code)
        number = len(self.market.instruments)
        name = f"{base}-{quote}"
        instrument = Instrument(
            number, name, base, quote, price, size, 1, 1, 1, detail=detail, symbols={"peatio": symbol, "kraken": name}
        )
        self.command(ListInstrument(instrument))
        return instrument

    def open(self, account: int, name: str, house: bool = False, **amounts: int) -> None:
        """Opens an account with whole units of currencies."""
        self.command(OpenAccount(account, name, house=house))
        for code, amount in amounts.items():
            self.define(code.upper())
            self.command(Deposit(account, code.upper(), amount * 10**8))

    def define(self, code: str) -> None:
        """Makes a currency known, if it is not."""
        if code not in self.market.currencies:
            self.command(DefineCurrency(Currency(code, 8)))


def terms(*market_ids: str) -> dict[str, Terms]:
    """Terms of markets that are not guessed."""
    return {market_id: Terms("BTC", "USD") for market_id in market_ids}
