"""Transcripts of Ekiden: those of tests/transcripts.py with a real venue, users and REST calls.

    ! set NAME=VALUE ...               settings of the dialect; before anything else
    ! list SYMBOL [price P] [size S] [perpetual] [levels]   an instrument, two and four decimals unless told otherwise
                                     a perpetual of the venue's has two risk tiers, and funding each hour
    ! index SYMBOL PRICE               a perpetual's index price
    ! fund CURRENCY AMOUNT             the operator pays the insurance fund
    ! withdraw NUMBER CURRENCY AMOUNT  an account is paid out
    ! user NUMBER [parent NUMBER]      an account with an Ed25519 key and plenty of all currencies
    ! key NUMBER PERMISSION ...        its key may do this from now on
    ! revoke NUMBER                    ends its key
    ! at SECONDS, ! advance SECONDS    the clock is set, or time passes in steps of 100 ms
    ! pong                             the client answers a WebSocket ping
    ! stall, ! recover, ! resync       the gateway cannot vouch for what it knows, or can again (tests/stale.py)
    ! connect public|private [as NAME]
    ! ACCOUNT buy|sell SIZE @ PRICE|market SYMBOL [ioc|fok|post|day|reduce] [link=TEXT] [smp=maker|both]
    ! ACCOUNT leverage SYMBOL NUMBER [isolated]
    ! ACCOUNT cancel | amend SIZE @ PRICE      its last order
    ! event NAME field=value ...       a public event made by hand; `private ACCOUNT NAME ...` one of an account
    rest> METHOD PATH [as ACCOUNT] [BODY]      a call, as whoever's token; answered by `rest< STATUS BODY`

`<ping>` stands for a WebSocket ping. In what a client sends `${token:1001}`, `${key:1001}` and `${sign:1001:TEXT}` are
filled in; an expected line is literal.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

import msgspec

from polyfeed.dialects.ekiden import EkidenSettings
from polyfeed.model import events
from polyfeed.model.commands import (
    AmendOrder,
    CancelOrder,
    Deposit,
    PlaceOrder,
    RevokeKey,
    SetIndexPrice,
    SetKey,
    SetLeverage,
)
from polyfeed.model.enums import Detail, InstrumentKind, MarginMode, OrderKind, SelfTrade, Side, TimeInForce
from polyfeed.model.ids import INSURANCE_FUND
from polyfeed.model.instruments import Instrument
from polyfeed.model.numbers import parse_scaled
from polyfeed.model.perpetuals import PerpetualTerms, RiskTier
from tests.transcripts import Line, Scene

from .rig import Client, Rig, instrument, public_key, sign

_FILLED_IN = re.compile(r"\$\{(\w+):(\d+)(?::([^}]*))?\}")
_TIMES = {"ioc": TimeInForce.IOC, "fok": TimeInForce.FOK, "day": TimeInForce.DAY}
TERMS = PerpetualTerms(
    max_leverage=20,
    default_leverage=5,
    tiers=(RiskTier(50_000_000_000, 50_000, 25_000), RiskTier(0, 100_000, 50_000)),
)
"""Up to 50,000 of value 20 times leverage, beyond that 10 times."""

_SMP = {"maker": SelfTrade.CANCEL_MAKER, "both": SelfTrade.CANCEL_BOTH}


def play(scene: Scene) -> None:
    """Plays a scene. Raises AssertionError, naming the line, at the first difference."""
    stage = Stage()
    heard: list[str] = []
    for line, following in pairwise([*scene.lines, Line(0, "", "!", "")]):
        if line.mark in "<x":
            expected = f"{line.who}{line.mark} {line.text}"
            found = heard.pop(0) if heard else "nothing"
            assert found == expected, f"{scene.where}, line {line.number}\nexpected {expected}\nfound    {found}"
        else:
            stage.act(line)
            heard = stage.heard()
        if following.mark not in "<x":
            assert not heard, f"{scene.where}, after line {line.number}: unexpected\n" + "\n".join(heard)


class Stage:
    """The state of a scene."""

    def __init__(self) -> None:
        self._settings: dict[str, str] = {}
        self._rig: Rig | None = None
        self._clients: dict[str, Client] = {}
        self._tokens: dict[int, str] = {}
        self._said: list[str] = []
        self._last: dict[int, int] = {}
        self._marks = 0

    @property
    def rig(self) -> Rig:
        if self._rig is None:
            given = msgspec.convert(self._settings, EkidenSettings, strict=False)
            self._rig = Rig(**msgspec.structs.asdict(given)) if self._settings else Rig()
        return self._rig

    def act(self, line: Line) -> None:
        if line.who == "rest":
            self._rest(line.text)
        elif line.mark == ">":
            self.rig.receive(self._clients[line.who], self._filled_in(line.text))
        elif line.mark == ">x":
            self.rig.receive(self._clients[line.who], bytes.fromhex(line.text))
        else:
            words = line.text.split(" ")
            if words[0].isdigit():
                self._order(int(words[0]), words[1:])
            else:
                getattr(self, f"_{words[0]}")(words[1:])

    def heard(self) -> list[str]:
        lines, self._said = self._said, []
        for name, client in self._clients.items():
            lines += [f"{name}< {text}" for text in client.take()]
            if client.closed is not None:
                lines.append(f"{name}x {client.closed[0]} {client.closed[1]}")
                client.closed = None
        return lines

    # --- what happens -----------------------------------------------------------------------------------------------

    def _set(self, words: list[str]) -> None:
        self._settings.update(word.split("=", 1) for word in words)

    def _list(self, words: list[str]) -> None:
        given = {words[place]: words[place + 1] for place in range(1, len(words) - 1)}
        self.rig.list(
            instrument(
                len(self.rig.market.instruments),
                words[0],
                price_scale=int(given.get("price", 2)),
                size_scale=int(given.get("size", 4)),
                kind=InstrumentKind.PERPETUAL if "perpetual" in words else InstrumentKind.SPOT,
                perpetual=TERMS if "perpetual" in words and "levels" not in words else None,
                detail=Detail.LEVELS if "levels" in words else Detail.ORDERS,
                maker_fee_ppm=1000,
                taker_fee_ppm=2000,
            )
        )

    def _index(self, words: list[str]) -> None:
        one = self._instrument(words[0])
        self.rig.must(SetIndexPrice(one.id, _price(one, words[1])))

    def _fund(self, words: list[str]) -> None:
        self.rig.must(Deposit(INSURANCE_FUND, words[0], parse_scaled(words[1], 6)))

    def _withdraw(self, words: list[str]) -> None:
        self.rig.must(Deposit(int(words[0]), words[1], -parse_scaled(words[2], 6)))

    def _instrument(self, symbol: str) -> Instrument:
        state = self.rig.market.by_symbol("ekiden", symbol)
        assert state is not None, symbol
        return state.instrument

    def _user(self, words: list[str]) -> None:
        self.rig.user(int(words[0]), int(words[2]) if len(words) > 1 else 0)

    def _key(self, words: list[str]) -> None:
        account = int(words[0])
        key = public_key(account)
        self.rig.must(SetKey(account, key, "ed25519", bytes.fromhex(key), tuple(words[1:])))

    def _revoke(self, words: list[str]) -> None:
        self.rig.must(RevokeKey(int(words[0]), public_key(int(words[0]))))

    def _stall(self, words: list[str]) -> None:
        self.rig.tell("stall")

    def _recover(self, words: list[str]) -> None:
        self.rig.tell("recover")

    def _resync(self, words: list[str]) -> None:
        self.rig.tell("resync")

    def _at(self, words: list[str]) -> None:
        self.rig.now = parse_scaled(words[0], 6)

    def _advance(self, words: list[str]) -> None:
        self.rig.advance(float(words[0]))

    def _pong(self, words: list[str]) -> None:
        for client in self._clients.values():
            client.session.last_heard = self.rig.now

    def _connect(self, words: list[str]) -> None:
        self._clients[words[2] if len(words) > 1 else ""] = self.rig.connect(f"/ws/{words[0]}")

    def _order(self, account: int, words: list[str]) -> None:
        if words[0] == "cancel":
            self.rig.must(CancelOrder(account, self._last[account]))
        elif words[0] == "amend":
            order = self.rig.accounts.get(account).orders[self._last[account]]  # type: ignore[union-attr]
            one = self.rig.market.instruments[order.terms.instrument].instrument
            self.rig.must(AmendOrder(account, order.order_id, _price(one, words[3]), _size(one, words[1])))
        elif words[0] == "leverage":
            mode = MarginMode.ISOLATED if "isolated" in words else MarginMode.CROSS
            self.rig.must(SetLeverage(account, self._instrument(words[1]).id, int(words[2]), mode))
        else:
            self._place(account, words)

    def _place(self, account: int, words: list[str]) -> None:
        place = 3 if words[2] == "market" else 4
        one, options = self._instrument(words[place]), words[place + 1 :]
        given = dict(word.split("=", 1) for word in options if "=" in word)
        command = PlaceOrder(
            account,
            one.id,
            Side.BUY if words[0] == "buy" else Side.SELL,
            OrderKind.MARKET if place == 3 else OrderKind.LIMIT,
            _size(one, words[1]),
            0 if place == 3 else _price(one, words[3]),
            next((_TIMES[word] for word in options if word in _TIMES), TimeInForce.GTC),
            "post" in options,
            _SMP.get(given.get("smp", ""), SelfTrade.CANCEL_TAKER),
            given.get("link", ""),
            reduce_only="reduce" in options,
        )
        outcome = self.rig.command(command)
        assert outcome.accepted, outcome
        self._last[account] = outcome.order_id

    def _event(self, words: list[str]) -> None:
        self.rig.publish([_event(words)])

    def _private(self, words: list[str]) -> None:
        self.rig.publish([], {int(words[0]): [_event(words[1:])]})

    def _rest(self, text: str) -> None:
        method, path, *rest = text.split(" ")
        headers: dict[str, str] = {}
        if rest[:1] == ["as"]:
            headers["authorization"] = f"Bearer {self._token(int(rest[1]))}"
            rest = rest[2:]
        while rest and re.fullmatch(r"[a-z-]+:.*", rest[0]):
            name, _, value = self._filled_in(rest.pop(0)).partition(":")
            headers[name] = value
        answer = self.rig.rest(method, path, self._filled_in(" ".join(rest)).encode(), headers)
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        shown = "".join(f" {name}={value}" for name, value in answer.headers.items() if name == "Retry-After")
        self._said.append(f"rest< {answer.status}{shown} {answer.body.decode()}")

    def _filled_in(self, text: str) -> str:
        def value(match: re.Match[str]) -> str:
            what, account, more = match[1], int(match[2]), match[3]
            if what == "token":
                return self._token(account)
            return f"0x{public_key(account)}" if what == "key" else sign(account, more)

        return _FILLED_IN.sub(value, text)

    def _token(self, account: int) -> str:
        if account not in self._tokens:
            self._marks += 1
            ms, nonce = self.rig.now // 1000, f"stage-{self._marks}"
            body = {
                "public_key": public_key(account),
                "signature": sign(account, f"AUTHORIZE|{ms}|{nonce}"),
                "timestamp_ms": ms,
                "nonce": nonce,
            }
            answer = self.rig.rest("POST", "/api/v1/authorize", msgspec.json.encode(body))
            self._tokens[account] = msgspec.json.decode(answer.body)["token"]
        return self._tokens[account]


def _price(one: Instrument, text: str) -> int:
    return parse_scaled(text, one.price_scale)


def _size(one: Instrument, text: str) -> int:
    return parse_scaled(text, one.size_scale)


def _event(words: list[str]) -> Any:
    """An event of the model from its name and `field=value` words, whose values are JSON or plain text."""
    kind = getattr(events, words[0])
    fields: dict[str, Any] = {}
    for word in words[1:]:
        name, _, value = word.partition("=")
        try:
            fields[name] = msgspec.json.decode(value)
        except msgspec.DecodeError:
            fields[name] = value
    order = [field.name for field in msgspec.structs.fields(kind)]
    made = kind(**fields)
    return msgspec.convert([kind.__struct_config__.tag, *(getattr(made, name) for name in order)], kind)
