"""Commands from gateways to the venue over a network that loses, repeats, delays and reorders, with venues that die."""

from __future__ import annotations

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from polyfeed.bus.nats.calls import FIRST_GATEWAY, Call, Reply, call_decoder, encode, reply_decoder
from polyfeed.bus.nats.courier import Courier
from polyfeed.bus.nats.entrance import LATE_MS, LEASE_US, Entrance
from polyfeed.bus.nats.terms import PAYLOAD_BYTES
from polyfeed.model.batches import Outcome
from polyfeed.model.commands import AnyCommand, Clock, Origin
from polyfeed.model.enums import Refusal

SECOND = 1_000_000
GATEWAY = FIRST_GATEWAY + 5


class Gateway:
    """One that counts on its own what it was told."""

    def __init__(self, number: int) -> None:
        self.courier = Courier(number)
        self.last = 0
        self.carried: list[tuple[int, int]] = []
        self.refused: set[tuple[int, int]] = set()
        self.sent: list[tuple[int, int]] = []
        self.read = 0

    def enter(self, now: int) -> None:
        self.last += 1
        origin = Origin(self.courier.gateway, self.last)
        self.sent.append((origin.gateway, origin.number))
        self.courier.enter(now, Clock(), origin)

    def refuse(self, origin: Origin) -> None:
        self.courier.settle(origin.number)
        self.refused.add((origin.gateway, origin.number))


