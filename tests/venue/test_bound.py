"""Orders that are bound to a gateway end with it: by its end's command, in whatever state, cut into batches, restored."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from polyfeed.model.batches import Batch, encode_batch
from polyfeed.model.commands import (
    AmendOrder,
    AnyCommand,
    CancelOrder,
    DefineCurrency,
    Deposit,
    EndGateway,
    ListInstrument,
    OpenAccount,
    Origin,
    PlaceOrder,
    Proceed,
    Record,
    ReplaceOrder,
    SetInstrumentStatus,
    Stamped,
)
from polyfeed.model.enums import CloseReason, InstrumentStatus, OrderKind, OrderStatus, Refusal, Side, Trigger
from polyfeed.model.events import OrderClosed, OwnOrderUpdated
from polyfeed.store.format import decode_record, encode_record
from polyfeed.venue import Venue
from tests.venue.driver import ANN, BOB, HOUSE, Driver, balances, instrument, order_id, trading
from tests.venue.flows import MIXES, Flow, Mix
from tests.venue.follower import Follower
from tests.venue.invariants import check
from tests.venue.naive import NaiveVenue
from tests.venue.perpetuals import flows as perpetual
from tests.venue.perpetuals.invariants import Books

BUY, SELL = Side.BUY, Side.SELL
SETTINGS = (DefineCurrency, ListInstrument, OpenAccount, Deposit)


def place(driver: Driver, gateway: int, account: int, price: int, side: Side = BUY, **terms: Any) -> int:
    """A bound limit order of a gateway's client."""
    command = PlaceOrder(account, terms.pop("instrument", 0), side, OrderKind.LIMIT, 5, price, bound=True, **terms)
    batch = driver.send(command, Origin(gateway, driver.seq + 1))
    assert batch.outcome.accepted, batch.outcome.detail
    return order_id(batch)


def ended(batch: Batch) -> list[int]:
    """The orders that a batch ended for the sake of their gateway, as their owners hear of them."""
    return [
        event.order_id
        for events in batch.private.values()
        for event in events
        if isinstance(event, OwnOrderUpdated)
        and (event.status, event.reason) == (OrderStatus.CANCELLED, CloseReason.DISCONNECT)
    ]


def test_the_end_of_a_gateway_ends_what_is_bound_to_it_and_nothing_else() -> None:
    driver = trading()
    first, second = place(driver, 1, BOB, 100), place(driver, 1, ANN, 101)
    other = place(driver, 2, ANN, 99)
    free = order_id(driver.send(PlaceOrder(ANN, 0, BUY, OrderKind.LIMIT, 5, 98), Origin(1, 9)))
    assert driver.venue.gateways() == [1, 2]
    batch = driver.do(EndGateway(1))
    assert batch.public == [
        OrderClosed(0, first, BUY, 100, 5, CloseReason.DISCONNECT, level_size=0),
        OrderClosed(0, second, BUY, 101, 5, CloseReason.DISCONNECT, level_size=0),
    ]
    assert set(ended(batch)) == {first, second}
    assert balances(batch, BOB) == {"USD": (1_000_000, 0)}
    assert driver.venue.gateways() == [2]
    assert driver.do(EndGateway(1)).public == [], "once more it finds nothing"
    assert ended(driver.do(EndGateway(2))) == [other]
    driver.cancel(ANN, free)


def test_a_gateway_without_orders_or_without_a_number_ends_too() -> None:
    driver = trading()
    driver.buy(ANN, 5, 100)
    for gateway in (7, 0, -1):
        batch = driver.do(EndGateway(gateway))
        assert (batch.public, batch.private) == ([], {})


def test_an_order_is_bound_to_a_gateway_or_refused() -> None:
    driver = trading()
    bound = PlaceOrder(ANN, 0, BUY, OrderKind.LIMIT, 5, 100, bound=True)
    assert driver.refused(bound) is Refusal.INVALID_TERMS
    old = driver.buy(ANN, 5, 100)
    assert driver.refused(ReplaceOrder(ANN, order_id(old), 99, bound=True)) is Refusal.INVALID_TERMS
    driver.cancel(ANN, old)


