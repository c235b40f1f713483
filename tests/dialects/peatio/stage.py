"""Plays transcripts of the Peatio port; tests/transcripts.py says what `>`, `<`, `x` and `#` mean.

    ! set NAME=VALUE ...                   settings; before anything else. `key=rsa|ed25519|raw|secret` is the key
    ! list SYMBOL price P size S [levels]  a market of the venue, or one whose book comes level by level
    ! account NUMBER NAME [CODE AMOUNT]... an account with money
    ! at SECONDS                           every clock shows this time of the epoch
    ! advance SECONDS                      connections live through so much time
    ! clock SECONDS                        the venue lives through so much time
    ! connect URL [as NAME] [token CLAIM=VALUE,...] [header NAME=VALUE]
    ! order ACCOUNT SYMBOL buy|sell SIZE @ PRICE      `@ market` for a market order
    ! cancel ACCOUNT ORDER
    ! amend ACCOUNT ORDER PRICE
    ! bid|ask SYMBOL SIZE @ PRICE          a level of a market of levels
    ! reset SYMBOL bids SIZE@PRICE ... asks SIZE@PRICE ...
    ! address ACCOUNT CODE ADDRESS
    ! relay ROUTING_KEY BODY               the upstream publishes
    ! lost                                 the connection to the upstream was lost, and is back
    ! stall, ! recover, ! resync      the gateway cannot vouch for what it knows, or can again (tests/stale.py)

In what a client sends, `$TOKEN{claim=value,...}` is a token with these claims (`exp` and the like in seconds from now).
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

from polyfeed.dialects._base.rest import RestResponse
from polyfeed.model.commands import AmendOrder, CancelOrder, PlaceOrder
from polyfeed.model.enums import Detail, OrderKind, Side
from polyfeed.model.events import BookReset, DepositAddressCreated, LevelSet, PublicEvent
from polyfeed.model.numbers import parse_scaled
from tests.dialects.peatio.rig import ED_KEY, ED_RAW, ED_SPKI, RSA_KEY, RSA_PUBLIC, Client, Rig
from tests.stale import tell_fan
from tests.transcripts import Line, Scene

SECRET = "a secret of at least thirty-two bytes"
KEYS = {
    "rsa": {"jwt_public_key": RSA_PUBLIC},
    "ed25519": {"jwt_public_key": ED_SPKI},
    "raw": {"jwt_public_key": ED_RAW},
    "secret": {"jwt_public_key": "", "jwt_secret": SECRET},
}
_TOKEN = re.compile(r"\$TOKEN\{([^}]*)\}")
_TIMES = ("exp", "nbf", "iat")


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
        self._settings: dict[str, Any] = {}
        self._key = RSA_KEY
        self._rig: Rig | None = None
        self._clients: dict[str, Client] = {}
        self._ended: list[str] = []

    @property
    def rig(self) -> Rig:
        """Made when it is first needed."""
        if self._rig is None:
            self._rig = Rig(**self._settings)
        return self._rig

    def act(self, line: Line) -> None:
        """Does what a line says."""
        if line.mark == ">":
            text = _TOKEN.sub(lambda match: self._token(match[1]), line.text)
            self._send(line.who, text)
        elif line.mark == ">x":
            self._send(line.who, bytes.fromhex(line.text))
        else:
            words = line.text.split(" ")
            getattr(self, f"_{words[0]}")(words[1:])

    def heard(self) -> list[str]:
        """What was sent to all clients since the last time, as it would stand in a transcript."""
        lines, self._ended = self._ended, []
        for name, client in self._clients.items():
            lines += [f"{name}< {text}" for text in client.take()]
            if client.outlet.closed is not None:
                lines.append(f"{name}x {client.outlet.closed[0]} {client.outlet.closed[1]}")
                client.outlet.closed = None
        return lines

    def _send(self, who: str, data: str | bytes) -> None:
        client = self._clients[who]
        session = client.connection.session
        session.last_heard = self.rig.now
        self.rig.fan.carry_out(client.connection, session.receive(self.rig.now, data))

    def _token(self, text: str) -> str:
        claims: dict[str, Any] = {}
        for item in filter(None, text.split(",")):
            name, _, value = item.partition("=")
            if name in _TIMES:
                claims[name] = self.rig.now // 1_000_000 + int(value)
            else:
                claims[name] = value if value else None
        return self.rig.token(self._key, **claims)

    # --- what happens -----------------------------------------------------------------------------------------------

    def _set(self, words: list[str]) -> None:
        for word in words:
            name, _, value = word.partition("=")
            if name == "key":
                self._settings |= KEYS[value]
                self._key = RSA_KEY if value == "rsa" else ED_KEY
            else:
                self._settings[name] = {"true": True, "false": False}.get(value, value)

    def _stall(self, words: list[str]) -> None:
        tell_fan("stall", self.rig.fan)
        self.rig.turn()

    def _recover(self, words: list[str]) -> None:
        tell_fan("recover", self.rig.fan)
        self.rig.turn()

    def _resync(self, words: list[str]) -> None:
        tell_fan("resync", self.rig.fan)
        self.rig.turn()

    def _at(self, words: list[str]) -> None:
        self.rig.now = parse_scaled(words[0], 6)

    def _advance(self, words: list[str]) -> None:
        self.rig.advance(parse_scaled(words[0], 6))

    def _clock(self, words: list[str]) -> None:
        self.rig.clock(parse_scaled(words[0], 6))

    def _list(self, words: list[str]) -> None:
        detail = Detail.LEVELS if "levels" in words else Detail.ORDERS
        self.rig.list(words[0], int(words[2]), int(words[4]), detail)

    def _account(self, words: list[str]) -> None:
        self.rig.open(int(words[0]), words[1], **dict(zip(words[2::2], map(int, words[3::2]), strict=True)))

    def _connect(self, words: list[str]) -> None:
        given = dict(zip(words[1::2], words[2::2], strict=True))
        name, header = given.get("as", ""), given.get("header", "").partition("=")
        token = self._token(given["token"]) if "token" in given else ""
        client = self.rig.connect(words[0], token, {header[0]: header[2]} if header[0] else {})
        if isinstance(client, RestResponse):
            why = client.headers.get("WWW-Authenticate", "")
            self._ended.append(f"{name}x {client.status} {why}".rstrip())
        else:
            self._clients[name] = client

    def _order(self, words: list[str]) -> None:
        state = self.rig.market.by_symbol("peatio", words[1])
        assert state is not None
        one, side = state.instrument, Side.BUY if words[2] == "buy" else Side.SELL
        size = parse_scaled(words[3], one.size_scale)
        market = words[5] == "market"
        kind = OrderKind.MARKET if market else OrderKind.LIMIT
        price = 0 if market else parse_scaled(words[5], one.price_scale)
        self.rig.command(PlaceOrder(int(words[0]), one.id, side, kind, size, price))

    def _cancel(self, words: list[str]) -> None:
        self.rig.command(CancelOrder(int(words[0]), int(words[1])))

    def _amend(self, words: list[str]) -> None:
        self.rig.command(AmendOrder(int(words[0]), int(words[1]), parse_scaled(words[2], 2)))

    def _bid(self, words: list[str]) -> None:
        self._level(Side.BUY, words)

    def _ask(self, words: list[str]) -> None:
        self._level(Side.SELL, words)

    def _level(self, side: Side, words: list[str]) -> None:
        state = self.rig.market.by_symbol("peatio", words[0])
        assert state is not None
        one = state.instrument
        price, size = parse_scaled(words[3], one.price_scale), parse_scaled(words[1], one.size_scale)
        self.rig.tell([LevelSet(one.id, side, price, size, self.rig.now)])

    def _reset(self, words: list[str]) -> None:
        state = self.rig.market.by_symbol("peatio", words[0])
        assert state is not None
        one, sides = state.instrument, {"bids": [], "asks": []}
        for word in words[1:]:
            if word in sides:
                side = sides[word]
            else:
                size, price = word.split("@")
                side.append((parse_scaled(price, one.price_scale), parse_scaled(size, one.size_scale), self.rig.now))
        events: list[PublicEvent] = [BookReset(one.id, sides["bids"], sides["asks"])]
        self.rig.tell(events)

    def _address(self, words: list[str]) -> None:
        self.rig.tell(private={int(words[0]): [DepositAddressCreated(words[1], words[2])]})

    def _relay(self, words: list[str]) -> None:
        self.rig.relayed(words[0], " ".join(words[1:]))

    def _lost(self, words: list[str]) -> None:
        self.rig.lost()
