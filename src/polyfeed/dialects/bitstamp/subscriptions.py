"""What one connection is subscribed to (spec/bitstamp.md 3, 5 and 7)."""

from __future__ import annotations

from msgspec import Struct

from polyfeed.accounts.accounts import AccountChange, Accounts
from polyfeed.dialects._base.effects import ANY, Close, Effect, FeedKey, Join, Leave, Send
from polyfeed.dialects.bitstamp import spec, wire
from polyfeed.dialects.bitstamp.channels import Wanted, parse_channel
from polyfeed.dialects.bitstamp.markets import Markets
from polyfeed.dialects.bitstamp.settings import BitstampSettings
from polyfeed.dialects.bitstamp.tokens import Holder, Tokens, accounts_of
from polyfeed.model.enums import Detail
from polyfeed.model.events import AccountOpened

ORDER_BY_ORDER = frozenset((spec.LIVE_ORDERS, spec.DETAIL_ORDER_BOOK))
"""Channels that need orders: where a book comes level by level they are acknowledged and silent."""

SILENT = frozenset((spec.MY_TOKEN_SETTLEMENTS,))
"""Channels on which nothing can happen here: nothing is tokenised."""

WHOLE_USER, ONE_ACCOUNT = 1, 0
"""Parameter of a private feed: whether its listener hears all accounts of the user, or this one only."""


class Refused(Exception):
    """The request is answered with this error frame."""

    def __init__(self, reply: str) -> None:
        super().__init__(reply)
        self.reply = reply


class Subscription(Struct):
    """A subscribed channel: what it asks for, by whom (None: public), and what it hears."""

    wanted: Wanted
    holder: Holder | None
    keys: list[FeedKey]


class Subscriptions:
    """The table of one connection. All methods give effects in their order, acknowledgements first."""

    def __init__(self, markets: Markets, accounts: Accounts, tokens: Tokens, settings: BitstampSettings) -> None:
        self._markets = markets
        self._accounts = accounts
        self._tokens = tokens
        self._settings = settings
        self._held: dict[str, Subscription] = {}

    def __len__(self) -> int:
        return len(self._held)

    def begin(self, now: int, channel: str, token: object) -> list[Effect]:
        """Subscribes. A channel that is there already is acknowledged again, its stream goes on as it is (sheet 3)."""
        wanted = self._parse(channel)
        holder = self._check(now, wanted, token) if wanted.user else None
        former = self._held.get(channel)
        if former is None and len(self._held) >= self._settings.max_channels:
            return [Close(*spec.CHANNELS_CLOSE)]
        keys = self._feeds(wanted, holder)
        before = former.keys if former is not None else []
        self._held[channel] = Subscription(wanted, holder, keys)
        left = [Leave(key) for key in before if key not in keys]
        return [Send(wire.subscribed(channel)), *left, *(Join(key) for key in keys if key not in before)]

    def end(self, channel: str) -> list[Effect]:
        """Unsubscribes; what was never subscribed is acknowledged too (sheet 3)."""
        self._parse(channel)
        held = self._held.pop(channel, None)
        keys = held.keys if held is not None else []
        return [*map(Leave, keys), Send(wire.unsubscribed(channel))]

    def account_changed(self, change: AccountChange) -> list[Effect]:
        """What a new account, or a change of a key, means for the private subscriptions."""
        effects: list[Effect] = []
        for channel, held in list(self._held.items()):
            if held.holder is None:
                continue
            if not self._tokens.stands(held.holder):
                del self._held[channel]
                effects += [*map(Leave, held.keys), Send(wire.UNAUTHORIZED)]
            elif isinstance(change.event, AccountOpened):
                keys = self._feeds(held.wanted, held.holder)
                effects += [Join(key) for key in keys if key not in held.keys]
                held.keys = keys
        return effects

    def _parse(self, channel: str) -> Wanted:
        wanted = parse_channel(channel)
        known = wanted is not None and (not wanted.market or self._markets.find(wanted.market) is not None)
        if wanted is None or (self._settings.strict and not known):
            raise Refused(wire.error(spec.INVALID_CHANNEL))
        return wanted

    def _check(self, now: int, wanted: Wanted, token: object) -> Holder:
        user = int(wanted.user)
        holder = self._tokens.check(now, token, user) if str(user) == wanted.user else None
        if holder is None:
            raise Refused(wire.UNAUTHORIZED)
        return holder

    def _feeds(self, wanted: Wanted, holder: Holder | None) -> list[FeedKey]:
        """The feeds that a channel is made of: none for a market that is not listed, or where nothing can happen."""
        instrument = ANY
        if wanted.name in SILENT:
            return []
        if wanted.market:
            listed = self._markets.find(wanted.market)
            if listed is None or (wanted.name in ORDER_BY_ORDER and listed.instrument.detail is not Detail.ORDERS):
                return []
            if wanted.name == spec.FUNDING_RATE and not listed.perpetual:
                return []
            instrument = listed.id
        if holder is None:
            return [FeedKey(wanted.name, instrument)]
        if holder.account != holder.user:
            return [FeedKey(wanted.name, instrument, ONE_ACCOUNT, holder.account)]
        accounts = accounts_of(self._accounts, holder.user)
        return [FeedKey(wanted.name, instrument, WHOLE_USER, one.account_id) for one in accounts]