def test_orders_that_are_gone_are_no_longer_bound() -> None:
    driver = trading()
    filled, cancelled = place(driver, 1, ANN, 100), place(driver, 1, ANN, 90)
    driver.sell(BOB, 5, 100)
    driver.do(CancelOrder(ANN, cancelled))
    assert driver.venue.gateways() == []
    assert driver.do(EndGateway(1)).public == []
    assert filled != cancelled


def test_waiting_orders_and_those_of_halted_markets_end_too() -> None:
    driver = trading()
    driver.do(ListInstrument(instrument(id=1, name="USD-BTC", base="USD", quote="BTC")))
    waiting = place(driver, 1, ANN, 110, trigger=Trigger.STOP_LOSS, trigger_price=109)
    halted = place(driver, 1, ANN, 90, instrument=1)
    driver.do(SetInstrumentStatus(1, InstrumentStatus.HALTED))
    batch = driver.do(EndGateway(1))
    assert ended(batch) == [waiting, halted]
    assert [event.order_id for event in batch.public if isinstance(event, OrderClosed)] == [halted]


def test_a_fired_order_is_still_bound() -> None:
    driver = trading()
    order = place(driver, 1, ANN, 95, trigger=Trigger.STOP_LOSS, trigger_price=100)
    driver.sell(BOB, 1, 100)
    driver.buy(HOUSE, 1, 100)
    assert ended(driver.do(EndGateway(1))) == [order]


def test_amendments_and_replacements_keep_the_gateway() -> None:
    driver = trading()
    amended, replaced = place(driver, 1, ANN, 100), place(driver, 1, ANN, 90)
    for change in ({"size": 3}, {"size": 9}, {"price": 101}):
        driver.send(AmendOrder(ANN, amended, **change), Origin(2, driver.seq + 1))
    new = order_id(driver.send(ReplaceOrder(ANN, replaced, 91), Origin(2, driver.seq + 1)))
    assert driver.venue.gateways() == [1]
    assert ended(driver.do(EndGateway(1))) == [amended, new]


def test_a_bound_replacement_is_bound_to_the_gateway_that_asks_for_it() -> None:
    driver = trading()
    old = place(driver, 1, ANN, 100)
    free = order_id(driver.buy(ANN, 5, 90))
    taken = order_id(driver.send(ReplaceOrder(ANN, old, 101, bound=True), Origin(2, 70)))
    bound = order_id(driver.send(ReplaceOrder(ANN, free, 91, bound=True), Origin(3, 71)))
    assert driver.do(EndGateway(1)).public == []
    assert ended(driver.do(EndGateway(2))) == [taken]
    assert ended(driver.do(EndGateway(3))) == [bound]


def test_they_end_by_their_numbers_in_as_many_batches_as_it_takes() -> None:
    driver = trading(batch_limit=16)
    ids = [place(driver, 1, (ANN, BOB)[n % 2], 100 - n) for n in range(9)]
    ids.insert(0, place(driver, 1, HOUSE, 80, order_id=7))  # an imported one, lower than any of the venue's own
    batches = driver.whole(EndGateway(1))
    assert len(batches) > 3
    assert [event.order_id for batch in batches for event in batch.public if isinstance(event, OrderClosed)] == ids
    assert driver.venue.gateways() == []


def willed(command: AnyCommand, dice: Random) -> AnyCommand:
    """The command with its order bound now and then, or the end of a gateway in its place.

    So in that of a Proceed when there is nothing to go on with, which lets no time pass in the venue and does in the twin.
    """
    if isinstance(command, PlaceOrder | ReplaceOrder):
        return replace(command, bound=dice.random() < 0.4)
    ends = isinstance(command, Proceed) or dice.random() < 0.03
    return EndGateway(dice.randrange(1, 4)) if ends else command


def wills(venue: Venue, mix: Mix, seed: int, count: int) -> Iterator[tuple[Stamped, Batch]]:
    """A flow whose orders come from three gateways, many of them bound; now and then a gateway ends."""
    flow, dice = Flow(mix, seed), Random(f"wills {mix.name} {seed}")
    seq, origin = 0, Origin(0, 0)
    command: AnyCommand
    while seq < count or flow.more:
        seq += 1
        command = flow.next()
        if not flow.more:
            command, origin = willed(command, dice), Origin(dice.randrange(4), seq)
        stamped = Stamped(seq, flow.now, command, origin)
        batch = venue.apply(stamped)
        flow.hear(batch)
        yield stamped, batch


