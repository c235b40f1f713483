"""Commands of sessions: their reference, and what still counts when the connection has gone."""

from __future__ import annotations

from polyfeed.dialects._base.effects import Effect, Ping, Send, Submit
from polyfeed.model.batches import Batch, Outcome
from polyfeed.model.commands import CancelAll, Clock, Origin
from polyfeed.model.enums import Refusal
from tests.gateway.fakes import EchoSession, FakeOutlet, Stage

UNAVAILABLE = Outcome(Refusal.STORE_UNAVAILABLE, "the disk is full")


class Careful(EchoSession):
    """Cancels everything when it goes, and once more for each answer that comes later."""

    def __init__(self) -> None:
        super().__init__()
        self.answers: list[int] = []

    def answer(self, now: int, request: int, outcome: Outcome) -> list[Effect]:
        self.answers.append(request)
        return [Send(f"answer {request}"), Submit(CancelAll(request), 99)] if request < 99 else []

    def leave(self, now: int) -> list[Effect]:
        return [Send("nobody hears this"), Submit(CancelAll(7), 99)]


def decided(stage: Stage, origin: Origin) -> None:
    stage.requests.on_batch(Batch(1, 1, 1, origin=origin))


def test_a_command_carries_its_reference() -> None:
    stage = Stage()
    one, _ = stage.connect()
    stage.fan.carry_out(one, [Submit(Clock(), 1, "mine"), Submit(Clock(), 2)])
    assert [origin for _, origin in stage.submitted] == [Origin(1, 1, "mine"), Origin(1, 2)]


def test_who_leaves_still_gives_commands_and_hears_nothing() -> None:
    stage, outlet, session = Stage(), FakeOutlet(), Careful()
    one = stage.fan.enter(session, outlet)
    stage.fan.carry_out(one, [Submit(Clock(), 1)])
    stage.fan.exit(one)
    stage.fan.exit(one)
    assert [command for command, _ in stage.submitted] == [Clock(), CancelAll(7)]
    decided(stage, stage.submitted[0][1])
    assert session.answers == [1]
    assert [command for command, _ in stage.submitted[2:]] == [CancelAll(1)]
    stage.run()
    assert outlet.writes == []


def test_an_answer_between_the_close_and_the_end_is_kept_from_the_client() -> None:
    stage, outlet, session = Stage(), FakeOutlet(), Careful()
    one = stage.fan.enter(session, outlet)
    stage.fan.carry_out(one, [Submit(Clock(), 1)])
    stage.fan.close(one, 1001, "bye")
    decided(stage, stage.submitted[0][1])
    assert outlet.texts() == ["close 1001"]
    assert stage.submitted[-1][0] == CancelAll(1)


def test_a_ping_is_a_control_frame() -> None:
    stage = Stage()
    one, outlet = stage.connect()
    stage.fan.carry_out(one, [Ping()])
    assert outlet.writes == [b"\x89\x00"]


def test_a_cancellation_of_one_who_has_gone_is_sent_until_it_can_be_recorded() -> None:
    stage, outlet, session = Stage(), FakeOutlet(), Careful()
    one = stage.fan.enter(session, outlet)
    stage.fan.carry_out(one, [Submit(Clock(), 99)])
    stage.fan.exit(one)
    for number in (2, 3, 4):
        assert stage.submitted[-1] == (CancelAll(7), Origin(1, number))
        stage.requests.settle(stage.submitted[-1][1], UNAVAILABLE)
        stage.run()
    decided(stage, stage.submitted[-1][1])
    stage.requests.settle(stage.submitted[0][1], UNAVAILABLE)
    stage.run()
    assert [command for command, _ in stage.submitted] == [Clock(), *[CancelAll(7)] * 4], "other commands are not"
    assert session.answers == [99, 99]


def test_who_is_still_there_is_told_that_nothing_can_be_recorded() -> None:
    stage, outlet, session = Stage(), FakeOutlet(), Careful()
    one = stage.fan.enter(session, outlet)
    stage.fan.carry_out(one, [Submit(CancelAll(7), 99)])
    stage.requests.settle(stage.submitted[-1][1], UNAVAILABLE)
    stage.requests.settle(Origin(2, 1), UNAVAILABLE)
    stage.run()
    assert session.answers == [99]
    assert len(stage.submitted) == 1
