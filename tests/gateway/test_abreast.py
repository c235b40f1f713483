"""Writing side by side, on real sockets that fill up: everybody gets exactly its own frames, in order, whatever happens
between two parts of a pass.
"""

from __future__ import annotations

import contextlib
import os
import random
import socket
from pathlib import Path

import pytest

from polyfeed.dialects._base.effects import Effect, FeedKey, Join, Leave, Send
from polyfeed.gateway import cohort
from polyfeed.gateway.abreast import FEW, LIBRARY, Write, compiled, in_python
from polyfeed.gateway.connection import Connection
from polyfeed.gateway.turns import SLICE
from tests.gateway.fakes import Stage, texts_of

FEEDS = (FeedKey("a", 0), FeedKey("a", 1))


class Reader:
    """A client on a socket with a small buffer, and what it should hear."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.server, self.client = socket.socketpair()
        for end in (self.server, self.client):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
            end.setblocking(False)
        self.paused = False
        self.heard = b""
        self.due: list[str] = []
        self.feeds: set[int] = set()
        self._kept = b""
        self.connection: Connection = stage.fan.enter(stage.dialect.connect(0, None), self)  # type: ignore[arg-type]
        self.connection.take(self.server.fileno())

    # What the gateway asks of an outlet.

    def write(self, data: bytes) -> None:
        assert not self.paused
        try:
            sent = os.write(self.server.fileno(), data)
        except BlockingIOError:
            sent = 0
        if sent < len(data):
            self.keep(data[sent:])

    def keep(self, rest: bytes) -> None:
        self.paused = True
        self._kept += rest
        self.connection.block()

    def close_frame(self, code: int, reason: str) -> bytes:
        raise AssertionError(reason)

    # What the test has it do.

    def do(self, *effects: Effect) -> None:
        self.stage.fan.carry_out(self.connection, effects)

    def read(self, count: int) -> None:
        """Reads some; the server's side sends on what it kept, and is told when that has gone."""
        with contextlib.suppress(BlockingIOError):
            self.heard += self.client.recv(count)
        if self._kept:
            try:
                self._kept = self._kept[self.server.send(self._kept) :]
            except BlockingIOError:
                return
            if not self._kept:
                self.paused = False
                self.connection.take(self.server.fileno())
                self.stage.fan.resume(self.connection)

    def drain(self) -> None:
        """Reads all there is."""
        while True:
            before = len(self.heard)
            self.read(1 << 16)
            if len(self.heard) == before and not self._kept:
                return

    def close(self) -> None:
        self.server.close()
        self.client.close()


IN_C = pytest.param(
    compiled(LIBRARY), id="c", marks=pytest.mark.skipif(not LIBRARY.exists(), reason="abreast.c was not compiled here")
)
BOTH = pytest.mark.parametrize("write", [pytest.param(in_python, id="python"), IN_C])
"""Each test that has it holds for the C loop and for its twin."""


@BOTH
@pytest.mark.parametrize("seed", range(15))
def test_everybody_hears_exactly_its_own_in_order(seed: int, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cohort, "write_abreast", write)
    dice = random.Random(seed)
    stage = Stage()
    readers = [Reader(stage) for _ in range(dice.choice((3, 40, SLICE + 30)))]
    said = [0, 0]
    together = 0
    try:
        for step in range(600):
            reader = dice.choice(readers)
            match dice.choice(("trade", "trade", "trade", "turn", "turn", "turn", "read", "read", "own", "feeds")):
                case "trade":
                    instrument = dice.randrange(2)
                    said[instrument] += 1
                    stage.trade(step, instrument)
                    for one in readers:
                        if instrument in one.feeds:
                            one.due.append(f"a{instrument}:{step}")
                case "turn" if stage.calls:
                    stage.calls.pop(0)()
                case "read":
                    reader.read(dice.choice((1, 100, 10_000)))
                case "own":
                    text = "x" * dice.choice((3, 120))
                    reader.due.append(text)
                    reader.do(Send(text))
                case "feeds":
                    instrument = dice.randrange(2)
                    reader.feeds ^= {instrument}
                    reader.do((Join if instrument in reader.feeds else Leave)(FEEDS[instrument]))
            together += any(one.connection.abreast for one in readers)
        stage.run()
        for reader in readers:
            reader.drain()
        stage.run()
        for place, reader in enumerate(readers):
            reader.drain()
            assert texts_of(reader.heard) == reader.due, place
        assert together > 100
        for reader in readers:
            stage.fan.exit(reader.connection)
        assert stage.fan.idle()
    finally:
        for reader in readers:
            reader.close()


