"""Plays transcripts of Rails against a real venue. The marks are those of `tests.transcripts`; what happens:

    ! set NAME=VALUE ...              settings of the dialect; before anything else
    ! tier ACCOUNT NAME               the account's tier (`test`, which has no limits, unless said otherwise)
    ! markets NAME ...                instead of BTC-USD and ETH-USD; `-PERP` at the end makes a perpetual, whose terms
                                      are the rig's
    ! index PRICE MARKET              the index price of a perpetual
    ! key ACCOUNT ID [PERMISSIONS]    the key's permissions from now on, comma separated; revoked without them
    ! leverage ACCOUNT N MODE MARKET|all    leverage and margin mode, chosen by another way
    ! connect [account N] [market M] [subscriptions S] [token T] [as NAME] ...
                                      a client comes, by default account 1001 to BTC-USD; other words are query
                                      parameters. A refusal is `x STATUS BODY`
    ! order ACCOUNT buy|sell SIZE @ PRICE MARKET     an order that comes by another way
    ! cancel ACCOUNT                  all its orders are cancelled by another way
    ! rest [ACCOUNT] METHOD PATH      a REST call; its answer is `< STATUS BODY` of nobody
    ! times N WORDS ...               the same so many times; what is heard of it does not matter
    ! advance SECONDS                 time passes
    ! hear [NAME]                     a frame of the client (a pong) comes
    ! together begin|end              what is said in between is decided together, at the end
    ! leave NAME                      the client goes
    ! stall, ! recover, ! resync      the gateway cannot vouch for what it knows, or can again (tests/stale.py)

Markets are BTC-USD and ETH-USD, prices with two decimals, sizes with eight; accounts 1001, 1002 and the house's 9.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

from polyfeed.dialects._base.rest import RestResponse
from polyfeed.model.commands import CancelAll, PlaceOrder, RevokeKey, SetIndexPrice, SetLeverage
from polyfeed.model.enums import MarginMode, OrderKind, Side
from polyfeed.model.numbers import parse_scaled
from tests.dialects.rails.rig import Client, Rig
from tests.stale import tell_fan
from tests.transcripts import Line, Scene


class Stage:
    """The state of a scene."""

    def __init__(self) -> None:
        self._settings: dict[str, Any] = {}
        self._names = ["BTC-USD", "ETH-USD"]
        self._tiers = {1001: "test", 1002: "test"}
        self._rig: Rig | None = None
        self._clients: dict[str, Client] = {}
        self._said: list[str] = []
        self._ended: set[str] = set()
        self._waits = False

    @property
    def rig(self) -> Rig:
        if self._rig is None:
            self._rig = Rig(*self._names, accounts=self._tiers, **self._settings)
        return self._rig

    def act(self, line: Line) -> list[str]:
        """Does what a line says; what everybody is then sent, marked as it stands in a transcript."""
        if line.mark == ">":
            client = self._clients[line.who]
            client.send(line.text)
            if not self._waits:
                self.rig.settle()
        elif line.mark == ">x":
            self._clients[line.who].say(bytes.fromhex(line.text))
        else:
            words = line.text.split(" ")
            getattr(self, f"_{words[0]}")(words[1:])
        return self._heard()

    def _heard(self) -> list[str]:
        lines, self._said = self._said, []
        for name, client in self._clients.items():
            lines += [f"{name}< {text}" for text in client.take()]
            if client.closed is not None and name not in self._ended:
                self._ended.add(name)
                lines.append(f"{name}x {client.closed[0]} {client.closed[1]}")
        return lines

    def _set(self, words: list[str]) -> None:
        self._settings.update((name, json.loads(value)) for name, _, value in (word.partition("=") for word in words))

    def _markets(self, words: list[str]) -> None:
        self._names = words

    def _index(self, words: list[str]) -> None:
        price, market = words
        assert self.rig.command(SetIndexPrice(self._id_of(market), parse_scaled(price, 2)))[0].accepted

    def _leverage(self, words: list[str]) -> None:
        account, leverage, mode, market = words
        number = -1 if market == "all" else self._id_of(market)
        command = SetLeverage(int(account), number, int(leverage), MarginMode[mode.upper()])
        assert self.rig.command(command)[0].accepted

    def _key(self, words: list[str]) -> None:
        account, key, *permissions = words
        if permissions:
            self.rig.set_key(int(account), key, *permissions[0].split(","))
        else:
            self.rig.command(RevokeKey(int(account), key))

    def _id_of(self, market: str) -> int:
        state = self.rig.market.by_symbol("rails", market)
        assert state is not None
        return state.instrument.id

    def _stall(self, words: list[str]) -> None:
        tell_fan("stall", self.rig.fan)
        self.rig.turn()

    def _recover(self, words: list[str]) -> None:
        tell_fan("recover", self.rig.fan)
        self.rig.turn()

    def _resync(self, words: list[str]) -> None:
        tell_fan("resync", self.rig.fan)
        self.rig.turn()

    def _tier(self, words: list[str]) -> None:
        self._tiers[int(words[0])] = words[1]

    def _connect(self, words: list[str]) -> None:
        given = dict(zip(words[::2], words[1::2], strict=True))
        name, token = given.pop("as", ""), given.pop("token", None)
        given = {key: "" if value == "none" else value for key, value in given.items()}
        account = int(given.pop("account", 1001))
        client = self.rig.connect(account, token, **given)
        if isinstance(client, RestResponse):
            self._said.append(f"{name}x {client.status} {client.body.decode()}")
        else:
            self._ended.discard(name)
            self._clients[name] = client

    def _order(self, words: list[str]) -> None:
        account, side, size, _, price, market = words
        scaled = parse_scaled(size, 8), parse_scaled(price, 2)
        order = PlaceOrder(int(account), self._id_of(market), Side[side.upper()], OrderKind.LIMIT, *scaled)
        assert self.rig.command(order)[0].accepted

    def _cancel(self, words: list[str]) -> None:
        self.rig.command(CancelAll(int(words[0])))

    def _rest(self, words: list[str]) -> None:
        account = int(words.pop(0)) if words[0].isdigit() else None
        method, target = words
        parts = urlsplit(target)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        headers = {"authorization": f"Bearer {self.rig.token(account)}"} if account else {}
        response = self.rig.rest(method, parts.path, headers, **query)
        self._said.append(f"< {response.status} {response.body.decode()}")

    def _times(self, words: list[str]) -> None:
        for _ in range(int(words[0])):
            getattr(self, f"_{words[1]}")(words[2:])
            self._heard()

    def _advance(self, words: list[str]) -> None:
        self.rig.now += parse_scaled(words[0], 6)
        for client in self._clients.values():
            self.rig.fan.expire(client.connection, self.rig.now)
        self.rig.settle()

    def _hear(self, words: list[str]) -> None:
        self._clients[words[0] if words else ""].connection.session.last_heard = self.rig.now

    def _together(self, words: list[str]) -> None:
        self._waits = words[0] == "begin"
        if not self._waits:
            self.rig.settle()

    def _leave(self, words: list[str]) -> None:
        self._clients.pop(words[0]).leave()


def play(scene: Scene) -> None:
    """Plays a scene. Raises AssertionError, naming the line, at the first difference."""
    stage = Stage()
    heard: list[str] = []
    for line in scene.lines:
        if line.mark in "<x":
            expected = f"{line.who}{line.mark} {line.text}"
            found = heard.pop(0) if heard else "nothing"
            assert found == expected, f"{scene.where}, line {line.number}\nexpected {expected}\nfound    {found}"
            continue
        assert not heard, f"{scene.where}, before line {line.number}: unexpected\n" + "\n".join(heard)
        heard = stage.act(line)
    assert not heard, f"{scene.where}, at its end: unexpected\n" + "\n".join(heard)
