"""Commands of sessions: their reference, and what still counts when the connection has gone."""

from __future__ import annotations

import pytest

from polyfeed.dialects._base.effects import Effect, Ping, Send, Submit
from polyfeed.model.batches import Batch, Outcome
from polyfeed.model.commands import CancelAll, CancelOrder, Clock, Origin
from polyfeed.model.enums import Refusal
from tests.gateway.fakes import EchoSession, FakeOutlet, Stage

UNAVAILABLE = Outcome(Refusal.STORE_UNAVAILABLE, "the disk is full")
AWAY = Outcome(Refusal.VENUE_AWAY, "there is no server")


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


@pytest.mark.parametrize("refused", [UNAVAILABLE, AWAY])
def test_a_cancellation_of_one_who_has_gone_is_sent_until_it_is_taken(refused: Outcome) -> None:
    """Also where the venue is away for less than would stall the gateway: nobody says then that it is back."""
    stage, outlet, session = Stage(), FakeOutlet(), Careful()
    one = stage.fan.enter(session, outlet)
    stage.fan.carry_out(one, [Submit(Clock(), 99)])
    stage.fan.exit(one)
    for number in (2, 3, 4):
        assert stage.submitted[-1] == (CancelAll(7), Origin(1, number))
        stage.requests.settle(stage.submitted[-1][1], refused)
        stage.run()
    decided(stage, stage.submitted[-1][1])
    stage.requests.settle(stage.submitted[0][1], refused)
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


def test_a_cancellation_is_sent_again_once_however_it_was_refused_before() -> None:
    stage = Stage()
    one = stage.fan.enter(Careful(), FakeOutlet())
    stage.fan.exit(one)
    stage.requests.settle(stage.submitted[-1][1], AWAY)
    stage.requests.away = True
    stage.run()
    stage.requests.back()
    stage.requests.back()
    stage.run()
    assert [command for command, _ in stage.submitted] == [CancelAll(7)] * 2


@pytest.mark.parametrize("away", [False, True])
def test_nothing_is_sent_for_who_has_gone_when_the_gateway_has_gone_too(away: bool) -> None:
    stage = Stage()
    one = stage.fan.enter(Careful(), FakeOutlet())
    stage.fan.exit(one)
    stage.requests.away = away
    stage.requests.settle(stage.submitted[-1][1], AWAY)
    stage.requests.end()
    stage.run()
    stage.requests.back()
    stage.run()
    assert [command for command, _ in stage.submitted] == [CancelAll(7)]


def test_where_nobody_knows_whether_one_order_was_cancelled_it_is_cancelled_again() -> None:
    """What comes to nothing where it was; to cancel all orders again would take out those that came since."""
    stage = Stage()
    one, _ = stage.connect()
    stage.fan.carry_out(one, [Submit(CancelOrder(7, 70), 1), Submit(CancelAll(7), 2), Submit(Clock(), 3)])
    stage.fan.exit(one)
    stage.requests.skip(3)
    stage.run()
    assert stage.submitted[3:] == [(CancelOrder(7, 70), Origin(1, 4))]
