"""Whatever a client sends, it gets an answer that is JSON, and the session's table stays true."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from polyfeed.dialects._base.effects import Close, FeedKey, Join, Leave, Send, Snapshot
from polyfeed.dialects.ekiden.spec import INTERVALS
from polyfeed.model.commands import Deposit, SetIndexPrice
from polyfeed.model.enums import InstrumentKind
from polyfeed.model.perpetuals import PerpetualTerms

from .rig import ALICE, Rig, instrument, public_key, sign

SYMBOLS = ("BTC-USDC", "ETH-USDC")
_NUMBERS = (0, 1, -1, 5, 10, 1000, 2**64 - 1, 2**64, 10**30, 1.5, -0.0, 1e300)
_TEXTS = ("", "10", "*", "BTC-USDC", ".", "\u00e9\ud800\u0000", "a" * 200, "trade.", "orderbook..")
_SCALARS = (None, True, False, *_NUMBERS, *_TEXTS)
_OPS = ("subscribe", "subscribe", "subscribe", "unsubscribe", "ping", "auth", "auth_api_key", "order")


def anything(dice: random.Random, depth: int = 0) -> Any:
    kind = dice.random()
    if depth > 3 or kind < 0.6:
        return dice.choice(_SCALARS)
    if kind < 0.8:
        return [anything(dice, depth + 1) for _ in range(dice.randrange(4))]
    return {str(dice.choice(_SCALARS)): anything(dice, depth + 1) for _ in range(dice.randrange(4))}


def topic(dice: random.Random) -> str:
    symbol = dice.choice((*SYMBOLS, "XXX-USDC"))
    return dice.choice(
        (
            f"orderbook.{dice.choice((1, 10, 50, 1000, 1001, 'x'))}.{symbol}",
            f"kline.{dice.choice((*INTERVALS, '7m'))}.{symbol}",
            *(f"{name}.{symbol}" for name in ("trade", "ticker", "all_liquidations", "insurance_pool", "adl_alert")),
            "order",
            "position",
            "execution",
            "account_balance",
        )
    )


def request(dice: random.Random, rig: Rig) -> dict[str, Any]:
    """A request that is mostly in order."""
    op = dice.choice(_OPS)
    made: dict[str, Any] = {"op": op}
    if op in ("subscribe", "unsubscribe"):
        made["args"] = [topic(dice) for _ in range(dice.randrange(1, 5))]
    elif op == "ping":
        made["ts"] = dice.randrange(2**64)
    elif op == "auth":
        made["bearer"] = dice.choice(("", "a.b.c", "\ud800", ".", "e30.e30.e30"))
    elif op == "auth_api_key":
        ms, nonce = rig.now // 1000, str(dice.randrange(100))
        made |= {"api_key": public_key(ALICE), "timestamp_ms": ms, "nonce": nonce}
        made["signature"] = sign(ALICE, f"EKIDEN_WS|AUTH|{ms}|{nonce}")
    if dice.random() < 0.7:
        made["req_id"] = dice.choice((dice.randrange(1000), "a"))
    return made


def message(dice: random.Random, rig: Rig) -> str | bytes:
    """A request: as it should be, with something else in it, with damaged text, or something else altogether."""
    made = request(dice, rig)
    kind = dice.random()
    if kind < 0.4:
        return json.dumps(made)
    if kind < 0.65:
        made[dice.choice([*made, "extra"])] = anything(dice)
        return json.dumps(made, ensure_ascii=dice.random() < 0.5)
    if kind < 0.85:
        text = list(json.dumps(made))
        for _ in range(dice.randrange(1, 4)):
            place = dice.randrange(len(text))
            text[place : place + dice.randrange(3)] = dice.choice(('"', "{", "}", "[", "]", ",", ":", "\\", "0", ""))
        return "".join(text)
    return dice.randbytes(dice.randrange(50)) if kind < 0.9 else json.dumps(anything(dice))


class Checked:
    """A connection whose effects are looked at; a new one when it was closed."""

    def __init__(self, path: str, later: bool) -> None:
        self.rig = Rig(later_topics=later, auth_seconds=1e6, ping_seconds=1e6)
        self.rig.list(*(instrument(number, symbol) for number, symbol in enumerate(SYMBOLS)))
        self.rig.user(ALICE)
        self.path = path
        self.joins = 0
        self.begin()

    def begin(self) -> None:
        self.client = self.rig.connect(self.path)
        self.joined: set[FeedKey] = set()

    def receive(self, data: str | bytes) -> None:
        self.rig.now += 1
        effects = self.client.session.receive(self.rig.now, data)
        assert any(isinstance(effect, Send) for effect in effects), "every message has an answer"
        for effect in effects:
            match effect:
                case Send(text):
                    assert json.loads(text.encode("ascii"))["op"] in {
                        "error",
                        "auth",
                        "pong",
                        "subscribed",
                        "unsubscribed",
                    }
                case Join(key):
                    assert key not in self.joined
                    self.joined.add(key)
                    self.joins += 1
                    self.rig.dialect.feed(key)
                case Leave(key):
                    self.joined.remove(key)
                case Snapshot(key):
                    assert key in self.joined
                case Close():
                    self.begin()
                    return
        assert len(self.joined) <= 200


@pytest.mark.slow
@pytest.mark.parametrize("path", ["/ws/public", "/ws/private"])
@pytest.mark.parametrize("seed", range(5))
def test_a_hundred_thousand_messages(path: str, seed: int) -> None:
    """2 x 5 x 10,000."""
    dice = random.Random(seed)
    checked = Checked(path, later=seed % 2 == 0)
    for _ in range(10_000):
        checked.receive(message(dice, checked.rig))
    assert checked.joins > 3, "the messages reach what they are to try"


@pytest.mark.slow
def test_calls_of_any_kind() -> None:
    """10,000 REST calls, each with an answer that is JSON or a command's."""
    dice = random.Random(7)
    rig = Checked("/ws/public", later=True).rig
    paths = [path for _, path in (*rig.dialect._rest._public, *rig.dialect._rest._reading, *rig.dialect._rest._trading)]
    ms = rig.now // 1000
    body = {
        "public_key": public_key(ALICE),
        "signature": sign(ALICE, f"AUTHORIZE|{ms}|x"),
        "timestamp_ms": ms,
        "nonce": "x",
    }
    token = json.loads(rig.rest("POST", "/api/v1/authorize", json.dumps(body).encode()).body)["token"]
    rig.list(instrument(2, "BTC-PERP", kind=InstrumentKind.PERPETUAL, perpetual=PerpetualTerms()))
    rig.must(SetIndexPrice(2, 200), Deposit(ALICE, "PERP", 10**9))
    fields = ("symbol", "side", "order_type", "qty", "price", "order_id", "trigger", "tpsl", "request", "time_in_force")
    fields += ("margin_mode", "leverage", "slippage_tolerance", "expire_time", "smp_type", "reduce_only")
    for _ in range(10_000):
        query = "&".join(
            f"{name}={dice.choice(_TEXTS)}"
            for name in dice.sample(("symbol", "limit", "cursor", "depth", "interval", "start_time", "open_only"), 2)
        )
        sent: Any = {name: anything(dice) for name in dice.sample(fields, 4)}
        sent |= {"symbol": dice.choice(("BTC-USDC", "BTC-PERP"))} if dice.random() < 0.7 else {}
        if dice.random() < 0.5:
            sent |= {"side": "Buy", "order_type": "Limit", "qty": "1", "price": "2"}
        data = json.dumps(anything(dice) if dice.random() < 0.1 else sent).encode()
        path = f"/api/v1{dice.choice(paths)}?{query}"
        headers = {"authorization": f"Bearer {token}"} if dice.random() < 0.9 else {}
        answer = rig.rest(dice.choice(("GET", "POST")), path, data, headers)
        assert answer.status in (200, 400, 401, 404)
        json.loads(answer.body)
