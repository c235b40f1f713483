"""The L2 book: worked examples, and equality with a dict that is sorted each time."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polyfeed.market.book import Book, BookSide, Level
from polyfeed.model.enums import Side
from tests.market.twins import SlowBookSide

SIDES = st.sampled_from(Side)
SETS = st.lists(
    st.tuples(st.integers(1, 30), st.one_of(st.just(0), st.integers(-1, 9)), st.integers(0, 99)), max_size=80
)


def filled(side: Side) -> BookSide:
    book = BookSide(side)
    for price, size in ((101, 5), (103, 7), (102, 6)):
        book.set(price, size, price * 10)
    return book


def test_bids_have_the_highest_price_first() -> None:
    bids = filled(Side.BUY)
    assert bids.best() == Level(103, 7, 1030)
    assert [level.price for level in bids.top(10)] == [103, 102, 101]
    assert [level.price for level in bids.top(2)] == [103, 102]
    assert bids.level(2) == Level(101, 5, 1010)
    assert [bids.rank_of(price) for price in (103, 102, 101)] == [0, 1, 2]


def test_asks_have_the_lowest_price_first() -> None:
    asks = filled(Side.SELL)
    assert asks.best() == Level(101, 5, 1010)
    assert [level.price for level in asks.top(10)] == [101, 102, 103]
    assert asks.level(2) == Level(103, 7, 1030)
    assert [asks.rank_of(price) for price in (101, 102, 103)] == [0, 1, 2]


def test_an_empty_side() -> None:
    asks = BookSide(Side.SELL)
    assert (len(asks), asks.best(), asks.top(5), asks.get(100), asks.rank_of(100)) == (0, None, [], None, 0)
    with pytest.raises(IndexError):
        asks.level(0)


def test_a_change_tells_the_rank_and_whether_the_level_is_new() -> None:
    asks = filled(Side.SELL)
    assert asks.set(100, 1, 1) == (0, True)
    assert asks.set(102, 9, 2) == (2, False)
    assert asks.set(102, 0, 3) == (2, False)
    assert asks.set(102, 0, 4) is None
    bids = filled(Side.BUY)
    assert bids.set(100, 1, 1) == (3, True)
    assert bids.set(103, 0, 2) == (0, False)
    assert bids.rank_of(104) == 0
    assert bids.rank_of(99) == 3


def test_the_same_size_again_renews_the_time_of_the_change() -> None:
    asks = filled(Side.SELL)
    assert asks.set(101, 5, 7777) == (0, False)
    assert asks.get(101) == Level(101, 5, 7777)


def test_there_is_no_level_before_the_best_or_after_the_worst() -> None:
    bids = filled(Side.BUY)
    for rank in (-1, 3):
        with pytest.raises(IndexError):
            bids.level(rank)
    assert bids.top(0) == bids.top(-1) == []


def test_replacing_sorts_and_leaves_out_what_is_empty() -> None:
    bids = filled(Side.BUY)
    bids.replace([(5, 1, 10), (9, 2, 11), (7, 0, 12)])
    assert bids.top(9) == [Level(9, 2, 11), Level(5, 1, 10)]


def test_a_book_has_bids_for_buyers_and_asks_for_sellers() -> None:
    book = Book()
    assert book.side(Side.BUY) is book.bids
    assert book.side(Side.SELL) is book.asks


@given(SIDES, SETS)
@settings(deadline=None, max_examples=300)
def test_equals_a_dict_that_is_sorted_each_time(side: Side, sets: list[tuple[int, int, int]]) -> None:
    fast, slow = BookSide(side), SlowBookSide(side)
    for price, size, ts in sets:
        changed, expected = fast.set(price, size, ts), slow.set(price, size, ts)
        assert changed == expected
        levels = slow.levels()
        assert fast.top(len(fast)) == levels
        assert fast.best() == (levels[0] if levels else None)
        assert [fast.level(rank) for rank in range(len(fast))] == levels
        assert [fast.rank_of(level.price) for level in levels] == list(range(len(levels)))
        assert [fast.get(level.price) for level in levels] == levels
        for absent in range(32):
            assert fast.rank_of(absent) == slow.rank_of(absent)
        assert fast.top(3) == levels[:3]