class Network(RuleBasedStateMachine):
    """One gateway, one venue at a time, whose history is a list that each gateway reads in order and in its own time."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0
        self.term = 0
        self.history: list[tuple[int, int]] = []
        self.numbers: dict[int, int] = {}
        self.queue: list[Origin] = []  # one of number 0 stands for the end of its gateway
        self.calls: list[bytes] = []
        self.replies: list[tuple[int, bytes]] = []
        self.gateway = Gateway(GATEWAY)

    @initialize()
    def begin(self) -> None:
        self.new_venue()
        self.exchange()

    def exchange(self) -> None:
        """A call that comes through, and its reply."""
        call = self.gateway.courier.call(self.now, again=True)
        assert call is not None
        reply = self.entrance.take(self.now, len(self.history), call_decoder.decode(encode(call)))
        if reply is not None:
            self.hear(call.gateway, reply)

    @rule()
    def heal(self) -> None:
        self.exchange()

    @rule()
    def new_venue(self) -> None:
        """The venue dies with what it had not carried out; another one knows the history and nothing else."""
        self.term += 1
        self.queue = []
        self.entrance = Entrance(self.term, self.now, self.numbers, self.submit)

    def submit(self, command: AnyCommand, origin: Origin) -> None:
        self.queue.append(origin)

    @rule()
    def carry_out(self) -> None:
        if self.queue:
            origin = self.queue.pop(0)
            self.history.append((origin.gateway, origin.number))
            if origin.number:
                self.numbers[origin.gateway] = origin.number
            else:
                self.numbers.pop(origin.gateway, None)
                self.entrance.ended(origin.gateway)

    @rule()
    def fail(self) -> None:
        """The venue's disk takes nothing: what is queued is refused, but ends of gateways come again."""
        queue, self.queue = self.queue, [one for one in self.queue if not one.number]
        for origin in queue:
            if not origin.number:
                continue
            reply = self.entrance.refuse(len(self.history), origin, Outcome(Refusal.STORE_UNAVAILABLE))
            if reply is not None:
                self.replies.append((origin.gateway, encode(reply)))

    @rule(seconds=st.sampled_from((0.1, 1, 3, 6, 30)))
    def pass_time(self, seconds: float) -> None:
        self.now += int(seconds * SECOND)

    @rule()
    def end_leases(self) -> None:
        self.queue += [Origin(gateway, 0) for gateway in self.entrance.expire(self.now)]

    @precondition(lambda self: self.gateway.courier.joined)
    @rule(count=st.integers(1, 3), said=st.booleans())
    def enter(self, count: int, said: bool) -> None:
        for _ in range(count):
            self.gateway.enter(self.now)
        if said:
            self.say(again=False)

    @rule(again=st.booleans())
    def say(self, again: bool) -> None:
        call = self.gateway.courier.call(self.now, again=again)
        if call is not None:
            self.calls.append(encode(call))

    @precondition(lambda self: self.calls)
    @rule(data=st.data(), repeat=st.booleans())
    def deliver_call(self, data: st.DataObject, repeat: bool) -> None:
        place = data.draw(st.integers(0, len(self.calls) - 1))
        call = call_decoder.decode(self.calls[place] if repeat else self.calls.pop(place))
        reply = self.entrance.take(self.now, len(self.history), call)
        if reply is not None:
            self.replies.append((call.gateway, encode(reply)))

    @precondition(lambda self: self.calls)
    @rule(data=st.data())
    def lose_call(self, data: st.DataObject) -> None:
        self.calls.pop(data.draw(st.integers(0, len(self.calls) - 1)))

    @precondition(lambda self: self.replies)
    @rule(data=st.data(), lost=st.booleans())
    def deliver_reply(self, data: st.DataObject, lost: bool) -> None:
        number, reply = self.replies.pop(data.draw(st.integers(0, len(self.replies) - 1)))
        if not lost:
            self.hear(number, reply_decoder.decode(reply))

    def hear(self, number: int, reply: Reply) -> None:
        """As `GatewayBus` does."""
        gateway = self.gateway
        if number != gateway.courier.gateway:
            return
        if not gateway.courier.hear(reply):
            return
        if not reply.known:
            if gateway.courier.joined and gateway.read >= reply.seq:
                gateway.courier.forsake(gateway.refuse)
                gateway.courier = Courier(gateway.courier.gateway + 1, gateway.courier.term)
            return
        for refusal in reply.refusals:
            gateway.refuse(refusal.origin)
        if gateway.read >= reply.seq:
            gateway.courier.forsake(gateway.refuse, reply.begun)

    @rule(count=st.integers(1, 5))
    def read(self, count: int) -> None:
        gateway = self.gateway
        for origin, number in self.history[gateway.read : gateway.read + count]:
            gateway.read += 1
            if origin == gateway.courier.gateway and number:
                gateway.courier.settle(number)
                gateway.carried.append((origin, number))

    @invariant()
    def nothing_is_carried_out_twice(self) -> None:
        done = [one for one in self.history if one[1]]
        assert len(done) == len(set(done))
        assert done == sorted(done)

    @invariant()
    def what_was_refused_never_happens(self) -> None:
        assert not self.gateway.refused & {*self.history, *((one.gateway, one.number) for one in self.queue)}

    def teardown(self) -> None:
        """On a whole network everything comes to an end, and everybody knows which."""
        for _ in range(12):
            self.now += SECOND
            while self.replies:
                number, reply = self.replies.pop(0)
                self.hear(number, reply_decoder.decode(reply))
            self.exchange()
            while self.queue:
                self.carry_out()
            self.read(1000)
            self.end_leases()
            self.nothing_is_carried_out_twice()
            self.what_was_refused_never_happens()
        assert self.gateway.courier.waiting == 0
        assert {*self.gateway.sent} == {*self.gateway.carried} | self.gateway.refused


