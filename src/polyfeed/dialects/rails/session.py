"""One connection (spec/rails.md 1 to 8).

Replies go to this connection alone, at their place in what it hears; what happens goes out by the feeds it joined.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from polyfeed.accounts.accounts import AccountChange
from polyfeed.dialects._base.effects import ANY, Close, Effect, FeedKey, Join, Leave, Send
from polyfeed.dialects._base.limiter import Patience
from polyfeed.dialects._base.session import Notice, Session
from polyfeed.dialects.rails import requests, rows, spec, wire
from polyfeed.dialects.rails.auth import TRADE
from polyfeed.dialects.rails.entry import Entry
from polyfeed.dialects.rails.limiter import Limiter
from polyfeed.dialects.rails.markets import Listing, Market
from polyfeed.dialects.rails.pulse import Pulse
from polyfeed.dialects.rails.requests import Asked, Content, Refused
from polyfeed.dialects.rails.settings import RailsSettings
from polyfeed.dialects.rails.spec import Request, Tier
from polyfeed.model.batches import Outcome
from polyfeed.model.events import KeyRevoked, KeySet


class RailsSession(Session):
    """What one client may say and hears. `market` is None for all markets; `key_id` is the key of its token."""

    def __init__(
        self,
        listing: Listing,
        limiter: Limiter,
        settings: RailsSettings,
        market: Market | None,
        entry: Entry,
        streams: Iterable[str],
        tier: Tier,
        pulse: Pulse,
        subprotocol: str,
        key_id: str,
    ) -> None:
        self.subprotocol = subprotocol
        self._key_id = key_id
        self._listing = listing
        self._limiter = limiter
        self._both_sides = settings.public_trade_rows == "both"
        self._market = market
        self._entry = entry
        self._account = entry.account.account_id
        self._tier = tier
        self._pulse = pulse
        self._asked_for = list(streams)
        self._orders_socket = spec.ORDERS in self._asked_for
        self._streams: set[str] = set()
        self._bad_frames = 0
        self._patience = Patience()
        self.deadline = pulse.deadline(0)
        self._handlers: dict[str, Callable[[str, Content], list[Effect]]] = {
            spec.PING: self._ping,
            spec.SUBSCRIBE: self._subscribe,
            spec.UNSUBSCRIBE: self._unsubscribe,
            spec.EMIT_BOOK: self._emit_book,
            spec.EMIT_TRADES: self._emit_trades,
        }

    # --- the gateway calls ------------------------------------------------------------------------------------------

    def open(self, now: int) -> list[Effect]:
        """Nothing is sent; the streams of the handshake begin."""
        return self._begin(self._asked_for)

    def receive(self, now: int, data: str | bytes) -> list[Effect]:
        """Answers one message of the client."""
        if isinstance(data, bytes):
            return [Close(*spec.CLOSE_BINARY)]
        asked = requests.read(data)
        if asked is None:
            return self._bad_frame()
        self._bad_frames = 0
        request = spec.REQUESTS.get(asked.name)
        client_id = requests.client_id_of(asked.content)
        if request is None:
            text = spec.UNKNOWN_MESSAGE.format(name=wire.short(asked.name))
            return [Send(wire.reply(spec.ERROR, None, spec.BAD, text, client_id))]
        try:
            return self._carried_out(now, asked, request, client_id)
        except Refused as refused:
            if refused.status == spec.TOO_MANY and self._patience.ends(now):
                return [Close(*spec.CLOSE_RATE)]
            market = self._named_market(asked, request)
            return [Send(wire.reply(request.result, market, refused.status, refused.text, client_id))]

    def answer(self, now: int, request: int, outcome: Outcome) -> list[Effect]:
        """The venue decided: the acknowledgement or the error, before what follows from it."""
        return self._entry.answer(request, outcome)

    def notice(self, now: int, event: Notice) -> list[Effect]:
        """Rails has no message for the venue's words."""
        return []

    def account_notice(self, now: int, change: AccountChange) -> list[Effect]:
        """The key of this connection was revoked, or may no longer trade: who has it may have stolen it."""
        event = change.event
        if not isinstance(event, KeySet | KeyRevoked) or event.key_id != self._key_id:
            return []
        return self._checked()

    def resynced(self, now: int, *, whole: bool) -> list[Effect]:
        """No snapshot is sent unasked, so every stream ends; the key may have been revoked meanwhile."""
        return self._checked() or super().resynced(now, whole=whole)

    def expire(self, now: int) -> list[Effect]:
        """A ping, or the end of a connection that is too old, too silent, or whose token ended."""
        effects = self._pulse.expire(now, self.last_heard)
        self.deadline = self._pulse.deadline(self.last_heard)
        return effects

    def leave(self, now: int) -> list[Effect]:
        """Gives the connection's place back; cancels its orders where it asked for that."""
        market = spec.ALL_MARKETS if self._market is None else self._market.name
        self._limiter.sockets.release(self._account, self._tier, orders=self._orders_socket, market=market)
        return list(self._entry.leave())

    def _checked(self) -> list[Effect]:
        """Ends the connection if its key may not trade any more."""
        key = self._entry.account.keys.get(self._key_id)
        return [] if key is not None and TRADE in key.permissions else [Close(*spec.CLOSE_REVOKED)]

    # --- requests ---------------------------------------------------------------------------------------------------

    def _bad_frame(self) -> list[Effect]:
        self._bad_frames += 1
        if self._bad_frames > spec.BAD_FRAMES:
            return [Close(*spec.CLOSE_BAD_FRAMES)]
        return [Send(wire.reply(spec.ERROR, None, spec.BAD, spec.INVALID_REQUEST))]

    def _carried_out(self, now: int, asked: Asked, request: Request, client_id: str) -> list[Effect]:
        content = requests.read_content(asked)
        if request.stream and request.stream not in self._streams:
            raise Refused(spec.FORBIDDEN, spec.SUBSCRIPTION_REQUIRED.format(name=request.stream))
        market = self._scope(request, content)
        if request.charged and not self._limiter.action(now, self._account, self._tier):
            raise Refused(spec.TOO_MANY, spec.RATE_LIMITED)
        if asked.name in self._handlers:
            return self._handlers[asked.name](client_id, content)
        return self._entry.begin(asked.name, market, client_id, content)

    def _scope(self, request: Request, content: Content) -> Market | None:
        """The market that a request is about; None for one that is about none, or about all of them."""
        if not request.scoped or (request.wide and content.get("market") is None):
            return None
        return self._market_of(content)

    def _market_of(self, content: Content) -> Market:
        """The market that a request is about: the connection's, or with all markets the one that it names."""
        name = content.get("market")
        if name is None:
            if self._market is None:
                raise Refused(spec.BAD, spec.MARKET_REQUIRED)
            return self._market
        if not isinstance(name, str):
            raise Refused(spec.BAD, spec.MARKET_UNKNOWN.format(name=""))
        market = self._listing.find(name)
        if market is None:
            raise Refused(spec.BAD, spec.MARKET_UNKNOWN.format(name=wire.short(name)))
        if self._market is not None and market is not self._market:
            raise Refused(spec.BAD, spec.MARKET_MISMATCH.format(name=name))
        return market

    def _named_market(self, asked: Asked, request: Request) -> str | None:
        """The market that an error is about, None where the request names none that there is."""
        try:
            market = self._scope(request, asked.content if isinstance(asked.content, dict) else {})
        except Refused:
            market = self._market
        return None if market is None else market.name

    # --- streams ----------------------------------------------------------------------------------------------------

    def _key(self, stream: str) -> FeedKey:
        instrument = ANY if self._market is None or stream == spec.TRADES else self._market.id
        return FeedKey(stream, instrument, 0, self._account if stream in (spec.ORDERS, spec.TRADES) else 0)

    def _begin(self, names: Iterable[str]) -> list[Effect]:
        fresh = [name for name in spec.STREAMS if name in names and name not in self._streams]
        self._streams.update(fresh)
        return [Join(self._key(name)) for name in fresh]

    def _active(self) -> list[str]:
        return [name for name in spec.STREAMS if name in self._streams]

    def _ping(self, client_id: str, content: Content) -> list[Effect]:
        return [Send(wire.pong(client_id))]

    def _subscribe(self, client_id: str, content: Content) -> list[Effect]:
        """The reply stands before the first event of what is new."""
        names = requests.read_streams(content.get("subscriptions"))
        joins = self._begin(names)
        text = wire.subscriptions("subscribed", "requestedSubscriptions", self._active(), client_id, names)
        return [Send(text), *joins]

    def _unsubscribe(self, client_id: str, content: Content) -> list[Effect]:
        """The reply stands after the last event of what has ended."""
        names = requests.read_streams(content.get("subscriptions"))
        ended = [name for name in self._active() if name in names]
        self._streams.difference_update(ended)
        text = wire.subscriptions("unsubscribed", "requestedUnsubscriptions", self._active(), client_id, names)
        return [*(Leave(self._key(name)) for name in ended), Send(text)]

    def _emit_book(self, client_id: str, content: Content) -> list[Effect]:
        """The book as of the last batch, which is what every delta sent before came to."""
        return [Send(rows.book(self._market_of(content), client_id))]

    def _emit_trades(self, client_id: str, content: Content) -> list[Effect]:
        market, limit = self._market_of(content), requests.read_limit(content)
        return [Send(rows.trades(market, limit, client_id, both_sides=self._both_sides))]
