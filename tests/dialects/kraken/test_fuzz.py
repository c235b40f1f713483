"""Whatever a client sends, the session answers with effects that can be carried out, and its table stays true."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polyfeed.dialects._base.effects import Effect, FeedKey, Join, Leave, Send, Snapshot
from tests.dialects.kraken.support import client_of, server

PAIRS = ("XBT/USD", "XBT/EUR", "XDG/XBT", "ADA/CAD")
PROFILES = ("0.2.0", "1.x")


class Checked:
    """A session, and what must be true of its subscriptions if its effects are carried out."""

    def __init__(self, profile: str) -> None:
        self.session = client_of(server(*PAIRS, profile=profile)).session
        self.joined: set[FeedKey] = set()
        self.now = 1_561_939_200_000_000

    def receive(self, data: str | bytes) -> list[Effect]:
        """Sends a message and checks the effects."""
        self.now += 1
        effects = self.session.receive(self.now, data)
        assert any(isinstance(effect, Send) for effect in effects), "every message has a reply"
        fresh: set[FeedKey] = set()
        statuses = []
        for effect in effects:
            match effect:
                case Send(text):
                    assert isinstance(json.loads(text.encode("ascii")), dict)
                    statuses.append(json.loads(text).get("status"))
                case Join(key):
                    assert key not in self.joined
                    self.joined.add(key)
                    fresh.add(key)
                case Leave(key):
                    self.joined.remove(key)
                case Snapshot(key):
                    fresh.remove(key)
        assert not fresh, "a new subscription gets a snapshot"
        assert statuses.count("subscribed") == sum(isinstance(effect, Join) for effect in effects)
        assert statuses.count("unsubscribed") == sum(isinstance(effect, Leave) for effect in effects)
        assert self.session.deadline is not None
        limit = 1_000_000 if self.joined else 60_000_001
        assert self.now - limit <= self.session.deadline <= self.now + limit
        return effects

    def end(self) -> None:
        """Ends whatever is still there, pair by pair: afterwards nothing is left."""
        for pair in PAIRS:
            self.receive(json.dumps({"event": "unsubscribe", "pair": [pair], "subscription": {"name": "*"}}))
        assert not self.joined


_NUMBERS = (0, 1, -1, 5, 10, 25, 1000, 2**64 - 1, 2**64, 10**30, 1.5, -0.0, 1e300)
_TEXTS = ("", "10", "book", "*", "XBT/USD", "/", "\u00e9\ud800\u0000", "a" * 70)
_SCALARS = (None, True, False, *_NUMBERS, *_TEXTS)


def _scalar(rng: random.Random) -> Any:
    return rng.choice(_SCALARS)


def _anything(rng: random.Random, depth: int = 0) -> Any:
    kind = rng.random()
    if depth > 3 or kind < 0.6:
        return _scalar(rng)
    if kind < 0.8:
        return [_anything(rng, depth + 1) for _ in range(rng.randrange(4))]
    return {str(_scalar(rng)): _anything(rng, depth + 1) for _ in range(rng.randrange(4))}


def _subscription(rng: random.Random) -> Any:
    name = rng.choice(("ticker", "ohlc", "trade", "book", "spread", "*", "ownTrades", "trades"))
    fields: dict[str, Any] = {"name": name}
    if name == "book" or rng.random() < 0.05:
        fields["depth"] = rng.choice((10, 25, 100, 500, 1000, 42))
    if name == "ohlc" or rng.random() < 0.05:
        fields["interval"] = rng.choice((1, 5, 15, 30, 60, 240, 1440, 10080, 21600, 2))
    return {key: value for key, value in fields.items() if rng.random() < 0.9}


def _valid(rng: random.Random) -> dict[str, Any]:
    """A request that is mostly in order."""
    event = rng.choice(("subscribe", "subscribe", "unsubscribe", "ping", "addOrder"))
    request: dict[str, Any] = {"event": event}
    if event == "unsubscribe" and rng.random() < 0.3:
        request["channelID"] = rng.randrange(-2, 80)
    elif event != "ping":
        spellings = (*PAIRS, "BTC/USD", "DOGE/XBT", "XBT/TST", "XBTUSD")
        request["pair"] = [rng.choice(spellings) for _ in range(rng.randrange(1, 4))]
        request["subscription"] = _subscription(rng)
    if rng.random() < 0.5:
        request["reqid"] = rng.randrange(1000)
    return request


def _changed(rng: random.Random) -> str:
    """A request with something put in the place of something."""
    request = _valid(rng)
    where = request["subscription"] if isinstance(request.get("subscription"), dict) and rng.random() < 0.4 else request
    where[rng.choice([*where, "extra"])] = _anything(rng)
    return json.dumps(request, ensure_ascii=rng.random() < 0.5)


def _damaged(rng: random.Random) -> str:
    """A request's text with characters lost, doubled or replaced."""
    text = list(json.dumps(_valid(rng)))
    for _ in range(rng.randrange(1, 4)):
        place = rng.randrange(len(text))
        text[place : place + rng.randrange(3)] = rng.choice(
            ('"', "{", "}", "[", "]", ",", ":", "\\", "0", "\ud800", "")
        )
    return "".join(text)


def _bytes(rng: random.Random) -> bytes:
    return rng.randbytes(rng.randrange(50)) if rng.random() < 0.5 else json.dumps(_valid(rng)).encode()


MAKERS: tuple[Callable[[random.Random], str | bytes], ...] = (
    lambda rng: json.dumps(_valid(rng)),
    lambda rng: json.dumps(_anything(rng)),
    _changed,
    _damaged,
    _bytes,
)


@pytest.mark.slow
@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("seed", range(5))
def test_a_hundred_thousand_messages(profile: str, seed: int) -> None:
    """10 x 10,000; a session that nobody ever told to start anew."""
    rng = random.Random(seed)
    checked = Checked(profile)
    joins = 0
    for _ in range(10_000):
        effects = checked.receive(rng.choice(MAKERS)(rng))
        joins += sum(isinstance(effect, Join) for effect in effects)
    assert joins > 300, "the messages reach what they are to try"
    checked.end()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text(st.characters()),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@pytest.mark.slow
@pytest.mark.parametrize("profile", PROFILES)
@settings(max_examples=150, deadline=None)
@given(message=st.one_of(JSON.map(json.dumps), st.text(), st.binary()))
def test_anything(profile: str, message: str | bytes) -> None:
    Checked(profile).receive(message)


FIELDS = st.dictionaries(
    st.sampled_from(["event", "reqid", "pair", "subscription", "channelID"]),
    st.one_of(
        JSON,
        st.sampled_from(["subscribe", "unsubscribe", "ping"]),
        st.lists(st.sampled_from(PAIRS)),
        st.dictionaries(st.sampled_from(["name", "depth", "interval", "token"]), st.one_of(JSON, st.just("book"))),
    ),
)


@pytest.mark.slow
@pytest.mark.parametrize("profile", PROFILES)
@settings(max_examples=150, deadline=None)
@given(fields=FIELDS)
def test_requests_of_any_fields(profile: str, fields: dict[str, Any]) -> None:
    Checked(profile).receive(json.dumps(fields))