def test_who_leaves_in_the_middle_of_a_pass_takes_what_it_was_sent() -> None:
    """Nobody is sent a frame twice, and nobody is left out, on either side of the place where a pass stands."""
    stage = Stage()
    readers = [Reader(stage) for _ in range(SLICE + 10)]
    try:
        for reader in readers:
            reader.do(Join(FEEDS[0]))
        stage.trade(1)
        stage.run()
        assert all(reader.connection.abreast for reader in readers)
        stage.trade(2)
        stage.calls.pop(0)()
        for reader in readers:
            reader.do(Send("own"))
        stage.trade(3)
        stage.run()
        for reader in readers:
            reader.drain()
            assert texts_of(reader.heard) == ["a0:1", "a0:2", "own", "a0:3"]
    finally:
        for reader in readers:
            reader.close()


def test_a_topic_of_one_reader_that_fills_up_goes_on_where_it_was() -> None:
    """The short way of a cohort of few: what its socket did not take comes first, and it falls in again."""
    stage = Stage()
    one, other = Reader(stage), Reader(stage)
    try:
        one.do(Join(FEEDS[0]))
        other.do(Join(FEEDS[1]))
        number = 0
        while one.connection.abreast or number < 3:
            number += 1
            stage.trade(number, 0)
            stage.trade(number, 1)
            stage.run()
            other.drain()
        assert one.paused
        stage.trade(number + 1)
        stage.run()
        assert one.connection.waiting() > 0
        one.drain()
        stage.trade(number + 2)
        stage.run()
        assert one.connection.abreast
        one.drain()
        assert texts_of(one.heard) == [f"a0:{place}" for place in range(1, number + 3)]
        assert texts_of(other.heard) == [f"a1:{place}" for place in range(1, number + 1)]
    finally:
        for reader in (one, other):
            reader.close()


def test_a_reader_of_its_own_that_lost_frames_is_not_taken_for_one_that_has_all() -> None:
    """Frames of one turn are more than may be kept: those abreast have lost some, few or many."""
    stage = Stage(lag_bytes=200)
    reader = Reader(stage)
    try:
        reader.do(Join(FEEDS[0]))
        stage.trade(100)
        stage.run()
        assert reader.connection.abreast
        for price in range(101, 200):
            stage.trade(price)
        stage.run()
        reader.drain()
        assert texts_of(reader.heard) == ["a0:100", "a0#100"]
    finally:
        reader.close()


def test_who_stands_apart_has_a_turn_however_fast_frames_come() -> None:
    stage = Stage()
    readers = [Reader(stage) for _ in range(3 * SLICE)]
    alone, outlet = stage.connect()
    try:
        stage.fan.carry_out(alone, [Join(FEEDS[0])])
        for reader in readers:
            reader.do(Join(FEEDS[0]))
        stage.trade(0)
        stage.run()
        for number in range(1, 20):  # a frame comes before each part of a walk
            stage.trade(number)
            stage.calls.pop(0)()
        heard = outlet.texts()
        assert heard == [f"a0:{number}" for number in range(len(heard))]
        assert len(heard) > 10
    finally:
        for reader in readers:
            reader.close()


@BOTH
@pytest.mark.parametrize("count", [5, 2 * FEW])
def test_sockets_that_are_full_or_gone_are_named_and_the_rest_written_to(write: Write, count: int) -> None:
    pairs = [socket.socketpair() for _ in range(count)]
    for server, _ in pairs:
        server.setblocking(False)
    with pytest.raises(BlockingIOError):
        while True:
            pairs[1][0].send(bytes(1 << 16))
    pairs[3][1].close()
    numbers = [server.fileno() for server, _ in pairs]
    assert write(numbers, b"frame\0more") == [(numbers[1], 0), (numbers[3], 0)]
    assert {pairs[place][1].recv(100) for place in range(count) if place not in (1, 3)} == {b"frame\0more"}
    for pair in pairs:
        for end in pair:
            end.close()


@BOTH
def test_what_a_socket_takes_of_too_much_is_told(write: Write) -> None:
    pairs = [socket.socketpair() for _ in range(FEW)]
    for server, _ in pairs:
        server.setblocking(False)
    data = bytes(range(256)) * 20_000
    short = write([server.fileno() for server, _ in pairs], data)
    assert [number for number, _ in short] == [server.fileno() for server, _ in pairs]
    for (server, client), (_, sent) in zip(pairs, short, strict=True):
        server.close()
        heard = b""
        while part := client.recv(1 << 20):
            heard += part
        assert 0 < sent < len(data)
        assert heard == data[:sent]
        client.close()


def test_a_library_of_another_machine_is_left_alone(tmp_path: Path) -> None:
    library = tmp_path / "libabreast.so"
    assert compiled(library) is None
    library.write_bytes(b"not for this machine")
    assert compiled(library) is None
