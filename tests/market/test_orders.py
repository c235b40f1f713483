"""The L3 book: who stands where, and equality with a list of orders that is sorted each time."""

import random

import pytest

from polyfeed.market.changes import LevelChange
from polyfeed.market.orders import OrderBook
from polyfeed.model.enums import CloseReason, OrderKind, Side
from polyfeed.model.events import (
    UNKNOWN_LEVEL,
    BookReset,
    LevelSet,
    OrderClosed,
    OrderOpened,
    OrderReduced,
    OrderRested,
    Trade,
)
from tests.market.flow import NaiveVenue
from tests.market.words import Driven, instrument


def rest(number: int, price: int, left: int, total: int, side: Side = Side.SELL) -> tuple[OrderOpened, OrderRested]:
    return OrderOpened(0, number, side, price, left), OrderRested(0, number, side, price, left, total)


@pytest.fixture
def driven() -> Driven:
    driven = Driven(instrument())
    driven.send(*rest(1, 100, 5, 5))
    driven.send(*rest(2, 100, 7, 12))
    driven.send(*rest(3, 99, 1, 1))
    return driven


def orders(driven: Driven) -> OrderBook:
    found = driven[0].orders
    assert found is not None
    return found


def test_best_price_first_then_by_arrival(driven: Driven) -> None:
    assert orders(driven).top(Side.SELL, 10) == [(3, 99, 1), (1, 100, 5), (2, 100, 7)]
    assert orders(driven).top(Side.SELL, 2) == [(3, 99, 1), (1, 100, 5)]
    assert orders(driven).top(Side.SELL, 0) == orders(driven).top(Side.BUY, 5) == []
    assert [order.order_id for order in orders(driven).queue(Side.SELL, 100)] == [1, 2]


def test_a_smaller_order_keeps_its_place(driven: Driven) -> None:
    driven.send(OrderReduced(0, 1, Side.SELL, 100, 2, 9))
    assert orders(driven).top(Side.SELL, 10) == [(3, 99, 1), (1, 100, 2), (2, 100, 7)]


def test_an_order_that_loses_its_place_goes_to_the_end(driven: Driven) -> None:
    driven.send(OrderClosed(0, 1, Side.SELL, 100, 5, CloseReason.AMENDED, 7), *rest(1, 100, 8, 15))
    assert orders(driven).top(Side.SELL, 10) == [(3, 99, 1), (2, 100, 7), (1, 100, 8)]


def test_a_trade_reduces_or_removes_the_maker(driven: Driven) -> None:
    opened = OrderOpened(0, 9, Side.BUY, 100, 4)
    first = Trade(0, 1, 99, 1, Side.BUY, OrderKind.LIMIT, 9, 3, 3, 0, 0)
    second = Trade(0, 2, 100, 3, Side.BUY, OrderKind.LIMIT, 9, 1, 0, 2, 9)
    changes = driven.send(opened, first, second, ts=50)
    assert changes == [
        opened,
        first,
        LevelChange(0, Side.SELL, 99, 0, 50, 0, False),
        second,
        LevelChange(0, Side.SELL, 100, 9, 50, 0, False),
    ]
    assert orders(driven).top(Side.SELL, 10) == [(1, 100, 2), (2, 100, 7)]


def test_the_terms_of_an_order_live_as_long_as_it_does(driven: Driven) -> None:
    terms = OrderOpened(0, 9, Side.BUY, 98, 4, post_only=True)
    driven.send(terms, OrderRested(0, 9, Side.BUY, 98, 4, 4))
    driven.send(OrderReduced(0, 9, Side.BUY, 98, 1, 1))
    assert orders(driven).terms(9) == terms
    driven.send(OrderClosed(0, 9, Side.BUY, 98, 1, CloseReason.USER, 0))
    assert orders(driven).terms(9) is None


def test_an_order_enters_until_its_decision_is_over(driven: Driven) -> None:
    terms = OrderOpened(0, 9, Side.BUY, 100, 6)
    driven.send(terms, Trade(0, 1, 99, 1, Side.BUY, OrderKind.LIMIT, 9, 3, 5, 0, 0), more=True)
    assert orders(driven).terms(9) == terms
    driven.send(Trade(0, 2, 100, 5, Side.BUY, OrderKind.LIMIT, 9, 1, 0, 0, 7))
    assert orders(driven).terms(9) is None
    assert orders(driven).top(Side.SELL, 10) == [(2, 100, 7)]


def test_an_order_that_never_rested_leaves_the_book_alone(driven: Driven) -> None:
    before = orders(driven).top(Side.SELL, 10)
    killed = OrderClosed(0, 9, Side.BUY, 98, 4, CloseReason.POST_ONLY, UNKNOWN_LEVEL)
    assert driven.send(OrderOpened(0, 9, Side.BUY, 98, 4), killed)[1:] == [killed]
    assert orders(driven).top(Side.SELL, 10) == before
    assert orders(driven).terms(9) is None
    assert len(driven[0].book.bids) == 0


def test_an_order_rests_in_one_place_only(driven: Driven) -> None:
    driven.send(OrderRested(0, 1, Side.SELL, 98, 5, 5))
    assert orders(driven).top(Side.SELL, 10) == [(1, 98, 5), (3, 99, 1), (2, 100, 7)]


def test_a_level_that_goes_takes_its_queue_along(driven: Driven) -> None:
    driven.send(LevelSet(0, Side.SELL, 100, 0))
    assert orders(driven).top(Side.SELL, 10) == [(3, 99, 1)]
    assert set(orders(driven).resting) == {3}


def test_a_new_book_has_no_known_orders(driven: Driven) -> None:
    driven.send(BookReset(0, [(90, 1, 1)], [(91, 1, 1)]))
    assert orders(driven).top(Side.SELL, 10) == orders(driven).top(Side.BUY, 10) == []


@pytest.mark.parametrize("seed", range(10))
def test_equals_a_list_that_is_sorted_each_time(seed: int) -> None:
    rng = random.Random(seed)
    driven, naive = Driven(instrument()), NaiveVenue(rng)
    seen: dict[Side, dict[int, int]] = {Side.BUY: {}, Side.SELL: {}}
    for number in range(400):
        for change in driven.send(*naive.step(), ts=1 + number):
            if isinstance(change, LevelChange):
                seen[change.side][change.price] = change.size
        for side in Side:
            queue = naive.queue(side)
            fast = driven[0].book.side(side)
            assert orders(driven).top(side, 999) == [(order.order_id, order.price, order.left) for order in queue]
            assert orders(driven).top(side, 3) == [(order.order_id, order.price, order.left) for order in queue[:3]]
            assert [(level.price, level.size) for level in fast.top(999)] == naive.levels(side)
            assert {price: size for price, size in seen[side].items() if size} == dict(naive.levels(side))
        assert set(orders(driven).resting) == {order.order_id for order in naive.orders}
        assert not orders(driven).entering
    assert naive.trades > 50
