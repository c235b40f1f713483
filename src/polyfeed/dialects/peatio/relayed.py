"""Streams of an upstream Peatio, passed through: the body is spliced into its frame as it came (sheet 5)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from polyfeed.accounts.accounts import AccountChange
from polyfeed.dialects._base.effects import ANY, FeedKey
from polyfeed.dialects._base.feeds import Feed, Heard, OnLag
from polyfeed.dialects.peatio import spec
from polyfeed.dialects.peatio.projection import PeatioProjection, public_name
from polyfeed.dialects.peatio.spec import Profile
from polyfeed.dialects.peatio.store import StreamStore, split
from polyfeed.dialects.peatio.wire import frames
from polyfeed.model.batches import Batch
from polyfeed.model.events import OwnFrameRelayed, RelayedFrame

WILDCARD = 4
"""Parameter of the feed of all streams of an id."""

_LATEST = ("tickers", "update", "kline-")
"""Beginnings of the events whose last message says all: a reader that fell behind needs no others."""


def topic(stream: str) -> str:
    """The channel of a public stream: a snapshot stream and its increments share one."""
    name, suffix = split(stream)
    return name + "-" if suffix else stream


def topics(stream: str, profile: Profile) -> tuple[str, ...]:
    """The channels that hear a relayed stream: its own, and the wildcard of its id."""
    name = public_name(stream, profile)
    if name is None:
        return (prefixed_topic(stream),)
    return topic(name), name.partition(".")[0]


def prefixed_topic(stream: str) -> str:
    """The channel of a prefixed stream; snapshots go to those who asked for increments (sheet 5)."""
    return stream.removesuffix(spec.SNAP) + spec.INC if stream.endswith(spec.SNAP) else stream


class RelayFeed(Feed):
    """Base: collects frames and gives them at the end of the batch."""

    wants: ClassVar[tuple[type, ...]] = (RelayedFrame,)
    on_lag = OnLag.CLOSE
    rank = spec.RANKS[spec.TRADES]

    def __init__(self, key: FeedKey, profile: Profile) -> None:
        super().__init__(key)
        self.profile = profile
        self.frame = frames(profile)
        self.said: list[str] = []

    def fold(self, change: Heard) -> None:
        """Takes in a frame of the upstream."""
        if isinstance(change, RelayedFrame) and change.body:
            self.hear(change)

    def hear(self, frame: RelayedFrame) -> None:
        """One stream's frame, as it is."""
        name = public_name(frame.stream, self.profile)
        if name == self.key.channel:
            self.said.append(self.frame(name, frame.body.decode()))

    def flush(self, batch: Batch) -> Sequence[str]:
        """The frames of the batch."""
        said, self.said = self.said, []
        return said

    def snapshot(self) -> Sequence[str]:
        """Nothing: only books begin with something."""
        return ()


class LatestFeed(RelayFeed):
    """A stream whose last message says all."""

    on_lag = OnLag.SNAPSHOT


class PrefixedFeed(RelayFeed):
    """A stream for certain roles; it is sent without its prefix."""

    def hear(self, frame: RelayedFrame) -> None:
        """A frame of this stream, or of the snapshots of these increments."""
        if prefixed_topic(frame.stream) == self.key.channel:
            name = self.key.channel.partition(".")[2]
            self.said.append(self.frame(name, frame.body.decode()))


class StoreFeed(RelayFeed):
    """A snapshot and its increments; `key.parameter` has the bits of what is heard."""

    on_lag = OnLag.SNAPSHOT
    rank = spec.RANKS[spec.BOOK]

    def __init__(self, key: FeedKey, profile: Profile, projection: PeatioProjection) -> None:
        super().__init__(key, profile)
        self._projection = projection
        self._name = key.channel.removesuffix("-")

    def hear(self, frame: RelayedFrame) -> None:
        """A snapshot or an increment, as far as it is for those who listen already."""
        store = self._projection.streams[self._name]
        text = passed(store, split(frame.stream)[1], self.key.parameter)
        if text:
            self.said.append(self.frame(self._name + split(frame.stream)[1], frame.body.decode()))

    def snapshot(self) -> Sequence[str]:
        """The last snapshot and what followed it; nothing for listeners of snapshots alone."""
        store = self._projection.streams.get(self._name)
        if store is None or not self.key.parameter & spec.INCREMENTS:
            return ()
        return [self.frame(self._name + suffix, body) for suffix, body in store.newcomer()]


def passed(store: StreamStore, suffix: str, heard: int) -> bool:
    """Whether the store's last frame is for a listener of these bits."""
    if suffix == spec.SNAP and heard & spec.SNAPSHOTS:
        return True
    return bool(heard & spec.INCREMENTS) and store.passed


class WildcardFeed(RelayFeed):
    """Every stream of an id."""

    def __init__(self, key: FeedKey, profile: Profile, projection: PeatioProjection) -> None:
        super().__init__(key, profile)
        self._projection = projection
        self._heard = spec.INCREMENTS | (spec.SNAPSHOTS if profile.plain_snapshots else 0)

    def hear(self, frame: RelayedFrame) -> None:
        """Any frame of a public stream of this id."""
        stream = public_name(frame.stream, self.profile)
        if stream is None:
            return
        name, suffix = split(stream)
        if not suffix or passed(self._projection.streams[name], suffix, self._heard):
            self.said.append(self.frame(stream, frame.body.decode()))

    def snapshot(self) -> Sequence[str]:
        """What newcomers are given of each book of the id."""
        return [
            self.frame(name + suffix, body)
            for name, store in self._projection.of_id(self.key.channel)
            for suffix, body in store.newcomer()
        ]


class OwnRelayFeed(RelayFeed):
    """A private stream of one user."""

    wants = (OwnFrameRelayed,)
    rank = spec.RANKS[spec.ORDER]

    def fold(self, change: Heard) -> None:
        """Takes in a frame for this user."""
        if isinstance(change, AccountChange) and isinstance(change.event, OwnFrameRelayed):
            event = change.event
            if event.stream == self.key.channel and event.body:
                self.said.append(self.frame(event.stream, event.body.decode()))


def relay_feed(key: FeedKey, profile: Profile, projection: PeatioProjection) -> Feed:
    """The feed of any stream of an upstream."""
    if key.account:
        return OwnRelayFeed(key, profile)
    if key.parameter == WILDCARD:
        return WildcardFeed(key, profile, projection)
    if key.parameter:
        return StoreFeed(key, profile, projection)
    if public_name(key.channel, profile) is None:
        return PrefixedFeed(key, profile)
    latest = key.channel.partition(".")[2].startswith(_LATEST)
    return (LatestFeed if latest else RelayFeed)(key, profile)


def relay_key(stream: str, heard: int = 0, account: int = 0) -> FeedKey:
    """The key of a stream's feed."""
    if account:
        return FeedKey(stream, ANY, 0, account)
    return FeedKey(topic(stream) if heard else stream, ANY, heard)
