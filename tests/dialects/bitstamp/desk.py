"""A venue, its market and accounts, the Bitstamp dialect and its clients, everything in one thread of calls.

A batch goes the gateway's way: marks of the grid first, then changes to projection and feeds, answers, frames, notices.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from msgspec.structs import replace

from polyfeed.accounts.accounts import AccountChange, Accounts
from polyfeed.accounts.vault import NONCE_BYTES, Vault
from polyfeed.dialects._base.context import Context
from polyfeed.dialects._base.dialect import Peer
from polyfeed.dialects._base.effects import ANY, Close, Effect, FeedKey, Join, Leave, Ping, Send, Snapshot
from polyfeed.dialects._base.feeds import GRID_US, Feed
from polyfeed.dialects._base.recent import Recent
from polyfeed.dialects._base.rest import RestRequest, RestResponse, RestSubmit
from polyfeed.dialects._base.session import ACCOUNT_NOTICES, NOTICES
from polyfeed.dialects.bitstamp import BitstampDialect, BitstampSettings
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
    SetKey,
    Stamped,
)
from polyfeed.model.events import OwnOrderOpened, PrivateEvent, PublicEvent
from polyfeed.model.instruments import Currency, Instrument
from polyfeed.venue.venue import Venue
from tests.asking import Ask, informed
from tests.desk import Client
from tests.stale import tell_clients

START = 1_789_459_000_000_000
"""15 September 2026, when most of the captures were made."""

VAULT = Vault(bytes(32))


class VenueDesk:
    """`now` is the time of gateway and venue alike. Feeds are made by their first listener and dropped after the last."""

    def __init__(self, settings: BitstampSettings | None = None, now: int = START) -> None:
        self.venue = Venue()
        self.now = now
        self.clients: list[Client] = []
        self.feeds: dict[FeedKey, Feed] = {}
        self.opened: list[int] = []
        self.stale = False
        self._settings = settings
        self._seq = 0
        self._mark = 0
        self.take_over(Context(Market(), Accounts(), VAULT))

    def take_over(self, context: Context, projection: bytes = b"") -> None:
        """Begins to read what `context` remembers."""
        self.market, self.accounts = context.market, context.accounts
        self.ask: Ask = Recent(self.market, self.accounts).ask
        self.dialect = BitstampDialect(context, self._settings)
        if projection:
            self.projection.restore(projection)

    @property
    def projection(self) -> Any:
        return self.dialect.projection

    # --- clients ----------------------------------------------------------------------------------------------------

    def connect(self, connection_id: int = 1, path: str = "/") -> Client | RestResponse:
        session = self.dialect.connect(self.now, Peer(connection_id, path))
        if isinstance(session, RestResponse):
            return session
        client = Client(session)
        self.clients.append(client)
        self.carry_out(client, session.open(self.now))
        return client

    def client(self, *channels: str) -> Client:
        """A new client with public channels; its acknowledgements are taken."""
        client = self.connect()
        assert isinstance(client, Client)
        for channel in channels:
            self.receive(client, f'{{"event":"bts:subscribe","data":{{"channel":"{channel}"}}}}')
        client.take()
        return client

    def receive(self, client: Client, data: str | bytes) -> list[Effect]:
        effects = client.session.receive(self.now, data)
        self.carry_out(client, effects)
        return effects

    def advance(self, until: int) -> None:
        """Time passes: deadlines are met, and venue time stops at each mark while there are not too many."""
        marks = range(self.now - self.now % GRID_US + GRID_US, until, GRID_US) if until - self.now < 10_000_000 else ()
        for stop in (*marks, until):
            while due := [one for one in self.clients if (one.session.deadline or stop + 1) <= stop]:
                client = min(due, key=lambda one: one.session.deadline or 0)
                self.now = max(self.now, client.session.deadline or 0)
                self.carry_out(client, client.session.expire(self.now))
            self.now = stop
            self.command(Clock())

    def tell(self, word: str) -> None:
        """The gateway cannot vouch for what it knows, or can again (tests/stale.py)."""
        self.stale = word == "stall" or (word == "resync" and self.stale)
        tell_clients(word, self.now, self.dialect, self.clients, self.feeds, self.carry_out)

    def drain(self) -> None:
        for client in list(self.clients):
            self.carry_out(client, client.session.drain(self.now))

    def carry_out(self, client: Client, effects: Iterable[Effect]) -> None:
        for effect in effects:
            match effect:
                case Send(text):
                    client.inbox.append(text)
                case Join(key):
                    assert key not in client.joined
                    client.joined[key] = None
                    if key not in self.feeds:
                        self.feeds[key] = self.dialect.feed(key)
                case Leave(key):
                    del client.joined[key]
                    if not any(key in other.joined for other in self.clients):
                        del self.feeds[key]
                case Snapshot(key):
                    client.inbox += self.feeds[key].snapshot()
                case Ping():
                    client.session.last_heard = self.now
                case Close(code, reason):
                    client.closed = (code, reason)
                    for key in list(client.joined):
                        self.carry_out(client, [Leave(key)])
                    self.clients.remove(client)
                    return

    # --- the venue --------------------------------------------------------------------------------------------------

    def command(self, *commands: AnyCommand) -> list[Batch]:
        """Carries out commands now, each in the microsecond after the one before."""
        return [batch for command in commands for batch in self._apply(command)]

    def do(self, *commands: AnyCommand) -> list[Batch]:
        """The same; none may be refused."""
        batches = self.command(*commands)
        for batch in batches:
            assert batch.outcome.accepted, batch.outcome
        return batches

    def _apply(self, command: AnyCommand) -> list[Batch]:
        batches: list[Batch] = []
        following: AnyCommand | None = command
        while following is not None:
            stamp = Stamped(self.venue.seq + 1, max(self.venue.ts + 1, self.now), following)
            batch = self.venue.apply(stamp)
            batches.append(batch)
            self.on_batch(batch)
            following = Proceed() if batch.more else None
        return batches

    def publish(
        self,
        events: Sequence[PublicEvent] = (),
        ts: int = 0,
        private: dict[int, list[PrivateEvent]] | None = None,
    ) -> None:
        """A batch made by hand."""
        self.on_batch(Batch(1, 0, ts or self.now, public=list(events), private=private or {}))

    def on_batch(self, batch: Batch) -> None:
        self._seq += 1
        batch = replace(batch, seq=self._seq)
        self._tick(batch.ts - batch.ts % GRID_US)
        own = (event for events in batch.private.values() for event in events if isinstance(event, OwnOrderOpened))
        self.opened += [event.order_id for event in own]
        touched: dict[FeedKey, Feed] = {}
        for change in self.market.apply(batch):
            self.projection.fold(batch, change)
            self._show(touched, type(change), getattr(change, "instrument", ANY), 0, change)
        notices = []
        for own in self.accounts.apply(batch):
            self.projection.fold(batch, own)
            self._show(touched, type(own.event), ANY, own.account, own)
            if isinstance(own.event, ACCOUNT_NOTICES):
                notices.append(own)
        self.projection.settle(batch)
        for key, feed in sorted(touched.items(), key=lambda item: (item[1].rank, item[0])):
            self._hand_out(key, feed.flush(batch))
        self._notify(batch, notices)

    def _notify(self, batch: Batch, notices: list[AccountChange]) -> None:
        for client in list(self.clients):
            for event in batch.public:
                if isinstance(event, NOTICES):
                    self.carry_out(client, client.session.notice(self.now, event))
            for own in notices:
                self.carry_out(client, client.session.account_notice(self.now, own))

    def _tick(self, mark: int) -> None:
        if self._mark and mark > self._mark:
            for key, feed in sorted(self.feeds.items(), key=lambda item: (item[1].rank, item[0])):
                if feed.timed:
                    self._hand_out(key, feed.tick(mark))
        self._mark = max(mark, self._mark)

    def _show(self, touched: dict[FeedKey, Feed], kind: type, instrument: int, account: int, change: Any) -> None:
        for key, feed in self.feeds.items():
            wanted = kind in feed.wants and key.account == account
            if wanted and (account or key.instrument in (instrument, ANY)):
                feed.fold(change)
                touched[key] = feed

    def _hand_out(self, key: FeedKey, texts: Sequence[str]) -> None:
        for text in texts:
            for client in self.clients:
                if key in client.joined:
                    client.inbox.append(text)

    # --- REST -------------------------------------------------------------------------------------------------------

    def call(self, request: RestRequest) -> RestResponse:
        """An HTTP call, with what it submits."""
        call = self.dialect.rest_stale if self.stale else self.dialect.rest
        answer = informed(call(self.now, request), self.ask)
        while isinstance(answer, RestSubmit):
            outcome = self._apply(answer.command)[0].outcome
            answer = informed(answer.reply(outcome), self.ask)
        return answer

    def get(self, path: str, **query: str) -> RestResponse:
        """A public call."""
        return self.call(RestRequest("GET", f"/api/v2/{path}", {name: [value] for name, value in query.items()}))


def instrument(number: int, symbol: str, base: str, quote: str, **terms: Any) -> Instrument:
    """A market with prices of two and amounts of eight decimals unless `terms` say otherwise."""
    given: dict[str, Any] = {"price_scale": 2, "size_scale": 8, "tick": 1, "lot": 1, "min_size": 1}
    given |= {"symbols": {"bitstamp": symbol}} | terms
    return Instrument(id=number, name=symbol, base=base, quote=quote, **given)


MARKETS = (instrument(0, "btcusd", "BTC", "USD"), instrument(1, "ethusd", "ETH", "USD"))


def listed(settings: BitstampSettings | None = None, markets: Sequence[Instrument] = MARKETS) -> VenueDesk:
    """A desk with markets."""
    desk = VenueDesk(settings)
    desk.do(*setup(markets))
    return desk


def setup(markets: Sequence[Instrument]) -> list[AnyCommand]:
    """What lists markets and their currencies."""
    codes = dict.fromkeys(code for one in markets for code in (one.base, one.quote))
    return [*(DefineCurrency(Currency(code, 8)) for code in codes), *map(ListInstrument, markets)]


def add_user(desk: VenueDesk, account: int, name: str, parent: int = 0, money: int = 10**6) -> None:
    """A user, or a sub-account of one, with money and a key that is called and kept like him."""
    desk.do(OpenAccount(account, name, parent=parent))
    desk.do(*(Deposit(account, code, money * 10**8) for code in desk.market.currencies if money))
    desk.do(key_of(account, name))


def key_of(account: int, name: str, secret: str = "", permissions: tuple[str, ...] = ("read", "trade")) -> SetKey:
    """A key whose secret is its name unless given."""
    verifier = VAULT.seal((secret or name).encode(), name, bytes(NONCE_BYTES))
    return SetKey(account, name, "hmac", verifier, permissions)