TestNetwork = Network.TestCase
TestNetwork.settings = settings(
    max_examples=150, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


def entered(courier: Courier, *numbers: int) -> None:
    courier.hear(Reply(1, 0, 0, known=True))
    for number in numbers:
        courier.enter(0, Clock(), Origin(courier.gateway, number))


def test_nothing_is_said_before_the_venue_knows_the_gateway() -> None:
    courier = Courier(GATEWAY)
    assert courier.call(0) is None
    assert courier.call(0, again=True) == Call(GATEWAY, 1, joining=True)


def test_a_command_that_was_long_on_its_way_is_refused() -> None:
    courier, taken = Courier(GATEWAY), []
    entrance = Entrance(1, 0, {}, lambda _, origin: taken.append(origin.number))
    entrance.take(0, 0, Call(GATEWAY, 1, joining=True))
    entered(courier, 1)
    late = courier.call((LATE_MS + 1) * 1000)
    assert late is not None
    reply = entrance.take(0, 0, late)
    assert reply is not None
    assert taken == []
    assert [one.outcome.refusal for one in reply.refusals] == [Refusal.VENUE_AWAY]
    assert reply.entered == 1


def test_a_lease_ends_with_silence_and_not_with_a_venue_that_was_deaf() -> None:
    entrance = Entrance(1, 0, {FIRST_GATEWAY + 9: 4, 2: 7}, lambda *_: None)
    entrance.take(0, 0, Call(GATEWAY, 1, joining=True))
    assert entrance.expire(LEASE_US) == []
    entrance.pardon(LEASE_US)
    assert entrance.expire(LEASE_US + 1) == []
    assert sorted(entrance.expire(2 * LEASE_US + 1)) == [GATEWAY, FIRST_GATEWAY + 9]
    assert entrance.gateways == 0


def test_a_gateway_that_lives_and_has_not_had_anything_carried_out_is_no_stranger() -> None:
    """Who is one is told that any of its commands may be in an image."""
    history = {FIRST_GATEWAY + 9: 4}
    entrance = Entrance(1, 0, history, lambda *_: None)
    for gateway in (GATEWAY, FIRST_GATEWAY + 9):
        entrance.take(0, 0, Call(gateway, 1, joining=True))
    assert entrance.numbers == {GATEWAY: 0, FIRST_GATEWAY + 9: 4}
    history[GATEWAY] = 2
    assert entrance.numbers == {GATEWAY: 2, FIRST_GATEWAY + 9: 4}
    del history[GATEWAY]
    entrance.expire(LEASE_US + 1)
    assert entrance.numbers == {FIRST_GATEWAY + 9: 4}


def test_a_refusal_of_a_venue_that_was_replaced_is_not_heard() -> None:
    """It comes late: the next venue has taken the command, and carries it out."""
    taken: list[int] = []
    courier = Courier(GATEWAY)
    before = Entrance(1, 0, {GATEWAY: 7}, lambda *_: None)
    after = Entrance(2, 0, {GATEWAY: 7}, lambda _, origin: taken.append(origin.number))
    entered(courier, 8)
    call = courier.call(0)
    assert call is not None
    before.take(0, 0, call)
    late = before.refuse(0, call.commands[0].origin, Outcome(Refusal.STORE_UNAVAILABLE))
    assert late is not None
    reply = after.take(0, 0, call)
    assert reply is not None
    assert taken == [], "the call was to the venue before"
    assert courier.hear(reply)
    again = courier.call(0, again=True)
    assert again is not None
    after.take(0, 0, again)
    assert taken == [8]
    assert not courier.hear(late)


def test_a_refusal_that_was_lost_with_its_venue_is_known_from_the_history_of_the_next_one() -> None:
    courier = Courier(GATEWAY)
    entrance = Entrance(2, 0, {GATEWAY: 9}, lambda *_: None)
    entered(courier, 8, 9, 10)
    courier.settle(9)  # its batch was heard, and there is none of 8
    call = courier.call(0, again=True)
    assert call is not None
    reply = entrance.take(0, 0, call)
    assert reply is not None
    lost: list[int] = []
    courier.forsake(lambda origin: lost.append(origin.number), reply.begun)
    assert lost == [8]
    assert courier.waiting == 1


def test_a_storm_of_refusals_comes_in_messages_that_fit() -> None:
    courier = Courier(GATEWAY)
    entrance = Entrance(1, 0, {}, lambda _, origin: entrance.refuse(0, origin, Outcome(Refusal.STORE_UNAVAILABLE)))
    entrance.take(0, 0, Call(GATEWAY, 1, joining=True))
    entered(courier, *range(1, 12_001))
    while (call := courier.call(0)) is not None:
        entrance.take(0, 0, call)
    rounds = 0
    while courier.waiting:
        call = courier.call(0, again=True)
        assert call is not None
        reply = entrance.take(0, 0, call)
        assert reply is not None
        assert len(encode(reply)) < PAYLOAD_BYTES // 4
        courier.hear(reply)
        for refusal in reply.refusals:
            courier.settle(refusal.origin.number)
        rounds += 1
    assert rounds == 12
