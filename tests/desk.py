"""The gateway's part in tests of a dialect: everything in one thread of calls, nothing lost, nothing late.

A batch is folded into the market change by change, the feeds that somebody hears are shown each change that they want and
flushed at its end, and their messages go to whoever has joined, in the dialect's order of channels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from polyfeed.dialects._base.dialect import Dialect, Peer
from polyfeed.dialects._base.effects import Close, Effect, FeedKey, Join, Leave, Send, Snapshot
from polyfeed.dialects._base.feeds import Feed
from polyfeed.dialects._base.rest import RestResponse
from polyfeed.dialects._base.session import NOTICES, Session
from polyfeed.market.changes import Change
from polyfeed.market.market import Market
from polyfeed.model.batches import Batch
from polyfeed.model.events import PublicEvent
from tests.stale import tell_clients


class Client:
    """A connection. `inbox` has what it was sent and nobody took yet; `closed` the code and reason it was closed with."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.inbox: list[str] = []
        self.joined: dict[FeedKey, None] = {}
        self.closed: tuple[int, str] | None = None
        self.last_sent = 0

    def take(self) -> list[str]:
        """What it was sent since the last time."""
        taken, self.inbox = self.inbox, []
        return taken


class Desk:
    """A market, a dialect and its clients. `now` is the time of gateway and venue alike."""

    def __init__(self, make: Callable[[Market], Dialect], now: int = 0) -> None:
        self.market = Market()
        self.dialect = make(self.market)
        self.now = now
        self.clients: list[Client] = []
        self.feeds: dict[FeedKey, Feed] = {}
        self.stale = False
        self._seq: dict[int, int] = {}

    # --- clients ----------------------------------------------------------------------------------------------------

    def connect(self, connection_id: int, path: str = "/") -> Client | RestResponse:
        """A new client, or the dialect's refusal."""
        session = self.dialect.connect(self.now, Peer(connection_id, path))
        if isinstance(session, RestResponse):
            return session
        session.stale = self.stale
        client = Client(session)
        self.clients.append(client)
        self._carry_out(client, session.open(self.now))
        return client

    def receive(self, client: Client, data: str | bytes) -> list[Effect]:
        """The client sends a message."""
        effects = client.session.receive(self.now, data)
        self._carry_out(client, effects)
        return effects

    def tell(self, word: str) -> None:
        """The gateway cannot vouch for what it knows, or can again (tests/stale.py)."""
        self.stale = word == "stall" or (word == "resync" and self.stale)
        tell_clients(word, self.now, self.dialect, self.clients, self.feeds, self._carry_out)

    def advance(self, until: int) -> None:
        """Time passes, and every deadline in it is met."""
        while due := [client for client in self.clients if _due(client) <= until]:
            client = min(due, key=_due)
            self.now = max(self.now, _due(client))
            client.session.last_sent = client.last_sent  # type: ignore[attr-defined]
            self._carry_out(client, client.session.expire(self.now))
        self.now = until

    def _carry_out(self, client: Client, effects: Sequence[Effect]) -> None:
        for effect in effects:
            match effect:
                case Send(text):
                    self._send(client, text)
                case Join(key):
                    client.joined[key] = None
                    if key not in self.feeds:
                        self.feeds[key] = self.dialect.feed(key)
                case Leave(key):
                    if client.joined.pop(key, 0) is None and not any(key in other.joined for other in self.clients):
                        del self.feeds[key]
                case Snapshot(key):
                    for text in self.feeds[key].snapshot():
                        self._send(client, text)
                case Close(code, reason):
                    client.closed = (code, reason)
                    self.clients.remove(client)
                    for key in list(client.joined):
                        self._carry_out(client, [Leave(key)])
                    return

    def _send(self, client: Client, text: str) -> None:
        client.inbox.append(text)
        client.last_sent = self.now

    # --- batches ----------------------------------------------------------------------------------------------------

    def publish(self, events: Sequence[PublicEvent], ts: int = 0, epoch: int = 1) -> None:
        """The venue decides something: one batch, at `ts` or now."""
        seq = self._seq[epoch] = self._seq.get(epoch, 0) + 1
        batch = Batch(epoch, seq, ts or self.now, public=list(events))
        touched: dict[FeedKey, Feed] = {}
        for change in self.market.apply(batch):
            touched |= self._fold(change)
        for event in events:
            if isinstance(event, NOTICES):
                for client in list(self.clients):
                    self._carry_out(client, client.session.notice(self.now, event))
        for key in sorted(touched, key=lambda key: (touched[key].rank, key)):
            for text in touched[key].flush(batch):
                for client in self.clients:
                    if key in client.joined:
                        self._send(client, text)

    def _fold(self, change: Change) -> dict[FeedKey, Feed]:
        shown = {
            key: feed
            for key, feed in self.feeds.items()
            if type(change) in feed.wants and key.instrument == getattr(change, "instrument", None)
        }
        for feed in shown.values():
            feed.fold(change)
        return shown


def _due(client: Client) -> float:
    return float("inf") if client.session.deadline is None else client.session.deadline
