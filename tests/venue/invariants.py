"""What must be true of the venue's state after every decision."""

from __future__ import annotations

from collections import defaultdict

from polyfeed.model.enums import Side
from polyfeed.venue import Venue
from polyfeed.venue.accounts import FEES
from polyfeed.venue.book import BookSide
from polyfeed.venue.ledger import required
from polyfeed.venue.markets import Market
from polyfeed.venue.orders import Order
from tests.venue.follower import Follower


def check(venue: Venue, follower: Follower) -> None:
    """Raises AssertionError when the state is not sound, or not what its events told."""
    state = venue._state
    resting = [order for market in state.markets for side in (market.bids, market.asks) for order in sound(side)]
    waiting = [order for market in state.markets for order in watched(market)]
    known = [*resting, *waiting]
    assert {order.id: order for order in known} == state.orders
    assert len(known) == len(state.orders)
    rows = [(order.expire_ts, order.entry) for order in known if order.expire_ts]
    assert [row[:2] for row in state.expiring._rows] == sorted(rows)
    assert all(order.expire_ts == key for key, _, order in state.expiring._rows)
    bound: dict[int, dict[int, Order]] = defaultdict(dict)
    for order in known:
        if order.gateway:
            bound[order.gateway][order.id] = order
    assert bound == state.bound
    assert venue.gateways() == sorted(bound)
    assert not state.work
    assert state.deferred is None
    assert {order.id for order in waiting} == follower.waiting
    for market in state.markets:
        bids, asks = list(market.bids.levels), list(market.asks.levels)
        assert not (bids and asks) or max(bids) < min(asks), "the book is crossed"
    check_money(venue, known)
    follower.check()
    told = {
        (market.id, side, price): {order.id: order.left for order in queue(book, price)}
        for market in state.markets
        for side, book in ((Side.BUY, market.bids), (Side.SELL, market.asks))
        for price in book.levels
    }
    assert told == follower.queues
    for price_queue, known in follower.queues.items():
        assert list(known) == list(told[price_queue]), "not in the order of arrival"


def sound(side: BookSide) -> list[Order]:
    """Checks one side of a book and gives its orders, best price first."""
    prices = [key * side._sign for key in side._keys]
    assert side._keys == sorted(set(side._keys))
    assert sorted(prices) == sorted(side.levels)
    orders = []
    for price in reversed(prices):
        level = side.levels[price]
        found = queue(side, price)
        assert level.price == price
        assert found, "an empty level"
        assert level.total == sum(order.left for order in found)
        assert [order.price for order in found] == [price] * len(found)
        orders += found
    return orders


def queue(side: BookSide, price: int) -> list[Order]:
    """The orders of a level, with their links checked in both directions."""
    level = side.levels[price]
    found: list[Order] = []
    order, before = level.first, None
    while order is not None:
        assert order.before is before
        assert order.level is level
        assert order.left > 0
        assert order.filled + order.left <= order.size
        found.append(order)
        order, before = order.after, order
    assert level.last is before
    return found


def watched(market: Market) -> list[Order]:
    """Checks the waiting orders of a market and gives them: each waits once, for a price that was not reached."""
    watch, found, last = market.watch, [], market.last_price
    for rising, side in ((True, watch._rising), (False, watch._falling)):
        assert [row[:2] for row in side._rows] == sorted(row[:2] for row in side._rows)
        for key, _, order in side._rows:
            stop = order.stop
            assert stop is not None
            assert (stop.key, stop.rises) == (key, rising)
            assert not last or (stop.price > last if rising else stop.price < last)
            assert (stop.best > 0) == (order.id in watch._trailing)
            assert order.level is None
            found.append(order)
    assert {order.id: order for order in found} == watch.orders
    assert len(found) == len(watch.orders)
    return found


def check_money(venue: Venue, known: list[Order]) -> None:
    """Every balance covers what is held, what is held is what the open orders need, and every owner was told."""
    state = venue._state
    needs: dict[tuple[int, str], int] = defaultdict(int)
    for order in known:
        needed = 0 if order.account.house else required(order, order.price, order.left)
        assert order.held == needed
        currency = order.market.quote if order.side is Side.BUY else order.market.base
        needs[order.account.id, currency] += needed
        assert order.account.orders[order.id] is order
    assert sum(len(account.orders) for account in state.accounts.values()) == len(known)
    for account in state.accounts.values():
        for currency, balance in account.balances.items():
            assert balance.held == needs.pop((account.id, currency), 0)
            assert account.house or balance.total >= balance.held >= 0
            assert (balance.told_total, balance.told_held) == (balance.total, balance.held)
            assert not balance.touched
    assert not any(needs.values())
    assert state.accounts[FEES].house
