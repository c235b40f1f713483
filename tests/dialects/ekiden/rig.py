"""A venue, a market, accounts, the dialect and its clients in one thread of calls: nothing lost, nothing late.

Every batch is encoded and decoded. `now` is the time of gateway and venue alike, in microseconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from polyfeed.accounts.accounts import Accounts
from polyfeed.accounts.vault import Vault
from polyfeed.dialects._base.context import Context
from polyfeed.dialects._base.dialect import Peer
from polyfeed.dialects._base.effects import ANY, Close, Effect, FeedKey, Join, Leave, Ping, Send, Snapshot
from polyfeed.dialects._base.feeds import GRID_US, Feed
from polyfeed.dialects._base.recent import Recent
from polyfeed.dialects._base.rest import RestRequest, RestResponse, RestSubmit
from polyfeed.dialects._base.session import ACCOUNT_NOTICES, Session
from polyfeed.dialects.ekiden import EkidenDialect, EkidenSettings
from polyfeed.market.market import Market
from polyfeed.model.batches import Batch, Outcome, decode_batch, encode_batch
from polyfeed.model.commands import (
    AnyCommand,
    Clock,
    DefineCurrency,
    Deposit,
    ListInstrument,
    OpenAccount,
    Proceed,
    SetKey,
    Stamped,
)
from polyfeed.model.instruments import Currency, Instrument
from polyfeed.venue.venue import Venue
from tests.asking import Ask, informed
from tests.stale import tell_clients

START = 1_731_541_800_000_000
VAULT = Vault(b"ekiden".ljust(32, b"."))
AMPLE = 1_000_000 * 10**8
ALICE, BOB = 1001, 1002


def instrument(number: int, symbol: str, **more: Any) -> Instrument:
    base, _, quote = symbol.partition("-")
    terms = {"price_scale": 2, "size_scale": 4, "tick": 1, "lot": 1, "min_size": 1, "symbols": {"ekiden": symbol}}
    return Instrument(id=number, name=symbol, base=base, quote=quote, **(terms | more))


def private_key(account: int) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(str(account).encode().rjust(32, b"0"))


def public_key(account: int) -> str:
    return private_key(account).public_key().public_bytes_raw().hex()


def sign(account: int, message: str) -> str:
    return f"0x{private_key(account).sign(message.encode()).hex()}"


class Client:
    """A connection and what it was sent."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.inbox: list[str] = []
        self.joined: dict[FeedKey, None] = {}
        self.closed: tuple[int, str] | None = None

    def take(self) -> list[str]:
        taken, self.inbox = self.inbox, []
        return taken


