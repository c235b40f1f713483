"""A recording as orders, in a real venue: the recorded book stands there, and anybody trades against it."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from polyfeed.model.commands import AmendOrder, CancelAll, CancelOrder, Command, PlaceOrder, SetInstrumentStatus
from polyfeed.model.enums import CloseReason, InstrumentStatus, OrderKind, Side, TimeInForce
from polyfeed.model.events import OrderClosed
from polyfeed.sources.capture_orders import CaptureOrders
from polyfeed.sources.demo import FLOW, LIQUIDITY
from polyfeed.sources.pairs import instruments_of, read_pairs
from polyfeed.sources.timeline import Moment
from tests.sources.rig import SECOND, START, SYMBOL, Rig, any_size, book, by_symbol, trades

ALICE = 1001
T = 1_617_666_423_000_000
UNIT = 100_000_000
"""A size of one."""
PRICE = 100_000
"""A price of one."""


def begin(recording: Iterable[Moment], **options: object) -> Rig:
    """A venue with no smallest size, and the recording as its source."""
    rig = Rig(any_size(instruments_of(read_pairs())))
    rig.source = CaptureOrders(recording, by_symbol(rig.instruments, [SYMBOL]), LIQUIDITY, FLOW, **options)
    return rig


def bids(rig: Rig) -> dict[float, float]:
    return {price / PRICE: size / UNIT for price, size in rig.levels(0, Side.BUY).items()}


def asks(rig: Rig) -> dict[float, float]:
    return {price / PRICE: size / UNIT for price, size in rig.levels(0, Side.SELL).items()}


def alice(side: Side, price: float, size: float, tif: TimeInForce = TimeInForce.GTC) -> PlaceOrder:
    return PlaceOrder(ALICE, 0, side, OrderKind.LIMIT, int(size * UNIT), int(price * PRICE), tif)


FIRST = book(T, {"10.0": "1.0", "9.0": "2.0"}, {"11.0": "3.0", "12.0": "4.0"}, reset=True)


def test_a_snapshot_becomes_one_order_a_level() -> None:
    rig = begin([FIRST], loop=False)
    commands = rig.run(1)
    assert commands[0] == CancelAll(LIQUIDITY, 0)
    orders = commands[1:]
    assert all(isinstance(order, PlaceOrder) and order.account == LIQUIDITY for order in orders)
    assert [order.price // PRICE for order in orders] == [10, 11, 9, 12]
    assert bids(rig) == {10: 1, 9: 2}
    assert asks(rig) == {11: 3, 12: 4}
    assert rig.source.due is None


def test_levels_grow_shrink_come_and_go_at_their_times() -> None:
    rig = begin(
        [
            FIRST,
            book(T + 1 * SECOND, {"10.0": "1.5"}, {}),
            book(T + 2 * SECOND, {"9.0": "0.5"}, {}),
            book(T + 3 * SECOND, {}, {"10.5": "7.0"}),
            book(T + 4 * SECOND, {}, {"10.5": "0"}),
        ],
        loop=False,
    )
    rig.run(0.9)
    assert bids(rig) == {10: 1, 9: 2}
    grow = rig.run(1)
    assert [type(command) for command in grow] == [AmendOrder]
    assert bids(rig) == {10: 1.5, 9: 2}
    shrink = rig.run(1)
    assert [type(command) for command in shrink] == [AmendOrder]
    assert bids(rig) == {10: 1.5, 9: 0.5}
    come = rig.run(1)
    assert [type(command) for command in come] == [PlaceOrder]
    assert asks(rig) == {10.5: 7, 11: 3, 12: 4}
    go = rig.run(1)
    assert [type(command) for command in go] == [CancelOrder]
    assert asks(rig) == {11: 3, 12: 4}
    assert rig.refused == []


def test_a_recorded_trade_is_a_takers_order_and_its_level_is_not_made_smaller_twice() -> None:
    rig = begin(
        [
            FIRST,
            trades(T + SECOND, Side.BUY, ("11.0", "0.5"), ("11.0", "0.25"), kind=OrderKind.MARKET),
            book(T + SECOND, {}, {"11.0": "2.25"}),
            trades(T + 2 * SECOND, Side.SELL, ("10.0", "1.0")),
            book(T + 2 * SECOND, {"10.0": "0"}, {}),
        ],
        loop=False,
    )
    rig.run(0.5)
    commands = rig.run(2)
    assert [(c.account, c.kind, c.price, c.size, c.tif) for c in commands if isinstance(c, PlaceOrder)] == [
        (FLOW, OrderKind.MARKET, 0, UNIT // 2, TimeInForce.IOC),
        (FLOW, OrderKind.MARKET, 0, UNIT // 4, TimeInForce.IOC),
        (FLOW, OrderKind.LIMIT, 10 * PRICE, UNIT, TimeInForce.IOC),
    ]
    assert len(commands) == 3, "the fills alone have brought the levels to where the recording wants them"
    assert [(trade.price, trade.size, trade.taker_side) for trade in rig.trades] == [
        (11 * PRICE, UNIT // 2, Side.BUY),
        (11 * PRICE, UNIT // 4, Side.BUY),
        (10 * PRICE, UNIT, Side.SELL),
    ]
    assert asks(rig) == {11: 2.25, 12: 4}
    assert bids(rig) == {9: 2}


def test_a_trade_and_its_effect_in_one_step_before_anything_was_heard() -> None:
    """A venue that answers late: the book message waits for the trade's answer."""
    rig = begin(
        [FIRST, trades(T, Side.BUY, ("11.0", "0.5")), book(T, {}, {"11.0": "2.5"}), book(T, {"9.5": "1.0"}, {})],
        loop=False,
        burst=1000,
    )
    source = rig.source
    *first, trade = source.step(START)
    rig.send(first)
    assert trade.account == FLOW
    assert source.step(START + 1000) == []
    assert source.due == START + SECOND, "for this long the answer is waited for"
    rig.send([trade])
    assert source.due <= START
    (next_bid,) = source.step(START + 2000)
    assert isinstance(next_bid, PlaceOrder)
    assert asks(rig) == {11: 2.5, 12: 4}


