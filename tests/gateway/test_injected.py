"""Faults on purpose, on the fan-out alone: what is done to one connection, and that nobody else notices."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest

from polyfeed.dialects._base.effects import FeedKey, Join, Send
from polyfeed.dialects._base.said import Hearing, Said
from polyfeed.gateway.connection import Connection
from polyfeed.gateway.deflate import LARGE, framed
from polyfeed.gateway.faults.faults import Faults
from polyfeed.gateway.faults.frames import cut, text_of
from polyfeed.gateway.faults.terms import Refused, Terms
from polyfeed.market.market import Market
from tests.gateway.fakes import EchoSession, FakeDialect, FakeOutlet, Stage

A = FeedKey("a", 0)


class NumberedDialect(FakeDialect):
    """Whose prices count as deltas, and can be made wrong."""

    hearing = Hearing(lambda text: Said.DELTA if ":" in text else Said.OTHER, "price", lambda text: text + "!")


class Outlet(FakeOutlet):
    """One that can be hushed."""

    def __init__(self) -> None:
        super().__init__()
        self.hushed: list[str] = []

    def hush(self, *, deaf: bool) -> None:
        self.hushed.append("deaf" if deaf else "mute")

    def speak(self) -> None:
        self.hushed.append("speaks")

    def abort(self) -> None:
        self.hushed.append("aborted")


class Timer:
    """A call at a time, until it is cancelled."""

    def __init__(self, due: float, call: Callable[[], None]) -> None:
        self.due = due
        self.call = call
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class Ward:
    """A patient and a neighbour that hear the same, and a clock for the faults."""

    def __init__(self, lag_bytes: int = 1 << 20) -> None:
        self.stage = Stage(lag_bytes, NumberedDialect())
        self.now = 0.0
        self.timers: list[Timer] = []
        self.faults = Faults({"fake": self.stage.fan}, Market(), self.later)
        self.patient, self.outlet = self.enter(7)
        self.neighbour, self.other = self.enter(8)
        self.run()

    def enter(self, number: int) -> tuple[Connection, Outlet]:
        outlet = Outlet()
        one = self.stage.fan.enter(EchoSession(), outlet, number=number)
        one.take(number)
        one.block()  # no socket: the fake outlet takes it all
        self.stage.fan.carry_out(one, [Join(A)])
        return one, outlet

    def later(self, seconds: float, call: Callable[[], None]) -> Timer:
        timer = Timer(self.now + seconds, call)
        self.timers.append(timer)
        return timer

    def trade(self, *prices: int) -> None:
        for price in prices:
            self.stage.trade(price)
            self.run()

    def run(self, seconds: float = 0.0) -> None:
        """Lets time pass and everything happen that is due."""
        self.now += seconds
        while True:
            self.stage.run()
            due = [one for one in self.timers if one.due <= self.now and not one.cancelled]
            if not due:
                return
            due[0].cancel()
            due[0].call()

    def inject(self, connection: int | None = 7, **terms: object) -> int:
        return self.faults.inject("fake", connection, Terms(**terms)).number  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("drop", ["a0:3", "a0:4"]),
        ("checksum", ["a0:1!", "a0:2!", "a0:3", "a0:4"]),
        ("duplicate", ["a0:1", "a0:1", "a0:2", "a0:2", "a0:3", "a0:4"]),
    ],
)
def test_the_next_messages_are_altered_and_then_all_is_well(
    kind: str, said: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    ward = Ward()
    ward.inject(kind=kind, count=2)
    assert ward.patient.alone
    ward.trade(1, 2)
    assert ward.faults.active() == []
    ward.trade(3, 4)
    assert ward.outlet.texts() == said
    assert ward.other.texts() == ["a0:1", "a0:2", "a0:3", "a0:4"]
    assert ward.patient.outlet is ward.outlet
    assert not ward.patient.alone
    assert {record.levelno for record in caplog.records} == {logging.WARNING}
    assert len(caplog.records) == 4


def test_frames_of_one_write_are_told_apart() -> None:
    ward = Ward()
    ward.inject(kind="drop")
    ward.outlet.paused = True
    ward.stage.fan.carry_out(ward.patient, [Send("hello")])
    ward.trade(1, 2)
    ward.outlet.paused = False
    ward.stage.fan.resume(ward.patient)
    assert ward.outlet.texts() == ["hello", "a0:2"]
    assert ward.other.texts() == ["a0:1", "a0:2"]


def test_a_delay_keeps_the_order_and_ends_at_once() -> None:
    ward = Ward()
    number = ward.inject(kind="delay", ms=100)
    ward.trade(1)
    ward.run(0.06)
    ward.trade(2)
    assert ward.outlet.texts() == []
    ward.run(0.06)
    assert ward.outlet.texts() == ["a0:1"]
    ward.trade(3)
    assert ward.faults.clear(number)
    assert ward.outlet.texts() == ["a0:1", "a0:2", "a0:3"]
    ward.trade(4)
    ward.run(1)
    assert ward.outlet.texts()[3:] == ["a0:4"]
    assert ward.patient.outlet is ward.outlet


def test_what_is_late_is_bounded_like_what_a_slow_reader_has_waiting() -> None:
    ward = Ward(lag_bytes=200)
    ward.inject(kind="delay", ms=1000)
    ward.trade(*range(100, 200))
    assert ward.outlet.texts() == []
    ward.run(1)
    ward.run(1)
    said = ward.outlet.texts()
    assert said[0] == "a0:100"
    assert len(said) < 100
    assert "a0#100" in said  # what the channel promises to a reader that lost messages
    assert len(ward.other.texts()) == 100


def test_a_silence_ends_with_what_waited() -> None:
    ward = Ward()
    ward.inject(kind="silence", seconds=2)
    ward.trade(1, 2)
    ward.stage.fan.carry_out(ward.patient, [Send("answer")])
    assert ward.outlet.texts() == []
    assert ward.patient.waiting() > 0
    ward.run(2)
    assert ward.outlet.texts() == ["a0:1", "a0:2", "answer"]
    assert ward.outlet.hushed == ["mute", "speaks"]
    assert ward.faults.active() == []


def test_two_silences_end_with_the_longer() -> None:
    ward = Ward()
    ward.inject(kind="silence", seconds=1)
    ward.inject(kind="silence", seconds=2)
    ward.trade(1)
    ward.run(1)
    assert ward.outlet.texts() == []
    ward.run(1)
    assert ward.outlet.texts() == ["a0:1"]


def test_a_half_open_connection_hears_nothing_until_it_is_reset() -> None:
    ward = Ward()
    number = ward.inject(kind="half_open")
    ward.trade(1)
    assert ward.outlet.hushed == ["deaf"]
    ward.stage.fan.close(ward.patient, 1001, "bye")
    assert ward.outlet.closed is None
    ward.faults.clear(number)
    assert ward.outlet.hushed == ["deaf", "aborted"]
    assert ward.outlet.texts() == []
    assert ward.other.texts() == ["a0:1"]


def test_a_restart_closes_and_is_over_at_once() -> None:
    ward = Ward()
    ward.inject(kind="restart")
    assert ward.outlet.closed == (1001, "server is shutting down")
    assert ward.other.closed is None
    assert ward.faults.active() == []


def test_a_fault_is_forgotten_with_its_last_connection() -> None:
    ward = Ward()
    ward.inject(kind="drop", count=5)
    ward.stage.fan.exit(ward.patient)
    assert ward.faults.active() == []
    ward.trade(1)
    assert ward.other.texts() == ["a0:1"]


def test_a_fault_whose_hearing_fails_hurts_nobody(caplog: pytest.LogCaptureFixture) -> None:
    ward = Ward()
    ward.stage.dialect.hearing = Hearing(lambda text: Said[text])
    ward.inject(kind="drop")
    ward.trade(1)
    assert ward.outlet.texts() == ward.other.texts() == ["a0:1"]
    assert "a message cannot be altered" in caplog.text


@pytest.mark.parametrize(
    ("connection", "terms", "says"),
    [
        (9, {"kind": "drop"}, "none of that number"),
        (7, {"kind": "drop", "ms": 3}, "drop takes count, not ms"),
        (7, {"kind": "restart", "seconds": 3}, "restart takes no number, not seconds"),
        (7, {"kind": "delay"}, "delay takes ms"),
        (7, {"kind": "maintenance"}, "no message for it"),
    ],
)
def test_what_cannot_be_done_is_refused(connection: int, terms: dict[str, object], says: str) -> None:
    ward = Ward()
    with pytest.raises(Refused, match=says):
        ward.inject(connection, **terms)
    assert ward.faults.active() == []
    assert not ward.patient.alone


@pytest.mark.parametrize("size", [1, 63, 125, 126, 65_535, 65_536, 70_000])
@pytest.mark.parametrize("window", [0, LARGE])
def test_frames_are_cut_as_they_were_made(size: int, window: int) -> None:
    texts = ["x" * size, "é", "{" * size]
    frames = [framed(text.encode(), window) for text in texts]
    ping = b"\x89\x00"
    assert list(cut(b"".join([*frames, ping]))) == [*frames, ping]
    assert [text_of(frame) for frame in frames] == texts
    assert text_of(ping) is None
