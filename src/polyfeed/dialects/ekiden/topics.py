"""The topic grammar (seed, Topics; spec/ekiden.md 4): what a topic's text stands for, or what is wrong with it.

The checks, in order: the socket's regular expression, depth or interval, symbol.
"""

from __future__ import annotations

import re

from msgspec import Struct

from polyfeed.dialects._base.effects import ANY, FeedKey
from polyfeed.dialects.ekiden import spec
from polyfeed.dialects.ekiden.symbols import Symbols

_PUBLIC = re.compile(spec.PUBLIC_TOPIC)
_LATER = re.compile(spec.LATER_TOPIC)
_PRIVATE = re.compile(spec.PRIVATE_TOPIC)


class TopicRefused(Exception):
    """A topic is refused with this message."""


class Topic(Struct, frozen=True):
    """A topic: its text and the feeds that it is made of. `first` says that a newcomer gets a snapshot."""

    text: str
    keys: tuple[FeedKey, ...]
    first: bool


def public_topic(text: str, symbols: Symbols, *, later: bool) -> Topic:
    """A topic of the public socket. Raises TopicRefused."""
    if not (_PUBLIC.fullmatch(text) or (later and _LATER.fullmatch(text))):
        raise TopicRefused(f"{spec.INVALID_PUBLIC_TOPIC}: {text}")
    channel, *middle, symbol = text.split(".")
    parameter = 0
    if channel == spec.ORDERBOOK:
        parameter = _depth(middle[0])
    elif channel == spec.KLINE:
        parameter = _interval(middle[0])
    listing = symbols.find(symbol)
    if listing is None:
        raise TopicRefused(f"{spec.UNKNOWN_SYMBOL}: {symbol}")
    key = FeedKey(channel, ANY, listing.id) if channel == spec.POOL else FeedKey(channel, listing.id, parameter)
    return Topic(text, (key,), channel in spec.WITH_SNAPSHOT)


def private_topic(text: str, accounts: list[int]) -> Topic:
    """A topic of the private socket, of all these accounts. Raises TopicRefused."""
    if not _PRIVATE.fullmatch(text):
        raise TopicRefused(f"{spec.INVALID_PRIVATE_TOPIC}: {text}")
    return Topic(text, tuple(FeedKey(text, ANY, 0, account) for account in accounts), first=False)


def _depth(text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) <= len(str(spec.MAX_DEPTH)) and text[0] != "0":
        depth = int(text)
        if depth <= spec.MAX_DEPTH:
            return depth
    raise TopicRefused(f"{spec.INVALID_DEPTH}: {text}")


def _interval(text: str) -> int:
    if text not in spec.INTERVALS:
        raise TopicRefused(f"{spec.INVALID_INTERVAL}: {text}")
    return spec.INTERVALS[text]
