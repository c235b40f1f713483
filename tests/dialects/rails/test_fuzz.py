"""Whatever a client sends, the session answers with effects that can be carried out, and its table stays true."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polyfeed.dialects._base.effects import Close, Effect, FeedKey, Join, Leave, Send, Submit
from polyfeed.dialects._base.session import Session
from polyfeed.model.batches import Outcome
from polyfeed.model.commands import CancelOrder, PlaceOrder, ReplaceOrder, SetLeverage
from polyfeed.model.enums import Refusal
from tests.dialects.rails.rig import Rig

STREAMS = ("orders", "trades", "publicTrades", "publicOrderBook")
MESSAGES = (
    "ping",
    "subscribe",
    "unsubscribe",
    "emitPublicOrderBook",
    "emitPublicCompletedOrders",
    "createOrder",
    "cancelOrder",
    "modifyOrder",
    "updateLeverage",
)
UUID = "d13b530f-af73-40f9-8f8e-ed795957a57f"


class Checked:
    """A session, and what must be true of its subscriptions if its effects are carried out."""

    def __init__(self, market: str = "BTC-USD") -> None:
        self.rig = Rig("BTC-USD", "ETH-USD", "BTC-USD-PERP", limits=False)
        self.market = market
        self.rounds = 0
        self._new()

    def _new(self) -> None:
        self.client = self.rig.client(market=self.market)
        self.session: Session = self.client.connection.session
        self.joined: set[FeedKey] = set(self.client.connection.feeds)
        self.rounds += 1

    def receive(self, data: str | bytes) -> list[Effect]:
        """Sends a message and checks the effects."""
        effects = self.session.receive(self.rig.now, data)
        assert effects, "every message has a reply, or a command that will have one"
        for effect in effects:
            match effect:
                case Send(text):
                    self._check(text)
                case Join(key):
                    assert key not in self.joined
                    self.joined.add(key)
                case Leave(key):
                    self.joined.remove(key)
                case Submit(command, request, reference):
                    assert isinstance(command, PlaceOrder | CancelOrder | ReplaceOrder | SetLeverage)
                    assert command.account == 1001
                    assert len(reference) in (0, 36)
                    answer = self.session.answer(
                        self.rig.now, request, Outcome(random.Random(request).choice([*Refusal]))
                    )
                    assert [type(one) for one in answer] == [Send]
                case Close(code, _):
                    assert code in (1003, 1008)
                    self.rig.fan.exit(self.client.connection)
                    self._new()
        return effects

    @staticmethod
    def _check(text: str) -> None:
        message = json.loads(text.encode())
        assert list(message) in (["resultType", "data"], ["resultType", "market", "data"])
        assert text == json.dumps(message, separators=(",", ":"), ensure_ascii=False)
        assert isinstance(message["data"], dict)


_NUMBERS = (0, 1, -1, 100, 501, 2**64, 10**30, 1.5, -0.0, 1e300, 0.02)
_TEXTS = ("", "10", "100.5", "orders", "ALL", "BTC-USD", UUID, "01KJTWB8CG0013B465FTRENKEG", "\u00e9\u0000", "a" * 70)
_SCALARS = (None, True, False, *_NUMBERS, *_TEXTS)


def _anything(rng: random.Random, depth: int = 0) -> Any:
    kind = rng.random()
    if depth > 3 or kind < 0.6:
        return rng.choice(_SCALARS)
    if kind < 0.8:
        return [_anything(rng, depth + 1) for _ in range(rng.randrange(4))]
    return {str(rng.choice(_SCALARS)): _anything(rng, depth + 1) for _ in range(rng.randrange(4))}


def _content(rng: random.Random) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "clientRequestId": UUID,
        "market": rng.choice(("BTC-USD", "BTC-USD", "ETH-USD", "BTC-USD-PERP", "DOGE-USD")),
        "subscriptions": [rng.choice(STREAMS) for _ in range(rng.randrange(4))],
        "orderType": rng.choice(("buy", "sell")),
        "tradeType": rng.choice(("limit", "market")),
        "price": rng.choice(("100.25", "7", 5, 0.5, "1.005")),
        "quantity": rng.choice(("1", "0.00000001", 3)),
        "postOnly": rng.random() < 0.5,
        "maxSlippage": rng.choice(("0.02", 0.5, "2")),
        "orderId": rng.choice(("01KJTWB8CG0013B465FTRENKEG", "nothing")),
        "cancelBy": "orderId",
        "triggerType": rng.choice(("none", "stopLoss", "takeProfit")),
        "triggerPrice": rng.choice(("0", "90")),
        "leverage": rng.choice(("1", "1", 1, "5")),
        "limit": rng.choice((1, 500, 501)),
    }
    return {name: value for name, value in fields.items() if rng.random() < 0.75}


def _valid(rng: random.Random) -> dict[str, Any]:
    """A request that is mostly in order."""
    return {"message": rng.choice(MESSAGES), "content": _content(rng)}


def _changed(rng: random.Random) -> str:
    """A request with something put in the place of something."""
    request = _valid(rng)
    where = request["content"] if rng.random() < 0.8 else request
    where[rng.choice([*where, "extra"])] = _anything(rng)
    return json.dumps(request, ensure_ascii=rng.random() < 0.5)


def _damaged(rng: random.Random) -> str:
    """A request's text with characters lost, doubled or replaced."""
    text = list(json.dumps(_valid(rng)))
    for _ in range(rng.randrange(1, 4)):
        place = rng.randrange(len(text))
        text[place : place + rng.randrange(3)] = rng.choice(('"', "{", "}", "[", ",", ":", "\\", "0", "\\ud800", ""))
    return "".join(text)


MAKERS: tuple[Callable[[random.Random], str | bytes], ...] = (
    lambda rng: json.dumps(_valid(rng)),
    lambda rng: json.dumps(_valid(rng)),
    lambda rng: json.dumps(_anything(rng)),
    _changed,
    _damaged,
    lambda rng: rng.randbytes(rng.randrange(50)),
)


@pytest.mark.slow
@pytest.mark.parametrize("market", ["BTC-USD", "ALL"])
@pytest.mark.parametrize("seed", range(5))
def test_a_hundred_thousand_messages(market: str, seed: int) -> None:
    """10 x 10,000."""
    rng = random.Random(seed)
    checked = Checked(market)
    seen: dict[type, int] = {}
    for _ in range(10_000):
        for effect in checked.receive(rng.choices(MAKERS, (30, 30, 10, 20, 10, 0.2))[0](rng)):
            seen[type(effect)] = seen.get(type(effect), 0) + 1
    assert seen[Join] > 100, "the messages reach what they are to try"
    assert seen[Submit] > 100


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text(st.characters()),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(message=st.one_of(JSON.map(json.dumps), st.text(st.characters(exclude_categories=["Cs"])), st.binary()))
def test_anything(message: str | bytes) -> None:
    Checked().receive(message)


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(name=st.sampled_from(MESSAGES), content=st.dictionaries(st.sampled_from([*_content(random.Random(1))]), JSON))
def test_requests_of_any_fields(name: str, content: dict[str, Any]) -> None:
    Checked("ALL").receive(json.dumps({"message": name, "content": content}))
