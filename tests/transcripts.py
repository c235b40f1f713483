"""Transcripts: what a client says and a server answers, as plain text that is its own test.

A file holds scenes; each starts with a fresh market, the settings of its dialect and nobody connected.

    == a title
    # where the fact comes from
    ! what happens in the venue, see below
    > what the client sends
    < what the server sends, byte for byte
    x what the connection ends with: close code and reason, or the HTTP status that refused it

Everything the server sends must stand there, in order, right after what caused it. A second client has a name before its
marks (`b> ...`, `b< ...`). `>x 00ff` sends a binary message. The venue's part in plain words, one batch each; a line that
begins with `! and` goes into the batch of the line before:

    ! set NAME=VALUE ...                 settings of the dialect; before anything else
    ! list SYMBOL price P size S [tick T] [status W]    an instrument with so many decimals; its book comes level by level
    ! at SECONDS                         the clock stands at this time of the epoch, with decimals
    ! advance SECONDS                    so much time passes
    ! connect NUMBER [path P] [as NAME]  a client comes; NUMBER is its connection's random number
    ! bid|ask SYMBOL SIZE @ PRICE [at SECONDS]          a level's total is now this
    ! trade SYMBOL buy|sell SIZE @ PRICE [market] [at SECONDS]      the side is the taker's
    ! reset SYMBOL bids SIZE@PRICE ... asks SIZE@PRICE ... [at SECONDS]
    ! status SYMBOL WORD                 online, halted, ...
    ! system TEXT                        the operator's word to all
    ! stall, ! recover, ! resync         the gateway cannot vouch for what it knows, or can again (tests/stale.py)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from polyfeed.dialects._base.dialect import Dialect
from polyfeed.dialects._base.rest import RestResponse
from polyfeed.market.market import Market
from polyfeed.model.enums import Detail, InstrumentStatus, OrderKind, Side
from polyfeed.model.events import (
    BookReset,
    CurrencyDefined,
    InstrumentListed,
    InstrumentStatusSet,
    LevelSet,
    PublicEvent,
    SystemStatusSet,
    Trade,
)
from polyfeed.model.instruments import Currency, Instrument
from polyfeed.model.numbers import parse_scaled
from tests.desk import Client, Desk

_LINE = re.compile(r"(?P<who>[a-z0-9]*)(?P<mark>>x|[<>x!])(?: (?P<text>.*))?")
_START = 1_561_939_200_000_000  # 2019-07-01, in the days of the documents

Maker = Callable[[Market, Mapping[str, str]], Dialect]


class Line(NamedTuple):
    """A line that is no comment."""

    number: int
    who: str
    mark: str
    text: str


class Scene(NamedTuple):
    """A conversation; `where` names the file and the title."""

    where: str
    lines: list[Line]


def scenes(folder: Path) -> list[Scene]:
    """All scenes of the files of a folder. Raises ValueError for a line that is none."""
    return [scene for path in sorted(folder.glob("*.txt")) for scene in _scenes_of(path)]


def _scenes_of(path: Path) -> Iterator[Scene]:
    scene: Scene | None = None
    for number, text in enumerate(path.read_text("utf-8").split("\n"), 1):
        if text.startswith("== "):
            if scene is not None:
                yield scene
            scene = Scene(f"{path.stem}: {text[3:]}", [])
        elif text and not text.startswith("#"):
            match = _LINE.fullmatch(text)
            if match is None or scene is None:
                raise ValueError(f"{path}, line {number}: {text}")
            scene.lines.append(Line(number, match["who"], match["mark"], match["text"] or ""))
    if scene is not None:
        yield scene


def play(scene: Scene, make: Maker, stage_of: type[Stage] | None = None) -> None:
    """Plays a scene, on a stage of a dialect's own where it has one. Raises AssertionError, naming the line, at the
    first difference.
    """
    stage = (stage_of or Stage)(make)
    heard: list[str] = []
    for line, following in pairwise([*scene.lines, Line(0, "", "!", "")]):
        if line.mark in "<x":
            expected = f"{line.who}{line.mark} {line.text}"
            found = heard.pop(0) if heard else "nothing"
            assert found == expected, f"{scene.where}, line {line.number}\nexpected {expected}\nfound    {found}"
        else:
            stage.act(line, joined=following.mark == "!" and following.text.startswith("and "))
            heard = stage.heard()
        if following.mark not in "<x":
            assert not heard, f"{scene.where}, after line {line.number}: unexpected\n" + "\n".join(heard)


class Stage:
    """The state of a scene: the desk, the clients by name, and the events of the batch that is being written."""

    def __init__(self, make: Maker) -> None:
        self._make = make
        self._settings: dict[str, str] = {}
        self._desk: Desk | None = None
        self._clients: dict[str, Client] = {}
        self._ended: dict[str, str] = {}
        self._batch: list[PublicEvent] = []
        self._batch_ts = 0

    @property
    def desk(self) -> Desk:
        """Made when it is first needed, with the settings as they are then."""
        if self._desk is None:
            self._desk = Desk(lambda market: self._make(market, self._settings), _START)
        return self._desk

    def act(self, line: Line, joined: bool) -> None:
        """Does what a line says; `joined` says that the next line goes into the same batch."""
        if line.mark == ">":
            self.desk.receive(self._clients[line.who], line.text)
        elif line.mark == ">x":
            self.desk.receive(self._clients[line.who], bytes.fromhex(line.text))
        else:
            words = line.text.removeprefix("and ").split(" ")
            getattr(self, f"_{words[0]}")(words[1:])
            if self._batch and not joined:
                events, self._batch = self._batch, []
                self.desk.publish(events, self._batch_ts)

    def heard(self) -> list[str]:
        """What was sent to all clients since the last time, marked as it would stand in a transcript."""
        lines: list[str] = []
        for name, client in self._clients.items():
            lines += [f"{name}< {text}" for text in client.take()]
            if client.closed is not None:
                lines.append(f"{name}x {client.closed[0]} {client.closed[1]}")
                client.closed = None
        lines += [f"{name}x {text}" for name, text in self._ended.items()]
        self._ended.clear()
        return lines

    # --- what happens -----------------------------------------------------------------------------------------------

    def _set(self, words: list[str]) -> None:
        self._settings.update(word.split("=", 1) for word in words)

    def _stall(self, words: list[str]) -> None:
        self.desk.tell("stall")

    def _recover(self, words: list[str]) -> None:
        self.desk.tell("recover")

    def _resync(self, words: list[str]) -> None:
        self.desk.tell("resync")

    def _at(self, words: list[str]) -> None:
        self.desk.now = parse_scaled(words[0], 6)

    def _advance(self, words: list[str]) -> None:
        self.desk.advance(self.desk.now + parse_scaled(words[0], 6))

    def _connect(self, words: list[str]) -> None:
        given = _given(words[1:])
        name = given.get("as", "")
        client = self.desk.connect(int(words[0]), given.get("path", "/"))
        if isinstance(client, RestResponse):
            self._ended[name] = str(client.status)
        else:
            self._clients[name] = client

    def _list(self, words: list[str]) -> None:
        symbol, given = words[0], _given(words[1:])
        base, _, quote = symbol.partition("/")
        scale = int(given["price"])
        self._batch += [CurrencyDefined(Currency(base, 8)), CurrencyDefined(Currency(quote, 8))]
        instrument = Instrument(
            id=len(self.desk.market.instruments),
            name=symbol,
            base=base,
            quote=quote,
            price_scale=scale,
            size_scale=int(given["size"]),
            tick=parse_scaled(given["tick"], scale) if "tick" in given else 1,
            lot=1,
            min_size=1,
            detail=Detail.LEVELS,
            status=InstrumentStatus(given.get("status", "online")),
            symbols={self.desk.dialect.name: symbol},
        )
        self._batch.append(InstrumentListed(instrument))

    def _bid(self, words: list[str]) -> None:
        self._level(Side.BUY, words)

    def _ask(self, words: list[str]) -> None:
        self._level(Side.SELL, words)

    def _level(self, side: Side, words: list[str]) -> None:
        instrument = self._instrument(words[0])
        size, price = parse_scaled(words[1], instrument.size_scale), parse_scaled(words[3], instrument.price_scale)
        self._batch.append(LevelSet(instrument.id, side, price, size, self._time(words)))

    def _trade(self, words: list[str]) -> None:
        instrument = self._instrument(words[0])
        side = Side.BUY if words[1] == "buy" else Side.SELL
        size, price = parse_scaled(words[2], instrument.size_scale), parse_scaled(words[4], instrument.price_scale)
        kind = OrderKind.MARKET if "market" in words else OrderKind.LIMIT
        self._batch.append(Trade(instrument.id, 0, price, size, side, kind, ts=self._time(words)))

    def _reset(self, words: list[str]) -> None:
        instrument, ts = self._instrument(words[0]), self._time(words)
        sides: dict[str, list[tuple[int, int, int]]] = {"bids": [], "asks": []}
        for word in words[1:]:
            if word in sides:
                side = sides[word]
            elif "@" in word:
                size, price = word.split("@")
                level = parse_scaled(price, instrument.price_scale), parse_scaled(size, instrument.size_scale)
                side.append((*level, ts))
        self._batch.append(BookReset(instrument.id, sides["bids"], sides["asks"]))

    def _status(self, words: list[str]) -> None:
        self._batch.append(InstrumentStatusSet(self._instrument(words[0]).id, InstrumentStatus(words[1])))

    def _system(self, words: list[str]) -> None:
        self._batch.append(SystemStatusSet(" ".join(words)))

    def _instrument(self, symbol: str) -> Instrument:
        state = self.desk.market.by_symbol(self.desk.dialect.name, symbol)
        assert state is not None, f"{symbol} is not listed"
        return state.instrument

    def _time(self, words: list[str]) -> int:
        """The time an event names, or now; the batch has that of its last event."""
        self._batch_ts = parse_scaled(words[words.index("at") + 1], 6) if "at" in words else self.desk.now
        return self._batch_ts


def _given(words: list[str]) -> dict[str, str]:
    return dict(zip(words[::2], words[1::2], strict=True))