class Rig:
    """One gateway in front of one venue."""

    def __init__(self, now: int = START, **settings: Any) -> None:
        self.now = now
        self.venue = Venue()
        self.market = Market()
        self.accounts = Accounts()
        self.ask: Ask = Recent(self.market, self.accounts).ask
        settings = {"message_rate": 0, "rest_rate": 0, **settings}
        context = Context(self.market, self.accounts, VAULT)
        self.dialect = EkidenDialect(context, EkidenSettings(**settings))
        self.clients: list[Client] = []
        self.feeds: dict[FeedKey, Feed] = {}
        self.batches: list[bytes] = []
        self.stale = False
        self._seq = 0
        self._ts = 0
        self._marks: dict[int, int] = {}
        self._seqs: dict[int, int] = {}

    # --- the venue --------------------------------------------------------------------------------------------------

    def command(self, command: AnyCommand) -> Outcome:
        """Has the venue decide a command, whole."""
        batch = self._apply(command)
        outcome = batch.outcome
        while batch.more:
            batch = self._apply(Proceed())
        return outcome

    def must(self, *commands: AnyCommand) -> None:
        for command in commands:
            outcome = self.command(command)
            assert outcome.accepted, outcome

    def list(self, *listed: Instrument) -> None:
        codes = dict.fromkeys(code for one in listed for code in (one.base, one.quote))
        self.must(*(DefineCurrency(Currency(code, 6)) for code in codes if code not in self.market.currencies))
        self.must(*map(ListInstrument, listed))

    def user(self, account: int, parent: int = 0) -> None:
        """Opens an account with an Ed25519 key and plenty of every currency."""
        key = public_key(account)
        self.must(OpenAccount(account, f"user{account}", parent=parent))
        self.must(SetKey(account, key, "ed25519", bytes.fromhex(key), ("read", "trade")))
        self.must(*(Deposit(account, code, AMPLE) for code in self.market.currencies))

    def publish(
        self, events: Sequence[Any], private: dict[int, list[Any]] | None = None, ts: int = 0, epoch: int = 1
    ) -> None:
        """A batch made by hand. In the venue's own epoch it is the last one: the venue does not know of it."""
        if epoch == 1:
            self._seq += 1
            self._ts = max(self._ts + 1, ts or self.now)
            self.on_batch(Batch(1, self._seq, self._ts, public=list(events), private=private or {}))
        else:
            seq = self._seqs[epoch] = self._seqs.get(epoch, 0) + 1
            self.on_batch(Batch(epoch, seq, ts, public=list(events)))

    def _apply(self, command: AnyCommand) -> Batch:
        self._seq += 1
        self._ts = max(self._ts + 1, self.now)
        data = encode_batch(self.venue.apply(Stamped(self._seq, self._ts, command)))
        batch = decode_batch(data)
        self.on_batch(batch)
        return batch

    def on_batch(self, batch: Batch) -> None:
        """What a gateway does with a batch."""
        self._mark(batch)
        projection = self.dialect.projection
        touched: dict[FeedKey, Feed] = {}
        for change in self.market.apply(batch):
            projection.fold(batch, change)
            number = getattr(change, "instrument", ANY)
            for key, feed in self.feeds.items():
                if not key.account and type(change) in feed.wants and key.instrument in (ANY, number):
                    feed.fold(change)
                    touched[key] = feed
        told = self.accounts.apply(batch)
        for own in told:
            projection.fold(batch, own)
            for key, feed in self.feeds.items():
                if key.account == own.account and type(own.event) in feed.wants:
                    feed.fold(own)
                    touched[key] = feed
        projection.settle(batch)
        for key in sorted(touched, key=lambda one: (touched[one].rank, one)):
            self._say(key, touched[key].flush(batch))
        for own in told:
            if isinstance(own.event, ACCOUNT_NOTICES):
                for client in list(self.clients):
                    self._carry_out(client, client.session.account_notice(self.now, own))

    def _mark(self, batch: Batch) -> None:
        mark = batch.ts - batch.ts % GRID_US
        if mark > self._marks.setdefault(batch.epoch, mark):
            self._marks[batch.epoch] = mark
            for key in sorted(self.feeds, key=lambda one: (self.feeds[one].rank, one)):
                if self.feeds[key].timed and self.feeds[key].epoch == batch.epoch:
                    self._say(key, self.feeds[key].tick(mark))

    def _say(self, key: FeedKey, texts: Sequence[str]) -> None:
        for text in texts:
            for client in self.clients:
                if key in client.joined:
                    client.inbox.append(text)

    # --- clients ----------------------------------------------------------------------------------------------------

    def connect(self, path: str = "/ws/public") -> Client:
        session = self.dialect.connect(self.now, Peer(1, path))
        assert isinstance(session, Session), session
        client = Client(session)
        self.clients.append(client)
        self._carry_out(client, session.open(self.now))
        return client

    def receive(self, client: Client, data: str | bytes) -> list[Effect]:
        client.session.last_heard = self.now
        effects = client.session.receive(self.now, data)
        self._carry_out(client, effects)
        return effects

    def tell(self, word: str) -> None:
        """The gateway cannot vouch for what it knows, or can again (tests/stale.py)."""
        self.stale = word == "stall" or (word == "resync" and self.stale)
        tell_clients(word, self.now, self.dialect, self.clients, self.feeds, self._carry_out)

    def advance(self, seconds: float) -> None:
        """Time passes for gateway and venue alike, in steps of 100 ms; a client pongs unless it is `mute`."""
        end = self.now + round(seconds * 1e6)
        while self.now < end:
            self.now = min(end, self.now + GRID_US - self.now % GRID_US)
            for client in list(self.clients):
                deadline = client.session.deadline
                if deadline is not None and deadline <= self.now:
                    self._carry_out(client, client.session.expire(self.now))
            self.command(Clock())

    def _carry_out(self, client: Client, effects: Sequence[Effect]) -> None:
        for effect in effects:
            match effect:
                case Send(text):
                    client.inbox.append(text)
                case Ping():
                    client.inbox.append("<ping>")
                case Join(key):
                    assert key not in client.joined
                    client.joined[key] = None
                    if key not in self.feeds:
                        self.feeds[key] = self.dialect.feed(key)
                case Leave(key):
                    self._leave(client, key)
                case Snapshot(key):
                    client.inbox += self.feeds[key].snapshot()
                case Close(code, reason):
                    client.closed = (code, reason)
                    self.leave(client)
                    return

    def leave(self, client: Client) -> None:
        self.clients.remove(client)
        for key in list(client.joined):
            self._leave(client, key)

    def _leave(self, client: Client, key: FeedKey) -> None:
        del client.joined[key]
        if not any(key in other.joined for other in self.clients):
            del self.feeds[key]

    # --- REST -------------------------------------------------------------------------------------------------------

    def rest(self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None) -> RestResponse:
        """A call, decided to its end."""
        where, _, query = path.partition("?")
        pairs = [part.partition("=") for part in query.split("&") if part]
        given: dict[str, list[str]] = {}
        for name, _, value in pairs:
            given.setdefault(name, []).append(value)
        request = RestRequest(method, where, given, headers or {}, body, query, "127.0.0.1")
        call = self.dialect.rest_stale if self.stale else self.dialect.rest
        answer = informed(call(self.now, request), self.ask)
        while isinstance(answer, RestSubmit):
            answer = informed(answer.reply(self.command(answer.command)), self.ask)
        return answer