def test_liquidity_taken_by_a_user_is_refilled_when_the_recording_next_sets_it() -> None:
    rig = begin(
        [
            FIRST,
            book(T + 2 * SECOND, {"9.0": "2.5"}, {}),
            book(T + 3 * SECOND, {}, {"11.0": "3.5", "12.0": "4.5"}),
        ],
        loop=False,
    )
    rig.run(1)
    rig.send([alice(Side.BUY, 12, 3.5)])
    assert [(trade.price // PRICE, trade.size / UNIT) for trade in rig.trades] == [(11, 3), (12, 0.5)]
    rig.run(1.5)
    assert asks(rig) == {12: 3.5}, "another level's change does not refill these"
    rig.run(1)
    assert asks(rig) == {11: 3.5, 12: 4.5}
    assert rig.refused == []


def test_a_users_order_in_the_book_is_met_by_the_recording() -> None:
    rig = begin(
        [
            FIRST,
            trades(T + SECOND, Side.BUY, ("11.0", "1.0")),
            book(T + SECOND, {}, {"11.0": "2.0"}),
            book(T + 2 * SECOND, {}, {"11.0": "0", "12.0": "0", "13.0": "1.0"}),
            book(T + 3 * SECOND, {"12.0": "5.0"}, {}),
        ],
        loop=False,
    )
    rig.run(0.5)
    rig.send([alice(Side.SELL, 10.9, 0.4), alice(Side.SELL, 11.5, 3)])
    rig.run(1)
    assert [(trade.price / PRICE, trade.size / UNIT) for trade in rig.trades] == [(10.9, 0.4), (11, 0.6)]
    assert asks(rig) == {11: 2, 11.5: 3, 12: 4}
    rig.run(2)
    assert rig.trades[-1].price == 11.5 * PRICE, "the recorded bid of 12 bought it"
    assert bids(rig) == {12: 2, 10: 1, 9: 2}
    assert asks(rig) == {13: 1}


MOVED = book(
    T + SECOND,
    {"10.0": "0", "9.0": "0", "20.0": "1.0", "19.0": "2.0"},
    {"11.0": "0", "12.0": "0", "21.0": "3.0", "22.0": "4.0"},
)


@pytest.mark.parametrize("burst", [1, 2, 3, 64])
def test_the_restart_never_crosses_and_never_floods(burst: int) -> None:
    """The recording ends where the market stands twice as high as where it begins."""
    last = book(T + 2 * SECOND, {"19.5": "1.0"}, {})
    rig = begin([FIRST, MOVED, last], burst=burst)
    while rig.source.due <= START + 3 * SECOND - 1:
        rig.step()
    assert bids(rig) == {20: 1, 19.5: 1, 19: 2}
    closed: list[CloseReason] = []
    for _ in range(60):
        commands = rig.source.step(max(rig.now, rig.source.due))
        assert len(commands) <= burst
        closed += [e.reason for batch in rig.send(commands) for e in batch.public if isinstance(e, OrderClosed)]
        if bids(rig) == {10: 1, 9: 2} and asks(rig) == {11: 3, 12: 4}:
            break
    else:
        pytest.fail("the first book never stood again")
    assert set(closed) == {CloseReason.USER}
    assert rig.trades == []


def test_recorded_time_waits_while_a_snapshot_is_worked_off() -> None:
    rig = begin([FIRST, book(T + SECOND, {"10.0": "5.0"}, {})], burst=1)
    rig.step()
    while bids(rig).get(10) != 5:
        rig.step()
    stood = 3 * 10_000  # four levels, with 10 ms between them
    assert rig.now - START >= stood + SECOND


def test_a_restart_makes_good_what_users_took() -> None:
    rig = begin([FIRST, book(T + SECOND, {"8.0": "1.0"}, {})])
    rig.run(0.5)
    rig.send([alice(Side.BUY, 12, 7)])
    assert asks(rig) == {}
    rig.run(1)
    assert asks(rig) == {}
    rig.run(1)
    assert asks(rig) == {11: 3, 12: 4}
    assert bids(rig) == {10: 1, 9: 2}


def test_what_an_earlier_run_left_is_taken_away_first() -> None:
    rig = begin([FIRST], loop=False)
    earlier = PlaceOrder(LIQUIDITY, 0, Side.SELL, OrderKind.LIMIT, UNIT, 5 * PRICE)
    elsewhere = PlaceOrder(LIQUIDITY, 1, Side.SELL, OrderKind.LIMIT, UNIT, 5 * PRICE)
    rig.send([earlier, elsewhere])
    rig.run(1)
    assert asks(rig) == {11: 3, 12: 4}
    assert rig.trades == []
    assert len(rig.levels(1, Side.SELL)) == 1, "it is not in the recording"


def test_orders_that_somebody_else_took_away_come_back_with_the_recording() -> None:
    rig = begin([FIRST, book(T + SECOND, {"10.0": "2.0"}, {"11.0": "0"})], loop=False)
    rig.run(0.5)
    rig.send([CancelAll(LIQUIDITY, 0)])
    assert bids(rig) == {}
    rig.run(1)
    assert bids(rig) == {10: 2}
    assert asks(rig) == {}
    assert rig.refused == []


@pytest.mark.parametrize("status", [s for s in InstrumentStatus if s != InstrumentStatus.ONLINE])
def test_a_market_that_takes_no_orders_is_left_alone_until_it_does(status: InstrumentStatus) -> None:
    rig = begin(
        [
            FIRST,
            book(T + SECOND, {"10.0": "2.0"}, {}),
            trades(T + 2 * SECOND, Side.BUY, ("11.0", "0.5")),
            book(T + 2 * SECOND, {}, {"11.0": "2.5", "12.0": "0"}),
            book(T + 9 * SECOND, {"8.0": "1.0"}, {}),
        ],
        loop=False,
    )
    rig.run(0.5)
    rig.send([SetInstrumentStatus(0, status)])
    assert rig.run(3) == []
    assert rig.send([SetInstrumentStatus(1, status), SetInstrumentStatus(1, InstrumentStatus.ONLINE)])
    assert bids(rig) == {10: 1, 9: 2}
    rig.send([SetInstrumentStatus(0, InstrumentStatus.ONLINE)])
    rig.run(1)
    assert bids(rig) == {10: 2, 9: 2}
    assert asks(rig) == {11: 2.5}
    rig.run(10)
    assert bids(rig) == {10: 2, 9: 2, 8: 1}
    assert rig.refused == []


def test_refused_orders_stop_nothing() -> None:
    """A level and a trade below the smallest size, refused without an answer that names them."""
    rig = Rig()  # with Kraken's own minimum, 0.0002
    recording = [
        book(T, {"10.0": "1.0", "9.0": "0.0001"}, {"11.0": "3.0"}, reset=True),
        trades(T + SECOND, Side.BUY, ("11.0", "0.0001")),
        book(T + SECOND, {}, {"11.0": "2.9999"}),
        book(T + 8 * SECOND, {"9.0": "3.0"}, {}),
    ]
    rig.source = CaptureOrders(recording, by_symbol(rig.instruments, [SYMBOL]), LIQUIDITY, FLOW, loop=False)
    rig.run(5)
    assert bids(rig).get(10) == 1
    assert asks(rig) == {11: 2.9999}
    rig.run(5)
    assert bids(rig) == {10: 1, 9: 3}


def test_a_level_wanted_while_its_command_is_under_way_is_looked_at_again() -> None:
    rig = begin([FIRST, book(T, {"10.0": "3.0"}, {}), book(T, {"10.0": "4.0"}, {})], loop=False, burst=1000)
    source = rig.source
    placed = source.step(START)
    assert source.step(START) == [], "nothing is known of the order yet"
    rig.send(placed)
    amended = source.step(START)
    assert [(type(command), command.size // UNIT) for command in amended] == [(AmendOrder, 4)]
    rig.send(amended)
    assert bids(rig) == {10: 4, 9: 2}


def test_a_snapshot_that_comes_while_an_order_is_under_way() -> None:
    without = book(T, {"9.0": "2.0"}, {"11.0": "3.0", "12.0": "4.0"}, reset=True)
    rig = begin([FIRST, without], loop=False, burst=1000)
    source = rig.source
    placed = source.step(START)
    rig.send(placed)
    rig.run(1)
    assert bids(rig) == {9: 2}
    assert asks(rig) == {11: 3, 12: 4}


def test_an_answer_that_comes_when_nobody_waits_is_undone() -> None:
    rig = begin([FIRST, book(T + 7 * SECOND, {"10.0": "3.0"}, {})], loop=False)
    source = rig.source
    placed = source.step(START)
    late: list[Command] = [c for c in placed if isinstance(c, PlaceOrder) and c.price == 10 * PRICE]
    rig.send([c for c in placed if c not in late])
    rig.run(7.5)
    assert bids(rig) == {10: 3, 9: 2}
    rig.send(late)
    assert bids(rig) == {10: 4, 9: 2}
    rig.run(1)
    assert bids(rig) == {10: 3, 9: 2}


def test_by_steps_each_call_plays_one_message() -> None:
    rig = begin(
        [FIRST, book(T + SECOND, {"10.0": "2.0"}, {}), book(T + 2 * SECOND, {}, {"11.0": "1.0"})],
        loop=False,
        speed=None,
    )
    rig.send(rig.source.step(START))
    assert bids(rig) == {10: 1, 9: 2}
    assert rig.source.due is None
    rig.send(rig.source.step(START))
    assert (bids(rig), asks(rig)) == ({10: 2, 9: 2}, {11: 3, 12: 4})
    rig.send(rig.source.step(START))
    assert asks(rig) == {11: 1, 12: 4}
    assert rig.source.step(START) == []