@pytest.mark.parametrize("mix", MIXES, ids=lambda mix: mix.name)
def test_as_the_naive_twin(mix: Mix) -> None:
    venue, naive, follower, ends = Venue(batch_limit=100_000), NaiveVenue(), Follower(), 0
    for stamped, batch in wills(venue, mix, 51, 1_500):
        expected = naive.apply(stamped)
        assert batch.outcome.refusal == expected.outcome.refusal, stamped
        expected = replace(expected, outcome=replace(expected.outcome, detail=batch.outcome.detail))
        assert encode_batch(batch) == encode_batch(expected), stamped
        follower.follow(stamped.command, batch)
        ends += len(ended(batch))
        if stamped.seq % 100 == 0:
            check(venue, follower)
    assert ends > 5


@pytest.mark.parametrize("batch_limit", [17, 1000])
@pytest.mark.parametrize("mix", MIXES, ids=lambda mix: mix.name)
def test_a_restored_venue_goes_on_with_the_same_bounds(mix: Mix, batch_limit: int) -> None:
    venue, dice = Venue(batch_limit=batch_limit), Random(1)
    other = Venue(batch_limit=batch_limit)
    for stamped, batch in wills(venue, mix, 52, 1_500):
        assert encode_batch(other.apply(stamped)) == encode_batch(batch), stamped
        if dice.random() < (0.15 if batch.more else 0.03):
            other = Venue.restore(venue.snapshot())
            assert other.snapshot() == venue.snapshot()
            assert other.gateways() == venue.gateways()
    assert other.snapshot() == venue.snapshot()


@pytest.mark.parametrize("mix", perpetual.MIXES, ids=lambda mix: mix.name)
def test_orders_of_perpetuals_are_bound_too(mix: perpetual.Mix) -> None:
    """Their ends set margin free; the money is right after each of them."""
    venue, flow, dice = Venue(batch_limit=60), perpetual.Flow(mix, 53), Random(2)
    books, other, ends = Books(venue), Venue(batch_limit=60), 0
    seq, origin = 0, Origin(0, 0)
    while seq < 1_000 or flow.more:
        seq += 1
        command = flow.next()
        if not flow.more and not isinstance(command, SETTINGS):
            command, origin = willed(command, dice), Origin(dice.randrange(4), seq)
        stamped = Stamped(seq, perpetual.START + seq * mix.step_us // 10, command, origin)
        batch = venue.apply(stamped)
        assert encode_batch(other.apply(stamped)) == encode_batch(batch)
        flow.hear(command, batch)
        books.hear(batch)
        books.check_money()
        if not batch.more:
            books.check_rest()
        ends += len(ended(batch))
        if dice.random() < 0.03:
            other = Venue.restore(venue.snapshot())
    assert ends > 5


def test_a_snapshot_of_the_form_without_bounds_is_read() -> None:
    driver = trading()
    driver.buy(ANN, 5, 100)
    driver.sell(BOB, 5, 110, trigger=Trigger.STOP_LOSS, trigger_price=50)
    values = msgspec.msgpack.decode(driver.venue.snapshot())
    values[0] = 1
    for market in values[10]:
        for orders in market[3:7]:
            for order in orders:
                order.pop()
    restored = Venue.restore(msgspec.msgpack.encode(values))
    assert restored.snapshot() == driver.venue.snapshot()
    assert restored.gateways() == []


def test_a_record_of_the_form_without_bounds_is_read() -> None:
    for command in (PlaceOrder(1, 0, BUY, OrderKind.LIMIT, 5, 100), ReplaceOrder(1, 2, 3)):
        record = Record(1, command, Origin(1, 2))
        values = msgspec.msgpack.decode(encode_record(record))
        values[1].pop()
        assert decode_record(memoryview(msgspec.msgpack.encode(values))) == record
