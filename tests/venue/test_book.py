"""One side of a book beside a list that is sorted each time it is looked at."""

from hypothesis import given, settings
from hypothesis import strategies as st

from polyfeed.model.commands import PlaceOrder
from polyfeed.model.enums import OrderKind, Side
from polyfeed.venue.accounts import Account
from polyfeed.venue.book import BookSide
from polyfeed.venue.markets import Market
from polyfeed.venue.orders import Order
from tests.venue.driver import instrument
from tests.venue.invariants import sound

ACCOUNT = Account(1, True, None, None)
MARKET = Market(instrument(), 1, 1)

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.integers(95, 105), st.integers(1, 9)),
        st.tuples(st.just("remove"), st.integers(0, 99), st.just(0)),
        st.tuples(st.just("reduce"), st.integers(0, 99), st.integers(1, 8)),
    ),
    max_size=120,
)


def make(side: Side, price: int, size: int) -> Order:
    return Order(ACCOUNT, MARKET, PlaceOrder(1, 0, side, OrderKind.LIMIT, size, price))


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(Side), STEPS)
def test_a_side_is_its_sorted_list(side: Side, steps: list[tuple[str, int, int]]) -> None:
    book, orders = BookSide(side), list[Order]()
    sign = -1 if side is Side.BUY else 1
    for what, number, size in steps:
        if what == "add":
            order = make(side, number, size)
            orders.append(order)
            total = book.add(order)
        elif not orders:
            continue
        else:
            order = orders[number % len(orders)]
            if what == "remove":
                orders.remove(order)
                total = book.remove(order)
            elif size < order.left:
                total = book.reduce(order, size)
            else:
                continue
        assert total == sum(o.left for o in orders if o.price == order.price) == book.total(order.price)
        expected = sorted(orders, key=lambda o: o.price * sign)  # stable: the older one first
        assert sound(book) == expected
        assert list(book.queue(0 if side is Side.BUY else 1000)) == expected
        if expected:
            assert book.head() is expected[0]
        for limit in range(94, 107):
            within = [o for o in expected if o.price * sign <= limit * sign]
            assert list(book.queue(limit)) == within
            assert book.meets(limit) == bool(within)


def test_a_removed_order_has_no_links_left() -> None:
    book = BookSide(Side.SELL)
    first, second, third = (make(Side.SELL, 100, 1) for _ in range(3))
    for order in (first, second, third):
        book.add(order)
    assert book.remove(second) == 2
    assert (second.level, second.before, second.after) == (None, None, None)
    assert (first.after, third.before) == (third, first)
    assert book.remove(first) == 1
    assert book.remove(third) == 0
    assert not book.levels
    assert not book.meets(10**9)
    assert book.total(100) == 0
