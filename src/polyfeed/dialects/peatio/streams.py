"""The streams that one connection holds, and the feeds that they come to (sheet 1).

A name with one dot is public, one without is private unless it is a market's id or `global`, the wildcard of all
streams of that id. Where there are prefixes a name with two dots is a stream for certain roles. No name is ever
unknown: what nobody publishes is silent.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

from polyfeed.dialects._base.effects import ANY, Effect, FeedKey, Join, Leave, Snapshot
from polyfeed.dialects.peatio import spec
from polyfeed.dialects.peatio.markets import Markets
from polyfeed.dialects.peatio.relayed import WILDCARD, relay_key
from polyfeed.dialects.peatio.spec import Profile
from polyfeed.dialects.peatio.store import split

_PREFIX_DOTS = 2


class Kind(Enum):
    """What a name stands for."""

    PUBLIC = 0
    WILDCARD = 1
    PREFIXED = 2
    PRIVATE = 3


class Namespace:
    """What names mean under one set of settings; `relay` says that all streams come from an upstream."""

    def __init__(self, profile: Profile, markets: Markets, *, relay: bool) -> None:
        self.profile = profile
        self._markets = markets
        self._relay = relay

    def kind(self, name: str) -> Kind:
        """What a name stands for."""
        dots = name.count(".")
        if dots == 0:
            wildcard = name == spec.GLOBAL or self._markets.find(name) is not None
            return Kind.WILDCARD if wildcard else Kind.PRIVATE
        return Kind.PREFIXED if dots == _PREFIX_DOTS and self.profile.prefixed else Kind.PUBLIC

    def told(self, name: str) -> bool:
        """Whether it is a stream that there is, and not one that a client made up; a relay cannot tell."""
        return self._relay or bool(self.feeds_of(name, 1))

    def feeds(self, names: Iterable[str], account: int) -> dict[FeedKey, None]:
        """The feeds of all these names; those that several of them need, once."""
        books: dict[FeedKey, int] = {}
        keys: dict[FeedKey, None] = {}
        for name in names:
            for key in self.feeds_of(name, account):
                if key.channel.endswith("-") or key.channel == spec.BOOK:
                    plain = key._replace(parameter=0)
                    books[plain] = books.get(plain, 0) | key.parameter
                else:
                    keys[key] = None
        wild = {key.channel for key in keys if key.parameter == WILDCARD and self._relay}
        for key, heard in books.items():
            keys[key._replace(parameter=heard)] = None
        return {key: None for key in keys if key.parameter == WILDCARD or key.channel.partition(".")[0] not in wild}

    def feeds_of(self, name: str, account: int) -> list[FeedKey]:
        """The feeds of one name."""
        kind = self.kind(name)
        if kind is Kind.PRIVATE:
            return self._private(name, account)
        if self._relay:
            if kind is Kind.WILDCARD:
                return [FeedKey(name, ANY, WILDCARD)]
            heard = 0 if kind is Kind.PREFIXED else self._heard(split(name)[1])
            return [] if heard is None else [relay_key(name, heard)]
        return self._own(name) if kind is Kind.PUBLIC else self._everything(name) if kind is Kind.WILDCARD else []

    def _private(self, name: str, account: int) -> list[FeedKey]:
        if not account or not (self._relay or name in spec.PRIVATE):
            return []
        return [FeedKey(name, ANY, 0, account)]

    def _heard(self, suffix: str) -> int | None:
        """What a stream of this suffix hears of a snapshot and its increments; None for nothing at all (sheet 3)."""
        if suffix == spec.INC:
            return spec.INCREMENTS
        if suffix == spec.SNAP:
            return spec.SNAPSHOTS if self.profile.plain_snapshots else None
        return 0

    def _own(self, name: str) -> list[FeedKey]:
        """The feed of a public stream that the venue makes."""
        market_id, _, event = name.partition(".")
        if market_id == spec.GLOBAL:
            return [FeedKey(spec.TICKERS, ANY)] if event == spec.TICKERS else []
        market = self._markets.find(market_id)
        if market is None:
            return []
        base, suffix = split(event)
        if base == spec.BOOK and suffix:
            heard = self._heard(suffix)
            return [] if heard is None else [FeedKey(spec.BOOK, market.id, heard)]
        channel, _, period = event.partition("-")
        if channel == spec.KLINE and period in spec.PERIODS:
            return [FeedKey(spec.KLINE, market.id, spec.PERIODS[period])]
        return [FeedKey(event, market.id)] if event in (spec.TRADES, spec.UPDATE) else []

    def _everything(self, market_id: str) -> list[FeedKey]:
        """The feeds of every public stream of an id."""
        if market_id == spec.GLOBAL:
            return self._own(f"{spec.GLOBAL}.{spec.TICKERS}")
        events = [spec.TRADES, spec.UPDATE, spec.BOOK + spec.INC, spec.BOOK + spec.SNAP]
        events += [f"{spec.KLINE}-{period}" for period in spec.PERIODS]
        return [key for event in events for key in self._own(f"{market_id}.{event}")]


class Streams:
    """What one connection holds, in the order in which it came to hold it."""

    def __init__(self, space: Namespace) -> None:
        self._space = space
        self._held: dict[str, None] = {}
        self._joined: dict[FeedKey, None] = {}
        self._characters = 0

    def names(self) -> list[str]:
        """All streams, in the order of the profile's acknowledgements."""
        if not self._space.profile.public_first:
            return list(self._held)
        return sorted(self._held, key=lambda name: self._space.kind(name) is Kind.PRIVATE)

    def fits(self, names: Iterable[str]) -> bool:
        """Whether a connection may hold these as well."""
        fresh = set(names) - self._held.keys()
        total = len(self._held) + len(fresh), self._characters + sum(map(len, fresh))
        return total[0] <= spec.MAX_STREAMS and total[1] <= spec.MAX_STREAM_CHARACTERS

    def add(self, names: Iterable[str], account: int) -> list[Effect]:
        """Holds these from now on; what newcomers of a book are given comes at the end, for books held before too."""
        wanted = list(dict.fromkeys(names))
        for name in wanted:
            if name not in self._held:
                self._held[name] = None
                self._characters += len(name)
        effects = self._settle(account)
        asked = [key for name in wanted for key in self._space.feeds_of(name, account)]
        books = {key._replace(parameter=0) for key in asked if _begins(key)}
        return effects + [Snapshot(key) for key in self._joined if key._replace(parameter=0) in books]

    def remove(self, names: Iterable[str], account: int) -> list[Effect]:
        """Holds these no longer; those that it did not hold are passed over."""
        for name in names:
            if name in self._held:
                del self._held[name]
                self._characters -= len(name)
        return self._settle(account)

    def _settle(self, account: int) -> list[Effect]:
        """Leaves and joins what has changed."""
        target = self._space.feeds(self._held, account)
        effects: list[Effect] = [Leave(key) for key in self._joined if key not in target]
        effects += [Join(key) for key in target if key not in self._joined]
        self._joined = target
        return effects


def _begins(key: FeedKey) -> bool:
    """Whether newcomers of this feed are given something first."""
    book = key.channel == spec.BOOK or key.channel.endswith("-")
    return (book and bool(key.parameter & spec.INCREMENTS)) or key.parameter == WILDCARD
